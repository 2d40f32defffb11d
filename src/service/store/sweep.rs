//! The sweep: deletes what has expired, and blobs that no record names.

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;

use super::{
    Condition, Listed, Storage, Store, StoreError,
    deletion::{bury, delete},
    key::{BLOBS, DAYS, blob},
    read::{State, look},
};

/// The object that says where the sweep goes on.
const CURSOR: &str = "sweep";

/// The longest cursor that is kept, in bytes.
const LONGEST_CURSOR: u64 = 4 << 10;

/// Objects of one page.
const PAGE: usize = 100;

const DAY: u64 = 24 * 60 * 60;

/// The extent of a sweep.
#[derive(Debug, Clone, Copy)]
pub struct Sweep {
    /// A blob without a record is deleted this many seconds after it was written: its upload may still write the record.
    pub orphan_age: u64,
    /// Most blobs of one run. The next run goes on with the others.
    pub most: usize,
}

impl Default for Sweep {
    /// A day, and as many blobs as one run in the Worker can look at.
    fn default() -> Self {
        Self { orphan_age: DAY, most: 2000 }
    }
}

/// The result of a sweep.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Blobs that were looked at.
    pub blobs: usize,
    /// Archives that had expired.
    pub expired: usize,
    /// Blobs that no record named.
    pub orphans: usize,
    /// It saw the last blob: the next run begins anew.
    pub is_complete: bool,
}

impl Sweep {
    /// Goes on where the last run ended. Of two runs at once, both do right.
    ///
    /// # Errors
    ///
    /// `Failed`. The next run then begins where this one did.
    pub async fn run(self, storage: &Storage) -> Result<Swept, StoreError> {
        let Storage { store, now, .. } = storage;
        let store = &**store;
        let mut swept = Swept::default();
        let mut cursor = cursor(store).await?;
        // Ends with the listing, or with the most that it may look at.
        while swept.blobs < self.most {
            let page = store.list(BLOBS, cursor.as_deref(), PAGE.min(self.most - swept.blobs)).await?;
            for listed in &page.objects {
                swept.blobs += 1;
                self.look_at(storage, listed, &mut swept).await?;
            }
            cursor = page.cursor;
            if cursor.is_none() {
                swept.is_complete = true;
                break;
            }
        }
        match cursor {
            Some(cursor) => drop(store.put(CURSOR, Bytes::from(cursor), Condition::Always).await?),
            None => store.delete(CURSOR).await?,
        }
        forget_days(store, now / DAY).await?;
        Ok(swept)
    }

    async fn look_at(self, storage: &Storage, listed: &Listed, swept: &mut Swept) -> Result<(), StoreError> {
        let Storage { store, now, .. } = storage;
        let store = &**store;
        let Some((id, version)) = blob(&listed.key) else { return Ok(()) };
        let state = match look(store, &id).await {
            // A record that cannot be read deletes nothing.
            Err(StoreError::Failed(_)) => return Ok(()),
            state => state?,
        };
        // Only a blob that its record names is an archive's.
        if let Some(found) = state.found().filter(|found| found.record.etag == version) {
            if found.record.is_expired(*now) {
                swept.expired += usize::from(delete(storage, &id, found).await?);
            }
        } else if listed.modified.saturating_add(self.orphan_age) <= *now {
            // A tombstone that was left goes with its blob: without one, no sweep would find it.
            if let State::Deleted(tombstone) = &state {
                if !tombstone.is_over(*now) {
                    return Ok(());
                }
                bury(storage, &id, &tombstone.tag).await?;
            }
            store.delete(&listed.key).await?;
            swept.orphans += 1;
        }
        Ok(())
    }
}

async fn cursor(store: &dyn Store) -> Result<Option<String>, StoreError> {
    let object = match store.get(CURSOR, None, None).await {
        Err(StoreError::Missing) => return Ok(None),
        object => object?,
    };
    if object.size > LONGEST_CURSOR {
        return Ok(None);
    }
    let bytes: BytesMut = object.contents.try_collect::<Vec<_>>().await?.iter().flatten().copied().collect();
    // A cursor that is damaged begins anew.
    Ok(String::from_utf8(bytes.to_vec()).ok().filter(|cursor| !cursor.is_empty()))
}

/// Bytes of uploads that were stored on this day.
///
/// # Errors
///
/// `Failed`
pub async fn bytes_of_day(store: &dyn Store, day: u64) -> Result<u64, StoreError> {
    let prefix = format!("{DAYS}{day}/");
    let (mut bytes, mut cursor) = (0_u64, None);
    // Ends with the listing.
    loop {
        let page = store.list(&prefix, cursor.as_deref(), 1000).await?;
        let numbers =
            page.objects.iter().filter_map(|listed| listed.key[prefix.len()..].split('.').next()?.parse().ok());
        bytes = numbers.fold(bytes, |sum: u64, number: u64| sum.saturating_add(number));
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(bytes);
        }
    }
}

/// Deletes the notes of the days before `today`.
async fn forget_days(store: &dyn Store, today: u64) -> Result<(), StoreError> {
    let page = store.list(DAYS, None, PAGE).await?;
    for listed in page.objects {
        let day = listed.key[DAYS.len()..].split('/').next().and_then(|day| day.parse::<u64>().ok());
        if day.is_some_and(|day| day < today) {
            store.delete(&listed.key).await?;
        }
    }
    Ok(())
}
