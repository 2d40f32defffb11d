//! A store in which a test comes between the operations.

use std::{fmt, ops::Range};

use recompress_service::store::{Condition, Later, Object, Page, Parts, Store, StoreError};

use super::*;

/// Runs before an operation, which fails if it does.
type Before = Box<dyn Fn() -> Result<(), StoreError> + Send + Sync>;

/// Calls `before` ahead of the operation with this number, and of all later ones.
struct Stepping {
    store: MemoryStore,
    left: AtomicU64,
    before: Before,
}

/// The site's store for one request, with `before` ahead of all operations but the first `after`.
pub(super) fn stepping(site: &Site, after: u64, before: Before) -> Storage {
    let store = Stepping { store: site.store.clone(), left: AtomicU64::new(after), before };
    Storage { store: Arc::new(store), ..site.storage() }
}

impl Stepping {
    fn step<'a, T: Send + 'a>(
        &'a self,
        operation: impl FnOnce(&'a MemoryStore) -> Later<'a, Result<T, StoreError>>,
    ) -> Later<'a, Result<T, StoreError>> {
        let is_now = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err();
        match if is_now { (self.before)() } else { Ok(()) } {
            Ok(()) => operation(&self.store),
            Err(error) => Box::pin(ready(Err(error))),
        }
    }
}

impl fmt::Debug for Stepping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stepping")
    }
}

impl Store for Stepping {
    fn get<'a>(
        &'a self,
        key: &'a str,
        range: Option<Range<u64>>,
        if_match: Option<&'a str>,
    ) -> Later<'a, Result<Object, StoreError>> {
        self.step(|store| store.get(key, range, if_match))
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Bytes,
        condition: Condition<'a>,
    ) -> Later<'a, Result<String, StoreError>> {
        self.step(|store| store.put(key, bytes, condition))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Later<'a, Result<(), StoreError>> {
        self.step(|store| store.delete(key))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> Later<'a, Result<Page, StoreError>> {
        self.step(|store| store.list(prefix, cursor, limit))
    }

    fn begin<'a>(&'a self, key: &'a str) -> Later<'a, Result<Box<dyn Parts>, StoreError>> {
        self.step(|store| store.begin(key))
    }
}
