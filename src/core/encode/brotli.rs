//! The brotli encoder: the only file that knows the encoder's library.
//!
//! ```text
//!                       more than 1 MiB, or the end
//!    ┌───────────┐      (exact size then known)     ┌──────────┐
//!    │ Gathering │ ───────────────────────────────▶ │ Draining │ ◀──────────────────┐
//!    └───────────┘                                  └────┬─────┘                    │
//!                                      all given to the  │ session                  │
//!                                                        ▼                          │
//!                         set_quality:            ┌──────────┐   finish             │
//!                         a new session  ┌──────▶ │ Encoding │ ────────▶ end        │
//!                                        └─────── └────┬─────┘                      │
//!                            a meta-block that did not │ shrink                     │
//!                                                      ▼                            │
//!    ┌─────────┐   1 MiB that looks incompressible ┌──────────┐  looks compressible,│
//!    │ Copying │ ◀──────────────────────────────── │ Doubting │  16 blocks copied,  │
//!    └────┬────┘ ────────────────────────────────▶ └────┬─────┘  or the end         │
//!         written as an uncompressed meta-block         └───────────────────────────┘
//! ```

use mbrotli::{
    CompressionMode, Compressor, EncodeError, EncoderConfig, EncoderSessionOwned, EncoderStatus, InputSize,
    LiteralContextMode, Operation, Quality, StreamConfig, Window,
};

use super::{
    incompressible,
    parameters::{Mode, Parameters},
};
use crate::{
    cost::cpu::{Bytes, LEAST_CONTINUING, MetaBlock},
    error::{Error, Limit},
    step::Status,
};

/// The size given to the encoder for a tarball longer than [`SMALL`], in bytes. It exceeds all of the encoder's
/// thresholds.
///
/// The encoder chooses its match finder by the size. Without a hint it uses the length of the first call, and the
/// output would depend on how the upload is cut.
const EXPECTED_SIZE: u64 = 1 << 30;

/// Bytes that are gathered before the encoder starts. A tarball that fits is compressed with its true size and the
/// smallest window that holds it.
pub(crate) const SMALL: usize = 1 << 20;

/// The smallest window to lower to. At 16 and below the encoder uses other, weaker methods.
const LEAST_LGWIN: u8 = 18;

/// Input of one encoder call in bytes. It bounds a step's work.
const SHARE: usize = 64 << 10;

/// Uncompressed meta-blocks of [`incompressible::BLOCK`] bytes between two attempts to compress.
///
/// A new encoder starts without history, so more attempts would cost more and find less.
const UNTRIED: u8 = 16;

/// Memory of an [`Encoder`] in addition to [`Parameters::encoder_bytes`].
pub(crate) const GATHERED_BYTES: u64 = SMALL as u64;

const _: () = assert!(incompressible::BLOCK <= SMALL);

/// Tarball bytes in a meta-block (RFC 7932 §9.2). A fixed length makes the output independent of how the input arrives.
/// The encoder's memory grows with its longest meta-block, and no output appears before the first one ends. With 2 MiB
/// it needs a third less memory at window 22 and half at 24, for 0.05 % of size. It is 1 MiB where windows and trees
/// are largest.
pub(crate) fn meta_block(quality: u8, lgwin: u8) -> u64 {
    let large = lgwin > 22 || lgwin > 20 && quality > 9;
    if large { 1 << 20 } else { 2 << 20 }
}

/// One brotli stream.
#[derive(Debug)]
pub(crate) struct Encoder {
    stage: EncoderStage,
    quality: u8,
    /// The quality when the first byte was compressed.
    first_quality: Option<u8>,
    lgwin: u8,
    mode: CompressionMode,
    /// The present meta-block.
    block: Bytes,
    /// Tarball bytes before the present meta-block.
    position: u64,
    /// The end of the stream, if it is not the encoder's own.
    ending: Option<Vec<u8>>,
}

#[derive(Debug)]
enum EncoderStage {
    /// The tarball may still turn out to be small.
    Gathering(Vec<u8>),
    /// The encoder receives the gathered bytes, from `next` on.
    Draining {
        gathered: Vec<u8>,
        next: usize,
        session: Box<EncoderSessionOwned>,
    },
    Encoding(Box<EncoderSessionOwned>),
    /// The last block could not be shrunk. Up to `untried` more blocks that look incompressible are copied without an
    /// attempt.
    Doubting {
        gathered: Vec<u8>,
        untried: u8,
    },
    /// An uncompressed meta-block; `next` bytes of it, header included, are written.
    Copying {
        gathered: Vec<u8>,
        next: usize,
        untried: u8,
    },
    /// The end of the stream, of which `next` bytes are written.
    Ending {
        bytes: Vec<u8>,
        next: usize,
    },
}

/// The result of one call of the encoder.
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

impl Encoder {
    pub(crate) fn new(parameters: Parameters) -> Result<Self, Error> {
        Ok(Self {
            stage: EncoderStage::Gathering(room_for(SMALL)?),
            quality: parameters.quality(),
            first_quality: None,
            lgwin: parameters.lgwin(),
            mode: match parameters.mode() {
                Mode::Generic => CompressionMode::Generic,
                Mode::Text => CompressionMode::Text,
                Mode::Font => CompressionMode::Font,
            },
            block: Bytes::default(),
            position: 0,
            ending: None,
        })
    }

    /// Ends the stream with these bytes. They start at a byte boundary and include the last meta-block.
    pub(crate) fn set_ending(&mut self, bytes: Vec<u8>) {
        self.ending = Some(bytes);
    }

    /// Quality and lgwin in use. Not final before the first byte of output.
    pub(crate) fn in_use(&self) -> (u8, u8) {
        (self.quality, self.lgwin)
    }

    /// The quality of the first output, if there is any.
    pub(crate) fn first_quality(&self) -> Option<u8> {
        self.first_quality
    }

    /// If nothing is compressed yet: the number of gathered bytes with `more` bytes, and the window they can use.
    pub(crate) fn gathered(&self, more: usize) -> Option<(u64, u8)> {
        let EncoderStage::Gathering(gathered) = &self.stage else { return None };
        let length = (gathered.len() + more) as u64;
        Some((length, usable(self.lgwin, length)))
    }

    /// Changes the quality. Valid before anything is compressed, or right after a meta-block.
    ///
    /// A stream in progress continues with a new encoder that starts with an empty window. The first megabytes after
    /// the change compress slightly less.
    pub(crate) fn set_quality(&mut self, quality: u8) -> Result<(), Error> {
        if quality == self.quality {
            return Ok(());
        }
        self.quality = quality;
        if let EncoderStage::Encoding(_) = self.stage {
            assert!(self.block == Bytes::default(), "a meta-block has just ended");
            // Drop the old encoder before making the new one: both may be large.
            self.stage = EncoderStage::Gathering(Vec::new());
            self.stage = EncoderStage::Encoding(self.session(EXPECTED_SIZE)?);
        }
        Ok(())
    }

    /// Takes bytes from the front of `input` and may write to the front of `output`.
    pub(crate) fn write(&mut self, input: &[u8], output: &mut [u8]) -> Result<Encoded, Error> {
        match &mut self.stage {
            EncoderStage::Gathering(gathered) if gathered.len() + input.len() <= SMALL => {
                gathered.extend_from_slice(input);
                Ok(Encoded { consumed: input.len(), ..Encoded::default() })
            }
            EncoderStage::Gathering(_) => self.start(EXPECTED_SIZE),
            EncoderStage::Draining { .. } => self.drain(output),
            EncoderStage::Encoding(session) if self.block.taken < meta_block(self.quality, self.lgwin) => {
                let left = meta_block(self.quality, self.lgwin) - self.block.taken;
                let offered = input.len().min(SHARE).min(usize::try_from(left).unwrap_or(usize::MAX));
                let encoded = call(session, &input[..offered], output, Operation::Process)?;
                Ok(self.count(encoded))
            }
            EncoderStage::Encoding(session) => {
                let flushed = call(session, &[], output, Operation::Flush)?;
                let mut flushed = self.count(flushed);
                if !flushed.output_full {
                    let block = self.end_block(false);
                    if incompressible::is_wasted(block.bytes) && self.quality >= LEAST_CONTINUING {
                        // Release the encoder's memory before allocating.
                        self.stage = EncoderStage::Gathering(Vec::new());
                        self.stage =
                            EncoderStage::Doubting { gathered: room_for(incompressible::BLOCK)?, untried: UNTRIED };
                    }
                    flushed.ended = Some(block);
                }
                Ok(flushed)
            }
            EncoderStage::Doubting { gathered, .. } if gathered.len() < incompressible::BLOCK => {
                let taken = input.len().min(incompressible::BLOCK - gathered.len());
                gathered.extend_from_slice(&input[..taken]);
                Ok(Encoded { consumed: taken, ..Encoded::default() })
            }
            EncoderStage::Doubting { gathered, untried } if *untried > 0 && incompressible::is_even(gathered) => {
                let (gathered, untried) = (std::mem::take(gathered), *untried - 1);
                self.stage = EncoderStage::Copying { gathered, next: 0, untried };
                Ok(Encoded::default())
            }
            EncoderStage::Doubting { .. } => self.start(EXPECTED_SIZE),
            EncoderStage::Copying { .. } => Ok(self.copy(output)),
            EncoderStage::Ending { .. } => unreachable!("nothing is written after the end"),
        }
    }

    /// Ends the stream. Call it until `finished` is true.
    pub(crate) fn finish(&mut self, output: &mut [u8]) -> Result<Encoded, Error> {
        match &mut self.stage {
            EncoderStage::Gathering(gathered) => {
                let length = gathered.len() as u64;
                self.lgwin = usable(self.lgwin, length);
                self.start(length)
            }
            EncoderStage::Doubting { .. } => self.start(EXPECTED_SIZE),
            EncoderStage::Draining { .. } => self.drain(output),
            EncoderStage::Copying { .. } => Ok(self.copy(output)),
            EncoderStage::Encoding(session) if self.ending.is_some() => {
                let encoded = call(session, &[], output, Operation::Flush)?;
                if !encoded.output_full {
                    let bytes = self.ending.take().expect("there is one");
                    self.stage = EncoderStage::Ending { bytes, next: 0 };
                }
                Ok(self.count(encoded))
            }
            EncoderStage::Encoding(session) => {
                let encoded = call(session, &[], output, Operation::Finish)?;
                Ok(self.count(encoded))
            }
            EncoderStage::Ending { bytes, next } => {
                let produced = output.len().min(bytes.len() - *next);
                output[..produced].copy_from_slice(&bytes[*next..*next + produced]);
                *next += produced;
                let finished = *next == bytes.len();
                Ok(Encoded { produced, output_full: !finished, finished, ..Encoded::default() })
            }
        }
    }

    /// Starts compressing the gathered bytes of a tarball of `size` bytes.
    fn start(&mut self, size: u64) -> Result<Encoded, Error> {
        self.first_quality.get_or_insert(self.quality);
        let session = self.session(size)?;
        if let EncoderStage::Gathering(gathered) | EncoderStage::Doubting { gathered, .. } = &mut self.stage {
            self.stage = EncoderStage::Draining { gathered: std::mem::take(gathered), next: 0, session };
        }
        Ok(Encoded::default())
    }

    /// Passes a share of the gathered bytes to the encoder.
    fn drain(&mut self, output: &mut [u8]) -> Result<Encoded, Error> {
        let EncoderStage::Draining { gathered, next, session } = &mut self.stage else {
            unreachable!("called for this stage alone");
        };
        let end = gathered.len().min(*next + SHARE);
        let encoded = call(session, &gathered[*next..end], output, Operation::Process)?;
        *next += encoded.consumed;
        let drained = *next == gathered.len() && !encoded.output_full;
        let encoded = self.count(encoded);
        if drained {
            let stage = std::mem::replace(&mut self.stage, EncoderStage::Gathering(Vec::new()));
            let EncoderStage::Draining { session, .. } = stage else { unreachable!("as above") };
            self.stage = EncoderStage::Encoding(session);
        }
        // The bytes were already counted as consumed when they were gathered.
        Ok(Encoded { consumed: 0, ..encoded })
    }

    /// Writes a share of an uncompressed meta-block.
    fn copy(&mut self, output: &mut [u8]) -> Encoded {
        let EncoderStage::Copying { gathered, next, untried } = &mut self.stage else {
            unreachable!("called for this stage alone");
        };
        let header = incompressible::HEADER;
        let rest = [&header[(*next).min(header.len())..], &gathered[next.saturating_sub(header.len())..]];
        let mut produced = 0;
        for part in rest {
            let count = part.len().min(output.len() - produced).min(SHARE - produced);
            output[produced..produced + count].copy_from_slice(&part[..count]);
            produced += count;
        }
        *next += produced;
        self.block.given += produced as u64;
        if *next < header.len() + gathered.len() {
            return Encoded { produced, output_full: produced == output.len(), ..Encoded::default() };
        }
        self.block.taken = gathered.len() as u64;
        gathered.clear();
        self.stage = EncoderStage::Doubting { gathered: std::mem::take(gathered), untried: *untried };
        Encoded { produced, ended: Some(self.end_block(true)), ..Encoded::default() }
    }

    fn end_block(&mut self, copied: bool) -> MetaBlock {
        self.position += self.block.taken;
        MetaBlock { bytes: std::mem::take(&mut self.block), copied }
    }

    fn count(&mut self, encoded: Encoded) -> Encoded {
        self.block.taken += encoded.consumed as u64;
        self.block.given += encoded.produced as u64;
        encoded
    }

    /// A new session that continues the stream.
    fn session(&self, size: u64) -> Result<Box<EncoderSessionOwned>, Error> {
        let quality = Quality::try_from(self.quality).expect("quality was checked");
        let window = Window::standard(self.lgwin).expect("lgwin was checked");
        // With literal contexts, qualities 10 and 11 keep 64 histograms for each of up to 256 literal types, and again
        // while merging them. That is 80 MB more for data that often changes its kind. Without contexts the output is 2
        // to 10 % larger, still smaller than at 9, and takes a third less time (docs/encoder.md).
        let contexts = if self.quality > 9 { LiteralContextMode::Disabled } else { LiteralContextMode::Auto };
        let config = EncoderConfig::new()
            .with_quality(quality)
            .with_window(window)
            .with_mode(self.mode)
            .with_literal_context(contexts);
        let compressor = Compressor::new(config).expect("a standard window goes with every quality");
        let stream = StreamConfig::from(InputSize::Exact(size)).with_stream_offset(self.position);
        Ok(Box::new(compressor.into_session(stream).map_err(out_of_memory)?))
    }
}

fn room_for(bytes: usize) -> Result<Vec<u8>, Error> {
    let mut room = Vec::new();
    room.try_reserve_exact(bytes).map_err(|_| Limit::Memory { wanted: bytes as u64, limit: 0 })?;
    Ok(room)
}

/// `lgwin`, or the smallest window that holds `length` bytes.
pub(crate) fn usable(lgwin: u8, length: u64) -> u8 {
    (LEAST_LGWIN..lgwin).find(|&lgwin| (1_u64 << lgwin) - 16 >= length).unwrap_or(lgwin)
}

fn call(
    session: &mut EncoderSessionOwned,
    input: &[u8],
    output: &mut [u8],
    operation: Operation,
) -> Result<Encoded, Error> {
    let progress = session.process(input, output, operation).map_err(out_of_memory)?;
    let output_full = progress.status == EncoderStatus::NeedsOutput;
    let finished = progress.status == EncoderStatus::Finished;
    Ok(Encoded { consumed: progress.consumed, produced: progress.produced, output_full, finished, ended: None })
}

fn out_of_memory(error: EncodeError) -> Error {
    match error {
        EncodeError::AllocationFailed { requested } => Limit::Memory { wanted: requested as u64, limit: 0 }.into(),
        error => panic!("the encoder is used as it wants to be: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// Words at random: compresses, and never quite repeats.
    fn words(length: usize) -> Vec<u8> {
        let mut state = 7_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            format!("word_{} ", (state >> 20) & 1023)
        };
        let mut text: String = std::iter::repeat_with(next).take(length / 7).collect();
        text.truncate(length);
        text.into_bytes()
    }

    /// Compresses `input`, and goes on with the next of `qualities` at the end of each meta-block.
    fn compress(input: &[u8], lgwin: u8, qualities: &[u8]) -> (Vec<u8>, (u8, u8)) {
        let mut encoder = Encoder::new(Parameters::new(qualities[0], lgwin).unwrap()).unwrap();
        let mut next = qualities[1..].iter();
        let mut output = vec![0; 10_000];
        let mut compressed = Vec::new();
        let mut rest = input;
        while !rest.is_empty() {
            let encoded = encoder.write(&rest[..rest.len().min(50_000)], &mut output).unwrap();
            rest = &rest[encoded.consumed..];
            compressed.extend_from_slice(&output[..encoded.produced]);
            if encoded.ended.is_some()
                && let Some(&quality) = next.next()
            {
                encoder.set_quality(quality).unwrap();
            }
        }
        loop {
            let encoded = encoder.finish(&mut output).unwrap();
            compressed.extend_from_slice(&output[..encoded.produced]);
            if encoded.finished {
                return (compressed, encoder.in_use());
            }
        }
    }

    /// Every value as often as others.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    fn contains(compressed: &[u8], part: &[u8]) -> bool {
        compressed.windows(part.len()).any(|window| window == part)
    }

    fn decompress(compressed: &[u8]) -> Vec<u8> {
        let mut decompressed = Vec::new();
        brotli::Decompressor::new(compressed, 4096).read_to_end(&mut decompressed).unwrap();
        decompressed
    }

    #[test]
    fn encoders_of_different_qualities_continue_one_stream() {
        let input = words(9 << 20);
        for lgwin in [10, 16, 20, 22, 24] {
            for qualities in [&[9, 5, 2][..], &[5, 4, 3, 2], &[9, 9, 5]] {
                let (compressed, in_use) = compress(&input, lgwin, qualities);
                assert!(decompress(&compressed) == input, "{qualities:?} at lgwin {lgwin}");
                assert_eq!(in_use, (*qualities.last().unwrap(), lgwin));
            }
        }
    }

    #[test]
    fn the_highest_qualities_are_continued_too() {
        let input = words(2 << 20);
        let (compressed, _) = compress(&input, 22, &[11, 10]);
        assert!(decompress(&compressed) == input);
    }

    #[test]
    fn a_small_tarball_gets_no_larger_window_than_it_can_use() {
        for (length, lgwin, expected) in [
            (0, 22, 18),
            (100, 22, 18),
            ((1 << 18) - 16, 22, 18),
            ((1 << 18) - 15, 22, 19),
            (SMALL, 24, 21),
            (SMALL + 1, 24, 24),
            (100, 17, 17),
            (SMALL, 10, 10),
        ] {
            let input = words(length);
            let (compressed, (_, in_use)) = compress(&input, lgwin, &[2]);
            assert_eq!(in_use, expected, "{length} bytes at lgwin {lgwin}");
            assert!(decompress(&compressed) == input, "{length} bytes at lgwin {lgwin}");
        }
    }

    #[test]
    fn noise_is_written_as_it_stands_and_what_follows_is_compressed() {
        let text = words(5 << 20);
        let (compressed_text, _) = compress(&text, 22, &[5]);
        // The second comes where a block has just ended.
        for length in [(9 << 20) + 12_345, 4 << 20] {
            let noise = noise(length);
            let input = [&noise[..], &text].concat();
            let (compressed, _) = compress(&input, 22, &[5]);
            assert!(decompress(&compressed) == input);
            // Of the last block only as much as there is in it; the text begins within.
            let copied = &noise[2 << 20..length >> 20 << 20];
            assert!(copied.chunks(1 << 20).all(|block| contains(&compressed, &block[1000..2000])), "{length}");
            let gained = input.len() - compressed.len();
            let possible = text.len() - compressed_text.len();
            assert!(gained * 100 > possible * 75, "{gained} of {possible} bytes for {length} of noise");
        }
    }

    #[test]
    fn noise_ends_anywhere_at_every_quality() {
        for (quality, lgwin) in [(0, 22), (2, 24), (5, 10), (5, 18), (9, 24)] {
            for length in [2 << 20, (2 << 20) + 1, 3 << 20, (3 << 20) + 1, (3 << 20) + 70_000] {
                let input = noise(length);
                let (compressed, _) = compress(&input, lgwin, &[quality]);
                assert!(decompress(&compressed) == input, "{length} bytes at quality {quality}, lgwin {lgwin}");
                assert!(compressed.len() < length + length / 10_000, "{length} bytes at quality {quality}");
            }
        }
    }

    #[test]
    fn noise_that_repeats_itself_is_found_when_it_is_tried_again() {
        let repeating = noise(1 << 20).repeat(30);
        // Found by the first encoder, and by one that starts after copied blocks.
        for (before, untried) in [(0, 0), (2 << 20, usize::from(UNTRIED))] {
            let input = [noise(before), repeating.clone()].concat();
            let (compressed, _) = compress(&input, 22, &[5]);
            assert!(decompress(&compressed) == input);
            assert!(compressed.len() < before + (untried << 20) + (5 << 18), "{} bytes", compressed.len());
        }
    }

    #[test]
    fn the_quality_can_change_among_what_is_not_compressed() {
        let input = [noise(6 << 20), words(5 << 20)].concat();
        let (compressed, in_use) = compress(&input, 22, &[9, 8, 7, 6, 5, 4]);
        assert!(decompress(&compressed) == input);
        assert_eq!(in_use, (4, 22));
    }

    #[test]
    fn every_quality_and_window_decodes() {
        let input = words((2 << 20) + 12_345);
        for quality in 0..=9 {
            for lgwin in 10..=24 {
                let (compressed, _) = compress(&input, lgwin, &[quality]);
                assert!(decompress(&compressed) == input, "quality {quality}, lgwin {lgwin}");
            }
        }
        for quality in [10, 11] {
            for lgwin in [10, 18, 22, 24] {
                let (compressed, _) = compress(&input[..(1 << 20) + 100], lgwin, &[quality]);
                assert!(decompress(&compressed) == input[..(1 << 20) + 100], "quality {quality}, lgwin {lgwin}");
            }
        }
    }
}
