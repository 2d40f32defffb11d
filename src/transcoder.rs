//! The transcoder: zip bytes in, `.tar.br` bytes out, one bounded step at a time.

use crate::{
    budget::Budget,
    compress::{self, Encoder},
    entry::Entry,
    error::Error,
    limits::Limits,
    parameters::Parameters,
    unzip::{Event, ZipReader},
    ustar,
};

/// Bytes of tarball that wait for the encoder: what one call of the inflater may unpack.
const BUFFER: usize = 64 << 10;

/// Memory of a conversion that depends on nothing: the inflater's state and window, buffers.
const FIXED: u64 = 512 << 10;

/// Bytes of memory that one byte of a zip can come to hold: paths of folders with names of one letter are the worst, at
/// two bytes for each that `unzip/paths.rs` remembers. Many tiny members come to 6.
const HELD_RATIO: u64 = 25;

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
            asked: false,
        })
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
            if self.encoder.is_gathering() {
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
            Phase::Members | Phase::Contents { .. } => self.read(input, ended),
            Phase::Finish => {
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
        match event {
            Event::NeedsInput => return Ok(Progress { consumed, produced: 0, status: Status::NeedsInput }),
            Event::Working => {}
            Event::Entry(entry) => self.begin(&entry),
            Event::Contents(count) => {
                let Phase::Contents { left, .. } = &mut self.phase else {
                    unreachable!("contents follow the entry that they belong to");
                };
                *left -= count as u64;
                self.waiting = 0..count;
            }
            Event::End => {
                self.queue(ustar::TRAILER);
                self.phase = Phase::Finish;
            }
        }
        Ok(worked(consumed))
    }

    fn begin(&mut self, entry: &Entry) {
        debug_assert!(matches!(self.phase, Phase::Members));
        let header = ustar::header(entry);
        let padding = ustar::padding(entry.size);
        let (held, end) = self.reader.announced();
        self.budget.member((header.len() + padding) as u64 + entry.size, held, end);
        // A name has a few KiB at most, see `Limits::name_bytes`.
        self.buffer[..header.len()].copy_from_slice(&header);
        self.waiting = 0..header.len();
        self.phase = Phase::Contents { left: entry.size, padding };
    }

    /// Sends `count` zeros to the encoder.
    fn queue(&mut self, count: usize) {
        self.buffer[..count].fill(0);
        self.waiting = 0..count;
    }
}

fn worked(consumed: usize) -> Progress {
    Progress { consumed, produced: 0, status: Status::Working }
}
