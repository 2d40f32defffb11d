//! Zip: the format, the readers, and the parts that they share.

pub(crate) mod format;
pub(crate) mod forward;
mod inflate;
mod ledger;
mod name;
mod paths;
mod spool;
