//! The brotli encoder: the one file that knows which it is.

use mbrotli::{
    Compressor, EncodeError, EncoderConfig, EncoderSessionOwned, EncoderStatus, InputSize, Operation, Quality, Window,
};
use thiserror::Error as ThisError;

use crate::error::{Error, Limit};

/// What the encoder is told to expect, in bytes: more than any of its thresholds.
///
/// It picks its match finder by this. Left alone, it would go by what the first call brings, and the same archive would
/// be compressed differently when it arrives in other pieces.
const EXPECTED_SIZE: u64 = 1 << 30;

/// Bytes of the tarball after which a meta-block ends (RFC 7932 §9.2), counted so that the output does not depend on
/// how its input arrives. The encoder's memory grows with its longest meta-block, and nothing leaves it before the
/// first one ends: at 2 MiB it needs a third less memory at window 22, half at 24, for 0.05 % of size.
const META_BLOCK: u64 = 2 << 20;

/// How hard to compress: brotli quality and window size, both within their ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    quality: u8,
    lgwin: u8,
}

/// An option outside its range.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{option} is {value}, it must be {min} to {max}")]
pub struct OutOfRange {
    /// Which option.
    pub option: &'static str,
    /// What was asked for.
    pub value: u8,
    /// The least it may be.
    pub min: u8,
    /// The most it may be.
    pub max: u8,
}

impl Parameters {
    /// `quality` is 0 (fast) to 11 (small); `lgwin` is the base-2 logarithm of the window in bytes, 10 to 24 (RFC 7932 §9.1).
    pub fn new(quality: u8, lgwin: u8) -> Result<Self, OutOfRange> {
        let within = |option, value, min, max| {
            if (min..=max).contains(&value) { Ok(value) } else { Err(OutOfRange { option, value, min, max }) }
        };
        Ok(Self { quality: within("quality", quality, 0, 11)?, lgwin: within("lgwin", lgwin, 10, 24)? })
    }

    /// 0 to 11.
    pub fn quality(self) -> u8 {
        self.quality
    }

    /// 10 to 24.
    pub fn lgwin(self) -> u8 {
        self.lgwin
    }

    /// The most memory that the encoder takes with these, in bytes, whatever it is given.
    pub fn encoder_bytes(self) -> u64 {
        let window = 1_u64 << self.lgwin;
        match self.quality {
            0..=3 => (6 << 20) + 3 * window,
            4..=8 => (14 << 20) + 4 * window,
            9 => (46 << 20) + 4 * window,
            _ => (20 << 20) + 14 * window,
        }
    }
}

impl Default for Parameters {
    /// Quality 9, window 4 MiB.
    fn default() -> Self {
        Self { quality: 9, lgwin: 22 }
    }
}

/// One brotli stream.
#[derive(Debug)]
pub(crate) struct Encoder {
    session: EncoderSessionOwned,
    /// Bytes that the present meta-block may still take.
    left: u64,
}

/// What one call of the encoder did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoded {
    pub(crate) consumed: usize,
    pub(crate) produced: usize,
    /// Whether it has more to write than there was room for.
    pub(crate) output_full: bool,
}

impl Encoder {
    pub(crate) fn new(parameters: Parameters) -> Result<Self, Error> {
        let quality = Quality::try_from(parameters.quality).expect("quality was checked");
        let window = Window::standard(parameters.lgwin).expect("lgwin was checked");
        let config = EncoderConfig::new().with_quality(quality).with_window(window);
        let compressor = Compressor::new(config).expect("a standard window goes with every quality");
        let session = compressor.into_session(InputSize::Exact(EXPECTED_SIZE).into()).map_err(out_of_memory)?;
        Ok(Self { session, left: META_BLOCK })
    }

    /// Takes bytes from the front of `input`, may write to the front of `output`.
    pub(crate) fn write(&mut self, input: &[u8], output: &mut [u8]) -> Result<Encoded, Error> {
        if self.left == 0 {
            let flushed = self.call(&[], output, Operation::Flush)?;
            if !flushed.output_full {
                self.left = META_BLOCK;
            }
            return Ok(flushed);
        }
        let offered = input.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let encoded = self.call(&input[..offered], output, Operation::Process)?;
        self.left -= encoded.consumed as u64;
        Ok(encoded)
    }

    /// Ends the stream; call until there is nothing more to write.
    pub(crate) fn finish(&mut self, output: &mut [u8]) -> Result<Encoded, Error> {
        self.call(&[], output, Operation::Finish)
    }

    fn call(&mut self, input: &[u8], output: &mut [u8], operation: Operation) -> Result<Encoded, Error> {
        let progress = self.session.process(input, output, operation).map_err(out_of_memory)?;
        let output_full = progress.status == EncoderStatus::NeedsOutput;
        Ok(Encoded { consumed: progress.consumed, produced: progress.produced, output_full })
    }
}

fn out_of_memory(error: EncodeError) -> Error {
    match error {
        EncodeError::AllocationFailed { requested } => Limit::Memory { wanted: requested as u64, limit: 0 }.into(),
        error => panic!("the encoder is used as it wants to be: {error}"),
    }
}
