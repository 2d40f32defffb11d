//! Archive members: the types that readers produce and writers consume.

use crate::warning::Warnings;

/// A member whose size is known, ready to be written to a tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative path with `/` between its components; a directory's ends in `/`.
    ///
    /// It never leaves the root it is extracted to: no `..`, nothing absolute, no backslashes.
    pub name: String,
    /// File or directory.
    pub kind: EntryKind,
    /// Permission bits, `0o000..=0o777`.
    pub mode: u32,
    /// Time of last modification in seconds since 1970-01-01T00:00:00Z; may be negative.
    pub mtime: i64,
    /// Length of the contents in bytes; 0 for a directory.
    pub size: u64,
}

/// The kinds of member. Only the directory tells a link from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link {
        /// The path that it leads to, relative to the link's folder. It stays inside the archive's root.
        target: String,
    },
}

/// Supported compression methods (APPNOTE §4.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// No compression.
    Stored,
    /// RFC 1951.
    Deflate,
    /// Deflate with a window of 64 KiB. Windows Explorer uses it above 2 GB.
    Deflate64,
    /// bzip2.
    Bzip2,
    /// Raw LZMA (APPNOTE §5.8.8).
    Lzma,
    /// RFC 8878. pdx.tools stores saves like this.
    Zstd,
    /// xz.
    Xz,
}

impl Method {
    pub(crate) fn new(number: u16) -> Option<Self> {
        match number {
            0 => Some(Self::Stored),
            8 => Some(Self::Deflate),
            9 => Some(Self::Deflate64),
            12 => Some(Self::Bzip2),
            14 => Some(Self::Lzma),
            93 => Some(Self::Zstd),
            95 => Some(Self::Xz),
            _ => None,
        }
    }

    /// The method's number in zip records.
    pub fn number(self) -> u16 {
        match self {
            Self::Stored => 0,
            Self::Deflate => 8,
            Self::Deflate64 => 9,
            Self::Bzip2 => 12,
            Self::Lzma => 14,
            Self::Zstd => 93,
            Self::Xz => 95,
        }
    }

    /// The method's name in lower case.
    pub fn name(self) -> &'static str {
        crate::zip::format::record::method_name(self.number())
    }
}

/// The result of one call of a zip reader.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The reader took all input: call again with more, or with none and `ended` if there is no more.
    NeedsInput,
    /// Some work was done: call again with the rest of the input, which may be none.
    Working,
    /// A member begins. Exactly [`Entry::size`] bytes of contents follow before the next event of this kind.
    Begin(Begin),
    /// This many bytes of the member's contents, at least one, are at the front of the scratch buffer.
    Contents(usize),
    /// The member that began last is whole: its data has the CRC-32 and the sizes that its header or its data descriptor
    /// states.
    Verified {
        /// How its data was compressed.
        method: Method,
        /// CRC-32 of its contents.
        crc32: u32,
        /// Bytes of its data in the zip.
        compressed_size: u64,
        /// Details of its header that a tarball cannot keep.
        warnings: Warnings,
    },
    /// A member begins whose name came before, and whose contents are not given: they must be the same. Only the work of
    /// unpacking it matters. Its record in the central directory gives [`crate::Warning::DuplicateDropped`].
    Copy(Begin),
    /// The central directory has a detail that a tarball cannot keep.
    Warnings {
        /// The details.
        warnings: Warnings,
        /// The member; `None` if the warnings concern the archive.
        name: Option<String>,
        /// True if the selection includes that member, and for the archive.
        selected: bool,
    },
    /// The archive is whole: all of its records agree. Further calls return this event again.
    End,
}

/// The beginning of a member, with the numbers that the CPU count needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// The member.
    pub entry: Entry,
    /// Compression method of its data.
    pub method: Method,
    /// True if the selection includes it.
    pub selected: bool,
    /// Character comparisons that the selection cost.
    pub comparisons: u64,
    /// True if its contents are hashed, as a member of the same name may follow.
    pub hashed: bool,
    /// Bytes of its data in the zip, as declared or counted. Its size, if the header does not declare them.
    pub compressed_size: u64,
    /// Bytes that were already unpacked once to learn its size. They will be unpacked a second time.
    pub unpacked_before: u64,
    /// End offset of its data in the zip, if known yet.
    pub data_end: Option<u64>,
}
