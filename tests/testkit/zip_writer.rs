//! A zip writer. Its records are correct, except for values that the caller overrides.
//!
//! A row of `cases` therefore shows its one oddity and nothing else. Records and fields bear the names of APPNOTE 6.3.10.

use crate::record::{Record, length16, length32};

pub const STORED: u16 = 0;
pub const DEFLATED: u16 = 8;

/// Bit 3 of the general purpose bit flag: sizes and CRC-32 follow the data (APPNOTE §4.4.4).
pub const HAS_DESCRIPTOR: u16 = 1 << 3;
/// Bit 11: name and comment are UTF-8.
pub const UTF8: u16 = 1 << 11;

/// Version made by: Unix, 2.0 (APPNOTE §4.4.2).
pub const MADE_BY_UNIX: u16 = 3 << 8 | 20;
/// Version made by: MS-DOS, 2.0.
pub const MADE_BY_DOS: u16 = 20;

/// The marker for a value in a zip64 extra field or record (APPNOTE §4.4.1.4).
pub const IN_ZIP64: u32 = u32::MAX;

/// The overridden values of a header.
#[derive(Clone, Copy, Default)]
pub struct Claims<'a> {
    pub name: Option<&'a [u8]>,
    pub flags: Option<u16>,
    pub method: Option<u16>,
    pub crc32: Option<u32>,
    pub compressed_size: Option<u32>,
    pub size: Option<u32>,
    /// Of the local header; the directory's records alone have it.
    pub offset: Option<u32>,
}

/// The descriptor after a member's data (APPNOTE §4.3.9).
#[derive(Clone)]
pub enum Descriptor {
    /// Nothing, and bit 3 is clear.
    Absent,
    /// With a signature, sizes in 32 bits.
    Signed32,
    /// With a signature, sizes in 64 bits.
    Signed64,
    /// Without a signature, sizes in 32 bits.
    Unsigned32,
    /// Without a signature, sizes in 64 bits.
    Unsigned64,
    /// These bytes, and bit 3 is set.
    Raw(Vec<u8>),
}

impl Descriptor {
    /// A [`Descriptor::Signed32`] with overridden values.
    pub fn claiming(crc32: u32, compressed_size: usize, size: usize) -> Self {
        let sizes = [compressed_size, size].map(|size| u32::try_from(size).expect("a 32-bit size"));
        Self::Raw(Record::new().bytes(b"PK\x07\x08").u32(crc32).u32(sizes[0]).u32(sizes[1]).done())
    }

    fn write(&self, crc32: u32, data: &[u8], contents: &[u8]) -> Vec<u8> {
        let (signature, wide): (&[u8], bool) = match self {
            Self::Absent => return Vec::new(),
            Self::Raw(bytes) => return bytes.clone(),
            Self::Signed32 => (b"PK\x07\x08", false),
            Self::Signed64 => (b"PK\x07\x08", true),
            Self::Unsigned32 => (b"", false),
            Self::Unsigned64 => (b"", true),
        };
        let record = Record::new().bytes(signature).u32(crc32);
        let [data, contents] = [length32(data), length32(contents)];
        if wide { record.u64(data.into()).u64(contents.into()) } else { record.u32(data).u32(contents) }.done()
    }
}

/// One member: its local header and data, and its record in the central directory.
#[derive(Clone)]
pub struct Member<'a> {
    pub name: &'a [u8],
    pub contents: &'a [u8],
    pub method: u16,
    /// Bit 3 is added when there is a descriptor.
    pub flags: u16,
    pub descriptor: Descriptor,
    /// Overrides the compressed data.
    pub data: Option<Vec<u8>>,
    /// Time and date as MS-DOS has them (APPNOTE §4.4.6).
    pub modified: (u16, u16),
    /// The local header's.
    pub extra: Vec<u8>,
    /// The directory record's.
    pub directory_extra: Vec<u8>,
    pub made_by: u16,
    pub needed: u16,
    pub external_attributes: u32,
    pub comment: &'a [u8],
    pub disk: u16,
    pub local: Claims<'a>,
    pub directory: Claims<'a>,
    /// Bytes before the local header that belong to nothing.
    pub before: &'a [u8],
    pub in_local: bool,
    pub in_directory: bool,
}

/// A stored file.
pub fn stored<'a>(name: &'a [u8], contents: &'a [u8]) -> Member<'a> {
    Member {
        name,
        contents,
        method: STORED,
        flags: 0,
        descriptor: Descriptor::Absent,
        data: None,
        modified: (0x6000, 0x5a6b), // 2025-03-11 12:00:00
        extra: Vec::new(),
        directory_extra: Vec::new(),
        made_by: MADE_BY_UNIX,
        needed: 20,
        external_attributes: 0o100644 << 16,
        comment: b"",
        disk: 0,
        local: Claims::default(),
        directory: Claims::default(),
        before: b"",
        in_local: true,
        in_directory: true,
    }
}

/// A deflated file.
pub fn deflated<'a>(name: &'a [u8], contents: &'a [u8]) -> Member<'a> {
    Member { method: DEFLATED, ..stored(name, contents) }
}

/// A directory: an empty stored member whose `name` ends in a slash.
pub fn folder(name: &[u8]) -> Member<'_> {
    Member { external_attributes: 0o40755 << 16 | 16, ..stored(name, b"") }
}

impl Member<'_> {
    /// The bytes between the local header and the descriptor.
    pub fn data(&self) -> Vec<u8> {
        match (&self.data, self.method) {
            (Some(data), _) => data.clone(),
            (None, DEFLATED) => deflate(self.contents),
            (None, _) => self.contents.to_vec(),
        }
    }

    fn flags(&self) -> u16 {
        if matches!(self.descriptor, Descriptor::Absent) { self.flags } else { self.flags | HAS_DESCRIPTOR }
    }

    /// The local header, its name and extra field (APPNOTE §4.3.7). Values in a descriptor are zero here.
    pub fn local_header(&self) -> Vec<u8> {
        let claims = &self.local;
        let known = |value| if matches!(self.descriptor, Descriptor::Absent) { value } else { 0 };
        let name = claims.name.unwrap_or(self.name);
        Record::new()
            .bytes(b"PK\x03\x04")
            .u16(self.needed)
            .u16(claims.flags.unwrap_or(self.flags()))
            .u16(claims.method.unwrap_or(self.method))
            .u16(self.modified.0)
            .u16(self.modified.1)
            .u32(claims.crc32.unwrap_or(known(crc32fast::hash(self.contents))))
            .u32(claims.compressed_size.unwrap_or(known(length32(&self.data()))))
            .u32(claims.size.unwrap_or(known(length32(self.contents))))
            .u16(length16(name))
            .u16(length16(&self.extra))
            .bytes(name)
            .bytes(&self.extra)
            .done()
    }

    /// Local header, data, descriptor.
    fn local(&self) -> Vec<u8> {
        let data = self.data();
        let descriptor = self.descriptor.write(crc32fast::hash(self.contents), &data, self.contents);
        [self.local_header(), data, descriptor].concat()
    }

    /// The central directory's record (APPNOTE §4.3.12).
    fn directory_record(&self, offset: u32) -> Vec<u8> {
        let claims = &self.directory;
        let name = claims.name.unwrap_or(self.name);
        Record::new()
            .bytes(b"PK\x01\x02")
            .u16(self.made_by)
            .u16(self.needed)
            .u16(claims.flags.unwrap_or(self.flags()))
            .u16(claims.method.unwrap_or(self.method))
            .u16(self.modified.0)
            .u16(self.modified.1)
            .u32(claims.crc32.unwrap_or(crc32fast::hash(self.contents)))
            .u32(claims.compressed_size.unwrap_or(length32(&self.data())))
            .u32(claims.size.unwrap_or(length32(self.contents)))
            .u16(length16(name))
            .u16(length16(&self.directory_extra))
            .u16(length16(self.comment))
            .u16(self.disk)
            .u16(0) // internal attributes
            .u32(self.external_attributes)
            .u32(claims.offset.unwrap_or(offset))
            .bytes(name)
            .bytes(&self.directory_extra)
            .bytes(self.comment)
            .done()
    }
}

/// Where an archive's offsets count from when there is something before it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Origin {
    #[default]
    File,
    Zip,
}

/// The zip64 end records (APPNOTE §4.3.14, §4.3.15).
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Zip64 {
    #[default]
    Absent,
    /// There, and the classic end record has the values as well.
    Needless,
    /// There, and the classic end record refers to them.
    Needed,
}

/// The overridden values of the end records.
#[derive(Clone, Copy, Default)]
pub struct EndClaims {
    pub members: Option<u64>,
    pub directory_size: Option<u64>,
    pub directory_offset: Option<u64>,
    pub disk: u16,
    pub directory_disk: u16,
}

/// A whole zip.
#[derive(Clone, Default)]
pub struct Archive<'a> {
    pub prefix: &'a [u8],
    pub origin: Origin,
    pub members: Vec<Member<'a>>,
    /// Bytes between the last member and the directory.
    pub before_directory: &'a [u8],
    /// Which members the directory lists, by index; all of them in their order if there is nothing here.
    pub directory_order: Option<Vec<usize>>,
    /// Bytes between the directory's last record and the end records; counted as the directory's.
    pub after_directory: &'a [u8],
    pub zip64: Zip64,
    /// The zip64 end record's extensible data sector (APPNOTE §4.3.14.2).
    pub extensible_data: &'a [u8],
    pub end: EndClaims,
    pub comment: &'a [u8],
    pub trailing: &'a [u8],
}

/// An archive of these members and nothing odd around them.
pub fn archive<'a>(members: impl Into<Vec<Member<'a>>>) -> Archive<'a> {
    Archive { members: members.into(), ..Archive::default() }
}

impl Archive<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let origin = if self.origin == Origin::Zip { self.prefix.len() } else { 0 };
        let offset = |zip: &Vec<u8>| zip.len() - origin;

        let mut zip = self.prefix.to_vec();
        let mut offsets = Vec::new();
        for member in &self.members {
            zip.extend(member.before);
            offsets.push(u32::try_from(offset(&zip)).expect("test data below 4 GiB"));
            if member.in_local {
                zip.extend(member.local());
            }
        }
        zip.extend(self.before_directory);

        let directory_offset = offset(&zip);
        let mut listed = 0;
        let order = self.directory_order.clone().unwrap_or((0..self.members.len()).collect());
        for index in order {
            if self.members[index].in_directory {
                zip.extend(self.members[index].directory_record(offsets[index]));
                listed += 1;
            }
        }
        zip.extend(self.after_directory);

        let end = End {
            members: self.end.members.unwrap_or(listed),
            directory_size: self.end.directory_size.unwrap_or((offset(&zip) - directory_offset) as u64),
            directory_offset: self.end.directory_offset.unwrap_or(directory_offset as u64),
        };
        if self.zip64 != Zip64::Absent {
            zip.extend(end.zip64_records(self.extensible_data, offset(&zip) as u64));
        }
        zip.extend(end.classic_record(self));
        zip.extend(self.trailing);
        zip
    }
}

/// The fields that the end records share.
struct End {
    members: u64,
    directory_size: u64,
    directory_offset: u64,
}

impl End {
    /// The zip64 end record and its locator.
    fn zip64_records(&self, extensible_data: &[u8], record_offset: u64) -> Vec<u8> {
        Record::new()
            .bytes(b"PK\x06\x06")
            .u64(44 + extensible_data.len() as u64)
            .u16(45) // version made by
            .u16(45) // version needed
            .u32(0) // this disk
            .u32(0) // the directory's disk
            .u64(self.members) // on this disk
            .u64(self.members)
            .u64(self.directory_size)
            .u64(self.directory_offset)
            .bytes(extensible_data)
            .bytes(b"PK\x06\x07")
            .u32(0) // the record's disk
            .u64(record_offset)
            .u32(1) // disks
            .done()
    }

    /// The end of central directory record (APPNOTE §4.3.16). It counts members modulo 65,536.
    fn classic_record(&self, archive: &Archive<'_>) -> Vec<u8> {
        let (members, size, offset) = match archive.zip64 {
            Zip64::Needed => (u16::MAX, IN_ZIP64, IN_ZIP64),
            _ => (self.members as u16, self.directory_size as u32, self.directory_offset as u32),
        };
        Record::new()
            .bytes(b"PK\x05\x06")
            .u16(archive.end.disk)
            .u16(archive.end.directory_disk)
            .u16(members) // on this disk
            .u16(members)
            .u32(size)
            .u32(offset)
            .counted(archive.comment)
            .done()
    }
}

/// Raw deflate by an encoder that has nothing in common with the crate's decoder.
pub fn deflate(contents: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(contents, 6)
}

/// A stored deflate block (RFC 1951 §3.2.4).
pub fn deflate_stored_block(contents: &[u8], last: bool) -> Vec<u8> {
    let length = length16(contents);
    Record::new().u8(last.into()).u16(length).u16(!length).bytes(contents).done()
}
