//! Local headers, and the choice of how to read the data after them.

use super::{
    Coding, Contents, Data, Kept, Measured, Member, Method, ReadResult, Scan, State, ZipReader, extra, indexed,
    ledger::{CopyOf, NameDigest},
    name,
    record::{self, FLAG_DESCRIPTOR, FLAG_END_MARKER, FLAG_PATCH, FLAGS_ENCRYPTED, IN_ZIP64, LocalHeader, method_name},
    time,
};
use crate::{
    error::{Error, Format, Limit, Unsupported},
    member::{Entry, EntryKind},
    names::Names,
    warning::{Warning, Warnings},
    zip::{paths::NO_ROW, spool::Spool},
};

/// Method 99 says that the real method is in an AES extra field (APPNOTE §4.4.5).
const METHOD_AES: u16 = 99;

/// Krita's writer leaves this text in the local header of its first member.
const PLACEHOLDERS: [[u8; 4]; 3] = [*b"CRCq", *b"CSIZ", *b"USIZ"];

impl ZipReader {
    pub(super) fn local_header(&mut self, input: &[u8]) -> ReadResult {
        let mut taken = self.gather(LocalHeader::LENGTH, input)?;
        let Some(header) = LocalHeader::parse(&self.record) else { return self.wait_in(State::LocalHeader, taken) };
        let length = header.whole_length();
        taken += self.gather(length, &input[taken..])?;
        if self.record.len() < length {
            return self.wait_in(State::LocalHeader, taken);
        }

        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Limit::TooManyEntries { limit: self.limits.entries }.into());
        }
        let (raw_name, extra) = self.record[LocalHeader::LENGTH..length].split_at(header.name_length.into());
        if is_virtual(&header) {
            self.record.drain(..length);
            return self.go_to(State::Signature { zeros: 0 }, taken);
        }
        let offset = self.record_start(taken);
        // If the name is too long, only its start is decoded.
        let name_length = name::decoded_length(raw_name, extra, self.names).max(raw_name.len());
        let limit = self.limits.name_bytes;
        if name_length as u64 > limit {
            let name = name::shown(raw_name).chars().take(32).collect();
            return Err(Limit::NameTooLong { name, length: name_length as u64, limit }.into());
        }
        self.charge_name(name_length)?;
        let (raw_name, extra) = self.record[LocalHeader::LENGTH..length].split_at(header.name_length.into());
        let (mut member, mut sizes) = member(&header, raw_name, extra, offset, self.names)?;
        self.record.drain(..length);
        let row = u32::try_from(self.ledger.len()).unwrap_or(NO_ROW);
        let first = self.paths.insert(&member.entry.name, row, &mut self.meter)?;
        member.hashed = member.entry.kind != EntryKind::Directory;
        if let Some(directory) = &mut self.known {
            directory.links().check_folders(&member.entry.name)?;
            if let Some(row) = directory.find(offset) {
                member.hashed &= row.may_be_copy;
                know(&mut member, &mut sizes, row);
            }
        }
        member.copy_of = first.map(|first| self.may_be_copy(&member, first)).transpose()?;

        let size = matches!(sizes, DeclaredSizes::Declared { .. }).then_some(member.entry.size);
        let contents = Contents::new(member.coding, size, &mut self.decoder, &mut self.meter);
        let contents = if member.hashed { contents.hashing() } else { contents };
        let method = member.coding.method;
        let is_directory = member.entry.kind == EntryKind::Directory;
        match (sizes, method) {
            (DeclaredSizes::Declared { compressed_size }, _)
                if matches!(member.entry.kind, EntryKind::Link { .. }) && member.copy_of.is_none() =>
            {
                let end = compressed_size.map(|size| self.record_start(taken).saturating_add(size));
                self.begin_link(&member.entry, end)?;
                let kept = Kept::Target(Vec::new());
                self.go_to(State::Contents { member, contents, compressed_size, kept }, taken)
            }
            (DeclaredSizes::Declared { compressed_size }, _) => {
                let end = compressed_size.map(|size| self.record_start(taken).saturating_add(size));
                let compressed = compressed_size.unwrap_or(member.entry.size);
                let data = Data { compressed_size: compressed, unpacked_before: 0, end };
                let (event, kept) = self.begin_member(&member, data)?;
                self.state = State::Contents { member, contents, compressed_size, kept };
                Ok((taken, event))
            }
            // A directory has no contents, only a descriptor, and some writers omit even that.
            (DeclaredSizes::Unknown, Method::Stored) if is_directory => {
                let measured = Measured { crc32: 0, compressed_size: 0, size: 0, digest: None };
                let end = Some(self.record_start(taken));
                let data = Data { compressed_size: 0, unpacked_before: 0, end };
                let (event, kept) = self.begin_member(&member, data)?;
                self.state = State::Descriptor { member, measured, kept };
                Ok((taken, event))
            }
            (DeclaredSizes::Unknown, Method::Stored) => {
                let scan = if member.hashed { Scan::hashing() } else { Scan::default() };
                self.go_to(State::Scan { member, scan, spool: Spool::default() }, taken)
            }
            // Compressed data says by itself where it ends.
            (DeclaredSizes::Unknown, _) => self.go_to(State::Hold { member, contents, spool: Spool::default() }, taken),
        }
    }

    /// The first member of this member's path, at row `first` of the ledger, if they may be the same: their names have the
    /// same bytes, and both are links or none is. The contents are compared at the end.
    fn may_be_copy(&self, member: &Member, first: u32) -> Result<CopyOf, Error> {
        let is_link = matches!(member.entry.kind, EntryKind::Link { .. });
        let problem = match self.ledger.row(first as usize) {
            Some(row) if row.name == member.name && record::is_link(row.mode) == is_link => return Ok(CopyOf(first)),
            Some(row) if row.name == member.name => "one of them is a link",
            Some(_) => "their names differ in the zip, and not in a tarball",
            None => "one of them is the data before the zip",
        };
        Err(Format::DuplicateName { name: member.entry.name.clone(), problem }.into())
    }
}

/// Adds the facts that only the directory has. They are claims, like those of the local header: the end of the data, its
/// CRC-32 and the directory itself confirm them.
fn know(member: &mut Member, sizes: &mut DeclaredSizes, row: indexed::Row) {
    let is_directory = member.entry.kind == EntryKind::Directory;
    let is_link = !is_directory && row.mode.is_some_and(record::is_link);
    match row.mode {
        Some(_) if is_link => {
            member.entry.kind = EntryKind::Link { target: String::new() };
            member.entry.mode = 0o777;
        }
        // Nine bits.
        Some(mode) => member.entry.mode = u32::from(mode & 0o777),
        None => {}
    }
    match sizes {
        _ if is_directory => {}
        // Readers of streams find the end of stored data by its descriptor. This one does as well, and refuses an archive
        // where the directory has another end. The target of a link cannot hold a descriptor: one has control characters.
        DeclaredSizes::Unknown if !is_link && member.coding.method == Method::Stored => {}
        // Empty data is no compressed stream. Some writers leave it out even so; a reader of streams cannot know that.
        DeclaredSizes::Unknown if !is_link && row.compressed_size == 0 => {}
        DeclaredSizes::Unknown => {
            member.entry.size = row.size;
            *sizes = DeclaredSizes::Declared { compressed_size: Some(row.compressed_size) };
        }
        DeclaredSizes::Declared { compressed_size } => {
            compressed_size.get_or_insert(row.compressed_size);
        }
    }
}

/// True for a nameless, empty header. zipflinger fills gaps in APKs with them. They are not members, and the directory
/// does not list them.
fn is_virtual(header: &LocalHeader) -> bool {
    let sizes = [header.declared_crc32, header.declared_compressed_size, header.declared_size];
    header.name_length == 0 && header.method == 0 && header.flags == 0 && sizes == [0; 3]
}

/// The sizes that a local header declares.
enum DeclaredSizes {
    /// The size is in the entry. The compressed size is unknown if it follows the data.
    Declared { compressed_size: Option<u64> },
    /// Both sizes follow the data.
    Unknown,
}

/// The member described by a header.
fn member(
    header: &LocalHeader,
    raw_name: &[u8],
    extra: &[u8],
    offset: u64,
    names: Names,
) -> Result<(Member, DeclaredSizes), Error> {
    let method = supported_method(header, raw_name)?;
    let decoded = name::decode(raw_name, header.flags, extra, names)?;
    let path = name::safe_path(&decoded.name, names)?;
    let mut warnings = Warnings::default();
    decoded.warning.into_iter().for_each(|warning| warnings.insert(warning));
    if path != decoded.name {
        warnings.insert(Warning::NameChanged);
    }

    let has_descriptor = header.flags & FLAG_DESCRIPTOR != 0;
    let fields = [header.declared_crc32, header.declared_compressed_size, header.declared_size];
    if fields == PLACEHOLDERS.map(u32::from_le_bytes) {
        return Err(Format::PlaceholderSizes { entry: path }.into());
    }
    let (size, compressed_size) = declared_sizes(header, extra, &path, has_descriptor)?;
    let sizes = match (has_descriptor, size, compressed_size) {
        (true, 0, 0) => DeclaredSizes::Unknown,
        // Info-ZIP writing to a pipe knows the size but not the compressed size. For a stored member they are the same.
        (true, _, 0) if method != Method::Stored => DeclaredSizes::Declared { compressed_size: None },
        (true, _, 0) => DeclaredSizes::Unknown,
        _ => DeclaredSizes::Declared { compressed_size: Some(compressed_size) },
    };
    let known = matches!(sizes, DeclaredSizes::Declared { compressed_size: Some(_) });
    if method == Method::Stored && known && size != compressed_size {
        let what = "compressed size";
        return Err(Format::SizeMismatch { entry: path, what, computed: compressed_size, declared: size }.into());
    }

    let kind = if path.ends_with('/') { EntryKind::Directory } else { EntryKind::File };
    if decoded.name == "/" && (size > 0 || compressed_size > 0) {
        return Err(name::unsafe_name(&decoded.name, "it is absolute").into());
    }
    if kind == EntryKind::Directory && size > 0 {
        return Err(Format::DirectoryWithData { entry: path }.into());
    }
    let without_zone = time::from_dos(header.dos_date, header.dos_time);
    let mtime = extra::mtime(extra, without_zone).unwrap_or_else(|| {
        warnings.insert(if without_zone.is_some() { Warning::TimeWithoutZone } else { Warning::TimeUnknown });
        without_zone.unwrap_or(0)
    });
    let mode = permissions(extra, &kind);
    let entry = Entry { name: path, kind, mode, mtime, size };
    let coding = Coding { method, has_end_marker: header.flags & FLAG_END_MARKER != 0 };
    let declared_crc32 = (!has_descriptor).then_some(header.declared_crc32);
    let name = NameDigest::new(raw_name, &decoded.name);
    Ok((Member { entry, coding, offset, name, declared_crc32, hashed: false, copy_of: None, warnings }, sizes))
}

fn supported_method(header: &LocalHeader, raw_name: &[u8]) -> Result<Method, Unsupported> {
    let entry = || name::shown(raw_name);
    if header.flags & FLAGS_ENCRYPTED != 0 || header.method == METHOD_AES {
        return Err(Unsupported::Encrypted { entry: entry() });
    }
    if header.flags & FLAG_PATCH != 0 {
        return Err(Unsupported::Flag { entry: entry(), flags: header.flags });
    }
    Method::new(header.method).ok_or_else(|| {
        let name = method_name(header.method);
        Unsupported::Method { entry: entry(), method: header.method, name }
    })
}

/// Size and compressed size; 0 if a descriptor gives them.
fn declared_sizes(header: &LocalHeader, extra: &[u8], path: &str, has_descriptor: bool) -> Result<(u64, u64), Format> {
    let declared = [header.declared_size, header.declared_compressed_size];
    let wide = extra::zip64(extra, declared.map(|size| size == IN_ZIP64));
    let resolve = |index: usize, lacks| match (declared[index], wide[index]) {
        (IN_ZIP64, Some(size)) => Ok(size),
        (IN_ZIP64, None) if has_descriptor => Ok(0),
        (IN_ZIP64, None) => Err(Format::BadZip64 { entry: path.to_owned(), lacks }),
        (size, _) => Ok(size.into()),
    };
    Ok((resolve(0, "size")?, resolve(1, "compressed size")?))
}

/// Permission bits. Most local headers have none. A mode of another file type is ignored.
fn permissions(extra: &[u8], kind: &EntryKind) -> u32 {
    const TYPE: u32 = 0o170_000;
    let (type_bits, default) = match kind {
        EntryKind::File | EntryKind::Link { .. } => (0o100_000, 0o644),
        EntryKind::Directory => (0o040_000, 0o755),
    };
    extra::unix_mode(extra).filter(|mode| mode & TYPE == type_bits).map_or(default, |mode| mode & 0o777)
}
