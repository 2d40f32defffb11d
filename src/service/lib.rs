//! The converter as a service, without HTTP and without a runtime.
//!
//! ```text
//! platform     the few facts and acts that only a platform has
//! admission    the pool of memory that all requests share, and its queue
//! memory       the share of it that one request needs
//! failure      the reasons why a conversion ends without a result
//! request_log  the line that one request leaves in the log
//! exchange     receive, convert, send: a Step fed by an upload
//! ```
//!
//! Imports point up this list. A new kind of job is a variant of [`Job`], or any other [`recompress::Step`].

mod admission;
mod exchange;
mod failure;
mod memory;
mod platform;
mod request_log;

pub use admission::{Admission, Figures, Reservation};
pub use exchange::{Exchange, Job, Piece};
pub use failure::{Failure, UploadError};
pub use memory::{Busy, Share, TooMuchMemory};
pub use platform::{Pause, Platform};
pub use request_log::RequestLog;
