//! The output so far, and the commands that continue it (RFC 7932 §9.3, §10).

use super::{
    Origin,
    fault::Fault,
    header::{self, COMMANDS, Codes, DISTANCES, LITERALS},
    input::Input,
    window::Window,
};
use crate::{
    command::{self, DistanceForm, LastDistances, NEAR, Range},
    context::{CONTEXTS, DISTANCE_CONTEXTS, Lookup, Mode},
};

/// All that one meta-block leaves to the next.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) window: Window,
    /// The furthest that a copy reaches.
    pub(super) reach: u64,
    /// Bytes of the present meta-block that no command has given yet.
    pub(super) left: usize,
    /// The latest first. 0: unknown, because it belongs to what precedes the segment.
    distances: [u32; 4],
    /// Literals whose contexts are unknown, for the same reason.
    blind: u64,
    lookups: [Lookup; 4],
}

/// The next part of a command.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Lengths,
    CopyLength { insert: usize, range: Range, repeats: bool },
    Literals { left: usize, copy: usize, repeats: bool },
    Distance { copy: usize, repeats: bool },
    Copy { left: usize, distance: u32 },
}

/// Where bits come from.
pub(super) struct Source<'a, 'b> {
    pub(super) bits: &'a mut Input,
    pub(super) input: &'a mut &'b [u8],
    /// No more input follows.
    pub(super) ended: bool,
}

impl Source<'_, '_> {
    /// Whether the next part can be read.
    #[inline(always)]
    fn is_ready(&mut self) -> bool {
        self.bits.fill(self.input) || self.ended
    }
}

impl Text {
    pub(super) fn new(window: Window, origin: Origin, lgwin: u8) -> Self {
        let (distances, blind) = match origin {
            Origin::Stream => (LastDistances::START.0, 0),
            Origin::Segment => ([0; 4], 2),
        };
        let lookups = [Mode::Lsb6, Mode::Msb6, Mode::Utf8, Mode::Signed].map(Lookup::new);
        Self { window, reach: header::reach(lgwin), left: 0, distances, blind, lookups }
    }

    /// Carries out commands until the meta-block ends (true), or until the input is used up or the output has `end` bytes.
    pub(super) fn commands(
        &mut self,
        codes: &mut Codes,
        part: &mut Part,
        source: &mut Source<'_, '_>,
        end: u64,
    ) -> Result<bool, Fault> {
        loop {
            if source.bits.is_short() {
                return Ok(false);
            }
            match *part {
                Part::Copy { left, distance } => {
                    let count = left.min((end - self.window.total()) as usize);
                    self.window.copy(distance.into(), count);
                    if count < left {
                        *part = Part::Copy { left: left - count, distance };
                        return Ok(false);
                    }
                    if self.left == 0 {
                        return Ok(true);
                    }
                    *part = Part::Lengths;
                }
                _ if !source.is_ready() => return Ok(false),
                Part::Lengths => {
                    let blocks = &mut codes.blocks[COMMANDS];
                    if blocks.left == 0 {
                        blocks.switch(source.bits);
                        continue;
                    }
                    blocks.left -= 1;
                    let symbol = codes.codes[COMMANDS][blocks.now].decode(source.bits);
                    let (insert, range, repeats) = command::ranges(symbol);
                    *part = Part::CopyLength { insert: length(insert, source.bits), range, repeats };
                }
                Part::CopyLength { insert, range, repeats } => {
                    *part = Part::Literals { left: insert, copy: length(range, source.bits), repeats };
                    self.left = self.left.checked_sub(insert).ok_or(TOO_LONG)?;
                }
                Part::Literals { left, copy, repeats } => {
                    let left = self.literals(codes, left, source, end)?;
                    if left > 0 {
                        *part = Part::Literals { left, copy, repeats };
                        return Ok(false);
                    }
                    // Then the copy has no meaning.
                    if self.left == 0 {
                        return Ok(true);
                    }
                    *part = Part::Distance { copy, repeats };
                }
                Part::Distance { copy, repeats } => {
                    let blocks = &mut codes.blocks[DISTANCES];
                    if !repeats && blocks.left == 0 {
                        blocks.switch(source.bits);
                        continue;
                    }
                    let symbol = if repeats {
                        0
                    } else {
                        blocks.left -= 1;
                        let context = copy.clamp(2, DISTANCE_CONTEXTS + 1) - 2;
                        let code = codes.distance_map[blocks.now * DISTANCE_CONTEXTS + context];
                        codes.codes[DISTANCES][usize::from(code)].decode(source.bits)
                    };
                    let distance = self.distance(symbol, codes.form, source.bits)?;
                    *part = Part::Copy { left: copy, distance };
                    self.left = self.left.checked_sub(copy).ok_or(TOO_LONG)?;
                }
            }
        }
    }

    /// Writes up to `left` literals. Returns how many are left.
    fn literals(
        &mut self,
        codes: &mut Codes,
        left: usize,
        source: &mut Source<'_, '_>,
        end: u64,
    ) -> Result<usize, Fault> {
        let Codes { blocks, modes, literal_map, codes, .. } = codes;
        let blocks = &mut blocks[LITERALS];
        let mut left = left;
        let mut before = (self.window.before(1), self.window.before(2));
        while left > 0 && self.window.total() < end && source.is_ready() {
            if source.bits.is_short() {
                break;
            }
            if blocks.left == 0 {
                blocks.switch(source.bits);
                continue;
            }
            blocks.left -= 1;
            let map = &literal_map[blocks.now * CONTEXTS..][..CONTEXTS];
            if self.window.total() < self.blind && map.iter().any(|&code| code != map[0]) {
                return Err(Fault::Dependent("its first bytes depend on the two before them"));
            }
            let context = self.lookups[usize::from(modes[blocks.now])].context(before.0, before.1);
            let literal = codes[LITERALS][usize::from(map[context])].decode(source.bits) as u8;
            self.window.push(literal);
            before = (literal, before.0);
            left -= 1;
        }
        Ok(left)
    }

    /// The distance of a symbol, which becomes the last one (RFC 7932 §4).
    #[inline(always)]
    fn distance(&mut self, symbol: usize, form: DistanceForm, bits: &mut Input) -> Result<u32, Fault> {
        let symbol = symbol as u32;
        let [last, second, third, _] = self.distances;
        let distance = match symbol {
            0..=3 => known(self.distances[symbol as usize])?,
            4..=9 => near(last, NEAR[symbol as usize - 4])?,
            10..=15 => near(second, NEAR[symbol as usize - 10])?,
            _ if symbol < 16 + form.direct => symbol - 15,
            _ => {
                let code = symbol - 16 - form.direct;
                let count = 1 + (code >> (form.postfix + 1));
                let least = ((2 + (code >> form.postfix & 1)) << count) - 4;
                let low = code & ((1 << form.postfix) - 1);
                ((least + bits.take(count)) << form.postfix) + low + form.direct + 1
            }
        };
        if u64::from(distance) > self.window.total().min(self.reach) {
            return Err(Fault::Dependent("a copy comes from before its start, or from the dictionary"));
        }
        if symbol > 0 {
            self.distances = [distance, last, second, third];
        }
        Ok(distance)
    }
}

const TOO_LONG: Fault = Fault::Invalid("a command is longer than its meta-block");

fn length((least, extra): Range, bits: &mut Input) -> usize {
    (least + bits.take(extra)) as usize
}

fn known(distance: u32) -> Result<u32, Fault> {
    if distance == 0 { Err(Fault::Dependent("it repeats a distance from before its start")) } else { Ok(distance) }
}

fn near(distance: u32, by: i32) -> Result<u32, Fault> {
    let near = known(distance)?.checked_add_signed(by).filter(|&near| near > 0);
    near.ok_or(Fault::Invalid("a distance is not positive"))
}
