//! A seekable `.tar.br`: a plain brotli stream of a tarball that says what it is, and carries an index at its end.
//!
//! ```text
//! stream header │ block "recompress/1" │ segment │ segment │ … │ blocks with the index │ footer │ 0x03
//! ```
//!
//! A segment starts and ends at a whole byte and refers to nothing before it. Segments tile the stream, and members tile the
//! tarball, so the index holds lengths and no offsets. docs/format.md is the specification.

pub(crate) mod block;
pub(crate) mod footer;
mod front;
pub(crate) mod index;
mod members;
mod open;
mod tarball;
mod varint;

use crate::{
    error::Error,
    limits::{Limits, Meter},
    member::{Entry, EntryKind},
    names::Names,
    zip::{indexed::Links, name::safe_path},
};

pub use block::{LAST as STREAM_END, stream_start};
pub use front::FrontReader;
pub use index::{Index, IndexedMember, Segment};
pub use members::{MemberEvent, MemberReader};
pub use open::IndexReader;

/// The path that the name of a tarball's member means; a directory's ends in a slash.
///
/// # Errors
///
/// `unsafe_name` if it could leave the folder that it is unpacked to, or mislead a reader.
pub fn member_path(name: &str) -> Result<String, Error> {
    safe_path(name, Names::default())
}

/// Checks that no link of an archive leads outside, and no member is inside a link.
///
/// # Errors
///
/// `unsafe_link`
pub fn check_links<'a>(entries: impl IntoIterator<Item = &'a Entry> + Clone) -> Result<(), Error> {
    let mut meter = Meter::new(Limits::NATIVE.memory_bytes);
    let mut links = Links::default();
    let is_link = |entry: &&Entry| matches!(entry.kind, EntryKind::Link { .. });
    for entry in entries.clone().into_iter().filter(is_link) {
        links.insert(&entry.name, &mut meter)?;
    }
    for entry in entries {
        links.check_folders(&entry.name)?;
        if let EntryKind::Link { target } = &entry.kind {
            links.check_target(&entry.name, target.as_bytes())?;
        }
    }
    Ok(())
}
