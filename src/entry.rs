//! One archive member, in the only words that zip and tar share.

/// A member whose size is known, ready to be written to a tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative path with `/` between its components; a directory's ends in `/`.
    ///
    /// It never leaves the root it is extracted to: no `..`, nothing absolute, no backslashes.
    pub name: String,
    /// What the member is.
    pub kind: EntryKind,
    /// Permission bits, `0o000..=0o777`.
    pub mode: u32,
    /// Time of last modification in seconds since 1970-01-01T00:00:00Z; may be negative.
    pub mtime: i64,
    /// Length of the contents in bytes; 0 for a directory.
    pub size: u64,
}

/// The kinds of member that a zip read front to back can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}
