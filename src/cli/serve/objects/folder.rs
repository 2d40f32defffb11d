//! A folder.
//!
//! Files appear by rename, so a killed server leaves no half of one. What it was writing stays under a name with `#`, which nothing
//! reads, until [`Folder::forget_unfinished`].

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io,
    ops::Range,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, local::LocalFileSystem, path::Path};
use recompress_http::store::{Condition, Later, Listed, Object, Page, Parts, Store, StoreError};
use tokio::sync::Mutex;

use super::{delete, failed, get, modified, tag, upload::Upload};

/// Listings skip it, like all names with a number after `#`.
const LOCK: &str = "lock#0";

/// The folders of records, blobs and notes.
const FOLDERS: [&str; 3] = ["archives", "blobs", "days"];

/// Objects in a folder.
#[derive(Debug)]
pub struct Folder {
    inner: Arc<LocalFileSystem>,
    root: PathBuf,
    /// Held while a condition is checked and its object is written.
    writing: Mutex<()>,
    /// One server at a time: another one would not know of the lock above.
    _lock: File,
}

impl Folder {
    /// Opens the folder, and makes it if it is missing.
    ///
    /// # Errors
    ///
    /// If that fails, or another server uses the folder.
    pub fn open(root: &FilePath) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let lock = File::create(root.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another server uses this folder"),
            TryLockError::Error(error) => error,
        })?;
        // Ids differ in the case of their letters.
        let probe = root.join("case#1");
        fs::write(&probe, "")?;
        let is_one = root.join("CASE#1").exists();
        fs::remove_file(&probe)?;
        if is_one {
            return Err(io::Error::other("its file system does not tell A from a, and ids do"));
        }
        let inner = LocalFileSystem::new_with_prefix(root).map_err(io::Error::other)?;
        let inner = inner.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self { inner: Arc::new(inner), root: root.to_owned(), writing: Mutex::new(()), _lock: lock })
    }

    /// Deletes what a killed server was writing, if nothing was added for this long.
    pub fn forget_unfinished(&self, age: Duration) -> io::Result<usize> {
        let mut forgotten = 0;
        let Some(before) = SystemTime::now().checked_sub(age) else { return Ok(0) };
        let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|folder| self.root.join(folder)).collect();
        // Ends: the folders are a tree.
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name().to_string_lossy().contains('#') && entry.metadata()?.modified()? <= before {
                    // It may have been finished meanwhile.
                    forgotten += usize::from(fs::remove_file(entry.path()).is_ok());
                }
            }
        }
        Ok(forgotten)
    }
}

impl Store for Folder {
    fn get<'a>(
        &'a self,
        key: &'a str,
        range: Option<Range<u64>>,
        if_match: Option<&'a str>,
    ) -> Later<'a, Result<Object, StoreError>> {
        Box::pin(async move { get(&*self.inner, &Path::from(key), range, if_match).await })
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Bytes,
        condition: Condition<'a>,
    ) -> Later<'a, Result<String, StoreError>> {
        Box::pin(async move {
            let path = Path::from(key);
            let _writing = self.writing.lock().await;
            if let Condition::Matches(wanted) = condition {
                let found = self.inner.head(&path).await.map_err(failed);
                let found =
                    found.map_err(|error| if error == StoreError::Missing { StoreError::Changed } else { error })?;
                if tag(found.e_tag) != wanted {
                    return Err(StoreError::Changed);
                }
            }
            let mode = if condition == Condition::Absent { PutMode::Create } else { PutMode::Overwrite };
            let options = PutOptions { mode, ..PutOptions::default() };
            let put = self.inner.put_opts(&path, PutPayload::from(bytes), options).await.map_err(failed)?;
            Ok(tag(put.e_tag))
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Later<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let _writing = self.writing.lock().await;
            delete(&*self.inner, &Path::from(key)).await
        })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> Later<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            // A prefix is whole folders there, and the order is the file system's.
            let folder = prefix.rsplit_once('/').map(|(folder, _)| Path::from(folder));
            let found = match cursor {
                Some(cursor) => self.inner.list_with_offset(folder.as_ref(), &Path::from(cursor)),
                None => self.inner.list(folder.as_ref()),
            };
            let mut found = found.filter(|found| {
                let wanted = found.as_ref().map_or(true, |found| found.location.as_ref().starts_with(prefix));
                std::future::ready(wanted)
            });
            let mut listed = BTreeMap::new();
            while let Some(object) = found.next().await {
                let object = match object.map_err(failed) {
                    // It was deleted meanwhile, or its folder was never there.
                    Err(StoreError::Missing) => continue,
                    object => object?,
                };
                let modified = modified(&object);
                let key = String::from(object.location);
                listed.insert(key.clone(), Listed { key, size: object.size, modified });
                if listed.len() > limit + 1 {
                    listed.pop_last();
                }
            }
            let more = (listed.len() > limit).then(|| listed.pop_last()).flatten();
            let objects: Vec<Listed> = listed.into_values().collect();
            let cursor = more.and(objects.last()).map(|last| last.key.clone());
            Ok(Page { objects, cursor })
        })
    }

    fn begin<'a>(&'a self, key: &'a str) -> Later<'a, Result<Box<dyn Parts>, StoreError>> {
        Upload::begin(Arc::clone(&self.inner) as _, Path::from(key))
    }
}

#[cfg(test)]
mod tests {
    use recompress_http::store::PART_BYTES;

    use super::*;

    #[tokio::test]
    async fn a_folder_keeps_the_contract_of_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::open(&folder.path().join("new")).unwrap();
        recompress_http::store::suite::check(&store).await;
    }

    #[tokio::test]
    async fn a_folder_is_for_one_server_and_forgets_what_was_not_finished() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::open(folder.path()).unwrap();
        let refused = Folder::open(folder.path()).unwrap_err().to_string();
        assert!(refused.ends_with("another server uses this folder"), "{refused}");
        let mut parts = store.begin("blobs/a.1").await.unwrap();
        parts.write(vec![0; PART_BYTES + 1].into()).await.unwrap();
        // As if it were killed.
        std::mem::forget(parts);
        store.put("archives/a", Bytes::from_static(b"kept"), Condition::Always).await.unwrap();
        assert_eq!(store.list("", None, 10).await.unwrap().objects.len(), 1);
        assert_eq!(store.forget_unfinished(Duration::from_secs(60)).unwrap(), 0);
        assert_eq!(store.forget_unfinished(Duration::ZERO).unwrap(), 1);
        assert_eq!(fs::read_dir(folder.path().join("blobs")).unwrap().count(), 0);
        drop(store);
        let again = Folder::open(folder.path()).unwrap();
        assert_eq!(again.list("", None, 10).await.unwrap().objects[0].key, "archives/a");
    }
}
