//! A seekable `.tar.br`: a plain brotli stream of a tarball that says what it is, and carries an index at its end.
//!
//! ```text
//! stream header │ block "recompress/1" │ segment │ segment │ … │ blocks with the index │ footer │ 0x03
//! ```
//!
//! A segment starts and ends at a whole byte and refers to nothing before it. Segments tile the stream, and members tile the
//! tarball, so the index holds lengths and no offsets. docs/format.md is the specification.

pub(crate) mod block;
pub(crate) mod footer;
pub(crate) mod index;
mod members;
mod open;
mod varint;

pub use index::{Index, IndexedMember, Segment};
pub use members::{MemberEvent, MemberReader};
pub use open::IndexReader;
