//! The loop between a page and a [`Step`]: the page writes input and reads output until there is none.

use recompress::{Error, Status, Step};

/// Most bytes that one [`Pump::read`] returns.
const PIECE: usize = 256 << 10;

/// The input and the output of one conversion.
#[derive(Debug)]
pub(crate) struct Pump {
    /// The latest input; `taken` bytes of it are consumed.
    input: Vec<u8>,
    taken: usize,
    /// Whether `read` needs more input.
    is_waiting: bool,
    has_ended: bool,
    output: Vec<u8>,
}

impl Pump {
    pub(crate) fn new() -> Self {
        Self { input: Vec::new(), taken: 0, is_waiting: true, has_ended: false, output: vec![0; PIECE] }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.input.clear();
        self.input.extend_from_slice(bytes);
        self.taken = 0;
        // The conversion would take an empty input for the end.
        self.is_waiting = bytes.is_empty();
    }

    pub(crate) fn finish(&mut self) {
        self.finish_with(&[]);
    }

    /// Takes the last input.
    pub(crate) fn finish_with(&mut self, bytes: &[u8]) {
        self.write(bytes);
        (self.is_waiting, self.has_ended) = (false, true);
    }

    /// The next bytes of the result; none if it needs more input.
    pub(crate) fn read(&mut self, machine: &mut impl Step) -> Result<&[u8], Error> {
        let mut produced = 0;
        while !self.is_waiting && produced < PIECE {
            let progress = machine.step(&self.input[self.taken..], &mut self.output[produced..])?;
            self.taken += progress.consumed;
            produced += progress.produced;
            match progress.status {
                Status::NeedsInput => self.is_waiting = !self.has_ended,
                Status::Done => self.is_waiting = true,
                Status::Working | Status::NeedsOutput => {}
            }
        }
        Ok(&self.output[..produced])
    }
}
