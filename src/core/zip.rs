//! Zip: the format, the readers, and the parts that they share.

pub(crate) mod contents;
pub(crate) mod decoder;
pub(crate) mod format;
pub(crate) mod forward;
pub(crate) mod indexed;
mod ledger;
pub(crate) mod name;
mod paths;
mod spool;
