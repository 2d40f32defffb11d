//! Reads of records and indexes.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use recompress::{
    Limits, StoredError,
    seekable::{Index, IndexReader},
};

use super::{
    Contents, Store, StoreError,
    deletion::Tombstone,
    key::{Id, record_key},
    record::{LONGEST, Record},
};

/// A record, and the tag of its object.
#[derive(Debug)]
pub struct Found {
    /// The record.
    pub record: Record,
    /// For conditions of the store.
    pub tag: String,
}

/// The object in the place of an archive's record.
#[derive(Debug)]
pub enum State {
    /// Nothing.
    Absent,
    /// The record, also an expired one.
    Found(Box<Found>),
    /// The tombstone of one.
    Deleted(Tombstone),
}

/// The record of an archive, if it has one; also an expired one.
///
/// # Errors
///
/// `Failed` if the store fails, or the record is damaged.
pub async fn find(store: &dyn Store, id: &Id) -> Result<Option<Found>, StoreError> {
    Ok(match look(store, id).await? {
        State::Found(found) => Some(*found),
        State::Absent | State::Deleted(_) => None,
    })
}

/// The object in the place of the record.
///
/// # Errors
///
/// Those of [`find`].
pub async fn look(store: &dyn Store, id: &Id) -> Result<State, StoreError> {
    let object = match store.get(&record_key(id), None, None).await {
        Err(StoreError::Missing) => return Ok(State::Absent),
        object => object?,
    };
    if object.size > LONGEST as u64 {
        return Err(StoreError::Failed(format!("the record of {id} is damaged: it has {} bytes", object.size)));
    }
    let bytes = collect(object.contents, object.size).await?;
    Ok(if Tombstone::is_one(&bytes) {
        State::Deleted(Tombstone { tag: object.tag, written: object.modified })
    } else {
        State::Found(Box::new(Found { record: Record::parse(&bytes, id)?, tag: object.tag }))
    })
}

/// Why an index could not be read.
#[derive(Debug)]
pub enum IndexError {
    /// The store failed, or has no blob.
    Store(StoreError),
    /// The blob has no index, or a damaged one, or one that takes too much memory.
    Stored(StoredError),
}

impl From<StoreError> for IndexError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<StoredError> for IndexError {
    fn from(error: StoredError) -> Self {
        Self::Stored(error)
    }
}

/// The index of an archive's blob, and the base-2 logarithm of its window. Takes at most [`Limits::memory_bytes`].
///
/// # Errors
///
/// See [`IndexError`].
pub async fn index(store: &dyn Store, record: &Record, limits: Limits) -> Result<(Index, u8), IndexError> {
    let key = record.blob_key();
    let mut reader = IndexReader::new(record.bytes, limits);
    // Ends: the reader wants three ranges at most.
    while let Some(range) = reader.wants() {
        let length = range.end - range.start;
        let object = store.get(&key, Some(range), None).await?;
        reader.take(&collect(object.contents, length).await?)?;
    }
    Ok(reader.finish()?)
}

/// A range of an archive's blob.
///
/// # Errors
///
/// Those of [`Store::get`].
pub async fn range(store: &dyn Store, record: &Record, range: Range<u64>) -> Result<Contents, StoreError> {
    if range.is_empty() {
        return Ok(Box::pin(futures::stream::empty()));
    }
    Ok(store.get(&record.blob_key(), Some(range), None).await?.contents)
}

/// All of `contents`, which must have `length` bytes.
async fn collect(mut contents: Contents, length: u64) -> Result<Bytes, StoreError> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = contents.try_next().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > length {
            break;
        }
    }
    if bytes.len() as u64 == length {
        Ok(bytes.freeze())
    } else {
        Err(StoreError::Failed(format!("{} bytes came of {length}", bytes.len())))
    }
}
