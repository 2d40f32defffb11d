//! The suite that every store passes.

use bytes::Bytes;
use futures::TryStreamExt;

use super::{Condition, Object, PART_BYTES, Store, StoreError};

/// Checks the contract of [`Store`] on a store that is empty, and leaves it empty.
///
/// # Panics
///
/// If the store breaks the contract.
pub async fn check(store: &dyn Store) {
    small_objects(store).await;
    ranges(store).await;
    conditions(store).await;
    listings(store).await;
    large_objects(store).await;
    let left = store.list("", None, 1).await.unwrap();
    assert_eq!(left.objects, [], "something is left");
}

/// All bytes of an object.
async fn read(object: Object) -> Vec<u8> {
    object.contents.try_collect::<Vec<Bytes>>().await.unwrap().concat()
}

async fn put(store: &dyn Store, key: &str, bytes: impl Into<Bytes>) -> String {
    store.put(key, bytes.into(), Condition::Always).await.unwrap()
}

async fn small_objects(store: &dyn Store) {
    assert_eq!(store.get("archives/a", None, None).await.unwrap_err(), StoreError::Missing);
    for contents in ["one", "", "another"] {
        let tag = put(store, "archives/a", contents).await;
        let object = store.get("archives/a", None, Some(&tag)).await.unwrap();
        assert_eq!((object.size, object.tag.as_str()), (contents.len() as u64, tag.as_str()));
        assert_eq!(read(object).await, contents.as_bytes());
    }
    store.delete("archives/a").await.unwrap();
    store.delete("archives/a").await.unwrap();
    assert_eq!(store.get("archives/a", None, None).await.unwrap_err(), StoreError::Missing);
}

async fn ranges(store: &dyn Store) {
    put(store, "blobs/a.1", "0123456789").await;
    for (range, expected) in [(0..1, "0"), (3..7, "3456"), (9..10, "9"), (0..10, "0123456789"), (8..100, "89")] {
        let object = store.get("blobs/a.1", Some(range.clone()), None).await.unwrap();
        assert_eq!(object.size, 10);
        assert_eq!(read(object).await, expected.as_bytes(), "{range:?}");
    }
    for range in [10..11, 1000..2000] {
        assert_eq!(store.get("blobs/a.1", Some(range), None).await.unwrap_err(), StoreError::OutOfRange);
    }
    store.delete("blobs/a.1").await.unwrap();
}

async fn conditions(store: &dyn Store) {
    let key = "archives/c";
    let put = |bytes: &'static str, condition| store.put(key, Bytes::from_static(bytes.as_bytes()), condition);
    assert_eq!(put("x", Condition::Matches("nothing")).await.unwrap_err(), StoreError::Changed);
    let first = put("first", Condition::Absent).await.unwrap();
    assert_eq!(put("second", Condition::Absent).await.unwrap_err(), StoreError::Changed);
    let second = put("second", Condition::Matches(&first)).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(put("third", Condition::Matches(&first)).await.unwrap_err(), StoreError::Changed);
    assert_eq!(store.get(key, None, Some(&first)).await.unwrap_err(), StoreError::Changed);
    assert_eq!(read(store.get(key, None, Some(&second)).await.unwrap()).await, b"second");
    store.delete(key).await.unwrap();
    assert_eq!(put("third", Condition::Matches(&second)).await.unwrap_err(), StoreError::Changed);
    let writers = ["a", "b", "c", "d"].map(|text| put(text, Condition::Absent));
    let results = futures::future::join_all(writers).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    store.delete(key).await.unwrap();
}

async fn listings(store: &dyn Store) {
    let keys = ["archives/A", "archives/a", "archives/a-", "archives/a1", "archives/b", "blobs/a.1"];
    for key in keys {
        put(store, key, key).await;
    }
    for (prefix, expected) in
        [("archives/", &keys[..5]), ("archives/a", &keys[1..4]), ("blobs/", &keys[5..]), ("blobs/b", &[])]
    {
        for limit in 1..=6 {
            let (mut found, mut cursor) = (Vec::new(), None);
            // Ends with the listing.
            loop {
                let page = store.list(prefix, cursor.as_deref(), limit).await.unwrap();
                assert!(page.objects.len() <= limit && (!page.objects.is_empty() || page.cursor.is_none()));
                assert!(page.objects.iter().all(|listed| listed.size == listed.key.len() as u64));
                found.extend(page.objects.into_iter().map(|listed| listed.key));
                cursor = page.cursor;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{prefix} by {limit}");
        }
    }
    for key in keys {
        store.delete(key).await.unwrap();
    }
}

async fn large_objects(store: &dyn Store) {
    let bytes = |length: usize| -> Bytes {
        (0..length).map(|at| (at as u32).wrapping_mul(0x9e37_79b1).to_be_bytes()[0]).collect()
    };
    let key = "blobs/b.1";
    for length in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 2 * PART_BYTES + 12_345] {
        let all = bytes(length);
        let mut parts = store.begin(key).await.unwrap();
        for piece in all.chunks((64 << 10) - 7) {
            parts.write(all.slice_ref(piece)).await.unwrap();
        }
        let before = store.get(key, None, None).await;
        assert_eq!(before.unwrap_err(), StoreError::Missing, "it appears before it is finished");
        assert_eq!(store.list("blobs/", None, 10).await.unwrap().objects, []);
        let tag = parts.finish().await.unwrap();
        let object = store.get(key, None, Some(&tag)).await.unwrap();
        assert_eq!(object.size, length as u64);
        assert!(read(object).await == all, "{length} bytes");
        store.delete(key).await.unwrap();
    }
    for length in [0, 100, PART_BYTES + 100] {
        let mut parts = store.begin(key).await.unwrap();
        parts.write(bytes(length)).await.unwrap();
        if length % 200 == 0 {
            parts.abort().await
        } else {
            drop(parts)
        }
        assert_eq!(store.get(key, None, None).await.unwrap_err(), StoreError::Missing);
        assert_eq!(store.list("blobs/", None, 10).await.unwrap().objects, []);
    }
    // One piece of several parts.
    let all = bytes(3 * PART_BYTES + 1);
    let mut parts = store.begin(key).await.unwrap();
    parts.write(all.clone()).await.unwrap();
    parts.finish().await.unwrap();
    let end = store.get(key, Some(3 * PART_BYTES as u64 - 2..u64::MAX), None).await.unwrap();
    assert_eq!(read(end).await, all[3 * PART_BYTES - 2..]);
    store.delete(key).await.unwrap();
}
