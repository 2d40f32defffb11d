//! Segments that the caller encodes, side by side: the tarball leaves in jobs, and comes back as parts of the file.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    encode::{
        brotli::{Encoder, End},
        engine::Task,
    },
    error::Error,
};

/// Room of one step's output in bytes. A step that fills it goes on in the next.
const ROOM: usize = 64 << 10;

/// A segment of a file, to be encoded by itself, on any thread and in any order.
#[derive(Debug)]
pub struct SegmentJob {
    number: u64,
    bytes: Vec<u8>,
    /// Bytes of it that were taken.
    taken: usize,
    work: Work,
    encoded: Vec<u8>,
}

#[derive(Debug)]
enum Work {
    /// Not begun: its task, and the bytes that it may refer to if it continues other segments.
    Waiting(Task, Option<Vec<u8>>),
    Encoding(Box<Encoder>),
}

/// An encoded segment, for [`crate::Transcoder::put_segment`].
#[derive(Debug)]
pub struct EncodedSegment {
    number: u64,
    bytes: Vec<u8>,
}

impl SegmentJob {
    /// Does a bounded amount of work. Returns the segment when it is complete; call it no more then.
    ///
    /// # Errors
    ///
    /// `memory_limit` if there is no memory for an encoder.
    pub fn step(&mut self) -> Result<Option<EncodedSegment>, Error> {
        let encoder = match &mut self.work {
            Work::Waiting(task, before) => {
                let encoder = Encoder::of_segment(*task, before.take().as_deref())?;
                self.work = Work::Encoding(Box::new(encoder));
                return Ok(None);
            }
            Work::Encoding(encoder) => encoder,
        };
        let end = self.encoded.len();
        self.encoded.resize(end + ROOM, 0);
        let rest = &self.bytes[self.taken..];
        let result = if rest.is_empty() {
            encoder.finish(End::Segment, &mut self.encoded[end..])?
        } else {
            encoder.write(&rest[..rest.len().min(ROOM)], &mut self.encoded[end..])?
        };
        self.taken += result.consumed;
        self.encoded.truncate(end + result.produced);
        let segment = || EncodedSegment { number: self.number, bytes: std::mem::take(&mut self.encoded) };
        Ok(result.finished.then(segment))
    }
}

/// The segments of one file on their way.
#[derive(Debug, Default)]
pub(super) struct Division {
    /// Bytes of the present segment.
    bytes: Vec<u8>,
    /// Where it starts in the tarball.
    start: u64,
    /// Bytes of a member's contents before it, if it continues another segment.
    before: Option<Vec<u8>>,
    /// Segments so far, and those that are in the file.
    begun: u64,
    written: u64,
    ready: Option<SegmentJob>,
    /// Length in the tarball of each segment that is not in the file yet, and whether it continues another one.
    lengths: VecDeque<(u64, bool)>,
    done: BTreeMap<u64, Vec<u8>>,
    /// Nothing goes on before a segment is put back.
    waits: bool,
}

/// A segment of the tarball that is in the file from now on.
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) tar_bytes: u64,
    pub(super) continues: bool,
}

impl Division {
    /// Goes on after `bytes`, the first of the tarball.
    pub(super) fn after(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// The next segment for the caller.
    pub(super) fn take(&mut self) -> Option<SegmentJob> {
        self.ready.take()
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
        self.waits
    }

    /// True if a segment waits to be taken.
    pub(super) fn is_full(&self) -> bool {
        self.ready.is_some()
    }

    /// True if bytes wait for the end of their segment.
    pub(super) fn has_bytes(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// The next segment of the file, if it is encoded.
    pub(super) fn next(&mut self) -> Option<Written> {
        let bytes = self.done.remove(&self.written)?;
        let (tar_bytes, continues) = self.lengths.pop_front().expect("it was handed out");
        self.written += 1;
        Some(Written { bytes, tar_bytes, continues })
    }

    /// Adds bytes to the present segment.
    pub(super) fn gather(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Ends the present segment, and makes a job of it; none is ready. If the next one is `within` the same contents, it may
    /// refer to the last bytes of this one and those before it, as many as a window has.
    pub(super) fn cut(&mut self, task: Task, within: bool) {
        let bytes = std::mem::take(&mut self.bytes);
        let before = self.before.take();
        let continues = before.is_some();
        if within {
            let window = 1_usize << task.lgwin;
            let old = before.as_deref().unwrap_or_default();
            let old = &old[(old.len() + bytes.len()).saturating_sub(window).min(old.len())..];
            self.before = Some([old, &bytes[bytes.len().saturating_sub(window)..]].concat());
        }
        self.lengths.push_back((bytes.len() as u64, continues));
        let task = Task { position: self.start, in_segment: true, ..task };
        self.start += bytes.len() as u64;
        let work = Work::Waiting(task, before);
        self.ready = Some(SegmentJob { number: self.begun, bytes, taken: 0, work, encoded: Vec::new() });
        self.begun += 1;
    }

    /// Goes on at this offset of the tarball: what precedes it is in the file.
    pub(super) fn skip_to(&mut self, start: u64) {
        debug_assert!(self.lengths.is_empty() && self.bytes.is_empty());
        self.start = start;
    }
}
