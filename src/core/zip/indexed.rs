//! The central directory, read before the members.
//!
//! The directory is at the end of a zip. A caller that can seek brings the ranges that [`DirectoryReader`] asks for; the
//! [`ZipReader`](super::forward::ZipReader) then knows the permissions, links and sizes of a member before it reads it.
//!
//! Nothing here is trusted. The forward reader still reads every record in its place, the directory among them, and refuses
//! an archive whose records disagree. So a directory that cannot be found is no error here: the forward reader has the
//! better words for it.

mod links;

pub(crate) use links::{Links, MAX_TARGET, unsafe_link};

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use super::{
    format::{
        extra,
        record::{
            self, CENTRAL_HEADER, CentralHeader, END, End, IN_ZIP64, ZIP64_END, ZIP64_LOCATOR, Zip64End, Zip64Locator,
        },
    },
    forward::{MAX_EXTENSIBLE, MAX_LINE_ENDS, MAX_TRAILING},
    name,
};
use crate::{
    error::{Error, Limit},
    limits::{Limits, Meter},
    names::Names,
};

/// Bytes of one range of the directory.
const PIECE: u64 = 64 << 10;

/// The most members that [`DirectoryReader::finding`] finds.
const FOUND: usize = 4;

/// Bytes at the end of a file that hold the end records, if nothing but a comment follows them.
pub(crate) const TAIL: u64 = 128 << 10;

/// The same for a file with as many bytes after the comment as the forward reader allows.
const LONG_TAIL: u64 = TAIL + MAX_TRAILING + MAX_LINE_ENDS;

/// The facts of the directory that the forward reader needs in advance.
#[derive(Debug)]
pub struct Directory {
    /// In the order of their offsets.
    rows: Vec<Row>,
    /// The row after the one found last: members are mostly in this order.
    next: usize,
    links: Links,
    /// Bytes of all contents, as it states them.
    contents_bytes: u64,
    charged: u64,
}

/// One member by the directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    offset: u64,
    pub(crate) compressed_size: u64,
    pub(crate) size: u64,
    /// See [`CentralHeader::mode`].
    pub(crate) mode: Option<u16>,
    /// True if another member has this path. For a few members it is true without one.
    pub(crate) may_be_copy: bool,
    /// The start of the path's digest.
    path: u32,
}

/// Reads the directory of one zip. Does no I/O: the caller brings the ranges of the file that it asks for.
///
/// ```
/// use recompress::{DirectoryReader, Limits, Names};
///
/// # fn main() -> Result<(), recompress::Error> {
/// let zip: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// let mut reader = DirectoryReader::new(zip.len() as u64, Limits::default(), Names::default());
/// while let Some(range) = reader.wants() {
///     reader.take(&zip[range.start as usize..range.end as usize])?;
/// }
/// assert!(reader.finish().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DirectoryReader {
    file_bytes: u64,
    limits: Limits,
    names: Names,
    meter: Meter,
    state: State,
    /// A header that is not whole yet.
    record: Vec<u8>,
    rows: Vec<Row>,
    links: Links,
    /// The test of [`DirectoryReader::finding`], and the members that pass it.
    wanted: Option<fn(&str) -> bool>,
    found: Vec<(String, u64)>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The end of the file, from `start` on.
    Tail { start: u64 },
    /// The directory's headers, from `at` to `end`. Their offsets count from `base`.
    Headers { at: u64, end: u64, base: u64 },
    /// The directory was read.
    Read,
    /// There is no directory that can be read from the end.
    NotFound,
}

impl DirectoryReader {
    /// Starts with a file of `file_bytes` bytes.
    pub fn new(file_bytes: u64, limits: Limits, names: Names) -> Self {
        Self {
            file_bytes,
            limits,
            names,
            meter: Meter::new(limits.memory_bytes),
            state: State::Tail { start: file_bytes.saturating_sub(TAIL) },
            record: Vec::new(),
            rows: Vec::new(),
            links: Links::default(),
            wanted: None,
            found: Vec::new(),
        }
    }

    /// Finds the members whose names pass `wanted`. Call it before the first range.
    pub(crate) fn finding(self, wanted: fn(&str) -> bool) -> Self {
        Self { wanted: Some(wanted), ..self }
    }

    /// The first of these members, with the offsets of their local headers.
    pub(crate) fn found(&self) -> impl Iterator<Item = &(String, u64)> {
        self.found.iter()
    }

    /// The range of the file to bring next, at most 1.2 MB; `None` at the end.
    pub fn wants(&self) -> Option<Range<u64>> {
        match self.state {
            State::Tail { start } => Some(start..self.file_bytes),
            State::Headers { at, end, .. } => Some(at..end.min(at + PIECE)),
            State::Read | State::NotFound => None,
        }
    }

    /// Takes the bytes of the range. Other bytes, or another number of them, end the search.
    ///
    /// # Errors
    ///
    /// `memory_limit` if the directory needs more than [`Limits::memory_bytes`].
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(range) = self.wants() else { return Ok(()) };
        if bytes.len() as u64 != range.end - range.start {
            self.state = State::NotFound;
            return Ok(());
        }
        match self.state {
            State::Tail { start } => {
                self.state = find(bytes, start).unwrap_or_else(|| {
                    let longer = self.file_bytes.saturating_sub(LONG_TAIL);
                    if longer < start { State::Tail { start: longer } } else { State::NotFound }
                });
            }
            State::Headers { end, base, .. } => {
                self.headers(bytes, base)?;
                if matches!(self.state, State::Headers { .. }) {
                    self.state = State::Headers { at: range.end, end, base };
                }
            }
            State::Read | State::NotFound => {}
        }
        // What follows the last header is for the forward reader to judge.
        if let State::Headers { at, end, .. } = self.state
            && at == end
        {
            self.state = State::Read;
        }
        Ok(())
    }

    /// The directory; `None` if it was not found.
    pub fn finish(self) -> Option<Directory> {
        let Self { state, mut rows, links, meter, .. } = self;
        rows.sort_unstable_by_key(|row| row.path);
        for same in rows.chunk_by_mut(|one, other| one.path == other.path).filter(|same| same.len() > 1) {
            same.iter_mut().for_each(|row| row.may_be_copy = true);
        }
        rows.sort_unstable_by_key(|row| row.offset);
        let contents_bytes = rows.iter().fold(0, |sum: u64, row| sum.saturating_add(row.size));
        let charged = meter.charged();
        matches!(state, State::Read).then(|| Directory { rows, next: 0, links, contents_bytes, charged })
    }

    /// Reads the headers in `bytes`, and keeps one that is cut.
    fn headers(&mut self, mut bytes: &[u8], base: u64) -> Result<(), Error> {
        loop {
            let known = CentralHeader::parse(&self.record);
            let length = known.map_or(CentralHeader::LENGTH, |header| header.whole_length());
            let missing = length - self.record.len();
            let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
            self.record.extend_from_slice(taken);
            bytes = rest;
            if self.record.len() < length {
                return Ok(());
            }
            if record::signature(&self.record) != Some(CENTRAL_HEADER) {
                self.state = State::Read;
                return Ok(());
            }
            let header = CentralHeader::parse(&self.record).expect("its length was gathered");
            if self.record.len() < header.whole_length() {
                continue;
            }
            if self.rows.len() as u64 == self.limits.entries {
                self.state = State::NotFound;
                return Ok(());
            }
            self.row(&header, base)?;
            self.record.clear();
        }
    }

    /// Adds the member of the gathered header.
    fn row(&mut self, header: &CentralHeader, base: u64) -> Result<(), Error> {
        let (raw_name, rest) = self.record[CentralHeader::LENGTH..].split_at(header.name_length.into());
        let extra = &rest[..header.extra_length.into()];
        let narrow = [header.size, header.compressed_size, header.offset];
        let wide = extra::zip64(extra, narrow.map(|number| number == IN_ZIP64));
        let [size, compressed_size, offset] = [0, 1, 2].map(|index| wide[index].unwrap_or(narrow[index].into()));
        // A name that cannot be decoded is for the forward reader to refuse.
        let path = name::decode(raw_name, header.flags, extra, self.names)
            .and_then(|decoded| name::safe_path(&decoded.name, self.names))
            .unwrap_or_default();
        let mode = header.mode(path.ends_with('/'));
        if mode.is_some_and(record::is_link) {
            self.links.insert(&path, &mut self.meter)?;
        }
        if self.rows.len() == self.rows.capacity() {
            let more = (self.rows.len() / 2).max(16);
            let grown = ((self.rows.len() + more) * size_of::<Row>()) as u64;
            // During the reallocation both exist.
            self.meter.charge(grown)?;
            self.rows.try_reserve_exact(more).map_err(|_| Limit::Memory { wanted: grown, limit: 0 })?;
            self.meter.release((self.rows.len() * size_of::<Row>()) as u64);
        }
        let offset = offset.saturating_add(base);
        let digest = *Sha256::digest(&path).first_chunk().expect("a SHA-256 has 32 bytes");
        let digest = u32::from_le_bytes(digest);
        if self.found.len() < FOUND && self.wanted.is_some_and(|wanted| wanted(&path)) {
            self.found.push((path, offset));
        }
        self.rows.push(Row { offset, compressed_size, size, mode, may_be_copy: false, path: digest });
        Ok(())
    }
}

impl Directory {
    /// Reads the directory of a zip that is in memory.
    ///
    /// # Errors
    ///
    /// As [`DirectoryReader::take`].
    pub fn of(zip: &[u8], limits: Limits, names: Names) -> Result<Option<Self>, Error> {
        let mut reader = DirectoryReader::new(zip.len() as u64, limits, names);
        while let Some(range) = reader.wants() {
            reader.take(&zip[range.start as usize..range.end as usize])?;
        }
        Ok(reader.finish())
    }

    /// The member whose local header is at `offset`.
    pub(crate) fn find(&mut self, offset: u64) -> Option<Row> {
        let starts = |row: usize| self.rows.get(row).is_some_and(|row| row.offset == offset);
        let row = if starts(self.next) {
            self.next
        } else {
            self.rows.binary_search_by_key(&offset, |row| row.offset).ok()?
        };
        self.next = row + 1;
        Some(self.rows[row])
    }

    /// The number of members, which is not verified.
    pub fn members(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Bytes of all contents, as it states them.
    pub fn contents_bytes(&self) -> u64 {
        self.contents_bytes
    }

    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// Bytes of memory that it holds.
    pub(crate) fn charged(&self) -> u64 {
        self.charged
    }
}

/// The range of the directory, by the end records in `tail`, which begins at offset `start` of the file and reaches to its end.
pub(crate) fn directory_range(tail: &[u8], start: u64) -> Option<Range<u64>> {
    match find(tail, start)? {
        State::Headers { at, end, .. } => Some(at..end),
        _ => None,
    }
}

/// Finds the directory by the end records in `tail`, which begins at offset `start` of the file and reaches to its end.
fn find(tail: &[u8], start: u64) -> Option<State> {
    let end_at = (0..=tail.len().checked_sub(End::LENGTH)?).rev().find(|&at| ends_at(&tail[at..]))?;
    let end = End::parse(&tail[end_at..])?;
    let (directory_end, size, offset) = match locator(&tail[..end_at]) {
        Some(at) => {
            let (at, record) = zip64(&tail[..at])?;
            (at, record.directory_size, record.directory_offset)
        }
        None => (end_at, end.directory_size.into(), end.directory_offset.into()),
    };
    let directory_end = start + directory_end as u64;
    let directory_start = directory_end.checked_sub(size)?;
    // Above 4 GiB without zip64, offsets have lost their upper half: only the order of the members tells them.
    let base = directory_start.checked_sub(offset).filter(|&base| base <= u64::from(u32::MAX))?;
    Some(State::Headers { at: directory_start, end: directory_end, base })
}

/// True if the end record is at the front of `tail`: only zeros and line ends follow it and its comment.
fn ends_at(tail: &[u8]) -> bool {
    if record::signature(tail) != Some(END) {
        return false;
    }
    let comment = End::parse(tail).map_or(usize::MAX, |end| end.comment_length.into());
    let rest = comment.checked_add(End::LENGTH).and_then(|length| tail.get(length..));
    rest.is_some_and(|rest| rest.iter().all(|byte| matches!(byte, 0 | b'\r' | b'\n')))
}

/// The place of the zip64 locator that ends `before`, if one does.
fn locator(before: &[u8]) -> Option<usize> {
    let at = before.len().checked_sub(Zip64Locator::LENGTH)?;
    (record::signature(&before[at..]) == Some(ZIP64_LOCATOR)).then_some(at)
}

/// The zip64 end record that ends `before`, and its place. Its own length tells the place: the locator's offset counts from
/// the zip's start, which need not be the file's.
fn zip64(before: &[u8]) -> Option<(usize, Zip64End)> {
    let last = before.len().checked_sub(Zip64End::LENGTH)?;
    let first = last.saturating_sub(MAX_EXTENSIBLE as usize);
    let starting_at = |at: usize| {
        let bytes = Some(&before[at..]).filter(|bytes| record::signature(bytes) == Some(ZIP64_END))?;
        let record = Zip64End::parse(bytes)?;
        (record.extensible_length == Some((last - at) as u64)).then_some((at, record))
    };
    (first..=last).rev().find_map(starting_at)
}
