//! Errors: why an archive was refused.

mod save;
mod stored;

pub use save::{Rule, SaveError};
pub use stored::StoredError;
use thiserror::Error as ThisError;

/// The reason why an archive was refused. The first error is the only error.
///
/// The variant tells whose fault it is. [`Error::code`] is stable and meant for programs.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Error {
    /// The file breaks the zip format, or contradicts itself.
    #[error(transparent)]
    Format(#[from] Format),
    /// The input ended before the archive did.
    #[error("the zip is cut: it ends after {received} bytes, inside {inside}; copy or send it again, whole")]
    Truncated {
        /// Bytes received in all.
        received: u64,
        /// The record or part that was being read.
        inside: &'static str,
    },
    /// A valid zip with a feature that this converter does not support.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The archive exceeds a limit.
    #[error(transparent)]
    Limit(#[from] Limit),
    /// The archive lacks a member that the selection names.
    #[error(transparent)]
    Absent(#[from] Absent),
    /// A save that is not valid, or cannot become JSON.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// A stored archive that was damaged after it was written.
    #[error(transparent)]
    Stored(#[from] StoredError),
}

/// A broken rule of the zip format. Offsets count bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Format {
    /// The file does not start like a zip (APPNOTE §4.3.6).
    #[error("not a zip: it {found}")]
    NotZip {
        /// Description of its first bytes.
        found: String,
    },
    /// No record may start here (APPNOTE §4.3.6).
    #[error(
        "the zip is damaged: no record starts at offset {offset}, found 0x{found:08x}; get it again, or zip the contents again"
    )]
    UnexpectedRecord {
        /// Where.
        offset: u64,
        /// The four bytes there, little-endian.
        found: u32,
    },
    /// A compressed stream is invalid or does not end.
    #[error("the zip is damaged: the compressed data of {entry:?} {problem}; get it again")]
    BadData {
        /// Member.
        entry: String,
        /// The problem.
        problem: &'static str,
    },
    /// Contents do not have the CRC-32 that was declared (APPNOTE §4.4.7).
    #[error(
        "the zip is damaged: crc-32 of {entry:?} is 0x{computed:08x}, its header says 0x{declared:08x}; get it again"
    )]
    CrcMismatch {
        /// Member.
        entry: String,
        /// Of the bytes that were read.
        computed: u32,
        /// By the local header.
        declared: u32,
    },
    /// Contents do not have the length that was declared (APPNOTE §4.4.8, §4.4.9).
    #[error("{what} of {entry:?} is {computed} bytes, its header says {declared}")]
    SizeMismatch {
        /// Member.
        entry: String,
        /// Which size.
        what: &'static str,
        /// Bytes counted; when more than `declared`, counting stopped there.
        computed: u64,
        /// By the local header.
        declared: u64,
    },
    /// A local header holds placeholder text instead of CRC-32 and sizes.
    #[error(
        "the local header of {entry:?} has the text \"CRCqCSIZUSIZ\" for its crc-32 and sizes, as Krita writes: unpack the file and zip its contents again"
    )]
    PlaceholderSizes {
        /// Member.
        entry: String,
    },
    /// No form of data descriptor matches the data (APPNOTE §4.3.9).
    #[error(
        "the zip is damaged: no data descriptor after {entry:?} says crc-32 0x{crc32:08x}, {compressed_size} bytes compressed, {size} unpacked; get it again"
    )]
    BadDescriptor {
        /// Member.
        entry: String,
        /// Computed.
        crc32: u32,
        /// Counted.
        compressed_size: u64,
        /// Counted.
        size: u64,
    },
    /// A stored member without a declared length ended at a likely data descriptor, but the rest of the archive
    /// disagrees.
    #[error("stored member {entry:?} declares no length, and its apparent data descriptor is not confirmed: {problem}")]
    StoredWithDescriptor {
        /// Member.
        entry: String,
        /// The message of the error that disagrees.
        problem: String,
    },
    /// A zip64 extra field lacks a value that the header refers to (APPNOTE §4.5.3).
    #[error("the zip64 extra field of {entry:?} lacks its {lacks}: zip the contents again")]
    BadZip64 {
        /// Member.
        entry: String,
        /// The missing value.
        lacks: &'static str,
    },
    /// The central directory and the local headers differ (APPNOTE §4.3.12).
    #[error(
        "the central directory does not match the members: {problem}; readers would see different files, so zip the contents again"
    )]
    DirectoryMismatch {
        /// The difference, with numbers.
        problem: String,
    },
    /// An end record does not match the directory before it (APPNOTE §4.3.14 to §4.3.16).
    #[error("the end record says {field} is {declared}, the archive has {actual}: zip the contents again")]
    BadEndRecord {
        /// Which field.
        field: &'static str,
        /// By the record.
        declared: u64,
        /// Counted.
        actual: u64,
    },
    /// A comment or another free-form field holds the signature of a zip record. Readers that search for records may
    /// take it for a real one.
    #[error("{place} holds the signature of a zip record, so readers may see different zips: zip the contents again")]
    ZipInComment {
        /// The field that holds it.
        place: String,
    },
    /// Unexpected bytes, or too many zeros, follow the end record.
    #[error("the zip ends at offset {offset}, and more data follows: remove it")]
    TrailingData {
        /// Where.
        offset: u64,
    },
    /// A name is flagged as UTF-8 but is not valid (APPNOTE §4.4.4 bit 11).
    #[error("the name {name:?} is flagged as UTF-8 but is not valid UTF-8: rename it and zip it again")]
    BadName {
        /// With replacement characters.
        name: String,
    },
    /// A name is not valid in the charset that the caller chose.
    #[error("the name {name:?} {problem} in {charset}")]
    NotInCharset {
        /// With replacement characters.
        name: String,
        /// The charset.
        charset: &'static str,
        /// The rule it breaks.
        problem: &'static str,
    },
    /// A name that could leave the extraction directory, or mislead a reader.
    #[error("unsafe name {name:?}: {problem}")]
    UnsafeName {
        /// As decoded.
        name: String,
        /// The rule it breaks.
        problem: &'static str,
    },
    /// Two members have the same name and are not the same.
    #[error("two members are named {name:?}, and {problem}: rename or remove one")]
    DuplicateName {
        /// As decoded.
        name: String,
        /// The difference.
        problem: &'static str,
    },
    /// One member makes a path a file, another makes it a directory.
    #[error("one member makes {name:?} a file, another makes it a directory: rename or remove one")]
    NameConflict {
        /// As decoded.
        name: String,
    },
    /// A symbolic link whose target could lie outside of the archive's root (only where the directory is read first).
    #[error("unsafe link {entry:?}: {problem}; read front to back, the archive has a file for it")]
    UnsafeLink {
        /// Member.
        entry: String,
        /// The rule it breaks.
        problem: &'static str,
    },
    /// A directory has contents.
    #[error("directory {entry:?} has contents, which readers would lose: zip the contents again")]
    DirectoryWithData {
        /// Member.
        entry: String,
    },
}

/// A zip feature that is not supported.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Unsupported {
    /// Encrypted contents or an encrypted directory (APPNOTE §4.4.4 bits 0, 6, 13; method 99).
    #[error("{entry:?} is encrypted: remove the password first")]
    Encrypted {
        /// Member.
        entry: String,
    },
    /// A compression method that is not supported (APPNOTE §4.4.5).
    #[error(
        "{entry:?} is compressed with method {method} ({name}); supported are stored, deflate, deflate64, bzip2, lzma, zstd (93) and xz"
    )]
    Method {
        /// Member.
        entry: String,
        /// Number of the method.
        method: u16,
        /// Name of the method.
        name: &'static str,
    },
    /// A compressed stream with a feature that its decoder lacks.
    #[error("{entry:?} is compressed in a way that is not supported: {what}")]
    Stream {
        /// Member.
        entry: String,
        /// The feature.
        what: &'static str,
    },
    /// Compressed patched data (APPNOTE §4.4.4 bit 5).
    #[error("{entry:?} is patch data (flags 0x{flags:04x}), which only its own program can unpack")]
    Flag {
        /// Member.
        entry: String,
        /// General purpose bit flag.
        flags: u16,
    },
    /// An archive in several files (APPNOTE §8).
    #[error("the zip is one of several parts: join them first, as with zip -s 0 IN.zip --out OUT.zip")]
    MultiDisk,
    /// Data before the first record, for example the stub of a self-extracting archive.
    #[error("data before the first member: {what}")]
    Prefixed {
        /// A description of the data.
        what: String,
    },
}

/// A limit of [`crate::Limits`] that was exceeded.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Limit {
    /// A path longer than [`crate::Limits::name_bytes`].
    #[error("the name that starts with {name:?} has {length} bytes, the limit is {limit}: shorten it")]
    NameTooLong {
        /// Its start.
        name: String,
        /// Bytes.
        length: u64,
        /// Bytes.
        limit: u64,
    },
    /// More members than [`crate::Limits::entries`].
    #[error("the zip has more than {limit} members: split it")]
    TooManyEntries {
        /// Members.
        limit: u64,
    },
    /// More contents than [`crate::Limits::unpacked_bytes`].
    #[error("the zip unpacks to more than {limit} bytes, which {entry:?} exceeds: split it")]
    Output {
        /// Member.
        entry: String,
        /// Bytes.
        limit: u64,
    },
    /// More contents for the bytes received than [`crate::Limits::ratio`] allows.
    #[error(
        "{received} bytes of the zip unpack to {unpacked}, up to {entry:?}: more than {limit} to 1, as in a zip bomb"
    )]
    Ratio {
        /// Member.
        entry: String,
        /// Bytes of contents, with the member's.
        unpacked: u64,
        /// Bytes of the zip, up to the end of the member's data.
        received: u64,
        /// Unpacked bytes for each byte of the zip.
        limit: u64,
    },
    /// A member that states its size after its data outgrew [`crate::Limits::held_bytes`].
    #[error(
        "{entry:?} declares its size only after its data, and is larger than the {limit} bytes that can be held until then: zip it again into a file, not into a pipe"
    )]
    EntryTooLargeWithoutSize {
        /// Member.
        entry: String,
        /// Bytes.
        limit: u64,
    },
    /// The members before one that must come first exceed [`crate::Limits::memory_bytes`].
    #[error("{first:?} must come first, but the members before it exceed the {limit} bytes that can be held back")]
    FirstTooLate {
        /// Member.
        first: String,
        /// Bytes.
        limit: u64,
    },
    /// The directory must be read first, and the archive streams; see [`crate::When`].
    #[error(
        "the directory can be read first only of a file, or of a zip of at most {limit} bytes; this one is longer: leave the choice to auto"
    )]
    DirectoryNotAtHand {
        /// Bytes.
        limit: u64,
    },
    /// More work than [`crate::Limits::cpu_ms`] allows.
    #[error(
        "compressing takes more than {limit_ms} ms of CPU: they end after {tarball} bytes of the tarball, at quality {quality}; choose a lower quality, quality=auto, or a smaller zip"
    )]
    Cpu {
        /// Bytes of the tarball that were compressed.
        tarball: u64,
        /// Brotli quality.
        quality: u8,
        /// Milliseconds.
        limit_ms: u64,
    },
    /// More work than [`crate::Limits::cpu_ms`] allows, spent on unpacking alone.
    #[error(
        "unpacking takes more than {limit_ms} ms of CPU: they end after {unpacked} bytes of contents; send a smaller zip"
    )]
    CpuUnpacking {
        /// Unpacked bytes so far.
        unpacked: u64,
        /// Milliseconds.
        limit_ms: u64,
    },
    /// A member's decoder needs more than [`crate::Limits::window_bytes`].
    #[error(
        "a member needs a window of {wanted} bytes to be unpacked, the limit is {limit}: compress it at a lower level"
    )]
    Window {
        /// Bytes.
        wanted: u64,
        /// Bytes.
        limit: u64,
    },
    /// More work than [`crate::Limits::cpu_ms`] allows, spent on a save.
    #[error("the JSON of the save takes more than {limit_ms} ms of CPU: select less of it")]
    CpuSave {
        /// Milliseconds.
        limit_ms: u64,
    },
    /// More memory than [`crate::Limits::memory_bytes`], or than the machine has.
    #[error("the archive needs {wanted} bytes of memory, the limit is {limit}")]
    Memory {
        /// Bytes.
        wanted: u64,
        /// Bytes.
        limit: u64,
    },
}

/// A member that a [`crate::Selection`] names and the archive lacks.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Absent {
    /// No member is selected.
    #[error("none of the {members} members is selected: check include and exclude")]
    Selected {
        /// Number of members in the archive.
        members: u64,
    },
    /// No member is a save, or has the name of the one to convert.
    #[error("none of the {members} members is named {name:?}")]
    Save {
        /// The name.
        name: String,
        /// Number of members in the archive.
        members: u64,
    },
    /// No member has the name that must come first.
    #[error("{name:?} must come first, but no member has that name")]
    First {
        /// The name.
        name: String,
    },
}

impl Error {
    /// A stable code for programs. A published code keeps its meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(format) => match format {
                Format::NotZip { .. } => "not_zip",
                Format::UnexpectedRecord { .. } => "unexpected_record",
                Format::BadData { .. } => "bad_data",
                Format::CrcMismatch { .. } => "crc_mismatch",
                Format::SizeMismatch { .. } | Format::PlaceholderSizes { .. } => "size_mismatch",
                Format::BadDescriptor { .. } => "bad_descriptor",
                Format::StoredWithDescriptor { .. } => "stored_with_descriptor",
                Format::BadZip64 { .. } => "bad_zip64",
                Format::DirectoryMismatch { .. } => "cd_mismatch",
                Format::BadEndRecord { .. } => "bad_eocd",
                Format::ZipInComment { .. } => "zip_in_comment",
                Format::TrailingData { .. } => "trailing_data",
                Format::BadName { .. } | Format::NotInCharset { .. } => "bad_name",
                Format::UnsafeName { .. } => "unsafe_name",
                Format::DuplicateName { .. } => "duplicate_name",
                Format::NameConflict { .. } => "name_conflict",
                Format::UnsafeLink { .. } => "unsafe_link",
                Format::DirectoryWithData { .. } => "directory_with_data",
            },
            Self::Truncated { .. } => "truncated",
            Self::Unsupported(unsupported) => match unsupported {
                Unsupported::Encrypted { .. } => "encrypted",
                Unsupported::Method { .. } | Unsupported::Stream { .. } => "unsupported_method",
                Unsupported::Flag { .. } => "unsupported_flag",
                Unsupported::MultiDisk => "multi_disk",
                Unsupported::Prefixed { .. } => "prefixed",
            },
            Self::Limit(limit) => match limit {
                Limit::NameTooLong { .. } => "name_too_long",
                Limit::TooManyEntries { .. } => "too_many_entries",
                Limit::Output { .. } => "output_limit",
                Limit::Ratio { .. } => "ratio_limit",
                Limit::EntryTooLargeWithoutSize { .. } => "entry_too_large_without_size",
                Limit::FirstTooLate { .. } => "first_too_late",
                Limit::DirectoryNotAtHand { .. } => "directory_not_at_hand",
                Limit::Cpu { .. } | Limit::CpuUnpacking { .. } | Limit::CpuSave { .. } => "cpu_budget",
                Limit::Memory { .. } | Limit::Window { .. } => "memory_limit",
            },
            Self::Absent(absent) => match absent {
                Absent::Selected { .. } => "nothing_selected",
                Absent::Save { .. } => "save_missing",
                Absent::First { .. } => "first_missing",
            },
            Self::Save(save) => save.code(),
            Self::Stored(_) => "damaged",
        }
    }
}
