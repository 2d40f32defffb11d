//! The transcoder: zip bytes in, `.tar.br` bytes out, one bounded step at a time.

use std::mem;

use crate::{
    budget::Budget,
    compress::{self, Encoder},
    entry::Entry,
    error::{Absent, Error},
    limits::Limits,
    parameters::Parameters,
    report::Report,
    selection::Selection,
    unzip::{Event, ZipReader},
    ustar, work,
};

/// Bytes of tarball that wait for the encoder: what one call of the inflater may unpack.
const BUFFER: usize = 64 << 10;

/// Memory of a conversion that depends on nothing: the inflater's state and window, buffers.
const FIXED: u64 = 512 << 10;

/// Bytes of memory that one byte of a zip can come to hold: paths of folders with names of one letter are the worst, at
/// two bytes for each that `unzip/paths.rs` remembers. Many tiny members come to 6.
pub(crate) const HELD_RATIO: u64 = 25;

/// Converts one zip. Does no I/O: the caller brings bytes and takes bytes.
#[derive(Debug)]
pub struct Transcoder {
    reader: ZipReader,
    encoder: Encoder,
    budget: Budget,
    /// Bytes of the tarball on their way from the reader to the encoder: those in `waiting`.
    buffer: Box<[u8]>,
    waiting: std::ops::Range<usize>,
    phase: Phase,
    /// Members that the zip has so far, and those of them that are written.
    members: u64,
    written: u64,
    /// Where a report is asked for.
    report: Option<Box<Report>>,
    /// Whether the last step asked for input, so that none now means that there is no more.
    asked: bool,
}

/// What is to be written next, once nothing waits.
#[derive(Debug)]
enum Phase {
    /// Headers: the next member's, as the reader comes upon it.
    Members,
    /// The contents of a member, of which `left` bytes are to come before `padding`.
    Contents {
        left: u64,
        padding: usize,
    },
    /// The contents of a member that is not selected.
    Skipped,
    /// The report, behind the end of the tarball.
    Report(Box<Report>),
    /// The end of the brotli stream.
    Finish,
    Done,
    Failed(Error),
}

/// What one [`Transcoder::step`] did, and what it needs to do more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes taken from the front of the input; offer the rest again.
    pub consumed: usize,
    /// Bytes written to the front of the output.
    pub produced: usize,
    /// Why it stopped.
    pub status: Status,
}

/// Why a step stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All input was taken: call again with more, or with none if the upload has ended.
    NeedsInput,
    /// The output is full: call again with room in it.
    NeedsOutput,
    /// The step's share of work is done: call again, with the rest of the input, which may be none.
    Working,
    /// The archive is whole and every byte of the result has been written. Further steps do nothing.
    Done,
}

impl Transcoder {
    /// Starts a conversion.
    ///
    /// # Errors
    ///
    /// `memory_limit` if there is no memory for the encoder.
    pub fn new(parameters: Parameters, limits: Limits) -> Result<Self, Error> {
        Ok(Self {
            reader: ZipReader::new(limits),
            encoder: Encoder::new(parameters)?,
            budget: Budget::new(parameters, limits.cpu_ms),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            waiting: 0..0,
            phase: Phase::Members,
            members: 0,
            written: 0,
            report: None,
            asked: false,
        })
    }

    /// Writes the members that `selection` selects, in its order. To be called before the first step.
    pub fn selecting(self, selection: Selection) -> Self {
        Self { reader: self.reader.selecting(selection), ..self }
    }

    /// Has a report follow the tarball, in a record that readers of tarballs do not come to: a pax global header with a
    /// comment, which is JSON, 2,048 bytes before the end. To be called before the first step.
    ///
    /// It has the number of members that were written, bytes and SHA-256 of the zip and of the tarball up to its two
    /// zero blocks (all that there would be without a report), and how often each warning came.
    pub fn reporting(self) -> Self {
        Self { report: Some(Box::default()), budget: self.budget.hashing(), ..self }
    }

    /// The most memory that a conversion takes, in bytes: what has to be there for it before it starts.
    ///
    /// `upload_bytes` is the zip's size where it is known: what is held back is never more than there is.
    pub fn peak_bytes(parameters: Parameters, limits: Limits, upload_bytes: Option<u64>) -> u64 {
        let held = limits.memory_bytes.min(upload_bytes.unwrap_or(u64::MAX).saturating_mul(HELD_RATIO));
        parameters.encoder_bytes() + compress::GATHERED_BYTES + FIXED + held
    }

    /// Brotli quality and lgwin of the result. Final once there is output: a tarball of up to 1 MiB gets no larger window
    /// than it can use, an automatic quality goes by what the archive says of itself, and may still be lowered after that.
    pub fn in_use(&self) -> (u8, u8) {
        self.encoder.in_use()
    }

    /// The work that was done so far, in nanoseconds of CPU as they are counted, not measured; see [`Limits::cpu_ms`].
    pub fn work_ns(&self) -> u64 {
        self.budget.spent()
    }

    /// Moves the conversion forward by a bounded amount of work: at most one call of the inflater or of the encoder.
    ///
    /// Takes bytes from the front of `input` and writes to the front of `output`. An empty `input` after
    /// [`Status::NeedsInput`] says that the upload has ended.
    ///
    /// # Errors
    ///
    /// Why the archive is refused. The brotli stream is then never ended, so that what was written cannot be taken for
    /// a whole archive. Every later call returns the same error.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        if let Phase::Failed(error) = &self.phase {
            return Err(error.clone());
        }
        let ended = self.asked && input.is_empty();
        let progress = self.advance(input, ended, output).inspect_err(|error| {
            self.phase = Phase::Failed(error.clone());
        })?;
        // What has ended stays ended, also when the steps after it need no input.
        self.asked = ended || progress.status == Status::NeedsInput;
        Ok(progress)
    }

    fn advance(&mut self, input: &[u8], ended: bool, output: &mut [u8]) -> Result<Progress, Error> {
        if !self.waiting.is_empty() {
            if self.encoder.gathered().is_some() {
                self.encoder.set_quality(self.budget.first_quality())?;
            }
            let encoded = self.encoder.write(&self.buffer[self.waiting.clone()], output)?;
            self.waiting.start += encoded.consumed;
            if let Some(block) = encoded.ended {
                self.encoder.set_quality(self.budget.meta_block(block)?)?;
            }
            let status = if encoded.output_full { Status::NeedsOutput } else { Status::Working };
            return Ok(Progress { consumed: 0, produced: encoded.produced, status });
        }
        match self.phase {
            Phase::Contents { left: 0, padding } => {
                self.queue(padding);
                self.phase = Phase::Members;
                Ok(worked(0))
            }
            Phase::Members | Phase::Contents { .. } | Phase::Skipped => self.read(input, ended),
            Phase::Report(_) => {
                let Phase::Report(report) = mem::replace(&mut self.phase, Phase::Finish) else {
                    unreachable!("as above")
                };
                self.send_all(&report.blocks());
                Ok(worked(0))
            }
            Phase::Finish => {
                if let Some((length, lgwin)) = self.encoder.gathered() {
                    self.encoder.set_quality(self.budget.whole(length, lgwin))?;
                }
                let encoded = self.encoder.finish(output)?;
                let status = match encoded {
                    _ if encoded.output_full => Status::NeedsOutput,
                    _ if encoded.finished => {
                        self.phase = Phase::Done;
                        Status::Done
                    }
                    _ => Status::Working,
                };
                Ok(Progress { consumed: 0, produced: encoded.produced, status })
            }
            Phase::Done => Ok(Progress { consumed: 0, produced: 0, status: Status::Done }),
            Phase::Failed(_) => unreachable!("a failed conversion does not advance"),
        }
    }

    /// Lets the reader take its next step.
    fn read(&mut self, input: &[u8], ended: bool) -> Result<Progress, Error> {
        let (consumed, event) = self.reader.read(input, ended, &mut self.buffer)?;
        if let Some(report) = &mut self.report {
            report.read(&input[..consumed]);
        }
        match event {
            Event::NeedsInput => return Ok(Progress { consumed, produced: 0, status: Status::NeedsInput }),
            Event::Working => {}
            Event::Entry(entry) => self.member(&entry)?,
            Event::Contents(count) => match &mut self.phase {
                Phase::Contents { left, .. } => {
                    *left -= count as u64;
                    self.send(count);
                }
                Phase::Skipped => {}
                _ => unreachable!("contents follow the entry that they belong to"),
            },
            Event::Proved { warnings, .. } => {
                // What is not written has nothing to warn of.
                if let (Some(report), false) = (&mut self.report, matches!(self.phase, Phase::Skipped)) {
                    report.warn(warnings);
                }
            }
            Event::Warnings { warnings, name } => {
                if let Some(report) = &mut self.report
                    && name.is_none_or(|name| self.reader.selection().selects(&name))
                {
                    report.warn(warnings);
                }
            }
            Event::End => {
                if self.written == 0 && !self.reader.selection().is_all() {
                    return Err(Absent::Selected { members: self.members }.into());
                }
                self.queue(ustar::TRAILER);
                self.phase = self.report.take().map_or(Phase::Finish, Phase::Report);
            }
        }
        Ok(worked(consumed))
    }

    fn member(&mut self, entry: &Entry) -> Result<(), Error> {
        self.members += 1;
        let selection = self.reader.selection();
        self.budget.spend(work::comparing(selection.comparisons(entry.name.len())));
        if selection.selects(&entry.name) {
            self.written += 1;
            self.begin(entry);
            return Ok(());
        }
        let (held, _) = self.reader.announced();
        self.phase = Phase::Skipped;
        self.budget.skip(entry.size, held)
    }

    fn begin(&mut self, entry: &Entry) {
        debug_assert!(matches!(self.phase, Phase::Members | Phase::Skipped));
        if let Some(report) = &mut self.report {
            report.member();
        }
        let header = ustar::header(entry);
        let padding = ustar::padding(entry.size);
        let (held, end) = self.reader.announced();
        self.budget.member((header.len() + padding) as u64 + entry.size, held, end);
        // A name has a few KiB at most, see `Limits::name_bytes`.
        self.send_all(&header);
        self.phase = Phase::Contents { left: entry.size, padding };
    }

    /// Sends `count` zeros to the encoder.
    fn queue(&mut self, count: usize) {
        self.buffer[..count].fill(0);
        self.send(count);
    }

    /// Sends `bytes`, no more than there is room for, to the encoder.
    fn send_all(&mut self, bytes: &[u8]) {
        self.buffer[..bytes.len()].copy_from_slice(bytes);
        self.send(bytes.len());
    }

    /// Sends the first `count` bytes of the buffer to the encoder.
    fn send(&mut self, count: usize) {
        self.waiting = 0..count;
        if let Some(report) = &mut self.report {
            report.write(&self.buffer[..count]);
        }
    }
}

fn worked(consumed: usize) -> Progress {
    Progress { consumed, produced: 0, status: Status::Working }
}
