//! The record of a stored archive: the facts that are known once its blob is whole.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    error::StoreError,
    key::{Id, blob_key},
};

/// The longest record, in bytes. The longest parts of one are the options, which fit a request's head, and a save's metadata.
pub const LONGEST: usize = 256 << 10;

/// What is known of a stored archive. Clients get it as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// The archive's id.
    pub id: String,
    /// The version of its contents: the middle of every entity tag, and the end of its blob's key.
    pub etag: String,
    /// The upload's name, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Seconds since 1970.
    pub created: u64,
    /// Seconds since 1970 from which on it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// Bytes of the `.tar.br`.
    pub bytes: u64,
    /// Bytes of the zip.
    pub zip_bytes: u64,
    /// SHA-256 of the zip, in hexadecimal digits.
    pub zip_sha256: String,
    /// Bytes of the tarball.
    pub tar_bytes: u64,
    /// SHA-256 of the tarball.
    pub tar_sha256: String,
    /// Members of the tarball.
    pub members: u64,
    /// Brotli quality at the start and at the end, and window.
    pub quality: u8,
    /// See `quality`.
    pub quality_at_end: u8,
    /// See `quality`.
    pub lgwin: u8,
    /// The options that decide about the contents, in one form: two uploads of one zip with the same text have the same result.
    pub options: Box<RawValue>,
    /// A count for each warning.
    pub warnings: Box<RawValue>,
    /// The metadata of a save.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<Box<RawValue>>,
}

impl Record {
    /// Reads a record that a store has for `id`.
    ///
    /// # Errors
    ///
    /// `Failed` if it is none.
    pub fn parse(bytes: &[u8], id: &Id) -> Result<Self, StoreError> {
        let damaged = |problem: &str| StoreError::Failed(format!("the record of {id} is damaged: {problem}"));
        let record: Self = serde_json::from_slice(bytes).map_err(|error| damaged(&error.to_string()))?;
        // The version becomes a key and a header.
        let is_whole = record.id == id.as_str() && Id::parse(&record.etag).is_some();
        if is_whole { Ok(record) } else { Err(damaged("it is of another archive")) }
    }

    /// The record as it is stored.
    pub fn json(&self) -> Bytes {
        serde_json::to_vec(self).expect("texts and numbers are always JSON").into()
    }

    /// The key of its blob.
    pub fn blob_key(&self) -> String {
        blob_key(&self.id, &self.etag)
    }

    /// Whether its time is over at `now`, in seconds since 1970.
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}
