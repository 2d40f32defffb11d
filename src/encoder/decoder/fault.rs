//! Why a segment was refused.

use std::fmt;

/// The first broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The stream or the segment ends early.
    Truncated,
    /// The format is broken (RFC 7932).
    Invalid(&'static str),
    /// It is a valid part of a stream, and its meaning depends on what comes before it: read from the front and read alone, it
    /// could give different bytes.
    Dependent(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("it is cut"),
            Self::Invalid(rule) => write!(f, "it breaks the brotli format: {rule}"),
            Self::Dependent(on) => write!(f, "alone it could have other contents than in its stream: {on}"),
        }
    }
}

impl std::error::Error for Fault {}
