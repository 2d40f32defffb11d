//! The file of a tarball: one stream, or one in segments with an index behind them.
//!
//! ```text
//!  tarball   │ padding, headers, small members │ header │ contents of 4 MiB and more │ padding, headers, … │ zeros │
//!  segments  │ 16 MiB at most, in parts        │        │ parts, above 16 MiB        │                             │
//! ```
//!
//! Where a segment ends depends on the order and the sizes of the members alone. A part is primed with the window before it, and
//! depends on nothing else of the parts before it. So segments can be encoded side by side.

mod cuts;
mod divided;
pub(crate) mod division;
mod index_writer;

use std::num::NonZeroUsize;

use self::{cuts::Cuts, division::Division, index_writer::IndexWriter};
use super::{
    brotli::{Encoded, Encoder, End, SMALL},
    parameters::Parameters,
};
use crate::{
    error::Error,
    limits::Meter,
    member::Entry,
    seekable::{block, index::Builder},
};

/// Qualities whose files have an index unless the caller wants none. At 10 and 11 the dictionary, which segments cannot use, is
/// worth more than 0.5 % of a small archive; below 5 mbrotli cannot do without it.
const BY_DEFAULT: std::ops::RangeInclusive<u8> = 5..=9;

/// Qualities that can write segments, and windows: the largest that is too small for segments has 17 bits.
const POSSIBLE: std::ops::RangeInclusive<u8> = 5..=11;
pub(super) const LEAST_LGWIN: u8 = 18;

/// True if a file of this quality can have an index.
pub(super) fn can_have_index(quality: u8) -> bool {
    POSSIBLE.contains(&quality)
}

/// False if it is certain that the file gets no index.
fn may_have_index(parameters: Parameters) -> bool {
    let by_default = parameters.may_lower() || BY_DEFAULT.contains(&parameters.quality());
    parameters.seekable().unwrap_or(by_default) && parameters.can_have_index()
}

/// Upper bound of the memory of one segment that the caller encodes, in bytes, without the encoder. `cuts` says whether contents are
/// cut into parts.
pub(super) fn segment_bytes(cuts: bool, lgwin: u8) -> u64 {
    let (longest, before) = if cuts { (cuts::LONGEST, 1 << lgwin) } else { (divided::MOST_HELD, 0) };
    longest + before + division::SPARE_BYTES
}

/// Writes the file of one tarball.
#[derive(Debug)]
pub(crate) struct FileWriter {
    /// Whether the caller wants an index.
    seekable: Option<bool>,
    /// Of the present segment, or of the whole stream.
    encoder: Encoder,
    /// Present while the file can have an index.
    index: Option<Box<Builder>>,
    cuts: Cuts,
    /// The present segment continues the one before.
    continues: bool,
    /// Where the present segment starts, in the file and in the tarball.
    start: (u64, u64),
    /// Bytes of the file that were made, and bytes of the tarball that were taken.
    file_bytes: u64,
    tar_bytes: u64,
    stage: Stage,
    /// Bytes from the start of the present segment to the end of its contents, if they are known.
    expected: Option<u64>,
    /// How many segments the caller may have, if it encodes them, and those that it does; see `divided`.
    divides: Option<NonZeroUsize>,
    division: Option<Box<Division>>,
    /// The present segment is encoded here all the same.
    is_alone: bool,
    /// Bytes to write before anything else, from `next` on.
    waiting: Vec<u8>,
    next: usize,
    first_quality: Option<u8>,
    /// The blocks that end the stream, and the digest of the tarball.
    ending: Option<(Vec<u8>, [u8; 32])>,
}

#[derive(Debug)]
enum Stage {
    /// Nothing is compressed; the tarball may still turn out to be small.
    Gathering,
    Segments,
    Index(Box<IndexWriter>),
    End,
}

impl FileWriter {
    pub(crate) fn new(parameters: Parameters) -> Result<Self, Error> {
        Ok(Self {
            seekable: parameters.seekable(),
            encoder: Encoder::new(parameters)?,
            index: may_have_index(parameters).then(Box::default),
            cuts: Cuts::default(),
            continues: false,
            start: (0, 0),
            file_bytes: 0,
            tar_bytes: 0,
            stage: Stage::Gathering,
            expected: None,
            divides: None,
            division: None,
            is_alone: false,
            waiting: Vec::new(),
            next: 0,
            first_quality: None,
            ending: None,
        })
    }

    /// Cuts segments of at most so many bytes.
    pub(crate) fn cut_at(&mut self, bytes: u64) {
        self.cuts = Cuts::of(bytes);
    }

    /// Ends the stream with these blocks, which include its last byte, and puts the digest of the tarball into the index.
    pub(crate) fn set_ending(&mut self, blocks: Vec<u8>, sha256: [u8; 32]) {
        self.ending = Some((blocks, sha256));
    }

    /// Quality and lgwin in use. Not final before the first byte of output.
    pub(crate) fn in_use(&self) -> (u8, u8) {
        self.encoder.in_use()
    }

    /// The quality of the first output, if there is any.
    pub(crate) fn first_quality(&self) -> Option<u8> {
        self.first_quality.or_else(|| self.encoder.first_quality())
    }

    /// If nothing is compressed yet: the number of gathered bytes with `more` bytes, and the window they can use.
    pub(crate) fn gathered(&self, more: usize) -> Option<(u64, u8)> {
        if matches!(self.stage, Stage::Gathering) { self.encoder.gathered(more) } else { None }
    }

    /// Changes the quality, as [`Encoder::set_quality`] does. A quality without segments ends the hope for an index.
    pub(crate) fn set_quality(&mut self, quality: u8) {
        self.encoder.set_quality(quality);
        if !matches!(self.stage, Stage::Gathering) && !POSSIBLE.contains(&quality) {
            self.index = None;
        }
    }

    /// A member follows, whose header blocks have `header` bytes.
    ///
    /// # Errors
    ///
    /// `memory_limit`
    pub(crate) fn member(&mut self, entry: &Entry, header: usize, meter: &mut Meter) -> Result<(), Error> {
        let Some(index) = &mut self.index else { return Ok(()) };
        let at = self.tar_bytes;
        let cuts = self.cuts.member(at, at + header as u64, entry.size);
        index.member(entry, header as u64, cuts, meter)
    }

    /// The contents of the last member have this CRC-32.
    pub(crate) fn verified(&mut self, crc32: u32) {
        if let Some(index) = &mut self.index {
            index.verified(crc32);
        }
    }

    /// Takes bytes from the front of `input` and may write to the front of `output`.
    pub(crate) fn write(&mut self, input: &[u8], output: &mut [u8]) -> Result<Encoded, Error> {
        if !self.waiting.is_empty() {
            return Ok(self.pass(output));
        }
        let until_cut = self.cuts.next().map_or(u64::MAX, |cut| cut.at - self.tar_bytes);
        let count = input.len().min(usize::try_from(until_cut).unwrap_or(usize::MAX));
        if self.is_dividing() {
            return self.gather(&input[..count]);
        }
        let is_large = |(length, _)| length > SMALL as u64;
        if count == 0 || self.gathered(count).is_some_and(is_large) {
            return self.cut_or_begin(output);
        }
        let encoded = self.encoder.write(&input[..count], output)?;
        self.tar_bytes += encoded.consumed as u64;
        self.file_bytes += encoded.produced as u64;
        Ok(encoded)
    }

    /// Ends the stream. Call it until `finished` is true.
    pub(crate) fn finish(&mut self, output: &mut [u8]) -> Result<Encoded, Error> {
        if !self.waiting.is_empty() {
            return Ok(self.pass(output));
        }
        let is_dividing = self.is_dividing();
        match &mut self.stage {
            Stage::Gathering => {
                let (_, lgwin) = self.encoder.gathered(0).expect("nothing is compressed");
                self.begin(lgwin);
                Ok(Encoded::default())
            }
            Stage::Segments if self.index.is_none() && self.ending.is_none() => {
                self.encoder.finish(End::Stream, output)
            }
            Stage::Segments if is_dividing => {
                self.finish_division()?;
                Ok(Encoded::default())
            }
            Stage::Segments => {
                let encoded = self.end_segment(End::Segment, output)?;
                if encoded.finished {
                    self.end_segments()?;
                }
                Ok(Encoded { finished: false, ..encoded })
            }
            Stage::Index(writer) => {
                if writer.step(&mut self.waiting)? {
                    self.stage = self.end();
                }
                Ok(Encoded::default())
            }
            Stage::End => Ok(Encoded { finished: true, ..Encoded::default() }),
        }
    }

    /// Starts to compress. Now quality and window are known, and so is whether there will be an index.
    fn begin(&mut self, lgwin: u8) {
        let (quality, _) = self.encoder.in_use();
        let is_wanted = match self.seekable {
            Some(wanted) => wanted && POSSIBLE.contains(&quality),
            None => BY_DEFAULT.contains(&quality),
        };
        if is_wanted && lgwin >= LEAST_LGWIN {
            self.waiting = block::start(lgwin);
            self.file_bytes = self.waiting.len() as u64;
            self.start = (self.file_bytes, 0);
            self.encoder.join(lgwin);
            if let Some(most) = self.divides {
                self.begin_division(most);
            }
        } else {
            self.index = None;
            self.cuts.clear();
        }
        self.stage = Stage::Segments;
    }

    /// Ends the present segment, where one must end, or starts to compress.
    fn cut_or_begin(&mut self, output: &mut [u8]) -> Result<Encoded, Error> {
        if matches!(self.stage, Stage::Gathering) {
            let (_, lgwin) = self.encoder.in_use();
            self.begin(lgwin);
            return Ok(Encoded::default());
        }
        let cut = self.cuts.next().expect("one is reached");
        if cut.within && !self.encoder.can_prime() {
            // Its encoder could not start in the middle of contents.
            self.cuts.pass();
            return Ok(Encoded::default());
        }
        let end = if cut.within { End::Part } else { End::Segment };
        let encoded = self.end_segment(end, output)?;
        if encoded.finished {
            self.cuts.pass();
            self.continues = cut.within;
            self.first_quality = self.first_quality();
            if !cut.within {
                self.expected = self.cuts.end().map(|end| end - self.tar_bytes);
                if self.is_alone {
                    self.resume_division();
                } else {
                    self.encoder.begin_segment(self.tar_bytes, self.expected)?;
                }
            }
        }
        Ok(Encoded { finished: false, ..encoded })
    }

    /// Goes on with the index, if there is one.
    fn end_segments(&mut self) -> Result<(), Error> {
        let sha256 = self.ending.as_ref().map(|(_, sha256)| *sha256);
        self.stage = match self.index.take() {
            Some(index) => Stage::Index(Box::new(IndexWriter::new(&index, sha256)?)),
            None => self.end(),
        };
        Ok(())
    }

    /// Ends the present segment at a whole byte, and adds it to the index.
    fn end_segment(&mut self, end: End, output: &mut [u8]) -> Result<Encoded, Error> {
        let encoded = self.encoder.finish(end, output)?;
        self.file_bytes += encoded.produced as u64;
        if encoded.finished {
            let (file, tar) = self.start;
            self.start = (self.file_bytes, self.tar_bytes);
            if let Some(index) = &mut self.index {
                index.segment(self.file_bytes - file, self.tar_bytes - tar, self.continues);
            }
        }
        Ok(encoded)
    }

    /// Queues the end of the stream.
    fn end(&mut self) -> Stage {
        match self.ending.take() {
            Some((blocks, _)) => self.waiting.extend(blocks),
            None => self.waiting.push(block::LAST),
        }
        Stage::End
    }

    /// Writes what waits.
    fn pass(&mut self, output: &mut [u8]) -> Encoded {
        let count = output.len().min(self.waiting.len() - self.next);
        output[..count].copy_from_slice(&self.waiting[self.next..self.next + count]);
        self.next += count;
        let output_full = self.next < self.waiting.len();
        if !output_full {
            self.waiting.clear();
            self.next = 0;
        }
        Encoded { produced: count, output_full, ..Encoded::default() }
    }
}
