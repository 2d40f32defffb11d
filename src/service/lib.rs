//! The converter as a service, without HTTP and without a runtime.
//!
//! ```text
//! platform     facts and waits that only a shell can supply
//! admission    the memory pool of all requests, and its queue
//! memory       the share that one request needs
//! failure      the reasons why a conversion ends without a result
//! request_log  the log line of one request
//! exchange     receive, convert, send: a Step fed by an upload
//! ```
//!
//! A request's way through memory:
//!
//! ```text
//! head ──► Share::of ──► Admission::reserve ──► Exchange ───────────────► Body ──► client
//!           bytes to      granted at once, or    upload ► Step ► pieces    one piece
//!           reserve       waits in the queue     (unread until granted)    at a time
//!                              │ patience ends                                 │
//!                              ▼                                               ▼ last piece, error,
//!                          busy (503)                                     or client gone: memory is free
//! ```
//!
//! Imports point up this list. A new kind of job is a variant of [`Job`], or any other [`recompress::Step`].

mod admission;
mod exchange;
mod failure;
mod json_memory;
mod memory;
mod platform;
mod request_log;

pub use admission::{Admission, Figures, Reservation};
pub use exchange::{Exchange, Job, Piece};
pub use failure::{Failure, UploadError};
pub use memory::{Busy, Share, TooMuchMemory};
pub use platform::{Pause, Platform, Sleep};
pub use request_log::RequestLog;
