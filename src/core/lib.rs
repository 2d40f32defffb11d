//! Re-encodes a zip as a brotli-compressed tarball while it is still arriving.
//!
//! # Map
//!
//! ```text
//! error               why an archive was refused
//! limits              limits, and the meter that enforces the memory limit
//! when                whether the directory is read before the members
//! step                the step contract
//! warning             details that the tarball changes or cannot keep
//! member              entry, method, events: shared by readers and writers
//! names               the decoding of members' names
//! glob                a pattern for members' names
//! selection           the members to write, and the ones to write first
//! zip/format/         one parser per record: record, extra, time, sav_header
//! zip/                decoder, ledger, name, paths, spool: parts of a reader
//! zip/indexed         the directory, read before the members where a caller can seek
//! zip/contents        bounds of an archive from its directory, to reserve less memory
//! zip/forward         the reader: zip bytes in, members out
//! archive/tar         a member's header blocks; tar/reader reads those of any tarball
//! cost/               which encoder serves a quality; tables of measurements: cpu, memory, size
//! encode/parameters   brotli quality, window and mode
//! budget              the CPU budget, and an automatic quality
//! seekable/           the index of a file: its form, the columns that are gathered, its readers
//! encode/             engine (the only file that knows the encoders), brotli, segments, incompressible
//! save/               a save of a Paradox game: its text or tokens in, JSON out
//! report              the report after the tarball
//! summary             the same facts for the caller alone
//! transcoder          wires these: a zip in, a .tar.br out
//! save_metadata       game, date, player of a save, gathered while its zip is read
//! metadata_reader     the same from a file, by a few of its ranges
//! inspection          wires the reader: a zip in, JSON out
//! save_json           wires the reader and save/: a zip or a save in, the JSON of the save out
//! compressed_json     wires save_json and encode/: the same JSON, compressed
//! stored_member       one member of a seekable file, or the JSON of a save in it
//! estimate            estimates from sizes alone
//! ```
//!
//! Imports point up this list. The core has no I/O, no async, no clock, no JavaScript, and no `cfg(target)`. The shells
//! are crates of their own beside it: `service`, `http`, `worker`, `browser`, `cli`.
//!
//! # What always holds
//!
//! - The output is a function of the archive's bytes, the [`Parameters`], the [`Selection`], and whether the directory is
//!   read first ([`DirectoryReader`]). It does not depend on how the upload was cut, on load, or on the platform.
//! - The brotli stream ends only after the end of the central directory was read and all of it agrees with the members.
//!   So every strict prefix of an archive is an error, and no failed result decodes as a whole one.
//! - No member's name leaves the tarball's root.
//! - Memory that grows with the input is charged to [`Limits::memory_bytes`] before it grows. Input never panics.
//! - A step takes and unpacks at most 64 KiB, however much it is offered.
//!
//! # Out of scope
//!
//! - PPMd, JPEG, WavPack and pre-1993 compression methods; encryption; archives in several files.
//! - Comments, and front to back all that only the central directory has: permissions and symbolic links.
//! - Searching for an archive inside other data.
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
//!         Status::NeedsInput => {} // fetch more bytes here; this upload has ended
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
mod compressed_json;
mod cost;
mod encode;
mod error;
mod estimate;
mod glob;
mod inspection;
mod limits;
mod member;
mod metadata_reader;
mod names;
mod report;
pub mod save;
mod save_json;
mod save_metadata;
pub mod seekable;
mod selection;
mod step;
mod stored_member;
mod summary;
mod transcoder;
mod warning;
mod when;
mod zip;

pub use archive::tar::reader::{TarEvent, TarReader};
pub use compressed_json::CompressedJson;
pub use cost::memory::largest_lgwin;
pub use encode::{
    parameters::{Mode, OutOfRange, Parameters},
    segments::division::{EncodedSegment, SegmentJob},
};
pub use error::{Absent, Error, Format, Limit, Rule, SaveError, StoredError, Unsupported};
pub use estimate::Estimate;
pub use inspection::{Inspection, Listing};
pub use limits::{Limits, SMALL_ARCHIVE_BYTES};
pub use member::{Begin, Entry, EntryKind, Event, Method};
pub use metadata_reader::MetadataReader;
pub use names::{BadNames, Charset, Decode, Names};
pub use save_json::SaveJson;
pub use selection::{BadSelection, Selection};
pub use step::{Progress, Status, Step};
pub use stored_member::{StoredMember, StoredSave};
pub use summary::Summary;
pub use transcoder::Transcoder;
pub use warning::{Warning, WarningCounts, Warnings};
pub use when::When;
pub use zip::{
    contents::Contents,
    forward::ZipReader,
    indexed::{Directory, DirectoryReader},
};
