//! A case: a zip, and the outcome that it must have.

use recompress::Limits;

use crate::tarball::TarMember;

/// A zip and its expected outcome.
pub struct Case {
    pub name: String,
    pub zip: Vec<u8>,
    pub limits: Limits,
    pub expected: Expected,
}

/// The expected outcome of a conversion.
pub enum Expected {
    /// A tarball of exactly these members.
    Members(Vec<TarMember>),
    /// An error with this code.
    Refusal(&'static str),
}
