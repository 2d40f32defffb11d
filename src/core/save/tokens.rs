//! The words of binary saves: the caller's token list, and the string table of some saves.

use std::{fmt, sync::Arc};

use thiserror::Error;

/// The words of a binary save.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// The game's token list.
    pub tokens: Option<Arc<Tokens>>,
    /// The save's own table of strings.
    pub lookups: Option<Arc<Lookups>>,
}

/// A game's words by their numbers.
#[derive(Clone)]
pub struct Tokens {
    /// For each number, the place of its name in `names`: its start + 1, or 0 for no name, and its length.
    places: Box<[(u32, u16)]>,
    names: String,
    count: usize,
}

/// An invalid line of a token list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} of the token list is not like \"0x1234 name\"")]
pub struct BadTokens {
    /// The line's number, from 1.
    pub line: usize,
}

impl Tokens {
    /// Reads a list. Each line has a word's number in hexadecimal, white space, and its name. Empty lines and lines
    /// that start with `#` are ignored. If a number comes twice, the last name counts.
    ///
    /// # Errors
    ///
    /// A line is not valid. The error has its number.
    pub fn parse(list: &str) -> Result<Self, BadTokens> {
        let mut tokens = Self {
            places: vec![(0, 0); 1 << 16].into_boxed_slice(),
            names: String::with_capacity(list.len() / 2),
            count: 0,
        };
        for (index, line) in list.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = || BadTokens { line: index + 1 };
            let (number, name) = line.split_once(|c: char| c.is_ascii_whitespace()).ok_or_else(bad)?;
            let number = number.strip_prefix("0x").unwrap_or(number);
            let number = u16::from_str_radix(number, 16).map_err(|_| bad())?;
            let name = name.trim();
            let length = u16::try_from(name.len()).map_err(|_| bad())?;
            let start = u32::try_from(tokens.names.len()).map_err(|_| bad())?;
            let place = &mut tokens.places[usize::from(number)];
            tokens.count += usize::from(place.0 == 0);
            *place = (start + 1, length);
            tokens.names.push_str(name);
        }
        Ok(tokens)
    }

    /// The count of numbers with a name.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no number has a name.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.places) + self.names.capacity()
    }

    pub(super) fn name(&self, number: u16) -> Option<&str> {
        let (start, length) = self.places[usize::from(number)];
        let start = start.checked_sub(1)? as usize;
        Some(&self.names[start..start + usize::from(length)])
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.count)
    }
}

/// The strings of one save, by number: the member `string_lookup` of Europa Universalis V.
#[derive(Debug, Clone, Default)]
pub struct Lookups {
    bytes: Vec<u8>,
    /// The offset of each string. Its length precedes it.
    starts: Vec<u32>,
}

impl Lookups {
    /// Reads the table: five bytes, then for each string two bytes of length and the string. A string that the end cuts
    /// is left out.
    pub fn parse(bytes: Vec<u8>) -> Self {
        let mut starts = Vec::new();
        let mut at = 5;
        while let Some(&[low, high]) = bytes.get(at..at + 2) {
            let end = at + 2 + usize::from(u16::from_le_bytes([low, high]));
            let (true, Ok(start)) = (end <= bytes.len(), u32::try_from(at + 2)) else { break };
            starts.push(start);
            at = end;
        }
        Self { bytes, starts }
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.bytes.capacity() + self.starts.capacity() * 4
    }

    pub(super) fn string(&self, index: u32) -> Option<&[u8]> {
        let start = *self.starts.get(index as usize)? as usize;
        let length = u16::from_le_bytes([self.bytes[start - 2], self.bytes[start - 1]]);
        Some(&self.bytes[start..start + usize::from(length)])
    }
}
