//! What can be asked, and what is answered: for programs, and for people.

/// OpenAPI 3.1.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

/// The same as a page, which loads nothing.
pub(super) const PAGE: &str = include_str!("docs.html");
