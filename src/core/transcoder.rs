//! The transcoder: zip bytes in, `.tar.br` bytes out, one bounded step at a time.

use std::mem;

use crate::{
    archive::tar,
    budget::Budget,
    cost::cpu,
    encode::{
        brotli::{self, Encoder},
        parameters::Parameters,
    },
    error::{Absent, Error},
    limits::Limits,
    member::{Begin, Event},
    report::Report,
    selection::Selection,
    step::{Latch, Progress, Status, Step},
    warning::Warnings,
    zip::forward::ZipReader,
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
    /// Whether the selection is all members.
    selects_all: bool,
    latch: Latch,
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
            selects_all: true,
            latch: Latch::default(),
        })
    }

    /// Writes the members that `selection` selects, in its order. To be called before the first step.
    pub fn selecting(self, selection: Selection) -> Self {
        let selects_all = selection.is_all();
        Self { reader: self.reader.selecting(selection), selects_all, ..self }
    }

    /// Has a report follow the tarball, in a record that readers of tarballs do not come to: a pax global header with a
    /// comment, which is JSON, 2,048 bytes before the end. The same JSON, filled up with spaces to 1,024 bytes, stands in the
    /// compressed file itself before its last byte, where it is read without decoding. To be called before the first step.
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
        parameters.encoder_bytes() + brotli::GATHERED_BYTES + FIXED + held
    }

    /// Brotli quality and lgwin of the result. Final once there is output: a tarball of up to 1 MiB gets no larger window
    /// than it can use, an automatic quality goes by what the archive says of itself, and may still be lowered after that.
    pub fn in_use(&self) -> (u8, u8) {
        self.encoder.in_use()
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
                let (blocks, ending) = report.written();
                self.encoder.set_ending(ending);
                self.send_all(&blocks);
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
            Event::Begin(begin) => self.begin(&begin)?,
            Event::Contents(count) => match &mut self.phase {
                Phase::Contents { left, .. } => {
                    *left -= count as u64;
                    self.send(count);
                }
                Phase::Skipped => {}
                _ => unreachable!("contents follow the beginning of their member"),
            },
            // A member that is left out has nothing to warn of.
            Event::Verified { warnings, .. } if !matches!(self.phase, Phase::Skipped) => self.warn(warnings),
            Event::Warnings { warnings, selected: true, .. } => self.warn(warnings),
            Event::Verified { .. } | Event::Warnings { .. } => {}
            Event::End => {
                if self.written == 0 && !self.selects_all {
                    return Err(Absent::Selected { members: self.members }.into());
                }
                self.queue(tar::TRAILER);
                self.phase = self.report.take().map_or(Phase::Finish, Phase::Report);
            }
        }
        Ok(worked(consumed))
    }

    fn warn(&mut self, warnings: Warnings) {
        if let Some(report) = &mut self.report {
            report.warn(warnings);
        }
    }

    fn begin(&mut self, begin: &Begin) -> Result<(), Error> {
        let Begin { entry, selected, comparisons, unpacked_before, data_end } = begin;
        self.members += 1;
        self.budget.spend(cpu::comparing(*comparisons));
        if !selected {
            self.phase = Phase::Skipped;
            return self.budget.skip(entry.size, *unpacked_before);
        }
        self.written += 1;
        debug_assert!(matches!(self.phase, Phase::Members | Phase::Skipped));
        if let Some(report) = &mut self.report {
            report.member();
        }
        let header = tar::header(entry);
        let padding = tar::padding(entry.size);
        self.budget.member((header.len() + padding) as u64 + entry.size, *unpacked_before, *data_end);
        // A name has a few KiB at most, see `Limits::name_bytes`.
        self.send_all(&header);
        self.phase = Phase::Contents { left: entry.size, padding };
        Ok(())
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

impl Step for Transcoder {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        let ended = self.latch.open(input)?;
        let result = self.advance(input, ended, output);
        self.latch.close(ended, result)
    }

    fn work_ns(&self) -> u64 {
        self.budget.spent()
    }
}

fn worked(consumed: usize) -> Progress {
    Progress { consumed, produced: 0, status: Status::Working }
}
