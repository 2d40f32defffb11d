//! The tarball that is written.

pub(crate) mod tar;
