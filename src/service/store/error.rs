//! The failures of a store.

use thiserror::Error;

/// A refusal or a failure of a store.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// There is no object with this key.
    #[error("there is no such object")]
    Missing,
    /// A condition does not hold.
    #[error("the object has changed, or exists already")]
    Changed,
    /// A range starts at the object's end, or after it.
    #[error("the range starts after the end")]
    OutOfRange,
    /// The storage failed, also when it was tried again. The text is for the log of the operator.
    #[error("the storage failed: {0}")]
    Failed(String),
}
