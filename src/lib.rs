//! Re-encodes a zip as a brotli-compressed tarball while it is still arriving.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod compress;
mod entry;
mod error;
#[cfg(feature = "http")]
pub mod http;
mod limits;
mod spool;
mod transcoder;
mod unzip;
mod ustar;
#[cfg(feature = "worker")]
mod worker;

pub use compress::{OutOfRange, Parameters};
pub use entry::{Entry, EntryKind};
pub use error::{Error, Format, Limit, Unsupported};
pub use limits::Limits;
pub use transcoder::{Progress, Status, Transcoder};
