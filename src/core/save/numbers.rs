//! The numbers of binary saves, in the format of the game's text saves.

use std::io::Write;

use super::game::Game;

/// A game's format for numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    game: Game,
    /// Whether fixed point has three decimals instead of five. Crusader Kings III before 1.5 has three.
    has_three_places: bool,
}

/// The meaning of an integer, as its key shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A date if the number looks like one.
    Guess,
    Number,
    Date,
}

impl Numbers {
    /// `version` is the `save_game_version` at the start of a save.
    pub(super) fn new(game: Game, version: Option<u32>) -> Self {
        let may_be_old = matches!(game, Game::Ck3 | Game::Jomini);
        Self { game, has_three_places: may_be_old && version.is_some_and(|version| version <= 5) }
    }

    /// The meaning of an integer after `key`.
    pub(super) fn meaning(self, key: &[u8]) -> Meaning {
        let (numbers, dates): (&[&[u8]], &[&[u8]]) = match self.game {
            Game::Eu4 | Game::Ck2 => (&[b"random", b"id"], &[b"date_built"]),
            Game::Hoi4 => (&[b"total", b"available", b"locked"], &[b"date"]),
            Game::Eu5 => (
                &[b"random", b"random_count", b"name_index"],
                &[b"creation_date", b"date", b"leader_date", b"end_date"],
            ),
            Game::Vic3 => (&[], &[b"real_date"]),
            _ => (&[b"random_count"], &[b"birth"]),
        };
        if numbers.contains(&key) || key.ends_with(b"seed") {
            Meaning::Number
        } else if dates.contains(&key) {
            Meaning::Date
        } else {
            Meaning::Guess
        }
    }

    /// Appends a 32-bit integer as a date or a number.
    pub(super) fn integer(self, out: &mut Vec<u8>, number: i32, meaning: Meaning) {
        match self.date(number, meaning) {
            Some(date) => date.write(out),
            None => append(out, format_args!("{number}")),
        }
    }

    fn date(self, number: i32, meaning: Meaning) -> Option<Date> {
        if meaning == Meaning::Number {
            return None;
        }
        let mut date = Date::from_hours(number)?;
        let is_sure = meaning == Meaning::Date;
        match self.game {
            Game::Hoi4 => {
                date.hour += 1;
                let is_never = matches!(date, Date { year: 1 | -1, month: 1, day: 1, hour: 1 });
                (is_sure || date.year >= 1800 || is_never).then_some(date)
            }
            Game::Eu5 => {
                let is_likely = date.hour % 2 == 0 && date.year > -100;
                (date.hour <= 22 && (is_sure || is_likely)).then_some(date)
            }
            _ if is_sure => Some(Date { hour: 0, ..date }),
            _ => (date.hour == 0 && date.year > -100).then_some(date),
        }
    }

    /// Appends the payload of 0x000d.
    pub(super) fn short(self, out: &mut Vec<u8>, bytes: [u8; 4]) {
        let float = f32::from_le_bytes(bytes);
        match self.game {
            Game::Eu4 | Game::Ck2 | Game::Hoi4 => {
                let number = i32::from_le_bytes(bytes);
                let size = u64::from(number.unsigned_abs());
                fixed(out, number < 0, size / 1000, size % 1000, 3, self.game == Game::Hoi4);
            }
            _ if !float.is_finite() => append(out, format_args!("0")),
            Game::Vic3 | Game::Eu5 | Game::Imperator => append(out, format_args!("{float}")),
            _ => append(out, format_args!("{float:.6}")),
        }
    }

    /// Appends the payload of 0x000d in Hearts of Iron IV since save version 30: eight bytes, whole numbers.
    pub(super) fn short_of_eight(out: &mut Vec<u8>, bytes: [u8; 8]) {
        append(out, format_args!("{}", i64::from_le_bytes(bytes) / 100_000));
    }

    /// Appends the payload of 0x0167, or fixed point.
    pub(super) fn long(self, out: &mut Vec<u8>, bytes: [u8; 8]) {
        let number = i64::from_le_bytes(bytes);
        let (is_negative, size) = (number < 0, number.unsigned_abs());
        match self.game {
            // The number has 15 bits after the point and is written with five decimals. Two games round to the nearest;
            // Hearts of Iron IV rounds down.
            Game::Eu4 | Game::Ck2 | Game::Hoi4 => {
                let is_short = self.game == Game::Hoi4;
                let part = (size & 0x7fff) * 100_000;
                let up = match (is_short, is_negative) {
                    (false, _) => 1 << 14,
                    (true, true) => (1 << 15) - 1,
                    (true, false) => 0,
                };
                let part = (part + up) >> 15;
                let whole = (size >> 15) + u64::from(part == 100_000);
                fixed(out, is_negative, whole, part % 100_000, 5, is_short);
            }
            _ if self.has_three_places => fixed(out, is_negative, size / 1000, size % 1000, 3, true),
            _ => fixed(out, is_negative, size / 100_000, size % 100_000, 5, true),
        }
    }
}

/// Appends a number with `places` digits after the point. If `is_short`, zeros at the end are dropped.
fn fixed(out: &mut Vec<u8>, is_negative: bool, whole: u64, part: u64, places: usize, is_short: bool) {
    if is_negative {
        out.push(b'-');
    }
    append(out, format_args!("{whole}.{part:0places$}"));
    if is_short {
        let kept = out.iter().rposition(|&b| b != b'0').map_or(0, |last| last + 1);
        out.truncate(kept);
        if out.last() == Some(&b'.') {
            out.pop();
        }
    }
}

pub(super) fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes all that is written");
}

/// A date in a calendar without leap days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Date {
    year: i32,
    month: u32,
    day: u32,
    hour: u32,
}

impl Date {
    /// Makes a date from the hours since 1 January of the year −5000.
    fn from_hours(hours: i32) -> Option<Self> {
        let (days, hour) = (hours / 24, u32::try_from(hours % 24).ok()?);
        // Before the year −5000 only 1 January is a date. Monuments have such dates.
        let (year, mut day) = (days / 365 - 5000, u32::try_from(days % 365).ok()?);
        // A year has 16 bits.
        i16::try_from(year).ok()?;
        let mut month = 1;
        for length in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        Some(Self { year, month, day: day + 1, hour })
    }

    fn write(self, out: &mut Vec<u8>) {
        append(out, format_args!("{}.{}.{}", self.year, self.month, self.day));
        if self.hour != 0 {
            append(out, format_args!(".{}", self.hour));
        }
    }
}
