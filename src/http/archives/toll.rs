//! The toll: an upload is noted in the store before it is received, so that the bytes of a day also count what broken uploads took.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use recompress_service::store::{Condition, Later, Storage, Store, Version, day_key};

/// Bytes that are noted at once, at most.
const STEP: u64 = 16 << 20;

/// The notes of one upload.
pub(crate) struct Toll {
    store: Arc<dyn Store>,
    random: fn(&mut [u8]),
    day: u64,
    /// Bytes of the upload, if it declares them.
    declared: Option<u64>,
    /// Bytes of all notes.
    noted: u64,
    /// The key of the last note, and its bytes.
    last: Option<(String, u64)>,
    /// The last note is being written.
    writing: Option<Later<'static, ()>>,
}

impl Toll {
    pub(crate) fn new(storage: &Storage, day: u64, declared: Option<u64>) -> Self {
        let Storage { store, random, .. } = storage;
        Self { store: Arc::clone(store), random: *random, day, declared, noted: 0, last: None, writing: None }
    }

    /// Ready once more than `received` bytes are noted, or all that the upload declares.
    pub(crate) fn poll(&mut self, received: u64, cx: &mut Context<'_>) -> Poll<()> {
        if self.writing.is_none() && received >= self.noted && self.declared != Some(self.noted) {
            let left = self.declared.and_then(|declared| declared.checked_sub(self.noted)).unwrap_or(STEP);
            self.note(left.min(STEP));
        }
        if let Some(writing) = &mut self.writing {
            ready!(writing.as_mut().poll(cx));
            self.writing = None;
        }
        Poll::Ready(())
    }

    fn note(&mut self, bytes: u64) {
        let key = day_key(self.day, bytes, &Version::random(self.random));
        self.noted += bytes;
        self.writing = Some(self.replace(key.clone(), None));
        self.last = Some((key, bytes));
    }

    /// Writes a note, and then deletes another one. A failure leaves a limit that was never exact a little less so. The upload
    /// goes on: it fails soon if the store does.
    fn replace(&self, key: String, other: Option<String>) -> Later<'static, ()> {
        let store = Arc::clone(&self.store);
        Box::pin(async move {
            let _ = store.put(&key, Bytes::new(), Condition::Always).await;
            if let Some(other) = other {
                let _ = store.delete(&other).await;
            }
        })
    }

    /// Corrects the last note, if it is wrong now that the upload has ended.
    pub(crate) fn settle(self, received: u64) -> Option<Later<'static, ()>> {
        let surplus = self.noted.checked_sub(received).filter(|surplus| *surplus > 0)?;
        let (last, bytes) = self.last.as_ref()?;
        let taken = bytes.saturating_sub(surplus);
        Some(self.replace(day_key(self.day, taken, &Version::random(self.random)), Some(last.clone())))
    }
}
