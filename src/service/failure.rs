//! Failures: the reasons why a conversion ends without a result.

use recompress::Error;
use thiserror::Error as ThisError;

use crate::{admission::Figures, pace::Floor, store::StoreError};

/// The reason why an upload ends too early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadError {
    /// The connection failed; the reason is in the words of the server's HTTP layer.
    Connection(String),
    /// The upload is a form, and the form breaks a rule.
    Form(String),
    /// The bytes come from a store, and the store failed.
    Store(StoreError),
}

/// Why a conversion ended without a tarball.
#[derive(Debug, ThisError)]
pub enum Failure {
    /// The archive was refused.
    #[error(transparent)]
    Archive(#[from] Error),
    /// The connection was lost or the client left.
    #[error("the upload broke off after {received} bytes: {reason}")]
    Upload {
        /// Bytes received in all.
        received: u64,
        /// The reason, in the words of the server's HTTP layer.
        reason: String,
    },
    /// The form that carries the archive is invalid.
    #[error("{reason}")]
    Form {
        /// The broken rule.
        reason: String,
    },
    /// The platform is about to end the request for its CPU time.
    #[error("the platform's limit on CPU time is near, after {received} bytes of the upload; retry with quality=auto")]
    Cpu {
        /// Bytes received in all.
        received: u64,
    },
    /// No memory came free while the request waited.
    #[error("other requests hold the memory: {} of {} bytes are free", .0.free(), .0.budget)]
    Busy(Figures),
    /// The client sends too slowly, and others wait for what its request holds.
    #[error(
        "the upload was slower than {} bytes a second for {} s, after {received} bytes, and other requests wait; retry, or send it by a faster connection",
        .floor.bytes,
        .floor.period.as_secs_f64()
    )]
    SlowUpload {
        /// Bytes received in all.
        received: u64,
        /// The floor.
        floor: Floor,
    },
    /// The client reads too slowly, and others wait for what its request holds.
    #[error(
        "the answer was read slower than {} bytes a second for {} s, after {taken} bytes, and other requests wait",
        .floor.bytes,
        .floor.period.as_secs_f64()
    )]
    SlowDownload {
        /// Bytes read in all.
        taken: u64,
        /// The floor.
        floor: Floor,
    },
    /// The client sends on and does not read its answer, and there is no room for more of it.
    #[error(
        "after {received} bytes of the upload, {unread} bytes of the answer wait to be read: read the answer while you send; no client need do so for an answer of up to {most} bytes, if the server has room"
    )]
    AnswerUnread {
        /// Bytes received in all.
        received: u64,
        /// Bytes of the answer that wait.
        unread: u64,
        /// The most that may wait.
        most: u64,
    },
    /// The storage of archives failed.
    #[error("{0}; try again later")]
    Storage(StoreError),
    /// The stored archive would be larger than one may be.
    #[error("the {what} of the archive is larger than the {limit} bytes that one may have here")]
    TooLargeToStore {
        /// The part that is too large.
        what: &'static str,
        /// Bytes.
        limit: u64,
    },
    /// The conversion was stopped from outside, as by a panic.
    #[error("the conversion was stopped")]
    Stopped,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}

impl Failure {
    /// The failure of an upload that broke after `received` bytes.
    pub fn of_upload(error: UploadError, received: u64) -> Self {
        match error {
            UploadError::Connection(reason) => Self::Upload { received, reason },
            UploadError::Form(reason) => Self::Form { reason },
            UploadError::Store(error) => Self::Storage(error),
        }
    }

    /// Whether the client did not read its answer: the rest of it is then of no use.
    pub(crate) fn is_of_reader(&self) -> bool {
        matches!(self, Self::SlowDownload { .. } | Self::AnswerUnread { .. })
    }

    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Archive(error) => error.code(),
            Self::Upload { .. } => "truncated",
            Self::Form { .. } => "bad_form",
            Self::Cpu { .. } => "cpu_budget",
            Self::Busy(_) => "busy",
            Self::SlowUpload { .. } | Self::SlowDownload { .. } => "too_slow",
            Self::AnswerUnread { .. } => "answer_unread",
            Self::Storage(_) => "storage",
            Self::TooLargeToStore { .. } => "too_large_to_store",
            Self::Stopped => "stopped",
        }
    }
}
