//! The listing of a zip, as JSON: what is in it and what a tarball would not have, without a tarball.

use std::mem;

use serde::Serialize;

use crate::{
    entry::{Entry, EntryKind},
    error::{Error, Limit},
    limits::Limits,
    transcoder::{HELD_RATIO, Progress, Status},
    unzip::{Event, Method, ZipReader},
    warning::{WarningCounts, Warnings},
    work,
};

/// Bytes that one call of the inflater may unpack.
const SCRATCH: usize = 64 << 10;

/// Memory of an inspection that depends on nothing: the inflater's state and window, the scratch, a line.
const FIXED: u64 = 384 << 10;

const NANOSECONDS_PER_MS: u64 = 1_000_000;

/// How a listing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// One JSON document: `members`, `warnings` and `totals`.
    Json,
    /// NDJSON: a line for each member as soon as it is proved, one for each warning of the central directory, and the
    /// totals, which say `"complete":true`. A listing without that line is not whole.
    Lines,
}

/// Lists one zip. Does no I/O: the caller brings bytes and takes bytes, as with [`crate::Transcoder`].
///
/// Every member is unpacked and verified, and what is refused is what a conversion refuses.
#[derive(Debug)]
pub struct Inspection {
    reader: ZipReader,
    listing: Listing,
    scratch: Box<[u8]>,
    /// Announced and not yet proved.
    entry: Option<Entry>,
    /// Text on its way out, from `next` on.
    text: Vec<u8>,
    next: usize,
    part: Part,
    totals: Totals,
    /// Bytes of the zip, and work so far.
    zip_bytes: u64,
    spent: u64,
    cpu_ms: u64,
    failed: Option<Error>,
    /// Whether the last step asked for input, so that none now means that there is no more.
    asked: bool,
}

/// Where in the document the next item goes.
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
            text: Vec::new(),
            next: 0,
            part: Part::Start,
            totals: Totals::default(),
            zip_bytes: 0,
            spent: 0,
            cpu_ms: limits.cpu_ms,
            failed: None,
            asked: false,
        }
    }

    /// The most memory that an inspection takes, in bytes. `upload_bytes` is the zip's size where it is known.
    pub fn peak_bytes(limits: Limits, upload_bytes: Option<u64>) -> u64 {
        FIXED + limits.memory_bytes.min(upload_bytes.unwrap_or(u64::MAX).saturating_mul(HELD_RATIO))
    }

    /// Nanoseconds of work that were counted.
    #[cfg(feature = "http")]
    pub(crate) fn work_ns(&self) -> u64 {
        self.spent
    }

    /// Moves the inspection forward by a bounded amount of work: at most one call of the inflater.
    ///
    /// Takes bytes from the front of `input` and writes to the front of `output`. An empty `input` after
    /// [`Status::NeedsInput`] says that the upload has ended.
    ///
    /// # Errors
    ///
    /// Why the archive is refused. What was written is then no whole listing. Every later call returns the same error.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let ended = self.asked && input.is_empty();
        let progress = self.advance(input, ended, output).inspect_err(|error| self.failed = Some(error.clone()))?;
        self.asked = ended || progress.status == Status::NeedsInput;
        Ok(progress)
    }

    fn advance(&mut self, input: &[u8], ended: bool, output: &mut [u8]) -> Result<Progress, Error> {
        let waiting = &self.text[self.next..];
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
        let (consumed, event) = self.reader.read(input, ended, &mut self.scratch)?;
        self.zip_bytes += consumed as u64;
        match event {
            Event::NeedsInput => return Ok(Progress { consumed, produced: 0, status: Status::NeedsInput }),
            Event::Working | Event::Contents(_) => {}
            Event::Entry(entry) => self.announced(entry)?,
            Event::Proved { method, crc32, compressed_size, warnings } => {
                self.proved(method, crc32, compressed_size, warnings);
            }
            Event::Warnings { warnings, name } => {
                self.totals.warnings.add(warnings);
                for warning in warnings.iter() {
                    let item = WarningItem { r#type: "warning", warning: warning.code(), name: name.as_deref() };
                    self.item(Part::Warnings, &item);
                }
            }
            Event::End => self.end(),
        }
        Ok(Progress { consumed, produced: 0, status: Status::Working })
    }

    /// Counts a member's work before it is done.
    fn announced(&mut self, entry: Entry) -> Result<(), Error> {
        let (held, _) = self.reader.announced();
        self.spent = self.spent.saturating_add(work::member(entry.size.saturating_add(held)));
        self.totals.size += entry.size;
        if self.spent / NANOSECONDS_PER_MS > self.cpu_ms {
            return Err(Limit::CpuUnpacking { unpacked: self.totals.size, limit_ms: self.cpu_ms }.into());
        }
        self.entry = Some(entry);
        Ok(())
    }

    fn proved(&mut self, method: Method, crc32: u32, compressed_size: u64, warnings: Warnings) {
        let Entry { name, kind, mode, mtime, size } = self.entry.take().expect("what is proved was announced");
        let kind = match kind {
            EntryKind::File => {
                self.totals.files += 1;
                "file"
            }
            EntryKind::Directory => {
                self.totals.directories += 1;
                "directory"
            }
        };
        self.totals.compressed_size += compressed_size;
        self.totals.warnings.add(warnings);
        let method = match method {
            Method::Stored => "stored",
            Method::Deflate => "deflate",
        };
        let item = Member {
            r#type: "member",
            name: &name,
            kind,
            size,
            compressed_size,
            ratio: ratio(size, compressed_size),
            method,
            crc32: &format!("{crc32:08x}"),
            mode: &format!("{mode:04o}"),
            mtime,
            warnings: &warnings.iter().map(|warning| warning.code()).collect::<Vec<_>>(),
        };
        self.item(Part::Members, &item);
    }

    fn end(&mut self) {
        let Totals { files, directories, size, compressed_size, warnings } = mem::take(&mut self.totals);
        let totals = TotalsItem {
            r#type: "totals",
            complete: true,
            members: files + directories,
            files,
            directories,
            size,
            compressed_size,
            ratio: ratio(size, compressed_size),
            zip_bytes: self.zip_bytes,
            warnings: warnings.iter().map(|(warning, count)| (warning.code().to_owned(), count.into())).collect(),
        };
        match self.listing {
            Listing::Lines => self.item(Part::Warnings, &totals),
            Listing::Json => {
                self.open(Part::Warnings);
                self.text.extend_from_slice(b"\n],\n\"totals\":");
                write(&mut self.text, &totals);
                self.text.extend_from_slice(b"}\n");
            }
        }
        self.part = Part::Done;
    }

    /// Writes an item of a part that has come, or comes with it.
    fn item(&mut self, part: Part, item: &impl Serialize) {
        match self.listing {
            Listing::Lines => {
                write(&mut self.text, item);
                self.text.push(b'\n');
            }
            Listing::Json => {
                let is_first = self.part != part;
                self.open(part);
                self.text.extend_from_slice(if is_first { b"\n" } else { b",\n" });
                write(&mut self.text, item);
            }
        }
    }

    /// Begins a part of a document, if it has not begun, and those before it.
    fn open(&mut self, part: Part) {
        if self.part == Part::Start {
            self.text.extend_from_slice(b"{\"members\":[");
            self.part = Part::Members;
        }
        if self.part == Part::Members && part == Part::Warnings {
            self.text.extend_from_slice(b"\n],\n\"warnings\":[");
            self.part = Part::Warnings;
        }
    }
}

#[derive(Serialize)]
struct Member<'a> {
    r#type: &'static str,
    name: &'a str,
    kind: &'static str,
    size: u64,
    compressed_size: u64,
    ratio: Option<f64>,
    method: &'static str,
    crc32: &'a str,
    mode: &'a str,
    mtime: i64,
    warnings: &'a [&'static str],
}

#[derive(Serialize)]
struct WarningItem<'a> {
    r#type: &'static str,
    warning: &'static str,
    /// Null for the archive itself.
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct TotalsItem {
    r#type: &'static str,
    complete: bool,
    members: u64,
    files: u64,
    directories: u64,
    size: u64,
    compressed_size: u64,
    ratio: Option<f64>,
    zip_bytes: u64,
    warnings: serde_json::Map<String, serde_json::Value>,
}

/// Unpacked bytes for each compressed one, to two digits; none where there is nothing to divide by.
fn ratio(size: u64, compressed_size: u64) -> Option<f64> {
    (compressed_size > 0).then(|| (size as f64 / compressed_size as f64 * 100.0).round() / 100.0)
}

fn write(text: &mut Vec<u8>, item: &impl Serialize) {
    serde_json::to_writer(text, item).expect("words and numbers are always JSON");
}
