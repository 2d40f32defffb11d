//! A store in memory, for tests.

use std::{
    collections::BTreeMap,
    future::ready,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::{Bytes, BytesMut};
use futures::stream;

use super::{Condition, Later, Listed, Object, Page, Parts, Store, StoreError};

/// Objects in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Objects>>);

#[derive(Debug, Default)]
struct Objects {
    by_key: BTreeMap<String, Entry>,
    /// The last tag.
    tag: u64,
    /// The time of every write from now on.
    now: u64,
}

#[derive(Debug)]
struct Entry {
    bytes: Bytes,
    tag: String,
    modified: u64,
}

impl MemoryStore {
    /// Sets the time of every write from now on, in seconds since 1970.
    pub fn set_time(&self, now: u64) {
        self.lock().now = now;
    }

    /// All keys, in order.
    pub fn keys(&self) -> Vec<String> {
        self.lock().by_key.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Objects> {
        self.0.lock().expect("nothing panics while it holds the objects")
    }
}

impl Objects {
    fn insert(&mut self, key: &str, bytes: Bytes) -> String {
        self.tag += 1;
        let (tag, modified) = (self.tag.to_string(), self.now);
        self.by_key.insert(key.to_owned(), Entry { bytes, tag: tag.clone(), modified });
        tag
    }
}

impl Store for MemoryStore {
    fn get<'a>(
        &'a self,
        key: &'a str,
        range: Option<Range<u64>>,
        if_match: Option<&'a str>,
    ) -> Later<'a, Result<Object, StoreError>> {
        let objects = self.lock();
        let found = objects.by_key.get(key).ok_or(StoreError::Missing).and_then(|Entry { bytes, tag, modified }| {
            if if_match.is_some_and(|wanted| wanted != tag) {
                return Err(StoreError::Changed);
            }
            let size = bytes.len() as u64;
            let Range { start, end } = range.unwrap_or(0..size.max(1));
            if start >= size.max(1) {
                return Err(StoreError::OutOfRange);
            }
            let bytes = bytes.slice(start as usize..end.min(size) as usize);
            // In pieces, as from a disk or a network.
            let pieces: Vec<_> = bytes.chunks(1 << 16).map(|piece| Ok(bytes.slice_ref(piece))).collect();
            Ok(Object { contents: Box::pin(stream::iter(pieces)), size, tag: tag.clone(), modified: *modified })
        });
        Box::pin(ready(found))
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Bytes,
        condition: Condition<'a>,
    ) -> Later<'a, Result<String, StoreError>> {
        let mut objects = self.lock();
        let present = objects.by_key.get(key).map(|entry| entry.tag.as_str());
        let holds = match condition {
            Condition::Always => true,
            Condition::Absent => present.is_none(),
            Condition::Matches(tag) => present == Some(tag),
        };
        Box::pin(ready(if holds { Ok(objects.insert(key, bytes)) } else { Err(StoreError::Changed) }))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Later<'a, Result<(), StoreError>> {
        self.lock().by_key.remove(key);
        Box::pin(ready(Ok(())))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> Later<'a, Result<Page, StoreError>> {
        let objects = self.lock();
        let listed = objects
            .by_key
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && cursor.is_none_or(|cursor| key.as_str() > cursor));
        let listed = listed.map(|(key, entry)| Listed {
            key: key.clone(),
            size: entry.bytes.len() as u64,
            modified: entry.modified,
        });
        let mut listed = listed.peekable();
        let found: Vec<_> = listed.by_ref().take(limit).collect();
        let cursor = listed.peek().and(found.last()).map(|last| last.key.clone());
        Box::pin(ready(Ok(Page { objects: found, cursor })))
    }

    fn begin<'a>(&'a self, key: &'a str) -> Later<'a, Result<Box<dyn Parts>, StoreError>> {
        let parts = MemoryParts { store: self.clone(), key: key.to_owned(), bytes: BytesMut::new() };
        Box::pin(ready(Ok(Box::new(parts) as Box<dyn Parts>)))
    }
}

struct MemoryParts {
    store: MemoryStore,
    key: String,
    bytes: BytesMut,
}

impl Parts for MemoryParts {
    fn write<'a>(&'a mut self, bytes: Bytes) -> Later<'a, Result<(), StoreError>> {
        self.bytes.extend_from_slice(&bytes);
        Box::pin(ready(Ok(())))
    }

    fn finish(self: Box<Self>) -> Later<'static, Result<String, StoreError>> {
        let Self { store, key, bytes } = *self;
        let tag = store.lock().insert(&key, bytes.freeze());
        Box::pin(ready(Ok(tag)))
    }

    fn abort(self: Box<Self>) -> Later<'static, ()> {
        Box::pin(ready(()))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn it_keeps_the_contract() {
        block_on(super::super::suite::check(&MemoryStore::default()));
    }
}
