//! Reads members by the index: the bytes of their segments in, their contents out.

use std::{borrow::Borrow, ops::Range};

use recompress_encoder::{Decoder, Origin};

use super::{index::Index, tarball::Tarball};
use crate::error::StoredError;

/// Bytes that are decoded at once.
const BUFFER: usize = 64 << 10;

/// The result of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberEvent {
    /// All input was taken: call again with more.
    NeedsInput,
    /// Some work was done: call again with the rest of the input.
    Working,
    /// The member with this number in the index begins; its header is as the index says.
    Begin(usize),
    /// This many bytes of contents are at the front of the output.
    Contents(usize),
    /// The member that began last is whole: its contents have their CRC-32.
    End,
    /// All that was asked for is read. After all members of a file, the whole tarball is as the index says.
    Done,
}

/// Reads members that follow each other.
///
/// The decoder refuses everything that would be read otherwise from the front of the file, and the tar header of each member must
/// be the one that its line in the index gives. `I` is a reference to the index, or shares it.
#[derive(Debug)]
pub struct MemberReader<I> {
    tarball: Tarball<I>,
    lgwin: u8,
    /// Numbers of the segments that are not decoded whole yet, and how many bytes of the first were taken.
    segments: Range<usize>,
    taken: u64,
    decoder: Option<Decoder>,
    buffer: Box<[u8]>,
    /// Bytes of the buffer that are decoded and not passed on.
    waiting: Range<usize>,
}

impl<I: Borrow<Index>> MemberReader<I> {
    /// Reads these members of `index`, whose file has a window of `lgwin` bits. If they are all members, the end of the
    /// tarball is checked too.
    pub fn new(index: I, lgwin: u8, members: Range<usize>) -> Self {
        let whole = members == (0..index.borrow().members.len());
        Self::start(index, lgwin, members, whole)
    }

    /// Reads this member alone.
    pub fn of_one(index: I, lgwin: u8, member: usize) -> Self {
        Self::start(index, lgwin, member..member + 1, false)
    }

    fn start(owner: I, lgwin: u8, members: Range<usize>, whole: bool) -> Self {
        let index = owner.borrow();
        let tar = match &index.members[members.clone()] {
            _ if whole => 0..index.tar_bytes,
            [] => 0..0,
            span => span[0].header.start..span[span.len() - 1].contents().end,
        };
        let segments = index.numbers_of(&tar);
        let at = index.segments.get(segments.start).map_or(0, |segment| segment.tar.start);
        Self {
            tarball: Tarball::new(owner, members, whole, at),
            lgwin,
            segments,
            taken: 0,
            decoder: None,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            waiting: 0..0,
        }
    }

    /// The index.
    pub fn index(&self) -> &Index {
        self.tarball.index()
    }

    /// Counts the SHA-256 of all that is decoded. The one in the index must be that of the tarball.
    pub fn digesting(mut self) -> Self {
        self.tarball.digest();
        self
    }

    /// SHA-256 of all that is decoded, if it is counted.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        self.tarball.sha256()
    }

    /// The bytes of the file that are still to bring.
    pub fn wants(&self) -> Range<u64> {
        match &self.tarball.index().segments[self.segments.clone()] {
            [] => 0..0,
            segments => segments[0].file.start + self.taken..segments[segments.len() - 1].file.end,
        }
    }

    /// Takes bytes from the front of `input`, and may write to the front of `output`, which has room. Says how many it took.
    ///
    /// # Errors
    ///
    /// `bad_segment`, `bad_member`, `bad_index`, `two_faces`, or `memory_limit` if there is no memory for a window.
    pub fn read(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, MemberEvent), StoredError> {
        let has_more = self.tarball.needs_bytes() || self.tarball.is_at_end() && !self.segments.is_empty();
        if self.waiting.is_empty() && has_more {
            return self.decode(input);
        }
        let (count, event) = self.tarball.read(&self.buffer[self.waiting.clone()], output)?;
        self.waiting.start += count;
        Ok((0, event))
    }

    /// Decodes a share of the present segment.
    fn decode(&mut self, input: &[u8]) -> Result<(usize, MemberEvent), StoredError> {
        let index = self.tarball.index();
        let [segment, following @ ..] = &index.segments[self.segments.clone()] else {
            return Err(StoredError::BadIndex { problem: "its segments end before its members" });
        };
        let refuse = |problem: String| StoredError::BadSegment { offset: segment.file.start, problem };
        let left = segment.file.end - segment.file.start - self.taken;
        let share = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if share == 0 && left > 0 {
            return Ok((0, MemberEvent::NeedsInput));
        }
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => {
                let last = following.iter().take_while(|segment| segment.continues).last().unwrap_or(segment);
                let decoder = Decoder::new(Origin::Segment, self.lgwin, last.tar.end - segment.tar.start);
                none.insert(decoder.map_err(|recompress_encoder::OutOfMemory(limit)| StoredError::TooLarge {
                    what: "window",
                    limit,
                })?)
            }
        };
        let ended = share as u64 == left;
        let decoded =
            decoder.decode(&input[..share], ended, &mut self.buffer).map_err(|fault| refuse(fault.to_string()))?;
        self.taken += decoded.consumed as u64;
        self.waiting = 0..decoded.produced;
        let reached = self.tarball.at() + decoded.produced as u64;
        if reached > segment.tar.end || decoded.finished && reached < segment.tar.end {
            return Err(refuse("it does not give as many bytes as the index says".to_owned()));
        }
        if decoded.finished {
            self.segments.start += 1;
            self.taken = 0;
            match following.first() {
                Some(next) if next.continues => decoder.resume(),
                _ => self.decoder = None,
            }
        }
        Ok((decoded.consumed, MemberEvent::Working))
    }
}
