//! Reads members by the index: the bytes of their segments in, their contents out.

use std::{borrow::Borrow, ops::Range};

use recompress_encoder::{Decoder, Origin};

use super::index::{Index, IndexedMember, Segment};
use crate::{archive::tar, error::StoredError, report::Report};

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
/// be the one that its line in the index gives.
#[derive(Debug)]
pub struct MemberReader<I> {
    index: I,
    lgwin: u8,
    /// Those that are not read whole yet.
    members: Range<usize>,
    /// All members are read, and then the end of the tarball.
    whole: bool,
    /// Segments that are not decoded whole yet, and how many bytes of the first were taken.
    segments: Range<usize>,
    taken: u64,
    decoder: Option<Decoder>,
    buffer: Box<[u8]>,
    /// Bytes of the buffer that are decoded and not passed on; the first is at `at` in the tarball.
    waiting: Range<usize>,
    at: u64,
    part: Part,
    /// The blocks that must come here: a member's header, or a report.
    header: Vec<u8>,
    crc32: crc32fast::Hasher,
}

/// The parts of a tarball.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Bytes before the first member that was asked for.
    Skipped,
    Header,
    Contents,
    /// The zeros after a member's contents.
    Padding,
    /// The zeros that end the tarball.
    Zeros,
    /// A report after them.
    Report,
    Done,
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
        let part = if members.is_empty() { if whole { Part::Zeros } else { Part::Done } } else { Part::Skipped };
        Self {
            index: owner,
            lgwin,
            members,
            whole,
            segments,
            taken: 0,
            decoder: None,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            waiting: 0..0,
            at,
            part,
            header: Vec::new(),
            crc32: crc32fast::Hasher::new(),
        }
    }

    /// The bytes of the file that are still to bring.
    pub fn wants(&self) -> Range<u64> {
        match self.segments() {
            [] => 0..0,
            segments => segments[0].file.start + self.taken..segments[segments.len() - 1].file.end,
        }
    }

    /// Takes bytes from the front of `input`, and may write to the front of `output`, which has room. Says how many it took.
    ///
    /// # Errors
    ///
    /// `bad_segment`, `bad_member`, or `memory_limit` if there is no memory for a window.
    pub fn read(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, MemberEvent), StoredError> {
        let left = self.part_end() - self.at;
        let at_end = self.part == Part::Report && !self.segments.is_empty();
        if self.waiting.is_empty() && (left > 0 || at_end) {
            return self.decode(input);
        }
        let count = usize::try_from(left).map_or(self.waiting.len(), |left| left.min(self.waiting.len()));
        let bytes = &self.buffer[self.waiting.start..self.waiting.start + count];
        let mut count = count;
        let mut event = MemberEvent::Working;
        match self.part {
            Part::Header => {
                let compared = self.header.len() - left as usize;
                if bytes != &self.header[compared..compared + count] {
                    return Err(self.refuse("its header in the tarball is not the one in the index"));
                }
            }
            Part::Contents if count > 0 => {
                count = count.min(output.len());
                output[..count].copy_from_slice(&bytes[..count]);
                self.crc32.update(&bytes[..count]);
                event = MemberEvent::Contents(count);
            }
            Part::Report => {
                let compared = self.header.len() - left as usize;
                let form = &self.header[compared..compared + count];
                // Spaces in the form are where the text is.
                if !form
                    .iter()
                    .zip(bytes)
                    .all(|(&form, &byte)| byte == form || form == b' ' && matches!(byte, b' '..=b'~'))
                {
                    return Err(StoredError::BadIndex {
                        problem: "something else than a report is behind the tarball",
                    });
                }
            }
            Part::Padding | Part::Zeros if bytes.iter().any(|&byte| byte != 0) => {
                return Err(StoredError::BadIndex { problem: "the tarball has something else where it has zeros" });
            }
            _ => {}
        }
        self.waiting.start += count;
        self.at += count as u64;
        if event == MemberEvent::Working && count as u64 == left {
            event = self.next_part()?;
        }
        Ok((0, event))
    }

    fn member(&self) -> &IndexedMember {
        &self.index.borrow().members[self.members.start]
    }

    /// The segments that are not decoded whole yet.
    fn segments(&self) -> &[Segment] {
        &self.index.borrow().segments[self.segments.clone()]
    }

    /// Where the present part ends in the tarball.
    fn part_end(&self) -> u64 {
        match self.part {
            Part::Skipped => self.member().header.start,
            Part::Header => self.member().header.end,
            Part::Contents => self.member().contents().end,
            Part::Padding => self.at.next_multiple_of(tar::BLOCK as u64),
            Part::Zeros => self.at.max(self.index.borrow().end_of_members() + tar::TRAILER as u64),
            Part::Report => self.index.borrow().tar_bytes,
            Part::Done => self.at,
        }
    }

    /// Ends the present part.
    fn next_part(&mut self) -> Result<MemberEvent, StoredError> {
        let mut event = MemberEvent::Working;
        self.part = match self.part {
            Part::Header => {
                event = MemberEvent::Begin(self.members.start);
                self.crc32 = crc32fast::Hasher::new();
                Part::Contents
            }
            Part::Contents => {
                if self.crc32.clone().finalize() != self.member().crc32 {
                    return Err(self.refuse("its contents do not have the CRC-32 of the index"));
                }
                event = MemberEvent::End;
                self.members.start += 1;
                if self.members.is_empty() && !self.whole { Part::Done } else { Part::Padding }
            }
            Part::Skipped | Part::Padding if !self.members.is_empty() => {
                self.header = tar::header(&self.member().entry);
                Part::Header
            }
            Part::Padding => Part::Zeros,
            Part::Zeros => {
                self.header = if self.at < self.index.borrow().tar_bytes { Report::form() } else { Vec::new() };
                Part::Report
            }
            Part::Skipped | Part::Report | Part::Done => {
                event = MemberEvent::Done;
                Part::Done
            }
        };
        Ok(event)
    }

    /// Decodes a share of the present segment.
    fn decode(&mut self, input: &[u8]) -> Result<(usize, MemberEvent), StoredError> {
        // Not by a method: the decoder is borrowed beside them.
        let segments = &self.index.borrow().segments[self.segments.clone()];
        let Some(segment) = segments.first() else {
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
                let continuing = segments[1..].iter().take_while(|segment| segment.continues);
                let last = continuing.last().unwrap_or(segment);
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
        let reached = self.at + decoded.produced as u64;
        if reached > segment.tar.end || decoded.finished && reached < segment.tar.end {
            return Err(refuse("it does not give as many bytes as the index says".to_owned()));
        }
        if decoded.finished {
            self.segments.start += 1;
            self.taken = 0;
            match segments.get(1) {
                Some(next) if next.continues => decoder.resume(),
                _ => self.decoder = None,
            }
        }
        Ok((decoded.consumed, MemberEvent::Working))
    }

    fn refuse(&self, problem: &'static str) -> StoredError {
        StoredError::BadMember { name: self.member().entry.name.clone(), problem }
    }
}
