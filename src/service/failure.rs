//! Failures: the reasons why a conversion ends without a result.

use recompress::Error;
use thiserror::Error as ThisError;

/// The reason why an upload ends too early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadError {
    /// The connection failed; the reason is in the words of the server's HTTP layer.
    Connection(String),
    /// The upload is a form, and the form breaks a rule.
    Form(String),
}

/// Why a conversion ended without a tarball.
#[derive(Debug, ThisError)]
pub enum Failure {
    /// The archive was refused.
    #[error(transparent)]
    Archive(#[from] Error),
    /// The connection was lost, or the client left.
    #[error("the upload broke off after {received} bytes: {reason}")]
    Upload {
        /// Bytes received in all.
        received: u64,
        /// In the words of the server's HTTP layer.
        reason: String,
    },
    /// It was to be the file of a form, and the form is not as it must be.
    #[error("{reason}")]
    Form {
        /// What is wrong with it.
        reason: String,
    },
    /// The platform is about to end it.
    #[error("after {received} bytes of the upload the platform's limit on CPU time is near")]
    Cpu {
        /// Bytes received in all.
        received: u64,
    },
}

impl Failure {
    /// The failure of an upload that broke after `received` bytes.
    pub fn of_upload(error: UploadError, received: u64) -> Self {
        match error {
            UploadError::Connection(reason) => Self::Upload { received, reason },
            UploadError::Form(reason) => Self::Form { reason },
        }
    }

    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Archive(error) => error.code(),
            Self::Upload { .. } => "truncated",
            Self::Form { .. } => "bad_form",
            Self::Cpu { .. } => "cpu_budget",
        }
    }
}
