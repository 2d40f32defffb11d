//! The zip records and fields: one pure parser each.

pub(crate) mod extra;
pub(crate) mod foreign;
pub(crate) mod record;
pub(crate) mod sav_header;
pub(crate) mod time;
