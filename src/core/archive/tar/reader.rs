//! Reads any tarball from its front: POSIX (ustar, pax), GNU, and those before them.
//!
//! It takes files, folders and symbolic links. Everything else is refused, and so is what two readers could understand in two
//! ways: a sparse file, a name for all members, a size of a folder.

use super::{BLOCK, padding};
use crate::{
    error::StoredError,
    limits::{Limits, Meter},
    member::{Entry, EntryKind},
    names::Names,
    zip::name::{safe_path, shown},
};

/// The longest extended header or long name, in bytes. Names have 4,096 at most nearly everywhere.
const LONGEST: u64 = 1 << 20;

/// The result of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarEvent {
    /// All input was taken: call again with more, or with `ended`.
    NeedsInput,
    /// Some work was done: call again with the rest of the input.
    Working,
    /// A member begins.
    Begin(Entry),
    /// This many bytes of contents are at the front of the output.
    Contents(usize),
    /// The member that began last is whole.
    End,
    /// The tarball and the input have ended.
    Done,
}

/// Reads one tarball.
#[derive(Debug)]
pub struct TarReader {
    state: State,
    /// What extended headers say about the next member.
    next: Extended,
    /// A reader of a tarball keeps its list of members.
    meter: Meter,
}

#[derive(Debug)]
enum State {
    /// Bytes of the next header so far.
    Header(Vec<u8>),
    /// An extended header of this type.
    Extended {
        kind: u8,
        size: u64,
        bytes: Vec<u8>,
    },
    /// Bytes of contents that are left, and of the zeros behind them.
    Contents {
        left: u64,
        padding: u64,
    },
    Padding {
        left: u64,
    },
    /// Bytes after the end have no meaning.
    Ended,
}

#[derive(Debug, Default)]
struct Extended {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    mtime: Option<i64>,
}

/// Fields of a header block: offset and length (POSIX pax, "ustar Interchange Format").
mod field {
    pub(super) type Field = (usize, usize);
    pub(super) const NAME: Field = (0, 100);
    pub(super) const MODE: Field = (100, 8);
    pub(super) const SIZE: Field = (124, 12);
    pub(super) const MTIME: Field = (136, 12);
    pub(super) const CHECKSUM: Field = (148, 8);
    pub(super) const TYPE: usize = 156;
    pub(super) const TARGET: Field = (157, 100);
    pub(super) const MAGIC: Field = (257, 6);
    pub(super) const PREFIX: Field = (345, 155);
}
use field::Field;

impl TarReader {
    /// Starts with a header. The list of members may take [`Limits::memory_bytes`].
    pub fn new(limits: Limits) -> Self {
        let state = State::Header(Vec::with_capacity(BLOCK));
        Self { state, next: Extended::default(), meter: Meter::new(limits.memory_bytes) }
    }

    /// Bytes that [`Self::recognizes`] needs.
    pub const START: usize = BLOCK;

    /// Whether a file with these first [`Self::START`] bytes is a tarball that is not compressed.
    pub fn recognizes(start: &[u8]) -> bool {
        start.len() >= BLOCK && has_checksum(start)
    }

    /// Takes bytes from the front of `input`, and may write to the front of `output`, which has room. Says how many it took.
    /// `ended` says that no more input follows.
    ///
    /// # Errors
    ///
    /// `bad_tar` if it is none or is cut, `bad_member` for a member that is no file, folder or link, `unsafe_name`,
    /// `memory_limit`.
    pub fn read(&mut self, input: &[u8], ended: bool, output: &mut [u8]) -> Result<(usize, TarEvent), StoredError> {
        let available = |wanted: u64| usize::try_from(wanted).map_or(input.len(), |wanted| wanted.min(input.len()));
        let count = match &mut self.state {
            State::Header(block) => {
                let count = available((BLOCK - block.len()) as u64);
                block.extend_from_slice(&input[..count]);
                if block.len() == BLOCK {
                    let block = std::mem::take(block);
                    return Ok((count, self.header(&block)?));
                }
                count
            }
            State::Extended { kind, size, bytes } => {
                let count = available(*size + padding(*size) as u64 - bytes.len() as u64);
                bytes.extend_from_slice(&input[..count]);
                if bytes.len() as u64 == *size + padding(*size) as u64 {
                    bytes.truncate(*size as usize);
                    let (kind, bytes) = (*kind, std::mem::take(bytes));
                    self.next.add(kind, bytes)?;
                    self.state = State::Header(Vec::with_capacity(BLOCK));
                    return Ok((count, TarEvent::Working));
                }
                count
            }
            State::Contents { left: 0, padding } => {
                self.state = State::Padding { left: *padding };
                return Ok((0, TarEvent::End));
            }
            State::Contents { left, .. } => {
                let count = available(*left).min(output.len());
                output[..count].copy_from_slice(&input[..count]);
                *left -= count as u64;
                if count > 0 {
                    return Ok((count, TarEvent::Contents(count)));
                }
                count
            }
            State::Padding { left } => {
                let count = available(*left);
                *left -= count as u64;
                if *left == 0 {
                    self.state = State::Header(Vec::with_capacity(BLOCK));
                    return Ok((count, TarEvent::Working));
                }
                count
            }
            State::Ended if input.is_empty() && ended => return Ok((0, TarEvent::Done)),
            State::Ended => input.len(),
        };
        match ended && count == input.len() && !matches!(self.state, State::Ended) {
            true => Err(bad("it is cut: zeros should end it")),
            false => Ok((count, if count < input.len() { TarEvent::Working } else { TarEvent::NeedsInput })),
        }
    }

    fn header(&mut self, block: &[u8]) -> Result<TarEvent, StoredError> {
        if block.iter().all(|&byte| byte == 0) {
            self.state = State::Ended;
            return Ok(TarEvent::Working);
        }
        if !has_checksum(block) {
            return Err(bad("a header has a wrong checksum"));
        }
        let size = number(block, field::SIZE)?;
        let kind = block[field::TYPE];
        if matches!(kind, b'x' | b'g' | b'L' | b'K') {
            if size > LONGEST {
                return Err(bad("an extended header is too long"));
            }
            self.state = State::Extended { kind, size, bytes: Vec::new() };
            return Ok(TarEvent::Working);
        }
        let next = std::mem::take(&mut self.next);
        let entry = entry(block, next, size)?;
        let target = if let EntryKind::Link { target } = &entry.kind { target.len() } else { 0 };
        let width = size_of::<Entry>() + entry.name.len() + target;
        let too_large = StoredError::TooLarge { what: "list of members", limit: self.meter.limit() };
        self.meter.charge(width as u64).map_err(|_| too_large)?;
        self.state = State::Contents { left: entry.size, padding: padding(entry.size) as u64 };
        Ok(TarEvent::Begin(entry))
    }
}

impl Extended {
    /// Takes the contents of an extended header.
    fn add(&mut self, kind: u8, mut bytes: Vec<u8>) -> Result<(), StoredError> {
        match kind {
            b'L' | b'K' => {
                let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                bytes.truncate(end);
                *if kind == b'L' { &mut self.name } else { &mut self.target } = Some(bytes);
                Ok(())
            }
            _ => self.records(&bytes, kind == b'g'),
        }
    }

    /// Takes pax records: `LENGTH KEY=VALUE\n`, whose length counts all of it.
    fn records(&mut self, mut bytes: &[u8], for_all: bool) -> Result<(), StoredError> {
        let broken = || bad("a pax record is broken");
        while !bytes.is_empty() {
            let space = bytes.iter().position(|&byte| byte == b' ').ok_or_else(broken)?;
            let length: usize = parsed(&bytes[..space]).ok_or_else(broken)?;
            let record = bytes.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n"));
            let record = record.ok_or_else(broken)?;
            let equals = record.iter().position(|&byte| byte == b'=').ok_or_else(broken)?;
            self.record(&record[..equals], &record[equals + 1..], for_all)?;
            bytes = &bytes[length..];
        }
        Ok(())
    }

    fn record(&mut self, key: &[u8], value: &[u8], for_all: bool) -> Result<(), StoredError> {
        if key.starts_with(b"GNU.sparse.") {
            return Err(bad("it has a sparse file"));
        }
        match key {
            b"path" | b"linkpath" | b"size" if for_all => {
                return Err(bad("a name or a size is for all members"));
            }
            // An empty value takes back that of a header for all members, and those are not read.
            _ if for_all || value.is_empty() => {}
            b"path" => self.name = Some(value.to_vec()),
            b"linkpath" => self.target = Some(value.to_vec()),
            b"size" => self.size = Some(parsed(value).ok_or_else(|| bad("a size is no number"))?),
            b"mtime" => {
                // A fraction may follow.
                let whole = value.split(|&byte| byte == b'.').next().unwrap_or_default();
                self.mtime = Some(parsed(whole).ok_or_else(|| bad("a time is no number"))?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The member of a header.
fn entry(block: &[u8], next: Extended, size: u64) -> Result<Entry, StoredError> {
    let name = next.name.unwrap_or_else(|| {
        let (name, prefix) = (text(block, field::NAME), text(block, field::PREFIX));
        // GNU and older formats have other things where POSIX has the prefix.
        if text_of_magic(block) == b"ustar\0" && !prefix.is_empty() {
            [prefix, b"/", name].concat()
        } else {
            name.to_vec()
        }
    });
    let refuse = |problem| StoredError::BadMember { name: shown(&name), problem };
    let size = next.size.unwrap_or(size);
    let name = std::str::from_utf8(&name).map_err(|_| refuse("its name is not UTF-8"))?;
    let mut path = safe_path(name, Names::default())?;
    let kind = match block[field::TYPE] {
        // Before POSIX a folder is a file whose name ends in a slash.
        b'0' | 0 if path.ends_with('/') => EntryKind::Directory,
        b'0' | 0 | b'7' => EntryKind::File,
        b'5' => EntryKind::Directory,
        b'2' => {
            let target = next.target.unwrap_or_else(|| text(block, field::TARGET).to_vec());
            let target = String::from_utf8(target).map_err(|_| refuse("the target of the link is not UTF-8"))?;
            // A name with a zero byte is refused by `safe_path`. Some readers end both there.
            if target.contains('\0') {
                return Err(refuse("the target of the link has a zero byte in it"));
            }
            EntryKind::Link { target }
        }
        b'1' => return Err(refuse("it is a hard link")),
        b'S' => return Err(refuse("it is a sparse file")),
        b'3' | b'4' => return Err(refuse("it is a device")),
        _ => return Err(refuse("it is no file, folder or link")),
    };
    if kind == EntryKind::Directory && !path.ends_with('/') {
        path.push('/');
    }
    if kind != EntryKind::Directory && path.ends_with('/') {
        return Err(refuse("it is no folder, and its name ends in a slash"));
    }
    if kind != EntryKind::File && size > 0 {
        return Err(refuse("it is no file, and has a size"));
    }
    let mode = (number(block, field::MODE)? & 0o777) as u32;
    let mtime = match next.mtime {
        Some(mtime) => mtime,
        None => time(block)?,
    };
    Ok(Entry { name: path, kind, mode, mtime, size })
}

fn bad(problem: &'static str) -> StoredError {
    StoredError::BadTar { problem }
}

/// A number in decimal digits.
fn parsed<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    text.parse().ok()
}

fn raw(block: &[u8], (at, length): Field) -> &[u8] {
    &block[at..at + length]
}

/// A field up to its first NUL.
fn text(block: &[u8], field: Field) -> &[u8] {
    raw(block, field).split(|&byte| byte == 0).next().unwrap_or_default()
}

fn text_of_magic(block: &[u8]) -> &[u8] {
    raw(block, field::MAGIC)
}

/// A number in octal digits, with spaces before it and a space or NUL behind; or binary, with the highest bit set (GNU).
fn number(block: &[u8], field: Field) -> Result<u64, StoredError> {
    signed(block, field).and_then(|number| u64::try_from(number).ok()).ok_or(bad("a number in a header is none"))
}

fn time(block: &[u8]) -> Result<i64, StoredError> {
    let time = signed(block, field::MTIME).and_then(|time| i64::try_from(time).ok());
    time.ok_or(bad("a time in a header is none"))
}

fn signed(block: &[u8], field: Field) -> Option<i128> {
    let bytes = raw(block, field);
    if bytes[0] & 0x80 != 0 {
        // Two's complement of all bits but the highest.
        let first = i128::from((bytes[0] << 1) as i8 >> 1);
        return Some(bytes[1..].iter().fold(first, |number, &byte| number << 8 | i128::from(byte)));
    }
    let digits = bytes.trim_ascii_start();
    let end = digits.iter().position(|&byte| matches!(byte, b' ' | 0)).unwrap_or(digits.len());
    let digit = |number: Option<i128>, &digit: &u8| {
        matches!(digit, b'0'..=b'7').then(|| number.map(|number| number << 3 | i128::from(digit - b'0')))?
    };
    digits[..end].iter().fold(Some(0), digit)
}

/// Whether the checksum is the sum of all bytes, with spaces for itself. Some old programs added signed bytes.
fn has_checksum(block: &[u8]) -> bool {
    let (at, length) = field::CHECKSUM;
    let byte = |(index, byte): (usize, &u8)| if (at..at + length).contains(&index) { b' ' } else { *byte };
    let unsigned: i128 = block[..BLOCK].iter().enumerate().map(byte).map(i128::from).sum();
    let with_signs: i128 = block[..BLOCK].iter().enumerate().map(byte).map(|byte| i128::from(byte as i8)).sum();
    signed(block, field::CHECKSUM).is_some_and(|sum| sum == unsigned || sum == with_signs)
}
