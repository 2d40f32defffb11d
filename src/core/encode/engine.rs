//! The two encoders that can write a part of a stream. This is the only file that knows them.

use mbrotli::{
    CompressionMode, Compressor, EncodeError, EncoderConfig, EncoderSessionOwned, EncoderStatus, InputSize,
    LiteralContextMode, Operation, Quality, StreamConfig, Window,
    dictionary::{DictionaryBuilder, PreparedDictionary, SerializedDictionary},
};
use recompress_encoder as ours;

use super::parameters::Mode;
use crate::{
    cost::{
        cpu::{Bytes, MetaBlock},
        encoders::Ours,
    },
    error::{Error, Limit},
    step::Status,
};

/// The size given to mbrotli for a tarball of unknown size, in bytes. It exceeds all of mbrotli's thresholds.
///
/// mbrotli chooses its match finder by the size. Without a hint it uses the length of the first call, and the output would
/// depend on how the upload is cut.
const LARGE: u64 = 1 << 30;

/// Input of one call of mbrotli in bytes. It bounds a step's work.
const SHARE: usize = 64 << 10;

/// Tarball bytes in a meta-block (RFC 7932 §9.2); ours may be shorter. A fixed length makes the output independent of how the
/// input arrives. mbrotli's memory grows with its longest meta-block, and no output appears before the first one ends. With
/// 2 MiB it needs a third less memory at window 22 and half at 24, for 0.05 % of size. It is 1 MiB where windows and trees
/// are largest.
pub(crate) fn meta_block(ours: Ours, quality: u8, lgwin: u8) -> u64 {
    let large = lgwin > 22 || lgwin > 20 && quality > 9;
    if large && !ours.serves(quality) { 1 << 20 } else { 2 << 20 }
}

/// The task of an engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub(super) ours: Ours,
    pub(super) quality: u8,
    pub(super) lgwin: u8,
    pub(super) mode: Mode,
    /// Tarball bytes before its first.
    pub(super) position: u64,
    /// It writes a segment, or a part of one: nothing in it refers to the dictionary, whose place in the distances depends on the
    /// position.
    pub(super) in_segment: bool,
    /// Tarball bytes that it will get, if that is known.
    pub(super) size: Option<u64>,
}

impl Task {
    /// The stream's header is written.
    fn is_begun(&self) -> bool {
        self.in_segment || self.position > 0
    }
}

/// How an engine ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The stream ends.
    Stream,
    /// At a whole byte of the stream, for others to go on.
    Segment,
    /// The same, and the encoder goes on with the next part of the same contents.
    Part,
}

/// The result of one call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Encoded {
    pub(crate) consumed: usize,
    pub(crate) produced: usize,
    /// True if there is more to write than the output holds.
    pub(crate) output_full: bool,
    /// True if the stream is complete and written.
    pub(crate) finished: bool,
    pub(crate) ended: Option<MetaBlock>,
}

impl Encoded {
    /// The status of a step that made this call.
    pub(crate) fn status(&self) -> Status {
        match self {
            Self { output_full: true, .. } => Status::NeedsOutput,
            Self { finished: true, .. } => Status::Done,
            _ => Status::Working,
        }
    }
}

/// An encoder of a part of a stream.
#[derive(Debug)]
pub(super) enum Engine {
    Ours(Box<ours::Encoder>),
    Mbrotli {
        session: Box<EncoderSessionOwned>,
        quality: u8,
        /// The present meta-block, and the input after which it ends.
        block: Bytes,
        limit: u64,
    },
}

impl Engine {
    /// Takes the memory for an encoder.
    ///
    /// # Errors
    ///
    /// `memory_limit` if there is none.
    pub(super) fn new(task: Task) -> Result<Self, Error> {
        if task.ours.serves(task.quality) {
            let options = ours::Options {
                quality: task.quality,
                lgwin: task.lgwin,
                expected: task.size,
                start: if task.is_begun() { ours::Start::Segment } else { ours::Start::Stream },
            };
            let encoder = ours::Encoder::new(&options).map_err(|ours::OutOfMemory(bytes)| out_of_memory(bytes))?;
            return Ok(Self::Ours(Box::new(encoder)));
        }
        Ok(Self::Mbrotli {
            session: session(task)?,
            quality: task.quality,
            block: Bytes::default(),
            limit: meta_block(task.ours, task.quality, task.lgwin),
        })
    }

    /// True if it can continue at this quality. If not, call [`Self::leave`], and continue with another engine.
    pub(super) fn serves(&self, wanted: u8) -> bool {
        match self {
            Self::Ours(_) => Ours::can_continue(wanted),
            Self::Mbrotli { quality, .. } => *quality == wanted,
        }
    }

    /// Changes the quality from the next input on, if it serves this one.
    pub(super) fn set_quality(&mut self, quality: u8) {
        if let Self::Ours(encoder) = self
            && Ours::can_continue(quality)
        {
            encoder.set_quality(quality);
        }
    }

    /// True if it recognises incompressible data by itself.
    pub(super) fn copies(&self) -> bool {
        matches!(self, Self::Ours(_))
    }

    /// Takes bytes from the front of `input` and may write to the front of `output`.
    pub(super) fn write(&mut self, input: &[u8], output: &mut [u8]) -> Result<Encoded, Error> {
        match self {
            Self::Ours(encoder) => Ok(encoder.write(input, output).into()),
            Self::Mbrotli { session, block, limit, .. } if block.taken < *limit => {
                let left = usize::try_from(*limit - block.taken).unwrap_or(usize::MAX);
                call(session, &input[..input.len().min(SHARE).min(left)], output, Operation::Process, block)
            }
            Self::Mbrotli { session, block, .. } => {
                let encoded = call(session, &[], output, Operation::Flush, block)?;
                let ended = (!encoded.output_full).then(|| MetaBlock { bytes: std::mem::take(block), copied: false });
                Ok(Encoded { ended, ..encoded })
            }
        }
    }

    /// Ends its part of the stream at a whole byte. Call it until `finished` is true.
    pub(super) fn leave(&mut self, output: &mut [u8]) -> Result<Encoded, Error> {
        match self {
            Self::Ours(encoder) => Ok(encoder.finish(ours::End::Segment, output).into()),
            Self::Mbrotli { session, block, .. } => {
                let encoded = call(session, &[], output, Operation::Flush, block)?;
                let finished = !encoded.output_full;
                let ended =
                    (finished && block.taken > 0).then(|| MetaBlock { bytes: std::mem::take(block), copied: false });
                Ok(Encoded { finished, ended, ..encoded })
            }
        }
    }

    /// True if it can begin a part of contents with copies from the parts before.
    pub(super) fn can_prime(&self) -> bool {
        matches!(self, Self::Ours(_))
    }

    /// Lets the part that it begins refer to the bytes before it.
    pub(super) fn prime(&mut self, before: &[u8]) {
        match self {
            Self::Ours(encoder) => encoder.prime(before),
            Self::Mbrotli { .. } => unreachable!("it cannot be primed"),
        }
    }

    /// Begins the next part, after it has left the one before.
    pub(super) fn next_part(&mut self) {
        match self {
            Self::Ours(encoder) => encoder.next_part(),
            Self::Mbrotli { .. } => unreachable!("it cannot be primed"),
        }
    }

    /// Ends the stream. Call it until `finished` is true.
    pub(super) fn finish(&mut self, output: &mut [u8]) -> Result<Encoded, Error> {
        match self {
            Self::Ours(encoder) => Ok(encoder.finish(ours::End::Stream, output).into()),
            Self::Mbrotli { session, block, .. } => call(session, &[], output, Operation::Finish, block),
        }
    }
}

impl From<ours::Encoded> for Encoded {
    fn from(encoded: ours::Encoded) -> Self {
        let ended = encoded
            .ended
            .map(|ours::MetaBlock { taken, given, copied }| MetaBlock { bytes: Bytes { taken, given }, copied });
        Self {
            consumed: encoded.consumed,
            produced: encoded.produced,
            output_full: encoded.output_full,
            finished: encoded.finished,
            ended,
        }
    }
}

/// A session of mbrotli that continues the stream.
fn session(task: Task) -> Result<Box<EncoderSessionOwned>, Error> {
    let quality = Quality::try_from(task.quality).expect("quality was checked");
    let window = Window::standard(task.lgwin).expect("lgwin was checked");
    // With literal contexts, qualities 10 and 11 keep 64 histograms for each of up to 256 literal types, and again
    // while merging them. That is 80 MB more for data that often changes its kind. Without contexts the output is 2
    // to 10 % larger, still smaller than at 9, and takes a third less time (docs/encoder.md).
    let contexts = if task.quality > 9 { LiteralContextMode::Disabled } else { LiteralContextMode::Auto };
    let mode = match task.mode {
        Mode::Generic => CompressionMode::Generic,
        Mode::Text => CompressionMode::Text,
        Mode::Font => CompressionMode::Font,
    };
    let config =
        EncoderConfig::new().with_quality(quality).with_window(window).with_mode(mode).with_literal_context(contexts);
    let compressor = Compressor::new(config).expect("a standard window goes with every quality");
    let size = InputSize::Exact(task.size.unwrap_or(LARGE));
    let offset = if task.is_begun() { task.position.max(1) } else { 0 };
    let stream = StreamConfig::from(size).with_stream_offset(offset);
    let session = if task.in_segment && task.quality >= LEAST_WITHOUT_WORDS {
        compressor.into_session_with_dictionary(no_words(), stream)
    } else {
        compressor.into_session(stream)
    };
    Ok(Box::new(session.map_err(failure)?))
}

/// The lowest quality at which mbrotli takes a dictionary of the caller.
const LEAST_WITHOUT_WORDS: u8 = 5;

/// A dictionary without words in the place of the built-in one (RFC 9841 §2).
fn no_words() -> PreparedDictionary {
    let mut bytes = [0; 37];
    // The magic number, no prefix, one list of words, 28 lengths of which none has words; no transforms, one dictionary of it.
    bytes[..4].copy_from_slice(&[0x91, 0, 0, 1]);
    bytes[33] = 1;
    let parsed = SerializedDictionary::try_from(&bytes[..]).expect("it has the form of the RFC");
    DictionaryBuilder::new().add_serialized(&parsed).build().expect("nothing is too large")
}

fn call(
    session: &mut EncoderSessionOwned,
    input: &[u8],
    output: &mut [u8],
    operation: Operation,
    block: &mut Bytes,
) -> Result<Encoded, Error> {
    let progress = session.process(input, output, operation).map_err(failure)?;
    block.taken += progress.consumed as u64;
    block.given += progress.produced as u64;
    Ok(Encoded {
        consumed: progress.consumed,
        produced: progress.produced,
        output_full: progress.status == EncoderStatus::NeedsOutput,
        finished: progress.status == EncoderStatus::Finished,
        ended: None,
    })
}

fn failure(error: EncodeError) -> Error {
    match error {
        EncodeError::AllocationFailed { requested } => out_of_memory(requested as u64),
        error => panic!("the encoder is used as it wants to be: {error}"),
    }
}

fn out_of_memory(wanted: u64) -> Error {
    Limit::Memory { wanted, limit: 0 }.into()
}
