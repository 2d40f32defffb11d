//! The transcoder: zip bytes in, `.tar.br` bytes out, one bounded step at a time.

use std::{mem, num::NonZeroUsize};

use crate::{
    archive::tar,
    budget::Budget,
    cost::cpu,
    encode::{
        brotli::{self, SMALL},
        parameters::Parameters,
        segments::{
            FileWriter,
            division::{EncodedSegment, SegmentJob},
        },
    },
    error::{Absent, Error, Format},
    limits::Limits,
    member::{Begin, Event},
    names::Names,
    report::Report,
    save::{Game, Words},
    save_metadata::{self, Sources},
    selection::Selection,
    step::{Latch, Progress, Status, Step},
    summary::Summary,
    warning::Warnings,
    when::When,
    zip::{contents::Contents, decoder::decoder_bytes, forward::ZipReader, indexed::Directory},
};

/// Capacity of the buffer between reader and encoder, in bytes. It bounds how much one call of the inflater unpacks.
const BUFFER: usize = 64 << 10;

/// Fixed memory of a conversion in bytes: the inflater's state and window, and buffers.
const FIXED: u64 = 512 << 10;

/// Bytes of memory that one byte of a zip can make the reader hold. The worst case is a path of folders with one-letter
/// names: `zip/paths.rs` remembers each folder, and a folder takes two bytes of the path. The index holds a name in up to three
/// bytes for each of it, and a zip has it twice. Many tiny members cost 9 for each byte.
pub(crate) const HELD_RATIO: u64 = 31;

/// The reader hashes each byte of contents, as a member of the same name may follow. With the directory at hand it knows
/// better.
const CONTENTS_HASH: u64 = 1;

/// A report gives the digests of the zip, which is hardly larger than the tarball, and of the tarball.
const REPORT_HASHES: u64 = 2;

/// Converts one zip. Does no I/O: the caller brings bytes and takes bytes.
#[derive(Debug)]
pub struct Transcoder {
    reader: ZipReader,
    encoder: FileWriter,
    budget: Budget,
    /// Tarball bytes between the reader and the encoder: those in `waiting`.
    buffer: Box<[u8]>,
    waiting: std::ops::Range<usize>,
    phase: Phase,
    /// Members seen so far, and how many of them were written.
    members: u64,
    written: u64,
    /// Bytes of data of the last member that were counted as work, and of its contents.
    counted: (u64, u64),
    /// Present if the caller asked for a report or a summary.
    report: Option<Box<Report>>,
    /// Present if the caller asked for a summary: the report is then not written.
    save: Option<Box<Sources>>,
    /// Bytes that the tarball may still have.
    tarball_left: u64,
    /// True if every member is selected.
    selects_all: bool,
    /// True if the directory was read in advance.
    knows: bool,
    /// Bytes of contents so far, and in all if the directory was read.
    contents: (u64, Option<u64>),
    latch: Latch,
}

/// The next thing to write when the buffer is empty.
#[derive(Debug)]
enum Phase {
    /// The next member's header.
    Members,
    /// A member's contents: `left` bytes, then `padding` zeros.
    Contents {
        left: u64,
        padding: usize,
    },
    /// The contents of an unselected member, read and dropped.
    Skipped,
    /// The report, after the end of the tarball.
    Report(Box<Report>),
    /// The end of the brotli stream.
    Finish,
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
            encoder: FileWriter::new(parameters)?,
            budget: Budget::new(parameters, limits.cpu_ms).hashing(CONTENTS_HASH),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            waiting: 0..0,
            phase: Phase::Members,
            members: 0,
            written: 0,
            counted: (0, 0),
            report: None,
            save: None,
            tarball_left: u64::MAX,
            selects_all: true,
            knows: false,
            contents: (0, None),
            latch: Latch::default(),
        })
    }

    /// Writes only the members that `selection` selects, in its order. Call it before the first step.
    pub fn selecting(self, selection: Selection) -> Self {
        let selects_all = selection.is_all();
        Self { reader: self.reader.selecting(selection), selects_all, ..self }
    }

    /// Takes permissions, links and sizes from `directory`, which was read in advance. Call it before the first step.
    ///
    /// # Errors
    ///
    /// `memory_limit` if the directory takes more than [`Limits::memory_bytes`].
    pub fn knowing(self, directory: Directory) -> Result<Self, Error> {
        let tarball = tar::likely_bytes(directory.contents_bytes(), directory.members());
        let budget = self.budget.not_hashing(CONTENTS_HASH).knowing(tarball);
        let contents = (0, Some(directory.contents_bytes()));
        Ok(Self { contents, reader: self.reader.knowing(directory)?, budget, knows: true, ..self })
    }

    /// Decodes names as `names` says. Call it before the first step.
    pub fn naming(self, names: Names) -> Self {
        Self { reader: self.reader.naming(names), ..self }
    }

    /// Appends a report to the tarball: a pax global header with a JSON comment, 2,048 bytes before the end. Tar
    /// readers stop before it. The compressed stream repeats the JSON uncompressed, padded with spaces to 1,024 bytes, before
    /// its last byte: read it there without decoding. Call this before the first step.
    ///
    /// The report gives the number of written members, the size and SHA-256 of the zip and of the tarball up to and
    /// including its two zero blocks, the quality at the start and at the end, whether the directory was read first or last, and a
    /// count for each warning.
    pub fn reporting(self) -> Self {
        Self { report: Some(Box::default()), budget: self.budget.hashing(REPORT_HASHES), ..self }
    }

    /// Leaves the encoding of segments to the caller, who may run them side by side: the result is the same. Only for a quality
    /// that cannot drop, so not with [`Parameters::auto`] or below [`Limits::cpu_ms`], and of use only where the file gets an
    /// index. The caller has at most `most` segments that are not in the result yet, whether it has put them back or not:
    /// [`Parameters::segment_bytes`] is the memory of one. Call this before the first step.
    ///
    /// Call [`Transcoder::take_segment`] after each step: no other segment begins before. Where
    /// [`Transcoder::waits_for_segment`], steps do nothing until [`Transcoder::put_segment`].
    pub fn dividing(mut self, most: NonZeroUsize) -> Self {
        self.encoder.divide(most);
        self
    }

    /// Cuts segments of at most so many bytes: for tests, which have no large files.
    #[doc(hidden)]
    pub fn cutting_at(mut self, bytes: u64) -> Self {
        self.encoder.cut_at(bytes);
        self
    }

    /// The next segment to encode, if one is complete and the caller may have it.
    pub fn take_segment(&mut self) -> Option<SegmentJob> {
        self.encoder.take_segment()
    }

    /// True if steps do nothing before a segment is put back.
    pub fn waits_for_segment(&self) -> bool {
        self.encoder.waits_for_segment()
    }

    /// Takes an encoded segment. Segments may come in any order.
    pub fn put_segment(&mut self, segment: EncodedSegment) {
        self.encoder.put_segment(segment);
    }

    /// Gathers the facts of a report, and the metadata of a save, for [`Self::summary`]; the result stays as it is. `game` is the
    /// game that the file name shows, `words` are those of binary saves. Takes [`Self::SUMMARY_BYTES`] more memory. Call it before
    /// the first step, and not with [`Self::reporting`].
    pub fn summarizing(self, game: Option<Game>, words: Words) -> Self {
        Self { save: Some(Box::new(Sources::new(game, words))), ..self.reporting() }
    }

    /// Memory of a summary in bytes, while it is gathered.
    pub const SUMMARY_BYTES: u64 = save_metadata::PEAK;

    /// The summary, if one was asked for. It is complete once the conversion has ended.
    pub fn summary(&self) -> Option<Summary> {
        let (report, save) = (self.report.as_ref()?, self.save.as_ref()?);
        let ((quality, lgwin), quality_at_end) = (self.in_use(), self.present_quality());
        let save = save.metadata().filter(|found| found.is_of_a_save());
        Some(Summary { quality, quality_at_end, lgwin, save, ..report.summary() })
    }

    /// Upper bound of a conversion's memory in bytes. Reserve this much before starting.
    ///
    /// `upload_bytes` is the zip's size if known. A conversion never holds back more than the zip contains.
    pub fn peak_bytes(parameters: Parameters, limits: Limits, upload_bytes: Option<u64>) -> u64 {
        let held = held_bytes(limits, upload_bytes);
        parameters.encoder_bytes() + brotli::GATHERED_BYTES + FIXED + held
    }

    /// The same bound for an archive with these contents. `limits` are those of [`Contents::within`]; pass the contents to
    /// [`Transcoder::containing`].
    pub fn peak_bytes_of(parameters: Parameters, limits: Limits, contents: &Contents) -> u64 {
        let encoder = if contents.tarball_bytes <= brotli::GATHERED_BYTES {
            parameters.gathered_bytes(brotli::usable(parameters.lgwin(), contents.tarball_bytes))
        } else {
            parameters.encoder_bytes()
        };
        encoder + brotli::GATHERED_BYTES + FIXED + limits.memory_bytes
    }

    /// Refuses an archive with more than these contents, which its directory stated: the encoder's memory was reserved for
    /// them. Call it before the first step.
    pub fn containing(self, contents: &Contents) -> Self {
        Self { tarball_left: contents.tarball_bytes, ..self }
    }

    /// Brotli quality at the start of the result, and lgwin. They are final once there is output. A tarball of up to 1 MiB
    /// gets the smallest window that holds it. An automatic quality depends on the sizes that the archive declares.
    pub fn in_use(&self) -> (u8, u8) {
        let (quality, lgwin) = self.encoder.in_use();
        (self.encoder.first_quality().unwrap_or(quality), lgwin)
    }

    /// Brotli quality at present. It is lower than at the start if the CPU budget demanded it.
    pub fn present_quality(&self) -> u8 {
        self.encoder.in_use().0
    }

    /// The part of all contents that was read, 0 to 1, if the directory was read in advance.
    pub fn part_done(&self) -> Option<f64> {
        let (done, all) = self.contents;
        all.map(|all| if all == 0 { 1.0 } else { (done as f64 / all as f64).min(1.0) })
    }

    /// Whether the directory was read in advance.
    pub fn knows_directory(&self) -> bool {
        self.knows
    }

    /// Members of the archive so far, and their unpacked bytes, selected or not.
    pub fn so_far(&self) -> (u64, u64) {
        self.reader.so_far()
    }

    fn advance(&mut self, input: &[u8], ended: bool, output: &mut [u8]) -> Result<Progress, Error> {
        if !self.waiting.is_empty() {
            if self.encoder.gathered(0).is_some() {
                self.encoder.set_quality(self.budget.first_quality());
            }
            let encoded = self.encoder.write(&self.buffer[self.waiting.clone()], output)?;
            self.waiting.start += encoded.consumed;
            if let Some(block) = encoded.ended {
                self.encoder.set_quality(self.budget.meta_block(block)?);
            }
            return Ok(Progress { consumed: 0, produced: encoded.produced, status: encoded.status() });
        }
        match self.phase {
            Phase::Contents { left: 0, padding } => {
                self.queue(padding);
                self.phase = Phase::Members;
                Ok(worked(0))
            }
            Phase::Members | Phase::Contents { .. } | Phase::Skipped => self.read(input, ended),
            Phase::Report(_) => {
                let Phase::Report(report) = mem::replace(&mut self.phase, Phase::Finish) else {
                    unreachable!("as above")
                };
                // The quality is final before the report names it.
                self.settle_quality(Report::APPENDED);
                let (last, _) = self.encoder.in_use();
                let first = self.encoder.first_quality().unwrap_or(last);
                let sha256 = report.tar_sha256();
                let directory = if self.knows { When::First } else { When::Last };
                let (blocks, ending) = report.written(first, last, directory.name());
                self.encoder.set_ending(ending, sha256);
                self.send_all(&blocks);
                Ok(worked(0))
            }
            Phase::Finish => {
                self.settle_quality(0);
                let encoded = self.encoder.finish(output)?;
                if encoded.status() == Status::Done {
                    self.phase = Phase::Done;
                }
                Ok(Progress { consumed: 0, produced: encoded.produced, status: encoded.status() })
            }
            Phase::Done => Ok(Progress { consumed: 0, produced: 0, status: Status::Done }),
        }
    }

    /// Sets the quality of a tarball that is gathered whole but for `more` bytes.
    fn settle_quality(&mut self, more: usize) {
        match self.encoder.gathered(more) {
            Some((length, lgwin)) if length <= SMALL as u64 => {
                self.encoder.set_quality(self.budget.whole(length, lgwin));
            }
            Some(_) => self.encoder.set_quality(self.budget.first_quality()),
            None => {}
        }
    }

    /// Runs one step of the reader.
    fn read(&mut self, input: &[u8], ended: bool) -> Result<Progress, Error> {
        let (consumed, event) = self.reader.read(input, ended, &mut self.buffer)?;
        if let Some(report) = &mut self.report {
            report.read(&input[..consumed]);
        }
        match event {
            Event::NeedsInput => return Ok(Progress { consumed, produced: 0, status: Status::NeedsInput }),
            Event::Working => {}
            Event::Begin(begin) => self.begin(&begin)?,
            Event::Copy(begin) => {
                self.count_work(&begin);
                self.contents.0 = self.contents.0.saturating_add(begin.entry.size);
                let Begin { entry, method, unpacked_before, data_end, .. } = begin;
                self.budget.skip(method, entry.size, unpacked_before, data_end)?;
            }
            Event::Contents(count) => {
                self.contents.0 = self.contents.0.saturating_add(count as u64);
                if let Some(save) = &mut self.save {
                    save.contents(&self.buffer[..count]);
                }
                match &mut self.phase {
                    Phase::Contents { left, .. } => {
                        *left -= count as u64;
                        self.send(count);
                    }
                    Phase::Skipped => {}
                    _ => unreachable!("contents follow the beginning of their member"),
                }
            }
            // Warnings about unselected members do not matter to the caller.
            Event::Verified { method, crc32, compressed_size, warnings } => {
                let (counted, size) = self.counted;
                self.budget.spend(cpu::decoding_more(method, counted, compressed_size, size));
                if !matches!(self.phase, Phase::Skipped) {
                    self.encoder.verified(crc32);
                    self.warn(warnings);
                }
            }
            Event::Warnings { warnings, selected: true, .. } => self.warn(warnings),
            Event::Warnings { .. } => {}
            Event::End => {
                if self.written == 0 && !self.selects_all {
                    return Err(Absent::Selected { members: self.members }.into());
                }
                self.queue(tar::TRAILER);
                let report = if self.save.is_none() { self.report.take() } else { None };
                self.phase = report.map_or(Phase::Finish, Phase::Report);
            }
        }
        Ok(worked(consumed))
    }

    /// Counts the work on a member's data, and its hash if that is made although the directory is known.
    fn count_work(&mut self, begin: &Begin) {
        self.budget.spend(cpu::decoding_of(begin));
        if self.knows && begin.hashed {
            self.budget.spend(cpu::hashing(begin.entry.size));
        }
    }

    fn warn(&mut self, warnings: Warnings) {
        if let Some(report) = &mut self.report {
            report.warn(warnings);
        }
    }

    fn begin(&mut self, begin: &Begin) -> Result<(), Error> {
        let Begin { entry, method, selected, comparisons, compressed_size, unpacked_before, data_end, .. } = begin;
        self.members += 1;
        if let Some(save) = &mut self.save {
            save.begin(&entry.name);
        }
        self.counted = (*compressed_size, entry.size);
        self.count_work(begin);
        self.budget.spend(cpu::comparing(*comparisons));
        if !selected {
            self.phase = Phase::Skipped;
            return self.budget.skip(*method, entry.size, *unpacked_before, *data_end);
        }
        self.written += 1;
        debug_assert!(matches!(self.phase, Phase::Members | Phase::Skipped));
        if let Some(report) = &mut self.report {
            report.member();
        }
        let header = tar::header(entry);
        self.encoder.member(entry, header.len(), self.reader.meter())?;
        let padding = tar::padding(entry.size);
        let length = ((header.len() + padding) as u64).saturating_add(entry.size);
        self.tarball_left = self.tarball_left.checked_sub(length).ok_or_else(|| {
            let problem = format!("with the {} bytes of {:?} there are more than it states", entry.size, entry.name);
            Format::DirectoryMismatch { problem }
        })?;
        self.budget.member(*method, length, *unpacked_before, *data_end);
        // The header fits the buffer: names are a few KiB at most, see `Limits::name_bytes`.
        self.send_all(&header);
        self.phase = Phase::Contents { left: entry.size, padding };
        Ok(())
    }

    /// Sends `count` zeros to the encoder.
    fn queue(&mut self, count: usize) {
        self.buffer[..count].fill(0);
        self.send(count);
    }

    /// Sends `bytes`, no more than there is room for, to the encoder.
    fn send_all(&mut self, bytes: &[u8]) {
        self.buffer[..bytes.len()].copy_from_slice(bytes);
        self.send(bytes.len());
    }

    /// Sends the first `count` bytes of the buffer to the encoder.
    fn send(&mut self, count: usize) {
        self.waiting = 0..count;
        if let Some(report) = &mut self.report {
            report.write(&self.buffer[..count]);
        }
    }
}

impl Step for Transcoder {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        let ended = self.latch.open(input)?;
        let result = self.advance(input, ended, output);
        self.latch.close(ended, result)
    }

    fn work_ns(&self) -> u64 {
        self.budget.spent()
    }
}

/// Upper bound of the memory that a reader charges, in bytes.
pub(crate) fn held_bytes(limits: Limits, upload_bytes: Option<u64>) -> u64 {
    let held = upload_bytes.unwrap_or(u64::MAX).saturating_mul(HELD_RATIO);
    // A few bytes of zstd can fill a window.
    limits.memory_bytes.min(held.saturating_add(decoder_bytes(limits.window_bytes)))
}

fn worked(consumed: usize) -> Progress {
    Progress { consumed, produced: 0, status: Status::Working }
}
