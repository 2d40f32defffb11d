//! The transcoder: zip bytes in, `.tar.br` bytes out, one bounded step at a time.

use crate::{compress::Parameters, error::Error, limits::Limits};

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
    /// All input was taken: call again with more, or with none once the upload has ended.
    NeedsInput,
    /// The output is full: call again with room in it.
    NeedsOutput,
    /// The step's share of work is done: call again at once, or later.
    Working,
    /// The archive is whole and every byte of the result has been written. Final.
    Done,
}

/// Converts one zip. Does no I/O: the caller brings bytes and takes bytes.
#[derive(Debug)]
pub struct Transcoder {}

impl Transcoder {
    /// Starts a conversion.
    pub fn new(_parameters: Parameters, _limits: Limits) -> Result<Self, Error> {
        Ok(Self {})
    }

    /// Moves the conversion forward by a bounded amount of work.
    ///
    /// An empty `input` says that the upload has ended. After an error every later call returns the same one.
    pub fn step(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<Progress, Error> {
        Ok(Progress { consumed: 0, produced: 0, status: Status::Done })
    }
}
