//! The brotli stream of a tarball, from one encoder or several after each other.
//!
//! ```text
//!                       more than 1 MiB, or the end
//!    ┌───────────┐      (exact size then known)     ┌──────────┐
//!    │ Gathering │ ───────────────────────────────▶ │ Draining │ ◀──────────────────┐
//!    └───────────┘                                  └────┬─────┘                    │
//!                                      all given to the  │ engine                   │
//!                                                        ▼                          │
//!      set_quality: the          a new   ┌──────▶ ┌──────────┐   finish             │
//!      engine ends at a whole    engine  │        │ Encoding │ ────────▶ end        │
//!      byte                              └─────── └────┬─────┘                      │
//!                   mbrotli: a meta-block that did not │ shrink                     │
//!                                                      ▼                            │
//!    ┌─────────┐   1 MiB that looks incompressible ┌──────────┐  looks compressible,│
//!    │ Copying │ ◀──────────────────────────────── │ Doubting │  16 blocks copied,  │
//!    └────┬────┘ ────────────────────────────────▶ └────┬─────┘  or the end         │
//!         written as an uncompressed meta-block         └───────────────────────────┘
//! ```

use super::{
    engine::{Engine, Task},
    incompressible,
    parameters::{Mode, Parameters},
};
use crate::{
    cost::{
        cpu::{Bytes, LEAST_CONTINUING, MetaBlock},
        encoders::Ours,
    },
    error::{Error, Limit},
};

pub(crate) use super::engine::{Encoded, End};

/// Bytes that are gathered before the encoder starts. A tarball that fits is compressed with its true size and the
/// smallest window that holds it.
pub(crate) const SMALL: usize = 1 << 20;

/// The largest window that a tarball of [`SMALL`] bytes gets.
pub(crate) const SMALL_LGWIN: u8 = 21;

/// The smallest window to lower to. At 16 and below mbrotli uses other, weaker methods.
const LEAST_LGWIN: u8 = 18;

/// Bytes of an uncompressed meta-block that one call writes. It bounds a step's work.
const SHARE: usize = 64 << 10;

/// Uncompressed meta-blocks of [`incompressible::BLOCK`] bytes between two attempts to compress.
///
/// A new engine starts without history, so more attempts would cost more and find less.
const UNTRIED: u8 = 16;

/// Memory of an [`Encoder`] in addition to [`Parameters::encoder_bytes`].
pub(crate) const GATHERED_BYTES: u64 = SMALL as u64;

const _: () = assert!(incompressible::BLOCK <= SMALL);

/// One brotli stream.
#[derive(Debug)]
pub(crate) struct Encoder {
    stage: EncoderStage,
    ours: Ours,
    quality: u8,
    /// The quality when the first byte was compressed.
    first_quality: Option<u8>,
    lgwin: u8,
    mode: Mode,
    /// Tarball bytes that are copied, or that engines have taken.
    position: u64,
    /// It writes segments of a stream that is begun, each for itself.
    in_segments: bool,
    /// Bytes of the present segment, if they are known.
    expected: Option<u64>,
}

#[derive(Debug)]
enum EncoderStage {
    /// The tarball may still turn out to be small.
    Gathering(Vec<u8>),
    /// The engine receives the gathered bytes, from `next` on.
    Draining {
        gathered: Vec<u8>,
        next: usize,
        engine: Engine,
    },
    Encoding(Engine),
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
    /// The segment is written.
    Left,
}

impl Encoder {
    pub(crate) fn new(parameters: Parameters) -> Result<Self, Error> {
        Ok(Self {
            stage: EncoderStage::Gathering(room_for(SMALL)?),
            ours: parameters.ours(),
            quality: parameters.quality(),
            first_quality: None,
            lgwin: parameters.lgwin(),
            mode: parameters.mode(),
            position: 0,
            in_segments: false,
            expected: None,
        })
    }

    /// An encoder of one segment of a stream whose header is written. Its first bytes may refer to `before`, if it continues another
    /// segment: its end is then like that of a [`Encoder::begin_segment`] which goes on after an [`End::Part`].
    pub(crate) fn of_segment(task: Task, before: Option<&[u8]>) -> Result<Self, Error> {
        let stage = match before {
            Some(before) => {
                let mut engine = Engine::new(task)?;
                engine.prime(before);
                EncoderStage::Encoding(engine)
            }
            None => EncoderStage::Gathering(room_for(SMALL)?),
        };
        Ok(Self {
            stage,
            ours: task.ours,
            quality: task.quality,
            first_quality: None,
            lgwin: task.lgwin,
            mode: task.mode,
            position: task.position,
            in_segments: true,
            expected: task.size,
        })
    }

    /// The task of encoding a segment that has `size` bytes if that is known.
    pub(crate) fn segment_task(&self, size: Option<u64>) -> Task {
        self.task(size)
    }

    /// Takes the gathered bytes, if nothing is compressed yet.
    pub(crate) fn take_gathered(&mut self) -> Vec<u8> {
        match &mut self.stage {
            EncoderStage::Gathering(gathered) => std::mem::take(gathered),
            _ => unreachable!("nothing is compressed yet"),
        }
    }

    /// True if its segments of this quality can be cut within contents.
    pub(crate) fn will_prime(&self) -> bool {
        self.ours.serves(self.quality)
    }

    /// Writes a segment of a stream with this window, whose header is written already. Valid before anything is compressed.
    pub(crate) fn join(&mut self, lgwin: u8) {
        self.in_segments = true;
        self.lgwin = lgwin;
    }

    /// Begins the segment at `position` in the tarball. `expected` bytes follow to the end of its contents, if that is known. The
    /// segment before has ended.
    ///
    /// # Errors
    ///
    /// `memory_limit` if there is no memory.
    pub(crate) fn begin_segment(&mut self, position: u64, expected: Option<u64>) -> Result<(), Error> {
        debug_assert!(self.in_segments && self.position <= position);
        (self.position, self.expected) = (position, expected);
        self.stage = EncoderStage::Gathering(room_for(SMALL)?);
        Ok(())
    }

    /// True if the present segment can end within contents, and the next one refer to it.
    pub(crate) fn can_prime(&self) -> bool {
        matches!(&self.stage, EncoderStage::Encoding(engine) if engine.can_prime() && engine.serves(self.quality))
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
    /// Our engine keeps its window from 9 down to 5. Below, and with mbrotli, the stream continues with a new engine that starts
    /// with an empty window: the first megabytes after the change compress slightly less.
    pub(crate) fn set_quality(&mut self, quality: u8) {
        self.quality = quality;
        if let EncoderStage::Draining { engine, .. } | EncoderStage::Encoding(engine) = &mut self.stage {
            engine.set_quality(quality);
        }
    }

    /// Takes bytes from the front of `input` and may write to the front of `output`.
    pub(crate) fn write(&mut self, input: &[u8], output: &mut [u8]) -> Result<Encoded, Error> {
        match &mut self.stage {
            EncoderStage::Gathering(gathered) if gathered.len() + input.len() <= SMALL => {
                gathered.extend_from_slice(input);
                Ok(Encoded { consumed: input.len(), ..Encoded::default() })
            }
            EncoderStage::Gathering(_) => self.start(None),
            EncoderStage::Draining { engine, .. } | EncoderStage::Encoding(engine) if !engine.serves(self.quality) => {
                let left = engine.leave(output)?;
                if left.finished {
                    self.replace_engine()?;
                }
                Ok(Encoded { finished: false, ended: None, ..left })
            }
            EncoderStage::Draining { .. } => self.drain(output),
            EncoderStage::Encoding(engine) => {
                let encoded = engine.write(input, output)?;
                self.position += encoded.consumed as u64;
                if let Some(block) = encoded.ended
                    && !engine.copies()
                    && incompressible::is_wasted(block.bytes)
                    && self.quality >= LEAST_CONTINUING
                {
                    // Release the engine's memory before allocating.
                    self.stage = EncoderStage::Gathering(Vec::new());
                    self.stage =
                        EncoderStage::Doubting { gathered: room_for(incompressible::BLOCK)?, untried: UNTRIED };
                }
                Ok(encoded)
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
            EncoderStage::Doubting { .. } => self.start(None),
            EncoderStage::Copying { .. } => Ok(self.copy(output)),
            EncoderStage::Left => unreachable!("nothing is written after the end"),
        }
    }

    /// Ends the stream, or its present part at a whole byte. Call it until `finished` is true.
    pub(crate) fn finish(&mut self, end: End, output: &mut [u8]) -> Result<Encoded, Error> {
        match &mut self.stage {
            EncoderStage::Gathering(gathered) => {
                let length = gathered.len() as u64;
                if !self.in_segments {
                    self.lgwin = usable(self.lgwin, length);
                }
                self.start(Some(length))
            }
            EncoderStage::Doubting { .. } => self.start(None),
            EncoderStage::Draining { .. } => self.drain(output),
            EncoderStage::Copying { .. } => Ok(self.copy(output)),
            EncoderStage::Encoding(engine) if end == End::Stream => engine.finish(output),
            EncoderStage::Encoding(engine) => {
                let encoded = engine.leave(output)?;
                match end {
                    End::Part if encoded.finished => engine.next_part(),
                    // Releases the engine's memory.
                    _ if encoded.finished => self.stage = EncoderStage::Left,
                    _ => {}
                }
                Ok(encoded)
            }
            EncoderStage::Left => Ok(Encoded { finished: true, ..Encoded::default() }),
        }
    }

    /// Starts compressing the gathered bytes, those of a whole tarball or segment if its size is given.
    fn start(&mut self, size: Option<u64>) -> Result<Encoded, Error> {
        self.first_quality.get_or_insert(self.quality);
        let engine = Engine::new(self.task(size.or(self.expected)))?;
        if let EncoderStage::Gathering(gathered) | EncoderStage::Doubting { gathered, .. } = &mut self.stage {
            self.stage = EncoderStage::Draining { gathered: std::mem::take(gathered), next: 0, engine };
        }
        Ok(Encoded::default())
    }

    /// Continues with another engine; the one before has left the stream at a whole byte.
    fn replace_engine(&mut self) -> Result<(), Error> {
        let task = self.task(None);
        // Drop the old engine before making the new one: both may be large.
        let stage = std::mem::replace(&mut self.stage, EncoderStage::Gathering(Vec::new()));
        self.stage = match stage {
            EncoderStage::Draining { gathered, next, engine } => {
                drop(engine);
                EncoderStage::Draining { gathered, next, engine: Engine::new(task)? }
            }
            stage => {
                drop(stage);
                EncoderStage::Encoding(Engine::new(task)?)
            }
        };
        Ok(())
    }

    /// Passes a share of the gathered bytes to the engine.
    fn drain(&mut self, output: &mut [u8]) -> Result<Encoded, Error> {
        let EncoderStage::Draining { gathered, next, engine } = &mut self.stage else {
            unreachable!("called for this stage alone");
        };
        let encoded = engine.write(&gathered[*next..], output)?;
        *next += encoded.consumed;
        self.position += encoded.consumed as u64;
        if *next == gathered.len() && !encoded.output_full {
            let stage = std::mem::replace(&mut self.stage, EncoderStage::Gathering(Vec::new()));
            let EncoderStage::Draining { engine, .. } = stage else { unreachable!("as above") };
            self.stage = EncoderStage::Encoding(engine);
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
        let length = header.len() + gathered.len();
        if *next < length {
            return Encoded { produced, output_full: produced == output.len(), ..Encoded::default() };
        }
        let bytes = Bytes { taken: gathered.len() as u64, given: length as u64 };
        self.position += bytes.taken;
        gathered.clear();
        self.stage = EncoderStage::Doubting { gathered: std::mem::take(gathered), untried: *untried };
        Encoded { produced, ended: Some(MetaBlock { bytes, copied: true }), ..Encoded::default() }
    }

    fn task(&self, size: Option<u64>) -> Task {
        Task {
            ours: self.ours,
            quality: self.quality,
            lgwin: self.lgwin,
            mode: self.mode,
            position: self.position,
            in_segment: self.in_segments,
            size,
        }
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
                encoder.set_quality(quality);
            }
        }
        loop {
            let encoded = encoder.finish(End::Stream, &mut output).unwrap();
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
