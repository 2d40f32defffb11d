//! A case: a zip, and the outcome that it must have.

use recompress::Limits;

use crate::tarball::TarMember;

/// A zip and what must come of it.
pub struct Case {
    pub name: String,
    pub zip: Vec<u8>,
    pub limits: Limits,
    pub expected: Expected,
}

/// What a conversion must end in.
pub enum Expected {
    /// A tarball of exactly these members.
    Members(Vec<TarMember>),
    /// An error with this code.
    Refusal(&'static str),
}
