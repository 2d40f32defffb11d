//! Deletions that never take a newer archive with them.
//!
//! R2's binding deletes without a condition, and many services of S3 ignore the condition of a deletion. But all stores honour the
//! condition of a write. So a deletion first replaces the record by a tombstone, if it is still the record that was read. Then it
//! deletes the tombstone. A reader takes a tombstone for no archive. An upload writes over one only if it is so old that its
//! deletion must have ended: it was killed in between.

use bytes::Bytes;

use super::{
    Condition, Storage, StoreError,
    key::{Id, Version, record_key},
    read::{Found, State},
    record::Record,
};

/// A deletion takes less than this many seconds, with all tries of its calls.
const LONGEST: u64 = 600;

const BEGIN: &str = r#"{"deleted":""#;
const END: &str = r#""}"#;

/// A tombstone in the place of a record.
#[derive(Debug)]
pub struct Tombstone {
    /// The tag of its object. No two tombstones have the same one: each has random contents.
    pub tag: String,
    /// When it was written, in seconds since 1970.
    pub written: u64,
}

impl Tombstone {
    /// Whether these are the bytes of one.
    pub(super) fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(BEGIN.as_bytes()) && bytes.ends_with(END.as_bytes())
    }

    /// Whether its deletion has ended, one way or another.
    pub fn is_over(&self, now: u64) -> bool {
        self.written.saturating_add(LONGEST) <= now
    }
}

/// Deletes an archive: the record first, so that no reader finds half of it. False if the record is another one by now, or gone.
///
/// # Errors
///
/// `Failed`
pub async fn delete(storage: &Storage, id: &Id, found: &Found) -> Result<bool, StoreError> {
    let is_buried = bury(storage, id, &found.tag).await?;
    if is_buried {
        storage.store.delete(&found.record.blob_key()).await?;
    }
    Ok(is_buried)
}

/// Deletes the record or the tombstone that has this tag.
pub(super) async fn bury(storage: &Storage, id: &Id, tag: &str) -> Result<bool, StoreError> {
    let Storage { store, random, .. } = storage;
    let key = record_key(id);
    let tombstone = Bytes::from(format!("{BEGIN}{}{END}", Version::random(*random).as_str()));
    match store.put(&key, tombstone, Condition::Matches(tag)).await {
        Err(StoreError::Changed) => return Ok(false),
        written => drop(written?),
    }
    store.delete(&key).await?;
    Ok(true)
}

impl State {
    /// The record, if there is one.
    pub fn found(&self) -> Option<&Found> {
        match self {
            Self::Found(found) => Some(found),
            Self::Absent | Self::Deleted(_) => None,
        }
    }

    /// The record of an archive that has not expired.
    pub fn present(&self, now: u64) -> Option<&Record> {
        self.found().map(|found| &found.record).filter(|record| !record.is_expired(now))
    }

    /// The condition under which a record may be written in this place. It fails if the place changes, or a deletion is at work.
    pub fn condition(&self, now: u64) -> Condition<'_> {
        match self {
            Self::Found(found) => Condition::Matches(&found.tag),
            Self::Deleted(tombstone) if tombstone.is_over(now) => Condition::Matches(&tombstone.tag),
            Self::Absent | Self::Deleted(_) => Condition::Absent,
        }
    }
}
