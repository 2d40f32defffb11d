//! The stores of the native server, by `object_store`: a folder, or a bucket of S3.

#[cfg(feature = "s3")]
mod bucket;
mod folder;
mod upload;

use std::{
    io,
    ops::Range,
    path::Path as FilePath,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::TryStreamExt;
use object_store::{Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};
use recompress_http::store::{Object, Storage, Store, StoreError};

#[cfg(feature = "s3")]
use self::bucket::Bucket;
use self::folder::Folder;

/// What an address in S3 begins with.
const S3: &str = "s3://";

/// An open store.
#[derive(Debug, Clone)]
pub enum Objects {
    Folder(Arc<Folder>),
    #[cfg(feature = "s3")]
    Bucket(Arc<Bucket>),
}

impl Objects {
    /// Opens the store of `--store`: a folder, or a bucket at `s3://`.
    ///
    /// # Errors
    ///
    /// If that fails. The message begins with the option.
    pub async fn open(place: &FilePath) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("--store: {}: {error}", place.display()));
        match place.to_str().and_then(|text| text.strip_prefix(S3)) {
            Some(address) => Self::open_bucket(address).await,
            None => Folder::open(place).map(|folder| Self::Folder(Arc::new(folder))),
        }
        .map_err(named)
    }

    #[cfg(feature = "s3")]
    async fn open_bucket(address: &str) -> io::Result<Self> {
        Ok(Self::Bucket(Arc::new(Bucket::open(address).await?)))
    }

    #[cfg(not(feature = "s3"))]
    async fn open_bucket(_: &str) -> io::Result<Self> {
        let message =
            "this program was built without S3: build it with `cargo build --release -p recompress-cli --features s3`";
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }

    /// The store for one request.
    pub fn storage(&self) -> Storage {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let store: Arc<dyn Store> = match self {
            Self::Folder(folder) => Arc::clone(folder) as _,
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => Arc::clone(bucket) as _,
        };
        Storage { store, now, random: |bytes| getrandom::fill(bytes).expect("the system has random numbers") }
    }

    /// Deletes what a killed server was writing, if nothing was added for this long. A bucket does so by a rule of its own.
    pub fn forget_unfinished(&self, age: Duration) -> io::Result<usize> {
        match self {
            Self::Folder(folder) => folder.forget_unfinished(age),
            #[cfg(feature = "s3")]
            Self::Bucket(_) => Ok(0),
        }
    }
}

fn failed(error: Error) -> StoreError {
    match error {
        Error::NotFound { .. } => StoreError::Missing,
        Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. } => StoreError::Changed,
        error => StoreError::Failed(error.to_string()),
    }
}

fn tag(tag: Option<String>) -> String {
    tag.unwrap_or_default()
}

/// Seconds since 1970.
fn modified(object: &ObjectMeta) -> u64 {
    u64::try_from(object.last_modified.timestamp()).unwrap_or(0)
}

/// [`Store::get`].
async fn get(
    store: &dyn ObjectStore,
    path: &Path,
    range: Option<Range<u64>>,
    if_match: Option<&str>,
) -> Result<Object, StoreError> {
    let options = GetOptions {
        range: range.clone().map(GetRange::Bounded),
        if_match: if_match.map(str::to_owned),
        ..GetOptions::default()
    };
    let result = match store.get_opts(path, options).await {
        Ok(result) => result,
        Err(error) => {
            let error = failed(error);
            if let (Some(range), StoreError::Failed(_)) = (range, &error)
                && store.head(path).await.is_ok_and(|found| found.size <= range.start)
            {
                return Err(StoreError::OutOfRange);
            }
            return Err(error);
        }
    };
    let (size, tag, modified) = (result.meta.size, tag(result.meta.e_tag.clone()), modified(&result.meta));
    Ok(Object { contents: Box::pin(result.into_stream().map_err(failed)), size, tag, modified })
}

/// [`Store::delete`].
async fn delete(store: &dyn ObjectStore, path: &Path) -> Result<(), StoreError> {
    match store.delete(path).await.map_err(failed) {
        Err(StoreError::Missing) => Ok(()),
        result => result,
    }
}
