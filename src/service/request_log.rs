//! The account of one request, which becomes a line of the log when it ends, however it ends.
//!
//! No names of files, no addresses: what a line is for is to count, and to find one request by its id.

use serde::Serialize;

/// Numbers and words about one request. Dropped, it is written.
#[derive(Debug, Serialize)]
pub struct RequestLog {
    #[serde(skip)]
    write: Option<fn(&str)>,
    /// The id by which the client finds its request.
    pub request_id: String,
    /// The HTTP method.
    pub method: String,
    /// What the request is for.
    pub route: &'static str,
    /// None where nobody was left to be answered.
    pub status: Option<u16>,
    /// `ok`, the code of a problem, or `left`.
    pub outcome: &'static str,
    /// Of the archive.
    pub bytes_in: u64,
    /// Of the answer, as far as it was taken.
    pub bytes_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Brotli quality in use.
    pub quality: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Brotli window in use.
    pub lgwin: Option<u8>,
    /// Bytes of memory reserved.
    pub reserved_bytes: u64,
    /// Nanoseconds of CPU, as counted.
    pub work_ns: u64,
}

/// The outcome as long as there is no other.
const LEFT: &str = "client_left";

impl RequestLog {
    /// Opens the log of one request. `write` takes its line when it is dropped.
    pub fn open(write: Option<fn(&str)>, request_id: String, method: &str) -> Self {
        // Whatever a client takes for a method must not fill the log.
        let method = if method.len() <= 16 { method } else { "other" };
        Self {
            write,
            request_id,
            method: method.to_owned(),
            route: "none",
            status: None,
            outcome: LEFT,
            bytes_in: 0,
            bytes_out: 0,
            quality: None,
            lgwin: None,
            reserved_bytes: 0,
            work_ns: 0,
        }
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        if let Some(write) = self.write {
            write(&serde_json::to_string(self).expect("numbers and words are always JSON"));
        }
    }
}
