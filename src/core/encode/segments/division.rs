//! Segments that the caller encodes, side by side: the tarball leaves in jobs, and comes back as parts of the file.

use std::{
    collections::{BTreeMap, VecDeque},
    num::NonZeroUsize,
};

use crate::{
    encode::{
        brotli::{Encoder, End},
        engine::Task,
    },
    error::Error,
};

/// Room of one step's output in bytes. A step that fills it goes on in the next.
const ROOM: usize = 64 << 10;

/// Bytes of a chunk of a segment. A segment is in chunks, so that it never moves, and each is free when its bytes are encoded.
const CHUNK: usize = 1 << 20;

/// Memory of a segment beside its bytes: chunks that are not full, a step's output, and what the encoder gathers.
pub(super) const SPARE_BYTES: u64 = 4 * CHUNK as u64;

/// A segment of a file, to be encoded by itself, on any thread and in any order.
#[derive(Debug)]
pub struct SegmentJob {
    number: u64,
    bytes: Chunks,
    /// Bytes of the first chunk that were taken.
    taken: usize,
    work: Work,
    encoded: Chunks,
}

#[derive(Debug)]
enum Work {
    /// Not begun: its task, and the bytes that it may refer to if it continues other segments.
    Waiting(Task, Option<Vec<u8>>),
    /// With room for a step's output.
    Encoding(Box<Encoder>, Box<[u8]>),
}

/// An encoded segment, for [`crate::Transcoder::put_segment`].
#[derive(Debug)]
pub struct EncodedSegment {
    number: u64,
    bytes: Chunks,
}

/// Bytes in chunks.
type Chunks = VecDeque<Vec<u8>>;

/// Appends bytes.
fn append(chunks: &mut Chunks, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        if chunks.back().is_none_or(|last| last.len() == CHUNK) {
            chunks.push_back(Vec::new());
        }
        let last = chunks.back_mut().expect("it was just put there");
        let (now, later) = bytes.split_at(bytes.len().min(CHUNK - last.len()));
        last.extend_from_slice(now);
        bytes = later;
    }
}

/// The number of bytes.
fn length(chunks: &Chunks) -> usize {
    chunks.iter().map(Vec::len).sum()
}

impl SegmentJob {
    /// Does a bounded amount of work. Returns the segment when it is complete; call it no more then.
    ///
    /// # Errors
    ///
    /// `memory_limit` if there is no memory for an encoder.
    pub fn step(&mut self) -> Result<Option<EncodedSegment>, Error> {
        let (encoder, room) = match &mut self.work {
            Work::Waiting(task, before) => {
                let encoder = Encoder::of_segment(*task, before.take().as_deref())?;
                self.work = Work::Encoding(Box::new(encoder), vec![0; ROOM].into_boxed_slice());
                return Ok(None);
            }
            Work::Encoding(encoder, room) => (encoder, room),
        };
        let result = match self.bytes.front() {
            Some(chunk) => encoder.write(&chunk[self.taken..(self.taken + ROOM).min(chunk.len())], room)?,
            None => encoder.finish(End::Segment, room)?,
        };
        append(&mut self.encoded, &room[..result.produced]);
        self.taken += result.consumed;
        if self.bytes.front().is_some_and(|chunk| chunk.len() == self.taken) {
            self.bytes.pop_front();
            self.taken = 0;
        }
        let segment = || EncodedSegment { number: self.number, bytes: std::mem::take(&mut self.encoded) };
        Ok(result.finished.then(segment))
    }
}

/// The segments of one file on their way.
#[derive(Debug)]
pub(super) struct Division {
    /// The most segments that are not in the file.
    most: NonZeroUsize,
    /// Bytes of the present segment.
    bytes: Chunks,
    /// Where it starts in the tarball.
    start: u64,
    /// Bytes of the tarball before it, if it continues another segment.
    before: Option<Vec<u8>>,
    /// Segments so far, and those that are in the file.
    begun: u64,
    written: u64,
    ready: Option<SegmentJob>,
    /// Length in the tarball of each segment that is not in the file yet, and whether it continues another one.
    lengths: VecDeque<(u64, bool)>,
    done: BTreeMap<u64, Chunks>,
    /// The rest of the last segment of the file.
    leaving: Chunks,
    /// Nothing goes on before a segment is put back.
    waits: bool,
}

/// A segment of the tarball that is in the file from now on.
pub(super) struct Written {
    pub(super) file_bytes: u64,
    pub(super) tar_bytes: u64,
    pub(super) continues: bool,
}

impl Division {
    /// Goes on after `bytes`, the first of the tarball. At most `most` segments are on their way.
    pub(super) fn after(bytes: &[u8], most: NonZeroUsize) -> Self {
        let mut this = Self {
            most,
            bytes: Chunks::new(),
            start: 0,
            before: None,
            begun: 0,
            written: 0,
            ready: None,
            lengths: VecDeque::new(),
            done: BTreeMap::new(),
            leaving: Chunks::new(),
            waits: false,
        };
        this.gather(bytes);
        this
    }

    /// The next segment for the caller, if it may have another one.
    pub(super) fn take(&mut self) -> Option<SegmentJob> {
        if self.lengths.len() > self.most.get() { None } else { self.ready.take() }
    }

    /// Takes an encoded segment.
    pub(super) fn put(&mut self, EncodedSegment { number, bytes }: EncodedSegment) {
        self.waits = false;
        self.done.insert(number, bytes);
    }

    /// True if no segment is on its way. If one is, nothing goes on before one is put back.
    pub(super) fn settle(&mut self) -> bool {
        self.waits = !self.lengths.is_empty();
        !self.waits
    }

    /// True if nothing goes on before a segment is put back.
    pub(super) fn waits(&self) -> bool {
        let is_next_done = !self.leaving.is_empty() || self.done.contains_key(&self.written);
        self.waits || self.lengths.len() > self.most.get() && !is_next_done
    }

    /// True if a segment waits to be taken.
    pub(super) fn is_full(&self) -> bool {
        self.ready.is_some()
    }

    /// True if bytes wait for the end of their segment.
    pub(super) fn has_bytes(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// The next bytes of the file from the segment that is next in it.
    pub(super) fn leaves(&mut self) -> Option<Vec<u8>> {
        self.leaving.pop_front()
    }

    /// The next segment of the file, if it is encoded. The one before has left.
    pub(super) fn next(&mut self) -> Option<Written> {
        self.leaving = self.done.remove(&self.written)?;
        let (tar_bytes, continues) = self.lengths.pop_front().expect("it was handed out");
        self.written += 1;
        Some(Written { file_bytes: length(&self.leaving) as u64, tar_bytes, continues })
    }

    /// Adds bytes to the present segment.
    pub(super) fn gather(&mut self, bytes: &[u8]) {
        append(&mut self.bytes, bytes);
    }

    /// Ends the present segment, and makes a job of it; none is ready. If the next one continues it, that one may refer to the
    /// last bytes of this one and those before it, as many as a window has.
    pub(super) fn cut(&mut self, task: Task, within: bool) {
        let bytes = std::mem::take(&mut self.bytes);
        let before = self.before.take();
        let tar_bytes = length(&bytes);
        let continues = before.is_some();
        if within {
            let window = 1 << task.lgwin;
            let old = before.as_deref().unwrap_or_default();
            let mut surplus = (old.len() + tar_bytes).saturating_sub(window);
            let mut next = Vec::with_capacity(window.min(old.len() + tar_bytes));
            for bytes in std::iter::once(old).chain(bytes.iter().map(Vec::as_slice)) {
                let useless = surplus.min(bytes.len());
                next.extend_from_slice(&bytes[useless..]);
                surplus -= useless;
            }
            self.before = Some(next);
        }
        self.lengths.push_back((tar_bytes as u64, continues));
        let task = Task { position: self.start, in_segment: true, ..task };
        self.start += tar_bytes as u64;
        let work = Work::Waiting(task, before);
        self.ready = Some(SegmentJob { number: self.begun, bytes, taken: 0, work, encoded: Chunks::new() });
        self.begun += 1;
    }

    /// Goes on at this offset of the tarball: what precedes it is in the file.
    pub(super) fn skip_to(&mut self, start: u64) {
        debug_assert!(self.lengths.is_empty() && self.bytes.is_empty());
        self.start = start;
    }
}
