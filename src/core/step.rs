//! The step contract: bounded work on borrowed bytes, which every conversion follows.

use crate::error::Error;

/// The result of one [`Step::step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes taken from the front of the input; offer the rest again.
    pub consumed: usize,
    /// Bytes written to the front of the output.
    pub produced: usize,
    /// Why it stopped.
    pub status: Status,
}

/// The reason why a step stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The step took all input: call again with more, or with none if the upload has ended.
    NeedsInput,
    /// The output is full: call again with room in it.
    NeedsOutput,
    /// The step's share of work is done: call again with the rest of the input, which may be none.
    Working,
    /// The archive is whole and every byte of the result has been written. Further steps do nothing.
    Done,
}

/// A machine that turns the bytes of a zip into the bytes of a result, without I/O.
pub trait Step {
    /// Moves forward by a bounded amount of work: at most one call of the inflater or of the encoder.
    ///
    /// Takes bytes from the front of `input` and writes to the front of `output`. An empty `input` after
    /// [`Status::NeedsInput`] says that the upload has ended.
    ///
    /// # Errors
    ///
    /// The reason why the archive is refused. The result is then incomplete, and no reader can take it for a whole one.
    /// Every later call returns the same error.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error>;

    /// The work done so far, in nanoseconds of CPU: counted, not measured; see [`crate::Limits::cpu_ms`].
    fn work_ns(&self) -> u64;
}

impl<S: Step + ?Sized> Step for &mut S {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        (**self).step(input, output)
    }

    fn work_ns(&self) -> u64 {
        (**self).work_ns()
    }
}

/// The two facts that a [`Step`] must never forget: that its input has ended, and that it has failed.
#[derive(Debug, Default)]
pub(crate) struct Latch {
    /// The last step asked for input, so an empty input means the end.
    asked: bool,
    failed: Option<Error>,
}

impl Latch {
    /// Opens a step. Says whether the input has ended.
    ///
    /// # Errors
    ///
    /// The error of an earlier step.
    pub(crate) fn open(&self, input: &[u8]) -> Result<bool, Error> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None => Ok(self.asked && input.is_empty()),
        }
    }

    /// Closes the step that [`Latch::open`] opened, and keeps its result in mind. The end of the input lasts, also when the
    /// next steps need none.
    pub(crate) fn close(&mut self, ended: bool, result: Result<Progress, Error>) -> Result<Progress, Error> {
        match &result {
            Ok(progress) => self.asked = ended || progress.status == Status::NeedsInput,
            Err(error) => self.failed = Some(error.clone()),
        }
        result
    }
}
