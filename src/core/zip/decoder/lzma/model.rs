//! The range coder of LZMA with its probabilities: input bytes in, symbols out.

use super::MOST_SYMBOL;

/// Places of the probabilities. The length coders have two bits of choice, 8 low and middle lengths for each of 16 positions,
/// and 256 high ones.
const IS_MATCH: usize = 0;
const IS_REP: usize = IS_MATCH + (STATES << 4);
const IS_REP_0: usize = IS_REP + STATES;
const IS_REP_1: usize = IS_REP_0 + STATES;
const IS_REP_2: usize = IS_REP_1 + STATES;
const IS_REP_0_LONG: usize = IS_REP_2 + STATES;
const DISTANCE_SLOT: usize = IS_REP_0_LONG + (STATES << 4);
const DISTANCE: usize = DISTANCE_SLOT + (4 << 6);
const ALIGN: usize = DISTANCE + 128;
const LENGTH: usize = ALIGN + 16;
const REP_LENGTH: usize = LENGTH + LENGTH_CODER;
const LITERAL: usize = REP_LENGTH + LENGTH_CODER;
const LENGTH_CODER: usize = 2 + (8 << 4) + (8 << 4) + 256;
const STATES: usize = 12;

/// Bits of a probability, and its value for even chances.
const PROBABILITY_BITS: u32 = 11;
const EVEN: u16 = 1 << (PROBABILITY_BITS - 1);
/// A probability moves by this part of the rest.
const MOVE_BITS: u32 = 5;
/// The range coder takes a byte below this range.
const LEAST_RANGE: u32 = 1 << 24;

/// The distance that ends a stream.
const END_MARKER: u32 = u32::MAX;

/// A decoded symbol.
pub(super) enum Symbol {
    Literal(u8),
    /// Bytes to copy, from the last distance back.
    Match(u32),
    /// The start of the range coder: no contents.
    Start,
    End,
}

/// Input bytes.
pub(super) struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many were taken.
    pub(super) fn taken(&self) -> usize {
        self.at
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }
}

/// The reason why there is no symbol.
pub(super) enum Stop {
    /// There are too few bytes.
    Dry,
    Broken,
}

/// The range coder with its probabilities.
pub(super) struct Model {
    range: u32,
    code: u32,
    state: usize,
    /// The last four distances, less one.
    distances: [u32; 4],
    probabilities: Box<[u16]>,
    /// The probabilities that this symbol changed, as they were.
    changes: Vec<(usize, u16)>,
    literal_context: u32,
    literal_position_mask: u64,
    position_mask: u64,
}

impl Model {
    pub(super) fn new(literal_context: u32, literal_position: u32, position: u32) -> Self {
        let places = LITERAL + (0x300 << (literal_context + literal_position));
        Self {
            range: 0,
            code: 0,
            state: 0,
            distances: [0; 4],
            probabilities: vec![EVEN; places].into_boxed_slice(),
            changes: Vec::with_capacity(MOST_SYMBOL),
            literal_context,
            literal_position_mask: (1 << literal_position) - 1,
            position_mask: (1 << position) - 1,
        }
    }

    /// Takes the bytes that the range coder starts with.
    pub(super) fn start(&mut self, bytes: &mut Bytes<'_>) -> Result<Symbol, Stop> {
        let start = [(); 5].map(|()| bytes.next());
        let [Some(first), Some(b0), Some(b1), Some(b2), Some(b3)] = start else { return Err(Stop::Dry) };
        if first != 0 {
            return Err(Stop::Broken);
        }
        (self.range, self.code) = (u32::MAX, u32::from_be_bytes([b0, b1, b2, b3]));
        Ok(Symbol::Start)
    }

    /// The distance of the last match, less one.
    pub(super) fn last_distance(&self) -> u32 {
        self.distances[0]
    }

    /// Decodes a symbol, whose contents follow `total` others, and the byte `before`. `after_match` is the byte that the last
    /// match would continue with. `is_possible` gets the symbol and the last distance, less one. Changes nothing if it stops.
    pub(super) fn symbol(
        &mut self,
        bytes: &mut Bytes<'_>,
        total: u64,
        before: u8,
        after_match: u8,
        is_possible: impl FnOnce(&Symbol, u32) -> bool,
    ) -> Result<Symbol, Stop> {
        let saved = (self.state, self.distances, self.range, self.code);
        self.changes.clear();
        let decoded = match self.read(bytes, total, before, after_match) {
            Ok(symbol) if !is_possible(&symbol, self.last_distance()) => Err(Stop::Broken),
            decoded => decoded,
        };
        if decoded.is_err() {
            (self.state, self.distances, self.range, self.code) = saved;
            while let Some((place, probability)) = self.changes.pop() {
                self.probabilities[place] = probability;
            }
        }
        decoded
    }

    pub(super) fn normalize(&mut self, bytes: &mut Bytes<'_>) -> Result<(), Stop> {
        if self.range < LEAST_RANGE {
            let byte = bytes.next().ok_or(Stop::Dry)?;
            self.range <<= 8;
            self.code = self.code << 8 | u32::from(byte);
        }
        Ok(())
    }

    fn bit(&mut self, bytes: &mut Bytes<'_>, place: usize) -> Result<usize, Stop> {
        self.normalize(bytes)?;
        let probability = self.probabilities[place];
        self.changes.push((place, probability));
        let bound = (self.range >> PROBABILITY_BITS) * u32::from(probability);
        if self.code < bound {
            self.range = bound;
            self.probabilities[place] = probability + (((1 << PROBABILITY_BITS) - probability) >> MOVE_BITS);
            Ok(0)
        } else {
            self.range -= bound;
            self.code -= bound;
            self.probabilities[place] = probability - (probability >> MOVE_BITS);
            Ok(1)
        }
    }

    /// A number of `bits` bits, highest first, by a tree of probabilities.
    fn tree(&mut self, bytes: &mut Bytes<'_>, place: usize, bits: u32) -> Result<usize, Stop> {
        let mut node = 1;
        for _ in 0..bits {
            node = node << 1 | self.bit(bytes, place + node)?;
        }
        Ok(node - (1 << bits))
    }

    /// The same, lowest bit first.
    fn reverse_tree(&mut self, bytes: &mut Bytes<'_>, place: usize, bits: u32) -> Result<u32, Stop> {
        let (mut node, mut value) = (1, 0);
        for index in 0..bits {
            let bit = self.bit(bytes, place + node)?;
            node = node << 1 | bit;
            value |= (bit as u32) << index;
        }
        Ok(value)
    }

    /// Bits with even chances.
    fn direct(&mut self, bytes: &mut Bytes<'_>, bits: u32) -> Result<u32, Stop> {
        let mut value = 0;
        for _ in 0..bits {
            self.normalize(bytes)?;
            self.range >>= 1;
            let bit = u32::from(self.code >= self.range);
            self.code -= self.range * bit;
            value = value << 1 | bit;
        }
        Ok(value)
    }

    fn read(&mut self, bytes: &mut Bytes<'_>, total: u64, before: u8, after_match: u8) -> Result<Symbol, Stop> {
        // At most 15.
        let position = (total & self.position_mask) as usize;
        let of_state = (self.state << 4) + position;
        if self.bit(bytes, IS_MATCH + of_state)? == 0 {
            return self.literal(bytes, total, before, after_match).map(Symbol::Literal);
        }
        if self.bit(bytes, IS_REP + self.state)? == 0 {
            let length = self.length(bytes, LENGTH, position)?;
            let distance = self.distance(bytes, length)?;
            self.distances = [distance, self.distances[0], self.distances[1], self.distances[2]];
            self.state = if self.state < 7 { 7 } else { 10 };
            if distance == END_MARKER {
                self.normalize(bytes)?;
                return if self.code == 0 { Ok(Symbol::End) } else { Err(Stop::Broken) };
            }
            return Ok(Symbol::Match(length));
        }
        if total == 0 {
            return Err(Stop::Broken);
        }
        if self.bit(bytes, IS_REP_0 + self.state)? == 0 {
            if self.bit(bytes, IS_REP_0_LONG + of_state)? == 0 {
                self.state = if self.state < 7 { 9 } else { 11 };
                return Ok(Symbol::Match(1));
            }
        } else {
            let index = match self.bit(bytes, IS_REP_1 + self.state)? {
                0 => 1,
                _ => 2 + self.bit(bytes, IS_REP_2 + self.state)?,
            };
            self.distances[..=index].rotate_right(1);
        }
        let length = self.length(bytes, REP_LENGTH, position)?;
        self.state = if self.state < 7 { 8 } else { 11 };
        Ok(Symbol::Match(length))
    }

    fn literal(&mut self, bytes: &mut Bytes<'_>, total: u64, before: u8, after_match: u8) -> Result<u8, Stop> {
        // At most 4 bits together.
        let high = (total & self.literal_position_mask) as usize;
        let context = (high << self.literal_context) + (usize::from(before) >> (8 - self.literal_context));
        let place = LITERAL + 0x300 * context;
        let mut node = 1;
        if self.state >= 7 {
            let mut like = usize::from(after_match);
            while node < 0x100 {
                like <<= 1;
                let expected = like >> 8 & 1;
                let bit = self.bit(bytes, place + ((1 + expected) << 8) + node)?;
                node = node << 1 | bit;
                if bit != expected {
                    break;
                }
            }
        }
        while node < 0x100 {
            node = node << 1 | self.bit(bytes, place + node)?;
        }
        self.state = match self.state {
            0..4 => 0,
            4..10 => self.state - 3,
            _ => self.state - 6,
        };
        // The bits after a leading one.
        Ok(node as u8)
    }

    fn length(&mut self, bytes: &mut Bytes<'_>, place: usize, position: usize) -> Result<u32, Stop> {
        let (low, middle) = (place + 2, place + 2 + (8 << 4));
        let length = if self.bit(bytes, place)? == 0 {
            self.tree(bytes, low + 8 * position, 3)?
        } else if self.bit(bytes, place + 1)? == 0 {
            8 + self.tree(bytes, middle + 8 * position, 3)?
        } else {
            16 + self.tree(bytes, middle + (8 << 4), 8)?
        };
        Ok(2 + length as u32)
    }

    /// A distance, less one.
    fn distance(&mut self, bytes: &mut Bytes<'_>, length: u32) -> Result<u32, Stop> {
        let class = (length - 2).min(3) as usize;
        // Below 64.
        let slot = self.tree(bytes, DISTANCE_SLOT + (class << 6), 6)? as u32;
        if slot < 4 {
            return Ok(slot);
        }
        let bits = (slot >> 1) - 1;
        let start = (2 | slot & 1) << bits;
        if slot < 14 {
            // The tree of a slot begins with its second node.
            return Ok(start + self.reverse_tree(bytes, DISTANCE + (start - slot) as usize, bits)?);
        }
        let high = self.direct(bytes, bits - 4)? << 4;
        Ok(start.wrapping_add(high).wrapping_add(self.reverse_tree(bytes, ALIGN, 4)?))
    }
}
