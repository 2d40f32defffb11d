//! Why a stored `.tar.br`, or a member of it, could not be read.

use thiserror::Error;

use super::Error as Refusal;

/// The reason why a seekable file was refused. The first error is the only one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoredError {
    /// The file has no index of ours. It may still be a tarball.
    #[error("the file has no index: read it from the front, with brotli -d | tar x")]
    NoIndex,
    /// The index breaks a rule of the format.
    #[error("the index of the file is damaged: {problem}")]
    BadIndex {
        /// The broken rule.
        problem: &'static str,
    },
    /// A member breaks a rule of the format.
    #[error("{name:?} is refused: {problem}")]
    BadMember {
        /// Its name.
        name: String,
        /// The broken rule.
        problem: &'static str,
    },
    /// A segment breaks a rule of the format.
    #[error("the segment at byte {offset} of the file is refused: {problem}")]
    BadSegment {
        /// Where it starts.
        offset: u64,
        /// The broken rule.
        problem: String,
    },
    /// The file is no tarball, or a broken one.
    #[error("the tarball cannot be read: {problem}")]
    BadTar {
        /// The fault.
        problem: &'static str,
    },
    /// A name or a link that a zip could not have either.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// No member has the name that was asked for.
    #[error("the file has no member {name:?}")]
    NoMember {
        /// The name.
        name: String,
    },
    /// Read from its front, the file is not what its index says.
    #[error("the archive is not what its index says: {problem}")]
    TwoFaces {
        /// The difference.
        problem: String,
    },
    /// More memory than there may be.
    #[error("the {what} of the file takes more than {limit} bytes of memory")]
    TooLarge {
        /// What takes it.
        what: &'static str,
        /// Bytes.
        limit: u64,
    },
}

impl From<Refusal> for StoredError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl StoredError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoIndex => "no_index",
            Self::BadIndex { .. } => "bad_index",
            Self::BadMember { .. } => "bad_member",
            Self::BadSegment { .. } => "bad_segment",
            Self::BadTar { .. } => "bad_tar",
            Self::Refused(refusal) => refusal.code(),
            Self::NoMember { .. } => "no_member",
            Self::TwoFaces { .. } => "two_faces",
            Self::TooLarge { .. } => "memory_limit",
        }
    }
}
