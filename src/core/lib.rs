//! Re-encodes a zip as a brotli-compressed tarball while it is still arriving.
//!
//! # Map
//!
//! ```text
//! error       whose fault, which rule, which numbers
//! limits      bounds, and the meter that holds memory to its own
//! warning     what a tarball has otherwise than the zip
//! entry       a member, in the words that zip and tar share
//! glob        a pattern for members' names
//! selection   which members are written, and which come first
//! spool       bytes of a member whose size is not known yet
//! unzip       zip bytes in, members out; one file for each part of the format
//! ustar       a member's header blocks
//! work        what is done, in nanoseconds of CPU
//! parameters  brotli quality and window, and what they cost
//! budget      what a conversion may cost, and an automatic quality
//! noise       what no encoder can shrink
//! compress    the brotli encoder; the one file that knows which
//! report      what was done, told behind the tarball
//! transcoder  wires these
//! inspection  what is in a zip, as JSON
//! estimate    what a conversion would come to, by numbers
//! ─────────── above: no I/O, no async, no clock, no JavaScript, no cfg(target)
//! http        a request in, a response out; no runtime           feature `http`
//! worker      the Cloudflare Worker                              feature `worker`
//! browser     the package for web pages; browser/ is its script  feature `browser`
//! main.rs     the command-line tool, and the native server       feature `cli`
//! page/       what people see at `/`
//! ```
//!
//! Imports point up this list.
//!
//! # What always holds
//!
//! - The output is a function of the archive's bytes, the [`Parameters`] and the [`Selection`]: not of how the upload was cut,
//!   of load, or of the platform.
//! - The brotli stream is ended only after the end of the central directory was read and everything it says agrees with
//!   the members. So every strict prefix of an archive is an error, and nothing that failed decodes as whole.
//! - No member's name leaves the tarball's root.
//! - Memory that grows with the input is charged to [`Limits::memory_bytes`] before it grows. Input never panics.
//! - A step takes, and unpacks, 64 KiB at most, however much it is offered.
//!
//! # Out of scope
//!
//! Compression methods but stored and deflate, encryption, archives in several files. Whatever only the central
//! directory tells, but for a [`Warning`]: permissions, symbolic links, comments. Searching for an archive inside other data.
//!
//! # Example
//!
//! ```
//! use recompress::{Limits, Parameters, Status, Step, Transcoder};
//!
//! # fn main() -> Result<(), recompress::Error> {
//! // The shortest zip is just an end record.
//! let mut upload: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
//! let mut transcoder = Transcoder::new(Parameters::default(), Limits::default())?;
//! let mut result = Vec::new();
//! let mut output = [0; 4096];
//! loop {
//!     let progress = transcoder.step(upload, &mut output)?;
//!     upload = &upload[progress.consumed..];
//!     result.extend_from_slice(&output[..progress.produced]);
//!     match progress.status {
//!         Status::NeedsInput => {} // the next bytes would be fetched here; this upload has ended
//!         Status::NeedsOutput | Status::Working => {}
//!         Status::Done => break,
//!     }
//! }
//! assert!(!result.is_empty());
//! # Ok(())
//! # }
//! ```

mod archive;
mod budget;
mod cost;
mod encode;
mod error;
mod estimate;
mod glob;
mod inspection;
mod limits;
mod member;
mod report;
mod selection;
mod step;
mod transcoder;
mod warning;
mod zip;

pub use cost::memory::largest_lgwin;
pub use encode::parameters::{Mode, OutOfRange, Parameters};
pub use error::{Absent, Error, Format, Limit, Unsupported};
pub use estimate::Estimate;
pub use inspection::{Inspection, Listing};
pub use limits::Limits;
pub use member::{Begin, Entry, EntryKind, Event, Method};
pub use selection::{BadSelection, Selection};
pub use step::{Progress, Status, Step};
pub use transcoder::Transcoder;
pub use warning::{Warning, WarningCounts, Warnings};
pub use zip::forward::ZipReader;
