//! A bucket of S3, or of a service with the same protocol.
//!
//! Any number of servers may use it at once: the conditions of its requests are all that they need.

use std::{io, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{
    BackoffConfig, ClientConfigKey, PutMode, PutOptions, PutPayload, RetryConfig, UpdateVersion,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    list::{PaginatedListOptions, PaginatedListStore},
    path::Path,
};
use recompress_http::store::{Condition, Later, Listed, Object, Page, Parts, Store, StoreError};

use super::{delete, failed, get, modified, tag, upload::Upload};

/// Most keys of one listing that S3 gives.
const MOST_LISTED: usize = 1000;

/// Objects in a bucket, below a prefix.
#[derive(Debug)]
pub struct Bucket {
    inner: Arc<AmazonS3>,
    /// Empty, or with `/` at its end.
    prefix: String,
}

impl Bucket {
    /// Opens `BUCKET/PREFIX`. Credentials, the region and the endpoint are those of the variables `AWS_*`.
    ///
    /// # Errors
    ///
    /// If the address is wrong, the bucket cannot be used, or the service ignores the conditions of writes.
    pub async fn open(address: &str) -> io::Result<Self> {
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        let prefix = prefix.trim_end_matches('/');
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let is_name = |text: &str| !text.is_empty() && text != "." && text != ".." && is_plain(text);
        if !is_name(bucket) || !(prefix.is_empty() || prefix.split('/').all(is_name)) {
            let message = "the address is s3://BUCKET or s3://BUCKET/PREFIX, of letters, digits, -, _ and .";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        // It fails if there is one already, which then serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |key| AmazonS3ConfigKey::Client(key);
        let inner = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            // A slow reader may take an hour for an archive; the service may not pause for so long.
            .with_config(client(ClientConfigKey::Timeout), "1 day")
            .with_config(client(ClientConfigKey::ReadTimeout), "30 seconds")
            .with_retry(RetryConfig {
                max_retries: 3,
                retry_timeout: Duration::from_secs(60),
                backoff: BackoffConfig { max_backoff: Duration::from_secs(5), ..BackoffConfig::default() },
            })
            .build()
            .map_err(io::Error::other)?;
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let bucket = Self { inner: Arc::new(inner), prefix };
        bucket.probe().await?;
        Ok(bucket)
    }

    /// Writes under conditions that do not hold: a service that does so all the same would lose archives.
    async fn probe(&self) -> io::Result<()> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let random = format!("{:032x}", u128::from_le_bytes(random));
        // Other servers may probe at the same time.
        let (key, other) = (format!("probe-{random}"), format!("\"{random}\""));
        self.put(&key, Bytes::from_static(b"1"), Condition::Always).await.map_err(|error| match error {
            StoreError::Missing => io::Error::new(io::ErrorKind::NotFound, "there is no such bucket"),
            error => io::Error::other(error),
        })?;
        for condition in [Condition::Absent, Condition::Matches(&other)] {
            match self.put(&key, Bytes::from_static(b"2"), condition).await {
                Err(StoreError::Changed) => {}
                Ok(_) => return Err(io::Error::other("its service ignores If-Match or If-None-Match of writes")),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        self.delete(&key).await.map_err(io::Error::other)
    }

    fn path(&self, key: &str) -> Path {
        Path::from(format!("{}{key}", self.prefix))
    }

    /// The tag of the object if it has these contents.
    async fn tag_of(&self, key: &str, bytes: &[u8]) -> Result<String, StoreError> {
        let mut object = get(&*self.inner, &self.path(key), None, None).await?;
        let mut left = bytes;
        while let Some(piece) = object.contents.try_next().await? {
            left = left.strip_prefix(&piece[..]).ok_or(StoreError::Changed)?;
        }
        if left.is_empty() { Ok(object.tag) } else { Err(StoreError::Changed) }
    }
}

/// An entity tag as it is in a header (RFC 9110 §8.8.3).
fn quoted(tag: &str) -> String {
    if tag.starts_with('"') { tag.to_owned() } else { format!("\"{tag}\"") }
}

impl Store for Bucket {
    fn get<'a>(
        &'a self,
        key: &'a str,
        range: Option<Range<u64>>,
        if_match: Option<&'a str>,
    ) -> Later<'a, Result<Object, StoreError>> {
        // No object is so long; some services refuse larger numbers.
        let range = range.map(|range| range.start..range.end.min(1 << 52).max(range.start.saturating_add(1)));
        let if_match = if_match.map(quoted);
        Box::pin(async move { get(&*self.inner, &self.path(key), range, if_match.as_deref()).await })
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Bytes,
        condition: Condition<'a>,
    ) -> Later<'a, Result<String, StoreError>> {
        Box::pin(async move {
            let mode = match condition {
                Condition::Always => PutMode::Overwrite,
                Condition::Absent => PutMode::Create,
                Condition::Matches(tag) => PutMode::Update(UpdateVersion { e_tag: Some(quoted(tag)), version: None }),
            };
            let options = PutOptions { mode, ..PutOptions::default() };
            let payload = PutPayload::from(bytes.clone());
            match object_store::ObjectStore::put_opts(&*self.inner, &self.path(key), payload, options).await {
                Ok(written) => Ok(tag(written.e_tag)),
                Err(error) => match failed(error) {
                    // A try whose answer was lost has perhaps written it.
                    StoreError::Changed => match self.tag_of(key, &bytes).await {
                        Err(StoreError::Missing) => Err(StoreError::Changed),
                        tag => tag,
                    },
                    error => Err(error),
                },
            }
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Later<'a, Result<(), StoreError>> {
        Box::pin(async move { delete(&*self.inner, &self.path(key)).await })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> Later<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            let within = format!("{}{prefix}", self.prefix);
            let mut options = PaginatedListOptions {
                offset: cursor.map(|cursor| format!("{}{cursor}", self.prefix)),
                max_keys: Some(limit.min(MOST_LISTED)),
                ..PaginatedListOptions::default()
            };
            // Ends with a page that has objects, or the last one.
            loop {
                let found = self.inner.list_paginated(Some(&within), options.clone()).await.map_err(failed)?;
                let objects = found.result.objects.into_iter().filter_map(|object| {
                    let modified = modified(&object);
                    let key = object.location.as_ref().strip_prefix(&self.prefix)?.to_owned();
                    Some(Listed { key, size: object.size, modified })
                });
                let objects: Vec<Listed> = objects.collect();
                if !objects.is_empty() || found.page_token.is_none() {
                    let cursor = found.page_token.and(objects.last()).map(|last| last.key.clone());
                    return Ok(Page { objects, cursor });
                }
                options.page_token = found.page_token;
            }
        })
    }

    fn begin<'a>(&'a self, key: &'a str) -> Later<'a, Result<Box<dyn Parts>, StoreError>> {
        Upload::begin(Arc::clone(&self.inner) as _, self.path(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_a_bucket_and_a_plain_prefix() {
        for address in ["", "/", "/a", "a//b", "a/../b", "a/b c", "a/%2e", "a b"] {
            let refused = Bucket::open(address).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{address}: {refused}");
        }
    }

    /// `tests/native/s3.test.mjs` runs it, with a service of S3 in the variables `AWS_*`.
    #[tokio::test]
    #[ignore = "needs a service of S3"]
    async fn a_bucket_keeps_the_contract_of_a_store() {
        for address in ["archives", "archives/some/where/"] {
            let bucket = Bucket::open(address).await.unwrap();
            recompress_http::store::suite::check(&bucket).await;
        }
    }
}
