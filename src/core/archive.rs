//! Tarballs: the headers that are written, and a reader of any tarball.

pub(crate) mod tar;
