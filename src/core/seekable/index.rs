//! The index: which bytes of the file hold which bytes of the tarball, and which of those are a member.
//!
//! It is written column by column, because columns compress best.

use std::{collections::BTreeSet, ops::Range};

use super::varint;
use crate::{
    archive::tar,
    error::{Error, StoredError},
    limits::Meter,
    member::{Entry, EntryKind},
    names::Names,
    report::Report,
    zip::name::safe_path,
};

/// Kinds of members.
const FILE: u64 = 0;
const DIRECTORY: u64 = 1;
const LINK: u64 = 2;

/// Flag: a SHA-256 of the tarball follows.
const HAS_SHA256: u8 = 1;

/// Bytes of the file that give bytes of the tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// In the file.
    pub file: Range<u64>,
    /// In the tarball.
    pub tar: Range<u64>,
    /// It continues the segment before it, and cannot be decoded without it.
    pub continues: bool,
}

/// A member, and where it is in the tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedMember {
    /// As in its header.
    pub entry: Entry,
    /// CRC-32 of its contents.
    pub crc32: u32,
    /// Its header blocks in the tarball.
    pub header: Range<u64>,
}

impl IndexedMember {
    /// Its contents in the tarball.
    pub fn contents(&self) -> Range<u64> {
        self.header.end..self.header.end + self.entry.size
    }
}

/// The index of one file, whose numbers agree with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// In the order of the file; they tile it.
    pub segments: Vec<Segment>,
    /// In the order of the tarball; they tile it, but for the zeros and the report at its end.
    pub members: Vec<IndexedMember>,
    /// Length of the tarball.
    pub tar_bytes: u64,
    /// SHA-256 of the tarball, if the writer counted it.
    pub sha256: Option<[u8; 32]>,
}

/// Gathers the index of a file while it is written.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    segments: [Vec<u8>; 2],
    segment_count: u64,
    members: Columns,
    member_count: u64,
    tar_bytes: u64,
    last_name: String,
    last_mtime: i64,
    last_is_link: bool,
}

#[derive(Debug, Default)]
struct Columns {
    kinds: Vec<u8>,
    headers: Vec<u8>,
    sizes: Vec<u8>,
    mtimes: Vec<u8>,
    crc32s: Vec<u8>,
    shared: Vec<u8>,
    lengths: Vec<u8>,
    names: Vec<u8>,
    targets: Vec<u8>,
}

impl Columns {
    fn all(&self) -> [&[u8]; 9] {
        let Self { kinds, headers, sizes, mtimes, crc32s, shared, lengths, names, targets } = self;
        [kinds, headers, sizes, mtimes, crc32s, shared, lengths, names, targets]
    }
}

/// Bytes of a CRC-32, and of a segment's numbers at most.
const CRC32: u64 = 4;
const SEGMENT: u64 = 20;

/// Bytes that a name takes while names are compared: a set of references has room for up to twice as many.
const SEEN: u64 = 2 * size_of::<&str>() as u64 + 16;

/// Bytes before the columns at most.
const COUNTS: usize = 1 + 32 + 3 * 10;

/// A vector that grows holds its contents twice for a moment, and keeps up to as much to spare; the whole index is then written
/// in one piece.
const COPIES: u64 = 3;

impl Builder {
    /// Adds a member that was written with `header` bytes of header blocks, and makes so many more segments.
    pub(crate) fn member(&mut self, entry: &Entry, header: u64, segments: u64, meter: &mut Meter) -> Result<(), Error> {
        let target = if let EntryKind::Link { target } = &entry.kind { target.as_str() } else { "" };
        let shared = entry.name.bytes().zip(self.last_name.bytes()).take_while(|(a, b)| a == b).count();
        let rest = &entry.name.as_bytes()[shared..];
        let kind = match entry.kind {
            EntryKind::File => FILE,
            EntryKind::Directory => DIRECTORY,
            EntryKind::Link { .. } => LINK,
        };
        let columns = &mut self.members;
        let numbers = [
            (&mut columns.kinds, u64::from(entry.mode) << 2 | kind),
            (&mut columns.headers, header / tar::BLOCK as u64),
            (&mut columns.sizes, entry.size),
            (&mut columns.mtimes, varint::fold(entry.mtime.wrapping_sub(self.last_mtime))),
            (&mut columns.shared, shared as u64),
            (&mut columns.lengths, rest.len() as u64),
        ];
        let width: u64 = numbers.iter().map(|(_, number)| varint::length(*number)).sum();
        let texts = rest.len() as u64 + if kind == LINK { 2 + target.len() as u64 } else { 0 };
        meter
            .charge((width + CRC32 + texts).saturating_add(segments.saturating_mul(SEGMENT)).saturating_mul(COPIES))?;
        numbers.into_iter().for_each(|(column, number)| varint::write(number, column));
        columns.names.extend_from_slice(rest);
        if kind == LINK {
            varint::write(target.len() as u64, &mut columns.targets);
            columns.targets.extend_from_slice(target.as_bytes());
        }
        self.last_mtime = entry.mtime;
        self.last_is_link = kind == LINK;
        self.last_name.clone_from(&entry.name);
        self.member_count += 1;
        Ok(())
    }

    /// Adds the CRC-32 of the member that was added last. What a zip has for a link is its target, which is in its header here.
    pub(crate) fn verified(&mut self, crc32: u32) {
        let crc32 = if self.last_is_link { 0 } else { crc32 };
        self.members.crc32s.extend_from_slice(&crc32.to_le_bytes());
    }

    /// Adds a segment, which may continue the one before.
    pub(crate) fn segment(&mut self, file: u64, tar: u64, continues: bool) {
        varint::write(file, &mut self.segments[0]);
        varint::write(tar << 1 | u64::from(continues), &mut self.segments[1]);
        self.segment_count += 1;
        self.tar_bytes += tar;
    }

    /// The whole index.
    pub(crate) fn written(&self, sha256: Option<[u8; 32]>) -> Vec<u8> {
        let parts = || self.segments.iter().map(Vec::as_slice).chain(self.members.all());
        let mut bytes = Vec::with_capacity(COUNTS + parts().map(<[u8]>::len).sum::<usize>());
        bytes.push(if sha256.is_some() { HAS_SHA256 } else { 0 });
        bytes.extend_from_slice(sha256.as_ref().map_or(&[], |digest| &digest[..]));
        varint::write(self.tar_bytes, &mut bytes);
        varint::write(self.segment_count, &mut bytes);
        varint::write(self.member_count, &mut bytes);
        parts().for_each(|part| bytes.extend_from_slice(part));
        bytes
    }
}

/// Takes the columns of an index apart.
struct Parser<'a> {
    bytes: &'a [u8],
}

impl<'a> Parser<'a> {
    fn number(&mut self) -> Result<u64, StoredError> {
        varint::read(&mut self.bytes).ok_or(bad("a number in it is cut or too long"))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], StoredError> {
        let taken = usize::try_from(length).ok().and_then(|length| self.bytes.split_at_checked(length));
        let (taken, rest) = taken.ok_or(bad("it is shorter than its own counts say"))?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The bytes of a column of `count` numbers, to be read beside others.
    fn column(&mut self, count: u64) -> Result<Parser<'a>, StoredError> {
        let start = self.bytes;
        for _ in 0..count {
            self.number()?;
        }
        Ok(Parser { bytes: &start[..start.len() - self.bytes.len()] })
    }
}

fn bad(problem: &'static str) -> StoredError {
    StoredError::BadIndex { problem }
}

const TOO_LARGE: StoredError = StoredError::BadIndex { problem: "its numbers are too large" };

impl Index {
    /// Reads the index of a file whose segments fill `segments`.
    pub(crate) fn parse(bytes: &[u8], segments: Range<u64>, meter: &mut Meter) -> Result<Self, StoredError> {
        let mut parser = Parser { bytes };
        let flags = parser.take(1)?[0];
        if flags & !HAS_SHA256 != 0 {
            return Err(bad("it has flags that this version does not know"));
        }
        let sha256 = if flags & HAS_SHA256 != 0 { parser.take(32)?.first_chunk().copied() } else { None };
        let tar_bytes = parser.number()?;
        let (segment_count, member_count) = (parser.number()?, parser.number()?);
        if segment_count.saturating_add(member_count) > bytes.len() as u64 {
            return Err(bad("it is shorter than its own counts say"));
        }
        let width =
            size_of::<Segment>() as u64 * segment_count + (size_of::<IndexedMember>() as u64 + SEEN) * member_count;
        meter.charge(width).map_err(|_| StoredError::TooLarge { what: "index", limit: meter.limit() })?;
        let segments = parser.segments(segment_count, segments, tar_bytes)?;
        let members = parser.members(member_count, tar_bytes, meter)?;
        if !parser.bytes.is_empty() {
            return Err(bad("it is longer than its own counts say"));
        }
        Ok(Self { segments, members, tar_bytes, sha256 })
    }

    /// Bytes of the tarball without a report behind it.
    pub fn tarball_bytes(&self) -> u64 {
        self.end_of_members() + tar::TRAILER as u64
    }

    /// Where the members end in the tarball.
    pub(crate) fn end_of_members(&self) -> u64 {
        self.members.last().map_or(0, |member| member.contents().end.next_multiple_of(tar::BLOCK as u64))
    }

    /// The member with this name.
    pub fn member(&self, name: &str) -> Option<&IndexedMember> {
        self.members.iter().find(|member| member.entry.name == name)
    }

    /// The part of the index that a reader of this one member needs. The index of a large archive takes as much memory as it has
    /// members.
    pub fn only(&self, member: usize) -> Self {
        let found = &self.members[member];
        let segments = self.segments_of(&(found.header.start..found.contents().end)).to_vec();
        Self { segments, members: vec![found.clone()], tar_bytes: self.tar_bytes, sha256: self.sha256 }
    }

    /// The bytes of the file that give this member's contents and nothing else, if there are any. Between
    /// [`stream_start`](super::stream_start) and [`STREAM_END`](super::STREAM_END) they are a brotli stream.
    pub fn own_segments(&self, member: usize) -> Option<Range<u64>> {
        let contents = self.members[member].contents();
        let (first, last) = match self.segments_of(&contents) {
            [] => return None,
            [only] => (only, only),
            [first, .., last] => (first, last),
        };
        (first.tar.start == contents.start && last.tar.end == contents.end).then_some(first.file.start..last.file.end)
    }

    /// The segments to decode for bytes of the tarball: from one that starts anew to the one with the last of the bytes.
    pub fn segments_of(&self, tar: &Range<u64>) -> &[Segment] {
        &self.segments[self.numbers_of(tar)]
    }

    /// The numbers of these segments.
    pub(crate) fn numbers_of(&self, tar: &Range<u64>) -> Range<usize> {
        let mut first = self.segments.partition_point(|segment| segment.tar.end <= tar.start);
        let end = first + self.segments[first..].partition_point(|segment| segment.tar.start < tar.end);
        while first > 0 && self.segments.get(first).is_some_and(|segment| segment.continues) {
            first -= 1;
        }
        first..end.max(first)
    }
}

impl Parser<'_> {
    fn segments(&mut self, count: u64, file: Range<u64>, tar_bytes: u64) -> Result<Vec<Segment>, StoredError> {
        let mut lengths = self.column(count)?;
        let mut sizes = self.column(count)?;
        let mut segments = Vec::with_capacity(count as usize);
        let (mut at, mut tar) = (file.start, 0_u64);
        for _ in 0..count {
            let length = lengths.number()?;
            let size = sizes.number()?;
            let (start, tar_start) = (at, tar);
            at = at.checked_add(length).ok_or(TOO_LARGE)?;
            tar = tar.checked_add(size >> 1).ok_or(TOO_LARGE)?;
            let continues = size & 1 == 1;
            if length == 0 || size >> 1 == 0 || continues && segments.is_empty() {
                return Err(bad("a segment in it is empty, or continues nothing"));
            }
            segments.push(Segment { file: start..at, tar: tar_start..tar, continues });
        }
        if at != file.end || tar != tar_bytes {
            return Err(bad("its segments do not fill the file and the tarball"));
        }
        Ok(segments)
    }

    fn members(&mut self, count: u64, tar_bytes: u64, meter: &mut Meter) -> Result<Vec<IndexedMember>, StoredError> {
        let [mut kinds, mut headers, mut sizes, mut mtimes] =
            [self.column(count)?, self.column(count)?, self.column(count)?, self.column(count)?];
        let mut crc32s = Parser { bytes: self.take(4 * count)? };
        let [mut shared, mut lengths] = [self.column(count)?, self.column(count)?];
        let total = Parser { bytes: lengths.bytes }.sum(count)?;
        let mut names = Parser { bytes: self.take(total)? };
        let mut members: Vec<IndexedMember> = Vec::with_capacity(count as usize);
        let mut mtime = 0_i64;
        let mut at = 0_u64;
        for _ in 0..count {
            let kind = kinds.number()?;
            let header = headers.number()?.checked_mul(tar::BLOCK as u64).ok_or(TOO_LARGE)?;
            let size = sizes.number()?;
            mtime = mtime.wrapping_add(varint::unfold(mtimes.number()?));
            let before = members.last().map_or("", |member| &member.entry.name);
            let (shared, rest) = (shared.number()?, names.take(lengths.number()?)?);
            let shared = usize::try_from(shared).ok().and_then(|shared| before.as_bytes().get(..shared));
            let shared = shared.ok_or(bad("a name in it shares more than the one before has"))?;
            let charge = (shared.len() + rest.len()) as u64;
            meter.charge(charge).map_err(|_| StoredError::TooLarge { what: "index", limit: meter.limit() })?;
            let name = String::from_utf8([shared, rest].concat()).map_err(|_| bad("a name in it is not UTF-8"))?;
            let kind_of = match kind & 3 {
                FILE => EntryKind::File,
                DIRECTORY => EntryKind::Directory,
                LINK => {
                    let length = self.number()?;
                    let target = std::str::from_utf8(self.take(length)?);
                    EntryKind::Link { target: target.map_err(|_| bad("a link in it is not UTF-8"))?.to_owned() }
                }
                _ => return Err(bad("a member in it is of an unknown kind")),
            };
            let mode = u32::try_from(kind >> 2).ok().filter(|&mode| mode <= 0o777);
            let mode = mode.ok_or(bad("the permissions of a member in it are no permissions"))?;
            if safe_path(&name, Names::default()).ok().as_ref() != Some(&name)
                || name.ends_with('/') != (kind & 3 == DIRECTORY)
                || size > 0 && kind & 3 != FILE
            {
                return Err(StoredError::BadMember { name, problem: "its name or its size does not go with its kind" });
            }
            let entry = Entry { name, kind: kind_of, mode, mtime, size };
            let crc32 = u32::from_le_bytes(*crc32s.take(4)?.first_chunk().expect("four bytes were taken"));
            let start = at;
            let end = start.checked_add(header).ok_or(TOO_LARGE)?;
            at = end.checked_add(size).and_then(|end| end.checked_add(tar::padding(size) as u64)).ok_or(TOO_LARGE)?;
            if header != tar::header(&entry).len() as u64 {
                return Err(StoredError::BadMember { name: entry.name, problem: "its header has another length" });
            }
            members.push(IndexedMember { entry, crc32, header: start..end });
        }
        let ends = [tar::TRAILER as u64, (tar::TRAILER + Report::APPENDED) as u64];
        if !ends.iter().any(|end| at.checked_add(*end) == Some(tar_bytes)) {
            return Err(bad("its members do not fill the tarball"));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = members.iter().find(|member| !seen.insert(member.entry.name.as_str())) {
            return Err(StoredError::BadMember { name: twice.entry.name.clone(), problem: "it comes twice" });
        }
        Ok(members)
    }

    fn sum(mut self, count: u64) -> Result<u64, StoredError> {
        let mut sum = 0_u64;
        for _ in 0..count {
            sum = sum.checked_add(self.number()?).ok_or(TOO_LARGE)?;
        }
        Ok(sum)
    }
}
