//! Finds and reads the index of a file by ranges.

use std::ops::Range;

use recompress_encoder::{Decoder, Origin};

use super::{
    block::{self, INDEX, START},
    footer::Footer,
    index::Index,
};
use crate::{
    error::StoredError,
    limits::{Limits, Meter},
};

/// Bytes at the end of a file that mostly hold the whole index.
const TAIL: u64 = 64 << 10;

/// Reads the index of one file. Does no I/O: the caller brings the ranges of the file that it asks for.
#[derive(Debug)]
pub struct IndexReader {
    file_bytes: u64,
    meter: Meter,
    state: State,
    footer: Option<Footer>,
    /// The index as it is.
    index: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Tail(Range<u64>),
    /// The blocks of the index.
    Blocks(Range<u64>),
    /// The start of the file; the segments end at this offset.
    Head {
        end: u64,
    },
    Read {
        lgwin: u8,
        segments: Range<u64>,
    },
}

impl IndexReader {
    /// Starts with a file of `file_bytes` bytes.
    pub fn new(file_bytes: u64, limits: Limits) -> Self {
        Self {
            file_bytes,
            meter: Meter::new(limits.memory_bytes),
            state: State::Tail(file_bytes.saturating_sub(TAIL)..file_bytes),
            footer: None,
            index: Vec::new(),
        }
    }

    /// The range of the file to bring next; `None` at the end.
    pub fn wants(&self) -> Option<Range<u64>> {
        match &self.state {
            State::Tail(range) | State::Blocks(range) => Some(range.clone()),
            State::Head { .. } => Some(0..self.file_bytes.min(START as u64)),
            State::Read { .. } => None,
        }
    }

    /// Takes the bytes of the range that it asked for.
    ///
    /// # Errors
    ///
    /// `no_index` if the file is none of ours, `bad_index` if it is damaged or these are too few bytes, `memory_limit`.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), StoredError> {
        // A file may have been cut meanwhile.
        if self.wants().is_some_and(|range| range.end - range.start != bytes.len() as u64) {
            return Err(bad("the file does not have as many bytes as it had"));
        }
        match self.state.clone() {
            State::Tail(range) => {
                let (footer, back) = Footer::find(bytes).ok_or(StoredError::NoIndex)?;
                self.footer = Some(footer);
                let end = range.end - back as u64;
                let start = end.checked_sub(footer.block_bytes.into()).ok_or(bad("it is longer than the file"))?;
                self.meter.charge(footer.block_bytes.into()).map_err(|_| self.too_large())?;
                self.state = State::Blocks(start..end);
                if start >= range.start {
                    let within = (start - range.start) as usize..(end - range.start) as usize;
                    self.take(&bytes[within])?;
                }
            }
            State::Blocks(range) => {
                self.index = self.decode(bytes)?;
                self.state = State::Head { end: range.start };
            }
            State::Head { end } => {
                let (lgwin, length) = block::signed(bytes).ok_or(bad("the file does not begin with the signature"))?;
                if length as u64 > end {
                    return Err(bad("it overlaps the signature"));
                }
                self.state = State::Read { lgwin, segments: length as u64..end };
            }
            State::Read { .. } => {}
        }
        Ok(())
    }

    /// The index, and the base-2 logarithm of the window with which its segments are decoded.
    ///
    /// # Errors
    ///
    /// `bad_index` if its numbers do not agree, or something was not read; `memory_limit`.
    pub fn finish(mut self) -> Result<(Index, u8), StoredError> {
        let State::Read { lgwin, segments } = self.state else { return Err(bad("not all of it was read")) };
        Ok((Index::parse(&self.index, segments, &mut self.meter)?, lgwin))
    }

    /// Puts the blocks together and decompresses them.
    fn decode(&mut self, mut blocks: &[u8]) -> Result<Vec<u8>, StoredError> {
        let Footer { index_bytes, crc32, .. } = self.footer.expect("it was found before its blocks");
        // Charged when their length was known.
        let mut compressed = Vec::with_capacity(blocks.len());
        while !blocks.is_empty() {
            let contents = block::read(&mut blocks).ok_or(bad("its blocks are no blocks"))?;
            if let [INDEX, piece @ ..] = contents {
                compressed.extend_from_slice(piece);
            }
        }
        let length = u64::from(index_bytes);
        self.meter.charge(length + Decoder::memory_bytes(LGWIN, length)).map_err(|_| self.too_large())?;
        let mut decoder = Decoder::new(Origin::Stream, LGWIN, length).map_err(|_| self.too_large())?;
        let mut index = vec![0; index_bytes as usize];
        let (mut rest, mut at) = (&compressed[..], 0);
        loop {
            let decoded = decoder.decode(rest, true, &mut index[at..]).map_err(|_| bad("it does not decode"))?;
            rest = &rest[decoded.consumed..];
            at += decoded.produced;
            if decoded.finished {
                break;
            }
            if decoded.consumed == 0 && decoded.produced == 0 {
                return Err(bad("it is longer than it says"));
            }
        }
        self.meter.release(Decoder::memory_bytes(LGWIN, length));
        if at != index.len() || crc32fast::hash(&index) != crc32 {
            return Err(bad("its CRC-32 is wrong"));
        }
        Ok(index)
    }

    fn too_large(&self) -> StoredError {
        StoredError::TooLarge { what: "index", limit: self.meter.limit() }
    }
}

/// The largest window of a compressed index.
pub(crate) const LGWIN: u8 = 22;

fn bad(problem: &'static str) -> StoredError {
    StoredError::BadIndex { problem }
}
