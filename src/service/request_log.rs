//! The log line of one request, written when the request ends in any way.
//!
//! It has no file names and no addresses. Its purpose is to count, and to find one request by its id.

use serde::Serialize;

use crate::platform::Platform;

/// Facts about one request. Dropping it writes the line.
#[derive(Debug, Serialize)]
pub struct RequestLog {
    #[serde(skip)]
    write: Option<fn(&str)>,
    /// The request's id, as the client sees it.
    pub request_id: String,
    /// The HTTP method.
    pub method: String,
    /// The route's name.
    pub route: &'static str,
    /// None if the client left before the answer.
    pub status: Option<u16>,
    /// `ok`, the code of a problem, or `client_left`.
    pub outcome: &'static str,
    /// Bytes of the archive received.
    pub bytes_in: u64,
    /// Bytes of the answer taken by the client's connection.
    pub bytes_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Brotli quality at the start.
    pub quality: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Brotli quality at the end, which is lower if the CPU budget demanded it.
    pub quality_at_end: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Brotli window in use.
    pub lgwin: Option<u8>,
    /// Bytes of memory reserved.
    pub reserved_bytes: u64,
    /// Nanoseconds of CPU, counted from the work done.
    pub work_ns: u64,
    /// Members of the archive, as far as it was read.
    pub members: u64,
    /// Their unpacked bytes.
    pub unpacked_bytes: u64,
    /// Milliseconds from the request's head to its end. On the edge, the time while it computes is missing.
    pub wall_ms: u64,
    #[serde(skip)]
    now: fn() -> u64,
    #[serde(skip)]
    started: u64,
}

/// The initial outcome.
const LEFT: &str = "client_left";

impl RequestLog {
    /// Opens the log of one request. The platform takes its line when it is dropped.
    pub fn open(platform: &Platform, request_id: String, method: &str) -> Self {
        let Platform { log: write, now, .. } = *platform;
        // A client can invent any method; it must not fill the log.
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
            quality_at_end: None,
            lgwin: None,
            reserved_bytes: 0,
            work_ns: 0,
            members: 0,
            unpacked_bytes: 0,
            wall_ms: 0,
            now,
            started: now(),
        }
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        self.wall_ms = (self.now)().saturating_sub(self.started);
        if let Some(write) = self.write {
            write(&serde_json::to_string(self).expect("numbers and words are always JSON"));
        }
    }
}
