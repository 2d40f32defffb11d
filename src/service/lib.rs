//! The converter as a service, without HTTP and without a runtime.
//!
//! ```text
//! platform     facts and waits that only a shell can supply
//! admission    the memory pool of all requests, and its queue
//! read_ahead   the bytes of an upload that wait for their conversion
//! pace         clients that are too slow for those who wait
//! memory       the share that one request needs; json_memory for a save's JSON
//! failure      the reasons why a conversion ends without a result
//! request_log  the log line of one request
//! job          the work that a request asks for
//! source       an upload: read ahead first, then live
//! outbox       the pieces of a result that wait for their reader
//! exchange     receive, wait, convert, send: a Step fed by a source
//! store        the objects of stored archives: the trait, keys, records, the sweep
//! storing      a result on its way into a store
//! ```
//!
//! A request's way through memory:
//!
//! ```text
//!            receive                wait                 convert               send
//! head ──► read-ahead ──────────► for an encoder ─────► Step ──────────────► outbox ──► client
//!           a small archive whole   whole uploads first   from the read-ahead   what is not
//!           a larger one 6 MiB      then by arrival       then from the upload  taken yet
//!
//!           part: uploads                                 part: encoders        part: results
//! ```
//!
//! Imports point up this list. A new kind of job is a variant of [`Order`].

mod admission;
mod exchange;
mod failure;
mod job;
mod json_memory;
mod memory;
mod outbox;
mod pace;
mod platform;
mod read_ahead;
mod request_log;
mod source;
pub mod store;
mod storing;

pub use admission::{Admission, Figures};
pub use exchange::{Exchange, Terms};
pub use failure::{Failure, UploadError};
pub use job::{Known, Order, Stored};
pub use memory::{Busy, Share, TooMuchMemory};
pub use outbox::Answer;
pub use pace::Floor;
pub use platform::{Pause, Platform, Sleep, Timer};
pub use request_log::RequestLog;
pub use storing::{Held, Target, hold, store as write_to_store};
