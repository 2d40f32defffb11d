//! The decoder of binary tokens. It finds the length of each token and its word in the text form.
//!
//! A token is a number of 16 bits. Some tokens have a payload. The others are words of the game's list. EU5 adds two
//! kinds: its own strings by number (0x0d3e to 0x0d46, 0x0d5a to 0x0d5d), and fixed point with five places in as few
//! bytes as possible.

use std::sync::Arc;

use super::{
    game::Game,
    json::Kind,
    numbers::{Meaning, Numbers, append},
    options::Unknown,
    tokens::{Lookups, Tokens},
};
use crate::error::SaveError;

pub(super) const EQUAL: u16 = 0x0001;
pub(super) const OPEN: u16 = 0x0003;
pub(super) const CLOSE: u16 = 0x0004;
const I32: u16 = 0x000c;
const F32: u16 = 0x000d;
const BOOL: u16 = 0x000e;
const QUOTED: u16 = 0x000f;
pub(super) const U32: u16 = 0x0014;
const UNQUOTED: u16 = 0x0017;
const F64: u16 = 0x0167;
/// A colour: three or four numbers in braces follow.
pub(super) const RGB: u16 = 0x0243;
const U64: u16 = 0x029c;
const I64: u16 = 0x0317;
const EMPTY: u16 = 0x0d42;
const FIXED_ZERO: u16 = 0x0d47;
/// The first negative fixed point token. Its payload has one byte.
const FIXED_NEGATIVE: u16 = 0x0d4f;
const FIXED_LAST: u16 = 0x0d55;
const STRING: u16 = 0x0d5e;

/// The reader of tokens. The meaning of a number may depend on the word before it.
#[derive(Debug)]
pub(super) struct Decoder {
    tokens: Arc<Tokens>,
    lookups: Option<Arc<Lookups>>,
    unknown: Unknown,
    numbers: Numbers,
    meaning: Meaning,
    /// Hearts of Iron IV only: `is_eight` makes the payload of 0x000d eight bytes long. `is_version` means that the
    /// next number is the save's version, which decides that.
    is_eight: bool,
    is_version: bool,
    is_hoi4: bool,
}

/// The payload of a token.
enum Payload {
    Fixed(usize),
    /// Two bytes of length, then a string.
    String,
}

impl Decoder {
    pub(super) fn new(
        tokens: Arc<Tokens>,
        lookups: Option<Arc<Lookups>>,
        unknown: Unknown,
        game: Game,
        version: Option<u32>,
    ) -> Self {
        Self {
            tokens,
            lookups,
            unknown,
            numbers: Numbers::new(game, version),
            meaning: Meaning::Guess,
            is_eight: false,
            is_version: false,
            is_hoi4: game == Game::Hoi4,
        }
    }

    /// The length in bytes of the token at the start of `start`. `None` if more bytes are needed.
    #[inline]
    pub(super) fn length(&self, start: &[u8]) -> Option<usize> {
        let id = u16::from_le_bytes(*start.first_chunk()?);
        match self.payload(id) {
            Payload::Fixed(length) => Some(2 + length),
            Payload::String => {
                let &[_, _, low, high] = start.first_chunk()?;
                Some(4 + usize::from(u16::from_le_bytes([low, high])))
            }
        }
    }

    #[inline]
    fn payload(&self, id: u16) -> Payload {
        Payload::Fixed(match id {
            I32 | U32 => 4,
            F32 if self.is_eight => 8,
            F32 => 4,
            BOOL => 1,
            F64 | U64 | I64 => 8,
            QUOTED | UNQUOTED | STRING => return Payload::String,
            0x0d40 | 0x0d43 | 0x0d5a => 1,
            0x0d3e | 0x0d44 | 0x0d5b => 2,
            0x0d41 | 0x0d45 | 0x0d5c => 3,
            0x0d3f | 0x0d46 | 0x0d5d => 4,
            FIXED_ZERO..FIXED_NEGATIVE => usize::from(id - FIXED_ZERO),
            FIXED_NEGATIVE..=FIXED_LAST => usize::from(id - FIXED_NEGATIVE) + 1,
            _ => 0,
        })
    }

    /// Forgets the meaning of the next number, because a brace closes.
    pub(super) fn close(&mut self) {
        self.meaning = Meaning::Guess;
    }

    /// The text form of the token `id` at `at`. The result borrows from `payload`, or is written to `text`.
    pub(super) fn word<'a>(
        &mut self,
        id: u16,
        payload: &'a [u8],
        at: u64,
        text: &'a mut Vec<u8>,
    ) -> Result<(&'a [u8], Kind), SaveError> {
        let wide = || {
            let mut bytes = [0; 8];
            bytes[..payload.len()].copy_from_slice(payload);
            bytes
        };
        let number = u64::from_le_bytes(if payload.len() <= 8 { wide() } else { [0; 8] });
        text.clear();
        let mut kind = Kind::Word;
        match id {
            QUOTED => return Ok((&payload[2..], Kind::Quoted)),
            UNQUOTED | STRING => return Ok((&payload[2..], Kind::Word)),
            EMPTY => return Ok((b"", Kind::Quoted)),
            RGB => return Ok((b"rgb", Kind::Word)),
            BOOL => {
                let word: &[u8] = if number == 0 { b"no" } else { b"yes" };
                return Ok((word, Kind::Word));
            }
            I32 => {
                let number = i32::from_le_bytes(*payload.first_chunk().expect("it has four bytes"));
                if self.is_version {
                    self.is_eight = number >= 30;
                }
                self.numbers.integer(text, number, self.meaning);
                self.meaning = Meaning::Guess;
            }
            U32 | U64 => append(text, format_args!("{number}")),
            I64 => append(text, format_args!("{}", i64::from_le_bytes(wide()))),
            F32 if self.is_eight => Numbers::short_of_eight(text, wide()),
            F32 => self.numbers.short(text, *payload.first_chunk().expect("it has four bytes")),
            F64 => self.numbers.long(text, wide()),
            FIXED_ZERO..=FIXED_LAST => {
                // The payload has at most seven bytes, so the sign fits.
                let number = i64::from_le_bytes(wide());
                self.numbers.long(text, if id < FIXED_NEGATIVE { number } else { -number }.to_le_bytes());
            }
            0x0d3e..=0x0d41 | 0x0d43..=0x0d46 | 0x0d5a..=0x0d5d => {
                let index = u32::try_from(number).expect("it has four bytes at most");
                match self.lookups.as_ref().and_then(|lookups| lookups.string(index)) {
                    Some(string) => {
                        text.extend_from_slice(string);
                        kind = Kind::Quoted;
                    }
                    None if self.unknown == Unknown::Refuse => {
                        return Err(SaveError::UnknownToken { token: index, lookup: true, offset: at });
                    }
                    None => append(text, format_args!("__id_0x{index:x}")),
                }
            }
            _ => {
                match self.tokens.name(id) {
                    Some(name) => text.extend_from_slice(name.as_bytes()),
                    None if self.unknown == Unknown::Refuse => {
                        return Err(SaveError::UnknownToken { token: id.into(), lookup: false, offset: at });
                    }
                    None => append(text, format_args!("__unknown_0x{id:x}")),
                }
                self.meaning = self.numbers.meaning(text);
                self.is_version = self.is_hoi4 && text == b"save_version";
                return Ok((text, Kind::Word));
            }
        }
        self.is_version = false;
        Ok((text, kind))
    }
}
