//! The listing of a zip as JSON, without a conversion.

use std::{
    fmt::{self, Write},
    mem,
};

use crate::{
    cost::cpu::{self, NANOSECONDS_PER_MS},
    error::{Error, Limit},
    limits::Limits,
    member::{Begin, Entry, EntryKind, Event, Method},
    names::Names,
    save::{Game, Words},
    save_metadata::{self, Sources},
    step::{Latch, Progress, Status, Step},
    transcoder::held_bytes,
    warning::{WarningCounts, Warnings},
    zip::{forward::ZipReader, indexed::Directory},
};

/// Bytes that one call of the inflater may unpack.
const SCRATCH: usize = 64 << 10;

/// Fixed memory of an inspection in bytes: the inflater's state and window, the scratch buffer, a line.
const FIXED: u64 = 384 << 10;

/// Format of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// One JSON document: `members`, `warnings` and `totals`; `save` before the totals, if asked for.
    Json,
    /// NDJSON: a line for each member once it is verified, a line for each warning about the central directory, a line
    /// with the metadata of a save if asked for, and the totals with `"complete":true`. A listing without the totals is incomplete.
    Lines,
}

/// Lists one zip. Does no I/O: the caller brings bytes and takes bytes, as with [`crate::Transcoder`].
///
/// Every member is unpacked and verified. An inspection refuses the same archives as a conversion.
#[derive(Debug)]
pub struct Inspection {
    reader: ZipReader,
    listing: Listing,
    scratch: Box<[u8]>,
    /// A member that has begun and is not verified yet.
    entry: Option<Entry>,
    /// Bytes of its data that were counted as work.
    counted: u64,
    /// Text to write, from `next` on.
    text: String,
    next: usize,
    part: Part,
    totals: Totals,
    /// Present if the caller asked for a save's metadata.
    save: Option<Box<Sources>>,
    /// Bytes of the zip, and work so far.
    zip_bytes: u64,
    spent: u64,
    cpu_ms: u64,
    latch: Latch,
}

/// Position in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Start,
    Members,
    Warnings,
    Done,
}

#[derive(Debug, Default)]
struct Totals {
    files: u64,
    directories: u64,
    size: u64,
    compressed_size: u64,
    warnings: WarningCounts,
}

impl Inspection {
    /// Starts an inspection.
    pub fn new(listing: Listing, limits: Limits) -> Self {
        Self {
            reader: ZipReader::new(limits),
            listing,
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            entry: None,
            counted: 0,
            text: String::new(),
            next: 0,
            part: Part::Start,
            totals: Totals::default(),
            save: None,
            zip_bytes: 0,
            spent: 0,
            cpu_ms: limits.cpu_ms,
            latch: Latch::default(),
        }
    }

    /// Takes permissions, links and sizes from `directory`, which was read in advance. Call it before the first step.
    ///
    /// # Errors
    ///
    /// `memory_limit` if the directory takes more than [`Limits::memory_bytes`].
    pub fn knowing(self, directory: Directory) -> Result<Self, Error> {
        Ok(Self { reader: self.reader.knowing(directory)?, ..self })
    }

    /// Decodes names as `names` says. Call it before the first step.
    pub fn naming(self, names: Names) -> Self {
        Self { reader: self.reader.naming(names), ..self }
    }

    /// Adds the metadata of a save: the game, its version, the date, the player, mods. `game` is the game that the file
    /// name shows, `words` are those of binary saves. A save without a zip then has a listing without members. Call this
    /// before the first step.
    pub fn with_metadata(self, game: Option<Game>, words: Words) -> Self {
        Self { save: Some(Box::new(Sources::new(game, words))), ..self }
    }

    /// Upper bound of an inspection's memory in bytes. `upload_bytes` is the zip's size if known.
    pub fn peak_bytes(limits: Limits, upload_bytes: Option<u64>) -> u64 {
        FIXED + save_metadata::PEAK + held_bytes(limits, upload_bytes)
    }

    /// Members of the archive so far, and their unpacked bytes, selected or not.
    pub fn so_far(&self) -> (u64, u64) {
        self.reader.so_far()
    }

    fn advance(&mut self, input: &[u8], ended: bool, output: &mut [u8]) -> Result<Progress, Error> {
        let waiting = &self.text.as_bytes()[self.next..];
        if !waiting.is_empty() {
            let produced = waiting.len().min(output.len());
            output[..produced].copy_from_slice(&waiting[..produced]);
            self.next += produced;
            let status = if self.next < self.text.len() { Status::NeedsOutput } else { Status::Working };
            return Ok(Progress { consumed: 0, produced, status });
        }
        self.text.clear();
        self.next = 0;
        if self.part == Part::Done {
            return Ok(Progress { consumed: 0, produced: 0, status: Status::Done });
        }
        let (consumed, event) = self.read(input, ended)?;
        self.zip_bytes += consumed as u64;
        match event {
            Event::NeedsInput => return Ok(Progress { consumed, produced: 0, status: Status::NeedsInput }),
            Event::Working => {}
            Event::Contents(count) => {
                if let Some(save) = &mut self.save {
                    save.contents(&self.scratch[..count]);
                }
            }
            Event::Begin(begin) => {
                self.spend(&begin)?;
                self.counted = begin.compressed_size;
                if let Some(save) = &mut self.save {
                    save.begin(&begin.entry.name);
                }
                self.entry = Some(begin.entry);
            }
            Event::Copy(begin) => self.spend(&begin)?,
            Event::Verified { method, crc32, compressed_size, warnings } => {
                self.verified(method, crc32, compressed_size, warnings);
            }
            Event::Warnings { warnings, name, .. } => {
                self.totals.warnings.add(warnings);
                for warning in warnings.iter() {
                    self.begin_item(Part::Warnings);
                    self.write(format_args!(r#"{{"type":"warning","warning":"{}","name":"#, warning.code()));
                    match &name {
                        Some(name) => self.write(format_args!("{}}}", Quoted(name))),
                        None => self.write(format_args!("null}}")),
                    }
                    self.end_item();
                }
            }
            Event::End => self.end(),
        }
        Ok(Progress { consumed, produced: 0, status: Status::Working })
    }

    /// Reads the zip, or a save without one.
    fn read(&mut self, input: &[u8], ended: bool) -> Result<(usize, Event), Error> {
        if let Some(save) = &mut self.save {
            if let Some(read) = save.read(input, ended) {
                return Ok(read);
            }
            let front = save.front();
            if !front.is_empty() {
                let (consumed, event) = self.reader.read(front, ended, &mut self.scratch)?;
                front.drain(..consumed);
                return Ok((0, if event == Event::NeedsInput { Event::Working } else { event }));
            }
        }
        self.reader.read(input, ended, &mut self.scratch)
    }

    /// Counts a member's work before it is done.
    fn spend(&mut self, begin: &Begin) -> Result<(), Error> {
        let Begin { entry, method, hashed, unpacked_before, .. } = begin;
        self.spent = self.spent.saturating_add(cpu::member(*method, entry.size.saturating_add(*unpacked_before)));
        self.spent = self.spent.saturating_add(cpu::decoding_of(begin));
        self.spent = self.spent.saturating_add(if *hashed { cpu::hashing(entry.size) } else { 0 });
        if self.spent / NANOSECONDS_PER_MS > self.cpu_ms {
            let (_, unpacked) = self.reader.so_far();
            return Err(Limit::CpuUnpacking { unpacked, limit_ms: self.cpu_ms }.into());
        }
        Ok(())
    }

    fn verified(&mut self, method: Method, crc32: u32, compressed_size: u64, warnings: Warnings) {
        let Entry { name, kind, mode, mtime, size } = self.entry.take().expect("a verified member has begun");
        let more = cpu::decoding_more(method, self.counted, compressed_size, size);
        self.spent = self.spent.saturating_add(more);
        let mut target = None;
        let kind = match kind {
            EntryKind::File => {
                self.totals.files += 1;
                "file"
            }
            EntryKind::Directory => {
                self.totals.directories += 1;
                "directory"
            }
            EntryKind::Link { target: path } => {
                self.totals.files += 1;
                target = Some(path);
                "link"
            }
        };
        self.totals.size += size;
        self.totals.compressed_size += compressed_size;
        self.totals.warnings.add(warnings);
        let method = method.name();
        self.begin_item(Part::Members);
        let (name, ratio) = (Quoted(&name), ratio(size, compressed_size));
        self.write(format_args!(
            r#"{{"type":"member","name":{name},"kind":"{kind}","size":{size},"compressed_size":{compressed_size},"ratio":{ratio},"#
        ));
        self.write(format_args!(
            r#""method":"{method}","crc32":"{crc32:08x}","mode":"{mode:04o}","mtime":{mtime},"warnings":["#
        ));
        for (index, warning) in warnings.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            self.write(format_args!(r#"{comma}"{}""#, warning.code()));
        }
        self.write(format_args!("]"));
        if let Some(target) = target {
            self.write(format_args!(r#","target":{}"#, Quoted(&target)));
        }
        self.write(format_args!("}}"));
        self.end_item();
    }

    fn end(&mut self) {
        let Totals { files, directories, size, compressed_size, warnings } = mem::take(&mut self.totals);
        if self.listing == Listing::Json {
            self.open(Part::Warnings);
            self.write(format_args!("\n],\n"));
        }
        if let Some(save) = self.save.take() {
            let (before, after) = match self.listing {
                Listing::Json => ("\"save\":", ",\n"),
                Listing::Lines => ("{\"type\":\"save\",\"save\":", "}\n"),
            };
            let metadata = save.metadata().map_or_else(|| "null".to_owned(), |metadata| metadata.to_json());
            self.write(format_args!("{before}{metadata}{after}"));
        }
        if self.listing == Listing::Json {
            self.write(format_args!("\"totals\":"));
        }
        let (members, ratio, zip_bytes) = (files + directories, ratio(size, compressed_size), self.zip_bytes);
        self.write(format_args!(
            r#"{{"type":"totals","complete":true,"members":{members},"files":{files},"directories":{directories},"size":{size},"#
        ));
        self.write(format_args!(
            r#""compressed_size":{compressed_size},"ratio":{ratio},"zip_bytes":{zip_bytes},"warnings":{warnings}}}"#
        ));
        self.write(format_args!("{}", if self.listing == Listing::Json { "}\n" } else { "\n" }));
        self.part = Part::Done;
    }

    /// Begins an item of `part`; opens the part if needed.
    fn begin_item(&mut self, part: Part) {
        if self.listing == Listing::Json {
            let is_first = self.part != part;
            self.open(part);
            self.write(format_args!("{}", if is_first { "\n" } else { ",\n" }));
        }
    }

    fn end_item(&mut self) {
        if self.listing == Listing::Lines {
            self.write(format_args!("\n"));
        }
    }

    fn write(&mut self, text: fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a string takes all that is written");
    }

    /// Opens a part of the document, and any part before it that is not open yet.
    fn open(&mut self, part: Part) {
        if self.part == Part::Start {
            self.text.push_str("{\"members\":[");
            self.part = Part::Members;
        }
        if self.part == Part::Members && part == Part::Warnings {
            self.text.push_str("\n],\n\"warnings\":[");
            self.part = Part::Warnings;
        }
    }
}

impl Step for Inspection {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        let ended = self.latch.open(input)?;
        let result = self.advance(input, ended, output);
        self.latch.close(ended, result)
    }

    fn work_ns(&self) -> u64 {
        self.spent
    }
}

/// Unpacked bytes per compressed byte, with two digits; `null` if there are no compressed bytes.
fn ratio(size: u64, compressed_size: u64) -> Ratio {
    let hundredths = (u128::from(size) * 100 + u128::from(compressed_size) / 2).checked_div(compressed_size.into());
    Ratio(hundredths)
}

struct Ratio(Option<u128>);

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(hundredths) => write!(f, "{}.{:02}", hundredths / 100, hundredths % 100),
            None => f.write_str("null"),
        }
    }
}

/// A member's name as JSON (RFC 8259 §7). It has no control characters.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for part in self.0.split_inclusive(['"', '\\']) {
            match part.as_bytes() {
                [plain @ .., special @ (b'"' | b'\\')] => {
                    f.write_str(&part[..plain.len()])?;
                    f.write_char('\\')?;
                    f.write_char(char::from(*special))?;
                }
                _ => f.write_str(part)?,
            }
        }
        f.write_char('"')
    }
}
