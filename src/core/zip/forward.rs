//! The forward zip reader: the bytes of a zip in, front to back; its members out.
//!
//! There is one state per kind of record and one method per state. A call does one state's work on its input and
//! returns an event. The reader trusts no header. It announces a member only when its size is declared or counted. It
//! compares CRC-32 and sizes before it reads the next record. The archive is whole only when the central directory and
//! the end records agree with every member (APPNOTE §4.3.6 gives the order).
//!
//! ```text
//!    Start ──────────────┬─────────────────────────────┐
//!      │ "SAV"           │ split marker                │
//!      ▼                 ▼                             │
//!    SaveHeader      FirstSignature ─── none ─▶ error  │
//!      │                 ▲      │                      │
//!      ▼                 │      │ record               │ record
//!    LeadingData ────────┘      ▼                      ▼
//!           ┌──────────────────────────────────────────────────┐
//!           │ the next record, by its signature (Signature)    │ ◀─────────────────┐
//!           └─┬──────────────┬───────────────┬──────────────┬──┘                   │
//!    local    │       APK    │     extra     │   central    │  header or end       │
//!    header   ▼       block  ▼     data      ▼              ▼                      │
//!    LocalHeader     SigningBlock    ExtraData          Directory                  │
//!      │  │  │  │           │            │                   │                      │
//!      │  │  │  │         Skip          Skip ──────────┐     ▼                      │
//!      │  │  │  │           │                          │  Trailing ─ end of input ─▶ End
//!      │  │  │  │     SigningBlockEnd ─────────────────┴───────────────────────────▶│
//!      │  │  │  │                                                                   │
//!      │  │  │  └ empty directory, descriptor to come ─▶ Descriptor                 │
//!      │  │  └─── stored, no size ─▶ Scan ──────────────────┐ │                     │
//!      │  └────── compressed, no size ─▶ Hold ─▶ Descriptor │ │                     │
//!      │                                           │        │ │                     │
//!      └ size declared ─▶ Contents ─┬▶ Descriptor  ▼        ▼ │                     │
//!                                   │       │     Replay ◀──┘ │                     │
//!                                   ▼       ▼       ▼         ▼                     │
//!                                 Verified ──────────────────────▶ Release, Replay ─┤
//!                                   └───────────────────────────────────────────────┘
//! ```
//!
//! `Release` gives a member that had to wait for the ones that come first. Any state may go to `Failed`.
//!
//! If you add a state, also add a case to `tests/it` that is cut inside it.

mod data;
mod descriptor;
mod directory;
mod gaps;
mod local;
mod order;
mod start;

pub(crate) use directory::{MAX_EXTENSIBLE, MAX_LINE_ENDS, MAX_TRAILING};
pub(crate) use start::LEADING_DATA;

use descriptor::Scan;
use directory::Directory;
use order::{HeldMember, Order};

use super::{
    decoder::{Coding, Contents, Decoder, Measured},
    format::{
        extra, record,
        sav_header::{self, SavLine},
        time,
    },
    indexed,
    ledger::{self, CopyOf, Ledger, NameDigest},
    name,
    paths::Paths,
    spool::Spool,
};
use crate::{
    error::{Error, Format, Limit},
    limits::{Limits, Meter},
    member::{Begin, Entry, Event, Method},
    names::Names,
    selection::Selection,
    warning::Warnings,
};

/// Upper bound of `Limits::name_bytes`, so that a header always fits the buffers it passes through.
const MAX_NAME: u64 = 32 << 10;

/// Copies of a name that may exist at once: decoded, as a path, in the entry and its event, in tar headers, in an error
/// and the error that wraps it. `tests/memory` checks this.
const NAME_COPIES: u64 = 8;

/// Maximum input and contents of one call, in bytes. It bounds the work of a call.
const SHARE: usize = 64 << 10;

/// Reads one zip from front to back, without seeking and without I/O: the caller brings bytes and takes members.
///
/// Its events are final only at [`Event::End`]: a member with a correct header may be in an archive that later
/// contradicts it. Callers that act on members earlier must be able to undo that.
///
/// ```
/// use recompress::{Event, Limits, ZipReader};
///
/// # fn main() -> Result<(), recompress::Error> {
/// // The shortest zip is just an end record.
/// let mut zip: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// let mut reader = ZipReader::new(Limits::default());
/// let mut scratch = [0; 4096];
/// let mut contents = 0;
/// loop {
///     // All of the file is in `zip`, so nothing follows it.
///     let (consumed, event) = reader.read(zip, true, &mut scratch)?;
///     zip = &zip[consumed..];
///     match event {
///         Event::Begin(member) => println!("{} has {} bytes", member.entry.name, member.entry.size),
///         Event::Contents(count) => contents += scratch[..count].len(),
///         Event::Warnings { name, .. } => println!("a tarball cannot keep all of {name:?}"),
///         Event::End => break,
///         _ => {}
///     }
/// }
/// assert_eq!(contents, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ZipReader {
    state: State,
    limits: Limits,
    meter: Meter,
    /// Bytes taken so far.
    received: u64,
    /// The record being gathered. Bytes left after a record belong to the next one.
    record: Vec<u8>,
    decoder: Decoder,
    /// Bytes charged for copies of names.
    names_charged: u64,
    paths: Paths,
    ledger: Ledger,
    /// Members and nameless entries so far.
    entries: u64,
    unpacked: u64,
    /// The last stored member whose end was found by its descriptor, until the directory confirms it.
    unconfirmed: Option<String>,
    selection: Selection,
    names: Names,
    order: Order,
    /// The header line of a save.
    save: Option<SavLine>,
    /// The directory, if it was read in advance.
    known: Option<indexed::Directory>,
}

#[derive(Debug)]
enum State {
    // start.rs
    /// The first four bytes of the file.
    Start,
    /// The line before a save's zip.
    SaveHeader,
    /// A save's header and metadata, given as contents.
    LeadingData { entry: Entry, contents: Contents, kept: Kept },
    /// The first signature after a split marker or leading data.
    FirstSignature,

    // gaps.rs
    /// The next record's signature, after `zeros` bytes of alignment.
    Signature { zeros: u64 },
    /// The first size field of an APK signing block.
    SigningBlock,
    /// The second size field and the magic of an APK signing block.
    SigningBlockEnd { size: u64 },
    /// An archive extra data record (APPNOTE §4.3.11).
    ExtraData,
    /// Bytes to skip. `window` holds the last four.
    Skip { left: u64, window: u32, then: Box<State> },

    // local.rs
    /// A local header with its name and extra field.
    LocalHeader,

    // data.rs
    /// Contents of a member whose size is declared.
    Contents { member: Member, contents: Contents, compressed_size: Option<u64>, kept: Kept },
    /// Compressed contents, held until their size is known.
    Hold { member: Member, contents: Contents, spool: Spool },
    /// Stored contents, held until their end is found.
    Scan { member: Member, scan: Scan, spool: Spool },
    /// A data descriptor, after contents that were given or are held.
    Descriptor { member: Member, measured: Measured, kept: Kept },
    /// Held contents of an announced member.
    Replay { verified: Verified, contents: Contents, spool: Spool },
    /// A member whose contents were given is verified.
    Verified { verified: Verified, then: Box<State> },
    /// A member that waited and is next in order.
    Release(HeldMember),

    // directory.rs
    /// The central directory and the end records.
    Directory(Directory),
    /// Zeros and line ends after the end record.
    Trailing { zeros: u64, line_ends: u64 },

    /// Final: the archive is whole.
    End,
    /// Final: the archive is refused.
    Failed(Error),
}

/// A member between its local header and the end of its data.
#[derive(Debug)]
struct Member {
    /// Its size is meaningful once it is declared or counted.
    entry: Entry,
    coding: Coding,
    /// Offset of its local header from the start of the file.
    offset: u64,
    name: NameDigest,
    /// The local header's value; `None` if a descriptor follows the data.
    declared_crc32: Option<u32>,
    /// Its contents are hashed: a member of the same name may follow.
    hashed: bool,
    /// The member of the same name that came before. The contents must be the same.
    copy_of: Option<CopyOf>,
    warnings: Warnings,
}

/// The part of a member's data that is held while it is read.
#[derive(Debug)]
enum Kept {
    /// Nothing: the member was announced and its contents are given.
    Nothing,
    /// All of it, until its size is known.
    Unsized(Spool),
    /// All of it, until the members that come first have come.
    Early(Spool),
    /// The contents: they are the target of a link.
    Target(Vec<u8>),
    /// Nothing, and nothing is given: an earlier member is the same.
    Copy,
}

/// Numbers of a member's data, for its [`Begin`].
#[derive(Debug, Clone, Copy)]
struct Data {
    compressed_size: u64,
    unpacked_before: u64,
    end: Option<u64>,
}

/// The facts about a verified member.
#[derive(Debug)]
struct Verified {
    coding: Coding,
    measured: Measured,
    warnings: Warnings,
}

/// The result of one state: bytes taken from the front of the input, and the event.
type ReadResult = Result<(usize, Event), Error>;

impl ZipReader {
    /// Starts at the first byte of a file.
    pub fn new(limits: Limits) -> Self {
        Self {
            state: State::Start,
            limits: Limits { name_bytes: limits.name_bytes.min(MAX_NAME), ..limits },
            meter: Meter::new(limits.memory_bytes),
            received: 0,
            record: Vec::new(),
            decoder: Decoder::new(&limits),
            names_charged: 0,
            paths: Paths::default(),
            ledger: Ledger::new(0),
            entries: 0,
            unpacked: 0,
            unconfirmed: None,
            selection: Selection::default(),
            names: Names::default(),
            order: Order::default(),
            save: None,
            known: None,
        }
    }

    /// The counter of memory, for what others keep of the members.
    pub(crate) fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    /// Members so far, and their unpacked bytes.
    pub fn so_far(&self) -> (u64, u64) {
        (self.entries, self.unpacked)
    }

    /// Gives the members in the order of `selection`. Members before the first ones are held back, unless they are not
    /// selected.
    pub fn selecting(self, selection: Selection) -> Self {
        Self { order: Order::new(selection.first()), selection, ..self }
    }

    /// Decodes names as `names` says. Call it before the first read.
    pub fn naming(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// Takes permissions, links and sizes from `directory`, which was read in advance. Call it before the first read.
    ///
    /// # Errors
    ///
    /// `memory_limit` if the directory takes more than [`Limits::memory_bytes`].
    pub fn knowing(mut self, directory: indexed::Directory) -> Result<Self, Error> {
        self.meter.charge(directory.charged())?;
        Ok(Self { known: Some(directory), ..self })
    }

    /// Does one state's work. Takes bytes from the front of `input`; returns their number and an event.
    ///
    /// Contents are written to `scratch`. One call uses at most 64 KiB of it and of the input. `ended` says that
    /// nothing follows `input`.
    ///
    /// # Errors
    ///
    /// The reason why the archive is refused. Every later call returns the same error.
    ///
    /// # Panics
    ///
    /// If `scratch` has no room.
    pub fn read(&mut self, input: &[u8], ended: bool, scratch: &mut [u8]) -> Result<(usize, Event), Error> {
        assert!(!scratch.is_empty(), "contents need room");
        let offered = &input[..input.len().min(SHARE)];
        let room = scratch.len().min(SHARE);
        let step = self.read_state(offered, &mut scratch[..room]).map_err(|error| self.blame_unconfirmed(error));
        let step = step.and_then(|(consumed, event)| {
            self.received += consumed as u64;
            match event {
                Event::NeedsInput if offered.len() < input.len() => Ok((consumed, Event::Working)),
                Event::NeedsInput if ended => Ok((consumed, self.end_of_input()?)),
                event => Ok((consumed, event)),
            }
        });
        if let Err(error) = &step {
            self.state = State::Failed(error.clone());
        }
        step
    }

    fn read_state(&mut self, input: &[u8], scratch: &mut [u8]) -> ReadResult {
        match std::mem::replace(&mut self.state, State::End) {
            State::Start => self.start(input),
            State::SaveHeader => self.save_header(input),
            State::LeadingData { entry, contents, kept } => self.leading_data(entry, contents, kept, input, scratch),
            State::FirstSignature => self.first_signature(input),
            State::Signature { zeros } => self.signature(zeros, input),
            State::SigningBlock => self.signing_block(input),
            State::SigningBlockEnd { size } => self.signing_block_end(size, input),
            State::ExtraData => self.extra_data(input),
            State::Skip { left, window, then } => self.skip(left, window, then, input),
            State::LocalHeader => self.local_header(input),
            State::Contents { member, contents, compressed_size, kept } => {
                self.contents(member, contents, compressed_size, kept, input, scratch)
            }
            State::Hold { member, contents, spool } => self.hold(member, contents, spool, input, scratch),
            State::Scan { member, scan, spool } => self.scan(member, scan, spool, input, scratch.len()),
            State::Descriptor { member, measured, kept } => self.descriptor(member, measured, kept, input),
            State::Replay { verified, contents, spool } => self.replay(verified, contents, spool, scratch),
            State::Verified { verified: Verified { coding: Coding { method, .. }, measured, warnings }, then } => {
                let Measured { crc32, compressed_size, .. } = measured;
                self.state = *then;
                Ok((0, Event::Verified { method, crc32, compressed_size, warnings }))
            }
            State::Release(waiting) => self.release_waiting(waiting),
            State::Directory(directory) => self.directory(directory, input),
            State::Trailing { zeros, line_ends } => self.trailing(zeros, line_ends, input),
            State::End => Ok((0, Event::End)),
            State::Failed(error) => Err(error),
        }
    }

    /// Handles the end of the input. It is the end of the archive in only one state.
    fn end_of_input(&mut self) -> Result<Event, Error> {
        let inside = match &self.state {
            State::Trailing { .. } => {
                self.state = State::End;
                return Ok(Event::End);
            }
            State::Start => return Err(start::not_zip(&self.record)),
            State::SaveHeader | State::LeadingData { .. } => "the data before the zip",
            State::FirstSignature | State::Signature { .. } => "the space between two records",
            State::SigningBlock | State::SigningBlockEnd { .. } => "an APK signing block",
            State::ExtraData => "an archive extra data record",
            State::Skip { .. } => "a record that is passed over",
            State::LocalHeader => "a local header",
            State::Contents { .. } | State::Hold { .. } | State::Scan { .. } => "the data of a member",
            State::Descriptor { .. } => "a data descriptor",
            State::Directory(directory) => directory.inside(),
            State::Replay { .. } | State::Verified { .. } | State::Release(_) | State::End | State::Failed(_) => {
                unreachable!("these need no input")
            }
        };
        Err(Error::Truncated { received: self.received, inside })
    }

    /// Waits in `state` for more input.
    fn wait_in(&mut self, state: State, taken: usize) -> ReadResult {
        self.state = state;
        Ok((taken, Event::NeedsInput))
    }

    /// Continues with `state` at the next call.
    fn go_to(&mut self, state: State, taken: usize) -> ReadResult {
        self.state = state;
        Ok((taken, Event::Working))
    }

    /// Appends input to the record until it has `length` bytes. Returns the number of bytes taken.
    fn gather(&mut self, length: usize, input: &[u8]) -> Result<usize, Error> {
        let capacity = self.record.capacity();
        if length > capacity {
            // During the reallocation both buffers exist.
            self.meter.charge(length as u64)?;
            let failed = |_| Limit::Memory { wanted: length as u64, limit: 0 };
            self.record.try_reserve_exact(length - self.record.len()).map_err(failed)?;
            self.meter.release(capacity as u64);
        }
        let taken = length.saturating_sub(self.record.len()).min(input.len());
        self.record.extend_from_slice(&input[..taken]);
        Ok(taken)
    }

    /// Charges memory for names, by the longest one so far.
    fn charge_name(&mut self, length: usize) -> Result<(), Error> {
        let names = NAME_COPIES * length as u64;
        if let Some(more) = names.checked_sub(self.names_charged) {
            self.meter.charge(more)?;
            self.names_charged = names;
        }
        Ok(())
    }

    /// Offset of the record being gathered, `taken` bytes into this call.
    fn record_start(&self, taken: usize) -> u64 {
        self.received + taken as u64 - self.record.len() as u64
    }

    /// Checks the limits on unpacked bytes. `end` is the end offset of the member's data, if known.
    fn admit(&mut self, entry: &Entry, end: Option<u64>) -> Result<(), Error> {
        self.unpacked = self
            .unpacked
            .checked_add(entry.size)
            .filter(|&unpacked| unpacked <= self.limits.unpacked_bytes)
            .ok_or_else(|| Limit::Output { entry: entry.name.clone(), limit: self.limits.unpacked_bytes })?;
        if let Some(end) = end {
            self.check_ratio(entry, end)?;
        }
        Ok(())
    }

    /// Begins a member of known size: checks limits and announces it, unless it must wait for others.
    fn begin_member(&mut self, member: &Member, data: Data) -> Result<(Event, Kept), Error> {
        let Member { ref entry, coding: Coding { method, .. }, hashed, copy_of, .. } = *member;
        self.admit(entry, data.end)?;
        let begin = self.beginning(entry, method, hashed, data);
        if copy_of.is_some() {
            return Ok((Event::Copy(Begin { selected: false, unpacked_before: 0, ..begin }), Kept::Copy));
        }
        Ok(self.announce_in_turn(begin))
    }

    /// Announces a member, unless it must wait for others.
    fn announce_in_turn(&mut self, begin: Begin) -> (Event, Kept) {
        if self.order.before(&begin.entry.name).is_some() && begin.selected {
            return (Event::Working, Kept::Early(Spool::default()));
        }
        self.order.announce(&begin.entry.name);
        (Event::Begin(begin), Kept::Nothing)
    }

    /// The facts that announce a member.
    fn beginning(&self, entry: &Entry, method: Method, hashed: bool, data: Data) -> Begin {
        let selected = self.selection.selects(&entry.name);
        let comparisons = self.selection.comparisons(entry.name.len());
        let Data { compressed_size, unpacked_before, end } = data;
        let (entry, data_end) = (entry.clone(), end);
        Begin { entry, method, selected, comparisons, hashed, compressed_size, unpacked_before, data_end }
    }

    /// True if a member must wait for others. An unselected member never waits.
    fn waits(&self, name: &str) -> bool {
        self.order.before(name).is_some() && self.selection.selects(name)
    }

    /// Keeps a member until its turn.
    fn wait(&mut self, waiting: HeldMember) -> Result<(), Error> {
        self.order.wait(waiting, &mut self.meter).map_err(|error| self.blame_first("", error))
    }

    /// Holds `data` if the member `name` waits. Returns true if it does.
    fn keep(&mut self, kept: &mut Kept, data: &[u8], name: &str) -> Result<bool, Error> {
        let Kept::Early(spool) = kept else { return Ok(false) };
        spool.push(data, &mut self.meter).map_err(|error| self.blame_first(name, error))?;
        Ok(true)
    }

    /// Turns a memory error into `FirstTooLate` if `name` waits for another member.
    fn blame_first(&self, name: &str, error: Error) -> Error {
        match (error, self.order.before(name)) {
            (Error::Limit(Limit::Memory { .. }), Some(first)) => {
                Limit::FirstTooLate { first: first.to_owned(), limit: self.limits.memory_bytes }.into()
            }
            (error, _) => error,
        }
    }

    /// Checks the ratio of unpacked bytes to received ones, at the end of a member's data.
    ///
    /// It runs at the ends of members only, so the verdict does not depend on how the upload is cut.
    fn check_ratio(&self, entry: &Entry, received: u64) -> Result<(), Error> {
        let Self { unpacked, limits: Limits { ratio: limit, .. }, .. } = *self;
        if unpacked <= Limits::RATIO_GRACE || unpacked <= received.saturating_mul(limit) {
            return Ok(());
        }
        Err(Limit::Ratio { entry: entry.name.clone(), unpacked, received, limit }.into())
    }

    /// If the records after an unconfirmed stored member make no sense, its end was probably found wrongly. Blame it.
    fn blame_unconfirmed(&mut self, error: Error) -> Error {
        use Format::{BadEndRecord, DirectoryMismatch, UnexpectedRecord};
        match (error, self.unconfirmed.take()) {
            (
                Error::Format(problem @ (UnexpectedRecord { .. } | DirectoryMismatch { .. } | BadEndRecord { .. })),
                Some(entry),
            ) => Format::StoredWithDescriptor { entry, problem: problem.to_string() }.into(),
            (error, _) => error,
        }
    }
}
