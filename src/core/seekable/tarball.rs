//! The tarball of a file, compared with the index byte by byte, wherever its bytes come from.

use std::{borrow::Borrow, ops::Range};

use sha2::{Digest, Sha256};

use super::{
    index::{Index, IndexedMember},
    members::MemberEvent,
};
use crate::{archive::tar, error::StoredError, report::Report};

/// Takes the bytes of a tarball in their order, and gives the contents of members.
#[derive(Debug)]
pub(super) struct Tarball<I> {
    index: I,
    /// Those that are not read whole yet.
    members: Range<usize>,
    /// All members are read, and then the end of the tarball.
    whole: bool,
    /// Where the next byte is in the tarball.
    at: u64,
    part: Part,
    /// The blocks that must come here: a member's header, or a report.
    header: Vec<u8>,
    crc32: crc32fast::Hasher,
    /// Counted only if somebody wants to know it.
    sha256: Option<Sha256>,
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

impl<I: Borrow<Index>> Tarball<I> {
    /// Reads these members, and the end of the tarball if they are the `whole`. The first byte is at `at` in the tarball.
    pub(super) fn new(index: I, members: Range<usize>, whole: bool, at: u64) -> Self {
        let part = if members.is_empty() { if whole { Part::Zeros } else { Part::Done } } else { Part::Skipped };
        Self { index, members, whole, at, part, header: Vec::new(), crc32: crc32fast::Hasher::new(), sha256: None }
    }

    /// Counts the SHA-256 of all bytes. The one in the index must be that of the tarball.
    pub(super) fn digest(&mut self) {
        self.sha256 = Some(Sha256::new());
    }

    /// SHA-256 of all bytes so far, if it is counted.
    pub(super) fn sha256(&self) -> Option<[u8; 32]> {
        self.sha256.clone().map(|sha256| sha256.finalize().into())
    }

    pub(super) fn index(&self) -> &Index {
        self.index.borrow()
    }

    /// Where the next byte is in the tarball.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Whether nothing can be done without more bytes.
    pub(super) fn needs_bytes(&self) -> bool {
        self.part_end() > self.at
    }

    /// Whether only the report, or the end, is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.part == Part::Report
    }

    /// Takes bytes from the front of `input`, and may write to the front of `output`, which has room. Says how many it took.
    pub(super) fn read(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, MemberEvent), StoredError> {
        let left = self.part_end() - self.at;
        let mut count = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        if self.part == Part::Contents {
            count = count.min(output.len());
        }
        let bytes = &input[..count];
        let mut event = MemberEvent::Working;
        match self.part {
            Part::Header => {
                let compared = self.header.len() - left as usize;
                if bytes != &self.header[compared..compared + count] {
                    return Err(self.refuse("its header in the tarball is not the one in the index"));
                }
            }
            Part::Contents if count > 0 => {
                output[..count].copy_from_slice(bytes);
                self.crc32.update(bytes);
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
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        self.at += count as u64;
        if event == MemberEvent::Working && count as u64 == left {
            event = self.next_part()?;
        }
        Ok((count, event))
    }

    fn member(&self) -> &IndexedMember {
        &self.index().members[self.members.start]
    }

    /// Where the present part ends.
    fn part_end(&self) -> u64 {
        match self.part {
            Part::Skipped => self.member().header.start,
            Part::Header => self.member().header.end,
            Part::Contents => self.member().contents().end,
            Part::Padding => self.at.next_multiple_of(tar::BLOCK as u64),
            Part::Zeros => self.at.max(self.index().tarball_bytes()),
            Part::Report => self.index().tar_bytes,
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
                if let (Some(counted), Some(expected)) = (self.sha256(), self.index().sha256)
                    && counted != expected
                {
                    return Err(StoredError::TwoFaces { problem: "the tarball has another SHA-256".to_owned() });
                }
                self.header = if self.at < self.index().tar_bytes { Report::form() } else { Vec::new() };
                Part::Report
            }
            Part::Skipped | Part::Report | Part::Done => {
                event = MemberEvent::Done;
                Part::Done
            }
        };
        Ok(event)
    }

    fn refuse(&self, problem: &'static str) -> StoredError {
        StoredError::BadMember { name: self.member().entry.name.clone(), problem }
    }
}
