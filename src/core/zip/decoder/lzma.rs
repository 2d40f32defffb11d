//! Raw LZMA (APPNOTE §5.8.8, and the LZMA specification in the LZMA SDK): one stream, decoded symbol by symbol.
//!
//! A symbol that needs bytes which have not come is undone, and tried again when there are more. So the end of the stream
//! is exact, and an error comes after the same contents however the upload is cut.

mod model;

use self::model::{Bytes, Model, Stop, Symbol};
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
            let mut bytes = Bytes::new(input);
            return match self.decode(&mut bytes) {
                Ok(symbol) => Ok((bytes.taken(), Some(symbol))),
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
        let mut bytes = Bytes::new(&joined[..self.carried + more]);
        match self.decode(&mut bytes) {
            Ok(symbol) => {
                // It ran dry without the new bytes, so it takes one of them or more.
                let taken = bytes.taken() - self.carried;
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
            return self.model.start(bytes);
        }
        if self.size == Some(self.total) {
            self.model.normalize(bytes)?;
            return Ok(Symbol::End);
        }
        let (before, after_match) =
            if self.total == 0 { (0, 0) } else { (self.back(0), self.back(self.model.last_distance())) };
        let (total, size, window) = (self.total, self.size, self.window.len() as u64);
        self.model.symbol(bytes, total, before, after_match, |symbol, distance| match symbol {
            Symbol::End => size.is_none(),
            Symbol::Match(length) => {
                u64::from(distance) < total.min(window) && size.is_none_or(|size| u64::from(*length) <= size - total)
            }
            Symbol::Literal(_) | Symbol::Start => true,
        })
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
        let distance = self.model.last_distance();
        for byte in &mut output[..count] {
            *byte = self.back(distance);
            self.put(*byte);
        }
        self.left -= count as u32;
        count
    }
}
