//! The JSON of a save, compressed with brotli.

use std::ops::Range;

use crate::{
    cost::{
        cpu::{NANOSECONDS_PER_MS, writing},
        encoders::Ours,
    },
    encode::{
        brotli::{self, Encoder, End},
        parameters::Parameters,
    },
    error::{Error, Limit},
    limits::Limits,
    save::Options,
    save_json::SaveJson,
    step::{Latch, Progress, Status, Step},
};

/// The buffer between the JSON and the encoder, in bytes.
const BUFFER: usize = 64 << 10;

/// Turns one save into JSON and compresses it. The JSON is the same as [`SaveJson`] gives.
///
/// The brotli stream ends only after the JSON has ended. A broken save therefore gives neither a whole stream nor valid
/// JSON.
#[derive(Debug)]
pub struct CompressedJson {
    json: SaveJson,
    encoder: Encoder,
    ours: Ours,
    lgwin: u8,
    buffer: Box<[u8]>,
    /// JSON in the buffer that the encoder has not taken.
    waiting: Range<usize>,
    phase: Phase,
    /// Nanoseconds of compression.
    compressing: u64,
    cpu_ms: u64,
    latch: Latch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The JSON goes on without input.
    Working,
    /// The JSON waits for input. An empty input means the end to it.
    Asking,
    /// The JSON is complete.
    Finish,
    Done,
}

impl CompressedJson {
    /// Compresses the JSON of `json`, which has made no step yet. An automatic quality is the highest of `parameters`.
    ///
    /// # Errors
    ///
    /// `memory_limit` if there is no memory for the encoder.
    pub fn new(json: SaveJson, parameters: Parameters, limits: Limits) -> Result<Self, Error> {
        Ok(Self {
            json,
            encoder: Encoder::new(parameters)?,
            ours: parameters.ours(),
            lgwin: parameters.lgwin(),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            waiting: 0..0,
            phase: Phase::Working,
            compressing: 0,
            cpu_ms: limits.cpu_ms,
            latch: Latch::default(),
        })
    }

    /// The upper bound of a conversion's memory in bytes, without the words. `upload_bytes` is the input's size, if it
    /// is known.
    pub fn peak_bytes(options: &Options, parameters: Parameters, limits: Limits, upload_bytes: Option<u64>) -> u64 {
        let encoder = parameters.encoder_bytes() + brotli::GATHERED_BYTES + BUFFER as u64;
        SaveJson::peak_bytes(options, limits, upload_bytes) + encoder
    }

    /// Brotli quality and lgwin of the result, final once there is output.
    pub fn in_use(&self) -> (u8, u8) {
        self.encoder.in_use()
    }

    /// Members of the archive so far, and their unpacked bytes.
    pub fn so_far(&self) -> (u64, u64) {
        self.json.so_far()
    }

    fn advance(&mut self, input: &[u8], ended: bool, output: &mut [u8]) -> Result<Progress, Error> {
        if !self.waiting.is_empty() {
            let encoded = self.encoder.write(&self.buffer[self.waiting.clone()], output)?;
            self.waiting.start += encoded.consumed;
            if let Some(block) = encoded.ended {
                let cost = writing(self.ours, self.encoder.in_use().0, self.lgwin, block);
                self.compressing = self.compressing.saturating_add(cost);
            }
            return Ok(Progress { consumed: 0, produced: encoded.produced, status: encoded.status() });
        }
        match self.phase {
            Phase::Asking if input.is_empty() && !ended => {
                Ok(Progress { consumed: 0, produced: 0, status: Status::NeedsInput })
            }
            Phase::Working | Phase::Asking => {
                let Progress { consumed, produced, status } = self.json.step(input, &mut self.buffer)?;
                self.waiting = 0..produced;
                self.phase = match status {
                    Status::NeedsInput => Phase::Asking,
                    Status::NeedsOutput | Status::Working => Phase::Working,
                    Status::Done => Phase::Finish,
                };
                Ok(Progress { consumed, produced: 0, status: Status::Working })
            }
            Phase::Finish => {
                let encoded = self.encoder.finish(End::Stream, output)?;
                if encoded.status() == Status::Done {
                    self.phase = Phase::Done;
                }
                Ok(Progress { consumed: 0, produced: encoded.produced, status: encoded.status() })
            }
            Phase::Done => Ok(Progress { consumed: 0, produced: 0, status: Status::Done }),
        }
    }
}

impl Step for CompressedJson {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        let ended = self.latch.open(input)?;
        // The sum only grows, so its last value decides: the cuts of the upload change nothing.
        let result = self.advance(input, ended, output).and_then(|progress| {
            if self.work_ns() / NANOSECONDS_PER_MS > self.cpu_ms {
                return Err(Limit::CpuSave { limit_ms: self.cpu_ms }.into());
            }
            Ok(progress)
        });
        self.latch.close(ended, result)
    }

    fn work_ns(&self) -> u64 {
        self.json.work_ns().saturating_add(self.compressing)
    }
}
