//! The store: objects under keys, where converted archives are kept.
//!
//! ```text
//! archives/{id}            the record of an archive: JSON, written once its blob is whole; or the tombstone of one
//! blobs/{id}.{version}     a .tar.br, never overwritten
//! days/{day}/{bytes}.{…}   an empty object for each stored upload, if the installation limits the bytes of a day
//! sweep                    where the sweep goes on
//! ```
//!
//! The record is the commit: until it is written, nothing of an upload is visible. Two archives never share a blob.
//!
//! A store that is added passes the suite in `suite.rs`, and implements no rule of its own about archives.

mod deletion;
mod error;
mod key;
mod memory;
mod read;
mod record;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
mod sweep;

use std::{fmt::Debug, ops::Range, pin::Pin, sync::Arc};

use bytes::Bytes;
use futures::Stream;

pub use self::{
    deletion::{Tombstone, delete},
    error::StoreError,
    key::{Id, RECORDS, Version, day_key, id_of_record, record_key},
    memory::MemoryStore,
    read::{Found, IndexError, State, find, index, look, range},
    record::Record,
    sweep::{Sweep, Swept, bytes_of_day},
};

/// Bytes of every part of an upload but the last: the least that R2 and S3 take. They allow 10,000 parts.
pub const PART_BYTES: usize = 5 << 20;

/// An answer of a store, later. `Send` like every future of a platform ([`crate::Sleep`]): the Worker, which has one thread, wraps
/// its own.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Contents of an object, in pieces of any size.
pub type Contents = Pin<Box<dyn Stream<Item = Result<Bytes, StoreError>> + Send>>;

/// Objects under keys. Keys have the forms above: ASCII letters, digits, `-`, `_`, `.` and `/`.
///
/// Reads see every write that ended before them. Each method tries again by itself where the service behind it may succeed then.
pub trait Store: Send + Sync + Debug {
    /// Reads an object, or a range of its bytes, which must not be empty. A range that ends after the object ends with it.
    ///
    /// # Errors
    ///
    /// `Missing`; `Changed` if the object has another tag than `if_match`; `OutOfRange` if it ends before the range starts.
    fn get<'a>(
        &'a self,
        key: &'a str,
        range: Option<Range<u64>>,
        if_match: Option<&'a str>,
    ) -> Later<'a, Result<Object, StoreError>>;

    /// Writes a small object whole, or not at all. Gives its tag.
    ///
    /// # Errors
    ///
    /// `Changed` if the condition does not hold; then nothing is written. Of several writers at once, one succeeds.
    fn put<'a>(&'a self, key: &'a str, bytes: Bytes, condition: Condition<'a>)
    -> Later<'a, Result<String, StoreError>>;

    /// Deletes an object. Succeeds if there is none.
    fn delete<'a>(&'a self, key: &'a str) -> Later<'a, Result<(), StoreError>>;

    /// Lists at most `limit` objects, at least 1, whose keys begin with `prefix`, in the order of their keys. `cursor` is that
    /// of the page before.
    fn list<'a>(
        &'a self,
        prefix: &'a str,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> Later<'a, Result<Page, StoreError>>;

    /// Begins to write a large object, which appears when it is finished.
    fn begin<'a>(&'a self, key: &'a str) -> Later<'a, Result<Box<dyn Parts>, StoreError>>;
}

/// A large object that is being written. Dropping it aborts it as far as the store can; what then remains is nothing that a
/// reader or a listing sees.
///
/// It holds at most two parts of [`PART_BYTES`] in memory, which the caller has reserved.
pub trait Parts: Send {
    /// Appends bytes. Takes pieces of any size, and sends a part whenever it has [`PART_BYTES`].
    fn write<'a>(&'a mut self, bytes: Bytes) -> Later<'a, Result<(), StoreError>>;

    /// Sends the last part and makes the object appear, with all bytes that were written. Gives its tag.
    fn finish(self: Box<Self>) -> Later<'static, Result<String, StoreError>>;

    /// Gives the object up, and waits until its parts are gone.
    fn abort(self: Box<Self>) -> Later<'static, ()>;
}

/// An object, or a range of it.
pub struct Object {
    /// The contents, or the range that was asked for.
    pub contents: Contents,
    /// Bytes of the whole object.
    pub size: u64,
    /// Names this version of the object, for conditions.
    pub tag: String,
    /// When it was written, in seconds since 1970.
    pub modified: u64,
}

/// The condition for writing an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition<'a> {
    /// Nothing.
    Always,
    /// There is no object with this key.
    Absent,
    /// The object has this tag.
    Matches(&'a str),
}

/// A page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of their keys.
    pub objects: Vec<Listed>,
    /// Where the next page begins; `None` after the last.
    pub cursor: Option<String>,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When it was written, in seconds since 1970.
    pub modified: u64,
}

/// A store, with the facts that only a shell can supply. One serves one request.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The objects.
    pub store: Arc<dyn Store>,
    /// The time, in seconds since 1970.
    pub now: u64,
    /// Fills bytes with random ones, from a source for secrets.
    pub random: fn(&mut [u8]),
}

impl Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("size", &self.size).field("tag", &self.tag).finish_non_exhaustive()
    }
}
