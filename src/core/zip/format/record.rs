//! The zip records, one pure parser each (APPNOTE §4.3).
//!
//! A parser gets at least the bytes of the record's fixed part. The caller has checked the signature.

use crate::warning::{Warning, Warnings};

pub(crate) const LOCAL_HEADER: u32 = 0x0403_4b50;
pub(crate) const DESCRIPTOR: u32 = 0x0807_4b50;
pub(crate) const EXTRA_DATA: u32 = 0x0806_4b50;
pub(crate) const CENTRAL_HEADER: u32 = 0x0201_4b50;
pub(crate) const DIGITAL_SIGNATURE: u32 = 0x0505_4b50;
pub(crate) const ZIP64_END: u32 = 0x0606_4b50;
pub(crate) const ZIP64_LOCATOR: u32 = 0x0706_4b50;
pub(crate) const END: u32 = 0x0605_4b50;
/// A split archive of one segment starts with one of these (APPNOTE §8.5.5, and PKZIP for removable media).
pub(crate) const SPLIT_MARKERS: [u32; 2] = [DESCRIPTOR, 0x3030_4b50];

/// Bit 0: encrypted; bit 6: strong encryption; bit 13: the directory is encrypted (APPNOTE §4.4.4).
pub(crate) const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// Bit 1: lzma data ends with a marker.
pub(crate) const FLAG_END_MARKER: u16 = 1 << 1;
/// Bit 3: CRC and sizes follow the data.
pub(crate) const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// Bit 5: compressed patched data.
pub(crate) const FLAG_PATCH: u16 = 1 << 5;
/// Bit 11: name and comment are UTF-8.
pub(crate) const FLAG_UTF8: u16 = 1 << 11;

/// A 32-bit size or offset with this value is in the zip64 extra field instead (APPNOTE §4.5.3).
pub(crate) const IN_ZIP64: u32 = u32::MAX;

/// Reads little-endian numbers off the front of a slice.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// The first four bytes as a number.
pub(crate) fn signature(bytes: &[u8]) -> Option<u32> {
    Fields(bytes).u32()
}

/// Local file header (§4.3.7). Name and extra field follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalHeader {
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) dos_time: u16,
    pub(crate) dos_date: u16,
    pub(crate) declared_crc32: u32,
    pub(crate) declared_compressed_size: u32,
    pub(crate) declared_size: u32,
    pub(crate) name_length: u16,
    pub(crate) extra_length: u16,
}

impl LocalHeader {
    pub(crate) const LENGTH: usize = 30;

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.bytes(6)?;
        Some(Self {
            flags: fields.u16()?,
            method: fields.u16()?,
            dos_time: fields.u16()?,
            dos_date: fields.u16()?,
            declared_crc32: fields.u32()?,
            declared_compressed_size: fields.u32()?,
            declared_size: fields.u32()?,
            name_length: fields.u16()?,
            extra_length: fields.u16()?,
        })
    }

    /// Length with the name and the extra field.
    pub(crate) fn whole_length(&self) -> usize {
        Self::LENGTH + usize::from(self.name_length) + usize::from(self.extra_length)
    }
}

/// The type of a symbolic link in a [mode](CentralHeader::mode).
pub(crate) const LINK: u16 = 0o120_000;

/// True for the mode of a symbolic link.
pub(crate) fn is_link(mode: u16) -> bool {
    mode & LINK == LINK
}

/// File types of Unix modes.
const TYPE: u32 = 0o170_000;
const NO_TYPE: u32 = 0;
const FILE: u32 = 0o100_000;
const LINK_TYPE: u32 = LINK as u32;
// Info-ZIP writes these types for its standard input; the member still has contents.
const FIFO: u32 = 0o010_000;
const SOCKET: u32 = 0o140_000;
const DIRECTORY: u32 = 0o040_000;

/// Central directory file header (§4.3.12). Name, extra field and comment follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CentralHeader {
    pub(crate) made_by: u16,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) compressed_size: u32,
    pub(crate) size: u32,
    pub(crate) name_length: u16,
    pub(crate) extra_length: u16,
    pub(crate) comment_length: u16,
    pub(crate) disk: u16,
    pub(crate) external_attributes: u32,
    pub(crate) offset: u32,
}

impl CentralHeader {
    pub(crate) const LENGTH: usize = 46;

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.bytes(4)?;
        let made_by = fields.u16()?;
        fields.bytes(2)?;
        let flags = fields.u16()?;
        let method = fields.u16()?;
        fields.bytes(4)?;
        let crc32 = fields.u32()?;
        let compressed_size = fields.u32()?;
        let size = fields.u32()?;
        let name_length = fields.u16()?;
        let extra_length = fields.u16()?;
        let comment_length = fields.u16()?;
        let disk = fields.u16()?;
        fields.bytes(2)?;
        let external_attributes = fields.u32()?;
        let offset = fields.u32()?;
        Some(Self {
            made_by,
            flags,
            method,
            crc32,
            compressed_size,
            size,
            name_length,
            extra_length,
            comment_length,
            disk,
            external_attributes,
            offset,
        })
    }

    /// Unix file type and permissions (§4.4.2, §4.4.15), where the record has them.
    fn unix_mode(&self) -> Option<u32> {
        const UNIX: u16 = 3;
        const MACOS: u16 = 19;
        matches!(self.made_by >> 8, UNIX | MACOS).then_some(self.external_attributes >> 16)
    }

    /// The permission bits of a file or directory, and [`LINK`] if it is a symbolic link. `None` where the record does not say,
    /// or says it of another type: a name that ends in a slash is a directory to every reader. Bits that change the user
    /// (set-id) and the sticky bit are left out.
    pub(crate) fn mode(&self, is_directory: bool) -> Option<u16> {
        let mode = self.unix_mode().filter(|&mode| mode != 0)?;
        let permissions = (mode & 0o777) as u16;
        match (mode & TYPE, is_directory) {
            (LINK_TYPE, false) => Some(LINK | 0o777),
            (FILE, false) | (DIRECTORY, true) | (NO_TYPE, _) => Some(permissions),
            _ => None,
        }
    }

    /// The member's type by its attributes, if it is neither a file nor a link.
    pub(crate) fn kind(&self) -> Option<&'static str> {
        const DOS_VOLUME_LABEL: u32 = 1 << 3;
        const DOS_DIRECTORY: u32 = 1 << 4;
        let attributes = self.external_attributes;
        match self.unix_mode() {
            Some(mode) => match mode & TYPE {
                NO_TYPE | FILE | LINK_TYPE | FIFO | SOCKET => None,
                DIRECTORY => Some("a directory"),
                _ => Some("a device"),
            },
            None if attributes & DOS_VOLUME_LABEL != 0 => Some("a volume label"),
            None => (attributes & DOS_DIRECTORY != 0).then_some("a directory"),
        }
    }

    /// Warnings for details that a tarball with the [mode](Self::mode) `mode` does not keep.
    pub(crate) fn warnings(&self, mode: u16) -> Warnings {
        const PERMISSIONS: u32 = 0o7777;
        let mut warnings = Warnings::default();
        match self.unix_mode() {
            None | Some(0) => {}
            Some(unix) if unix & TYPE == LINK_TYPE => {
                if !is_link(mode) {
                    warnings.insert(Warning::SymlinkAsFile);
                }
            }
            Some(unix) if matches!(unix & TYPE, FIFO | SOCKET) => warnings.insert(Warning::SpecialAsFile),
            Some(unix) if unix & PERMISSIONS != u32::from(mode) => warnings.insert(Warning::ModeLost),
            Some(_) => {}
        }
        if self.comment_length > 0 {
            warnings.insert(Warning::CommentLost);
        }
        warnings
    }

    /// Length with the name, the extra field and the comment.
    pub(crate) fn whole_length(&self) -> usize {
        [self.name_length, self.extra_length, self.comment_length].map(usize::from).iter().sum::<usize>() + Self::LENGTH
    }
}

/// Zip64 end of central directory record (§4.3.14). Extensible data may follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zip64End {
    /// Bytes of extensible data; `None` if the record declares less than its own fields.
    pub(crate) extensible_length: Option<u64>,
    pub(crate) disk: u32,
    pub(crate) directory_disk: u32,
    pub(crate) entries_on_disk: u64,
    pub(crate) entries: u64,
    pub(crate) directory_size: u64,
    pub(crate) directory_offset: u64,
}

impl Zip64End {
    pub(crate) const LENGTH: usize = 56;

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.bytes(4)?;
        // The size does not count itself and the signature before it (§4.3.14.1).
        let extensible_length = fields.u64()?.checked_sub(Self::LENGTH as u64 - 12);
        fields.bytes(4)?;
        Some(Self {
            extensible_length,
            disk: fields.u32()?,
            directory_disk: fields.u32()?,
            entries_on_disk: fields.u64()?,
            entries: fields.u64()?,
            directory_size: fields.u64()?,
            directory_offset: fields.u64()?,
        })
    }
}

/// Zip64 end of central directory locator (§4.3.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zip64Locator {
    pub(crate) disk: u32,
    pub(crate) end_offset: u64,
    pub(crate) disks: u32,
}

impl Zip64Locator {
    pub(crate) const LENGTH: usize = 20;

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.bytes(4)?;
        Some(Self { disk: fields.u32()?, end_offset: fields.u64()?, disks: fields.u32()? })
    }
}

/// End of central directory record (§4.3.16). A comment may follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) disk: u16,
    pub(crate) directory_disk: u16,
    pub(crate) entries_on_disk: u16,
    pub(crate) entries: u16,
    pub(crate) directory_size: u32,
    pub(crate) directory_offset: u32,
    pub(crate) comment_length: u16,
}

impl End {
    pub(crate) const LENGTH: usize = 22;

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.bytes(4)?;
        Some(Self {
            disk: fields.u16()?,
            directory_disk: fields.u16()?,
            entries_on_disk: fields.u16()?,
            entries: fields.u16()?,
            directory_size: fields.u32()?,
            directory_offset: fields.u32()?,
            comment_length: fields.u16()?,
        })
    }
}

/// True if some readers search for this signature, from the end of a file or after damage.
pub(crate) fn is_searched(signature: u32) -> bool {
    matches!(signature, LOCAL_HEADER | CENTRAL_HEADER | END | ZIP64_END | ZIP64_LOCATOR | DESCRIPTOR)
}

/// True if `bytes` hold a signature that readers search for.
pub(crate) fn holds_signature(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|window| signature(window).is_some_and(is_searched))
}

/// The name of a compression method (APPNOTE §4.4.5).
pub(crate) fn method_name(method: u16) -> &'static str {
    match method {
        0 => "stored",
        1 => "shrink",
        2..=5 => "reduce",
        6 => "implode",
        8 => "deflate",
        9 => "deflate64",
        10 | 18 => "terse",
        12 => "bzip2",
        14 => "lzma",
        16 => "cmpsc",
        19 => "lz77",
        20 | 93 => "zstd",
        94 => "mp3",
        95 => "xz",
        96 => "jpeg",
        97 => "wavpack",
        98 => "ppmd",
        99 => "aes",
        _ => "unknown",
    }
}
