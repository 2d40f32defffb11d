//! Raw LZMA (APPNOTE §5.8.8, and the LZMA specification in the LZMA SDK): one stream, decoded symbol by symbol.
//!
//! A symbol that needs bytes which have not come is undone, and tried again when there are more. So the end of the stream
//! is exact, and an error comes after the same contents however the upload is cut.

use super::buffered::{DecodeFailure, Decoded};
use crate::error::{Error, Limit};

/// Bytes of the header before the data: version, length of the properties, properties.
const HEADER: usize = 9;

/// The most literal contexts: 2 to this power. liblzma has the same limit. The format allows 12, for 6 MB of probabilities.
const MOST_LITERAL_BITS: u8 = 4;

/// The smallest window.
const LEAST_WINDOW: u32 = 4096;

/// Memory beside the window, in bytes.
const FIXED: u64 = 128 << 10;

/// The most bytes of a symbol and of the start of the stream, and some more. A symbol takes 41 bits at most beside the ones
/// that its probabilities save.
const MOST_SYMBOL: usize = 64;

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

/// Memory of a decoder with this window, in bytes.
pub(super) fn charge(window: u64) -> u64 {
    window.saturating_add(FIXED)
}

/// A stream's decoder, with its header before it.
pub(super) enum Lzma {
    Header { has_end_marker: bool, size: Option<u64>, window_limit: u64, gathered: Vec<u8> },
    Stream(Box<Stream>),
}

impl Lzma {
    pub(super) fn new(has_end_marker: bool, size: Option<u64>, window_limit: u64) -> Self {
        Self::Header { has_end_marker, size, window_limit, gathered: Vec::with_capacity(HEADER) }
    }

    /// Takes input, or gives contents.
    pub(super) fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        charge: &mut dyn FnMut(u64) -> Result<(), Error>,
    ) -> Result<Decoded, DecodeFailure> {
        let (has_end_marker, size, window_limit, gathered) = match self {
            Self::Header { has_end_marker, size, window_limit, gathered } => {
                (*has_end_marker, *size, *window_limit, gathered)
            }
            Self::Stream(stream) => return stream.step(input, output),
        };
        let consumed = input.len().min(HEADER - gathered.len());
        gathered.extend_from_slice(&input[..consumed]);
        if let Some(header) = gathered.first_chunk() {
            *self = Self::Stream(Box::new(Stream::new(header, has_end_marker, size, window_limit, charge)?));
        }
        Ok(Decoded { consumed, produced: 0, ended: false })
    }
}

pub(super) struct Stream {
    model: Model,
    window: Box<[u8]>,
    /// The place of the next byte in the window.
    place: usize,
    /// Contents so far.
    total: u64,
    /// Contents in all, if an end marker does not tell.
    size: Option<u64>,
    stage: Stage,
    /// Bytes of a match that had no room: its length.
    left: u32,
    /// Input of a symbol that is not whole.
    carry: [u8; MOST_SYMBOL],
    carried: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The five bytes that the range coder starts with.
    Start,
    Symbols,
    Ended,
}

/// A decoded symbol.
enum Symbol {
    Literal(u8),
    /// Bytes to copy from `distances[0]` back.
    Match(u32),
    /// The start of the range coder: no contents.
    Start,
    End,
}

impl Stream {
    fn new(
        header: &[u8; HEADER],
        has_end_marker: bool,
        size: Option<u64>,
        window_limit: u64,
        charge: &mut dyn FnMut(u64) -> Result<(), Error>,
    ) -> Result<Self, DecodeFailure> {
        let &[_, _, length_low, length_high, properties, d0, d1, d2, d3] = header;
        if u16::from_le_bytes([length_low, length_high]) != 5 || properties >= 9 * 5 * 5 {
            return Err(DecodeFailure::Broken);
        }
        let [literal_context, literal_position, position] = [properties % 9, properties / 9 % 5, properties / 45];
        if literal_context + literal_position > MOST_LITERAL_BITS {
            return Err(DecodeFailure::Unsupported("its lzma data has more than 16 literal contexts (lc + lp > 4)"));
        }
        if !has_end_marker && size.is_none() {
            return Err(DecodeFailure::Broken);
        }
        // No match reaches back beyond the contents' start.
        let most = size.map_or(u32::MAX, |size| u32::try_from(size).unwrap_or(u32::MAX));
        let window = u32::from_le_bytes([d0, d1, d2, d3]).min(most).max(LEAST_WINDOW);
        if u64::from(window) > window_limit {
            return Err(Error::from(Limit::Window { wanted: window.into(), limit: window_limit }).into());
        }
        charge(self::charge(window.into()))?;
        Ok(Self {
            model: Model::new(literal_context.into(), literal_position.into(), position.into()),
            window: vec![0; window as usize].into_boxed_slice(),
            place: 0,
            total: 0,
            size: size.filter(|_| !has_end_marker),
            stage: Stage::Start,
            left: 0,
            carry: [0; MOST_SYMBOL],
            carried: 0,
        })
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, DecodeFailure> {
        let (mut consumed, mut produced) = (0, 0);
        // Every round gives output, decodes a symbol, or leaves.
        let failure = loop {
            if self.left > 0 {
                let count = self.copy(&mut output[produced..]);
                produced += count;
                if self.left > 0 {
                    break None;
                }
            }
            if self.stage == Stage::Ended || produced == output.len() {
                break None;
            }
            match self.next(&input[consumed..]) {
                Ok((taken, symbol)) => {
                    consumed += taken;
                    match symbol {
                        None => break None,
                        Some(Symbol::Literal(byte)) => {
                            self.put(byte);
                            output[produced] = byte;
                            produced += 1;
                        }
                        Some(Symbol::Match(length)) => self.left = length,
                        Some(Symbol::Start) => self.stage = Stage::Symbols,
                        Some(Symbol::End) => self.stage = Stage::Ended,
                    }
                }
                Err(failure) => break Some(failure),
            }
        };
        match failure {
            // The contents before the error come first. The next call meets it again: no input was taken for it.
            Some(failure) if produced == 0 => Err(failure),
            _ => Ok(Decoded { consumed, produced, ended: self.stage == Stage::Ended && self.left == 0 }),
        }
    }

    /// Decodes a symbol from the carried bytes and `input`. Returns the bytes taken from `input`; no symbol if there are too
    /// few.
    fn next(&mut self, input: &[u8]) -> Result<(usize, Option<Symbol>), DecodeFailure> {
        if self.carried == 0 {
            let mut bytes = Bytes { bytes: input, at: 0 };
            return match self.decode(&mut bytes) {
                Ok(symbol) => Ok((bytes.at, Some(symbol))),
                Err(Stop::Broken) => Err(DecodeFailure::Broken),
                Err(Stop::Dry) => {
                    // A symbol that ran dry has less than the room here.
                    self.carry.get_mut(..input.len()).ok_or(DecodeFailure::Broken)?.copy_from_slice(input);
                    self.carried = input.len();
                    Ok((input.len(), None))
                }
            };
        }
        let mut joined = [0; 2 * MOST_SYMBOL];
        let more = input.len().min(MOST_SYMBOL);
        joined[..self.carried].copy_from_slice(&self.carry[..self.carried]);
        joined[self.carried..self.carried + more].copy_from_slice(&input[..more]);
        let mut bytes = Bytes { bytes: &joined[..self.carried + more], at: 0 };
        match self.decode(&mut bytes) {
            Ok(symbol) => {
                // It ran dry without the new bytes, so it takes one of them or more.
                let taken = bytes.at - self.carried;
                self.carried = 0;
                Ok((taken, Some(symbol)))
            }
            Err(Stop::Broken) => Err(DecodeFailure::Broken),
            Err(Stop::Dry) => {
                let length = self.carried + more;
                self.carry.get_mut(..length).ok_or(DecodeFailure::Broken)?.copy_from_slice(&joined[..length]);
                self.carried = length;
                Ok((more, None))
            }
        }
    }

    /// Decodes one symbol. Changes nothing if it stops.
    fn decode(&mut self, bytes: &mut Bytes<'_>) -> Result<Symbol, Stop> {
        if self.stage == Stage::Start {
            let start = [(); 5].map(|()| bytes.next());
            let [Some(first), Some(b0), Some(b1), Some(b2), Some(b3)] = start else { return Err(Stop::Dry) };
            if first != 0 {
                return Err(Stop::Broken);
            }
            (self.model.range, self.model.code) = (u32::MAX, u32::from_be_bytes([b0, b1, b2, b3]));
            return Ok(Symbol::Start);
        }
        if self.size == Some(self.total) {
            self.model.normalize(bytes)?;
            return Ok(Symbol::End);
        }
        let (before, after_match) =
            if self.total == 0 { (0, 0) } else { (self.back(0), self.back(self.model.distances[0])) };
        let saved = (self.model.state, self.model.distances, self.model.range, self.model.code);
        self.model.changes.clear();
        let decoded = self.model.symbol(bytes, self.total, before, after_match).and_then(|symbol| match symbol {
            Symbol::End if self.size.is_some() => Err(Stop::Broken),
            Symbol::Match(_) if u64::from(self.model.distances[0]) >= self.total.min(self.window.len() as u64) => {
                Err(Stop::Broken)
            }
            Symbol::Match(length) if self.size.is_some_and(|size| u64::from(length) > size - self.total) => {
                Err(Stop::Broken)
            }
            symbol => Ok(symbol),
        });
        if decoded.is_err() {
            (self.model.state, self.model.distances, self.model.range, self.model.code) = saved;
            while let Some((place, probability)) = self.model.changes.pop() {
                self.model.probabilities[place] = probability;
            }
        }
        decoded
    }

    /// The byte that is `distance` before the last one.
    fn back(&self, distance: u32) -> u8 {
        // A distance is less than the window's length.
        let distance = distance as usize + 1;
        let place = if self.place < distance { self.place + self.window.len() } else { self.place };
        self.window[place - distance]
    }

    fn put(&mut self, byte: u8) {
        self.window[self.place] = byte;
        self.place = if self.place + 1 == self.window.len() { 0 } else { self.place + 1 };
        self.total += 1;
    }

    /// Copies as much of a match as `output` takes.
    fn copy(&mut self, output: &mut [u8]) -> usize {
        let count = output.len().min(self.left as usize);
        let distance = self.model.distances[0];
        for byte in &mut output[..count] {
            *byte = self.back(distance);
            self.put(*byte);
        }
        self.left -= count as u32;
        count
    }
}

/// Input bytes.
struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }
}

/// The reason why there is no symbol.
enum Stop {
    /// There are too few bytes.
    Dry,
    Broken,
}

/// The range coder with its probabilities.
struct Model {
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
    fn new(literal_context: u32, literal_position: u32, position: u32) -> Self {
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

    fn normalize(&mut self, bytes: &mut Bytes<'_>) -> Result<(), Stop> {
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

    fn symbol(&mut self, bytes: &mut Bytes<'_>, total: u64, before: u8, after_match: u8) -> Result<Symbol, Stop> {
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
