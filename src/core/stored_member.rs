//! Members of a seekable file: the bytes of a member's segments in, its contents or the JSON of a save out.

use std::ops::Range;

use recompress_encoder::Decoder;

use crate::{
    compressed_json::CompressedJson,
    cost::cpu::{self, NANOSECONDS_PER_MS},
    error::{Error, Limit, StoredError},
    limits::Limits,
    save_json::SaveJson,
    seekable::{Index, MemberEvent, MemberReader},
    step::{Latch, Progress, Status, Step},
};

/// Bytes between the member and the JSON.
const BUFFER: usize = 64 << 10;

/// One member, decoded from the segments that hold it.
///
/// The input is the range of the file that [`StoredMember::wants`] says. The contents are proved by their CRC-32; bytes of a
/// damaged member may come before the error, and never its end.
#[derive(Debug)]
pub struct StoredMember {
    reader: MemberReader<Index>,
    /// Bytes decoded, beside those of the member itself, and taken.
    decoded: u64,
    taken: u64,
    limits: Limits,
    latch: Latch,
}

impl StoredMember {
    /// Reads this member of `index`, whose file has a window of `lgwin` bits.
    pub fn new(index: &Index, lgwin: u8, member: usize, limits: Limits) -> Self {
        let decoded = unwanted_bytes(index, member);
        let reader = MemberReader::of_one(index.only(member), lgwin, 0);
        Self { reader, decoded, taken: 0, limits, latch: Latch::default() }
    }

    /// Memory in bytes.
    pub fn peak_bytes(index: &Index, lgwin: u8, member: usize) -> u64 {
        let found = &index.members[member];
        let segments = index.segments_of(&(found.header.start..found.contents().end));
        let tar = segments.first().map_or(0, |first| first.tar.start)..segments.last().map_or(0, |last| last.tar.end);
        let line = size_of_val(segments) + 2 * found.entry.name.len();
        Decoder::memory_bytes(lgwin, tar.end - tar.start) + 2 * BUFFER as u64 + line as u64
    }

    /// The bytes of the file to bring.
    pub fn wants(&self) -> Range<u64> {
        self.reader.wants()
    }

    fn advance(&mut self, input: &[u8], ended: bool, output: &mut [u8]) -> Result<Progress, Error> {
        if output.is_empty() {
            return Ok(Progress { consumed: 0, produced: 0, status: Status::NeedsOutput });
        }
        let (consumed, event) = self.reader.read(input, output)?;
        self.taken += consumed as u64;
        let (produced, status) = match event {
            MemberEvent::NeedsInput if ended => {
                let problem = "it ends early".to_owned();
                return Err(StoredError::BadSegment { offset: self.reader.wants().start, problem }.into());
            }
            MemberEvent::NeedsInput => (0, Status::NeedsInput),
            MemberEvent::Working | MemberEvent::Begin(_) | MemberEvent::End => (0, Status::Working),
            MemberEvent::Contents(count) => (count, Status::Working),
            MemberEvent::Done => (0, Status::Done),
        };
        self.decoded += produced as u64;
        if self.work_ns() / NANOSECONDS_PER_MS > self.limits.cpu_ms {
            return Err(Limit::CpuUnpacking { unpacked: self.decoded, limit_ms: self.limits.cpu_ms }.into());
        }
        Ok(Progress { consumed, produced, status })
    }
}

/// Bytes that are decoded before a member's contents: other members of its segment.
fn unwanted_bytes(index: &Index, member: usize) -> u64 {
    let found = &index.members[member];
    let contents = found.contents();
    let segments = index.segments_of(&(found.header.start..contents.end));
    segments.first().map_or(0, |first| contents.start - first.tar.start)
}

impl Step for StoredMember {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        let ended = self.latch.open(input)?;
        let result = self.advance(input, ended, output);
        self.latch.close(ended, result)
    }

    fn work_ns(&self) -> u64 {
        cpu::decoding_segments(self.taken, self.decoded)
    }
}

/// The JSON of a save that is a member: compressed if there is an encoder.
#[derive(Debug)]
pub struct StoredSave {
    member: StoredMember,
    json: Json,
    buffer: Box<[u8]>,
    /// Contents in the buffer that the JSON has not taken.
    waiting: Range<usize>,
    /// The JSON waits for input.
    asks: bool,
    /// The member is whole.
    is_whole: bool,
}

#[derive(Debug)]
enum Json {
    Plain(Box<SaveJson>),
    Compressed(Box<CompressedJson>),
}

impl StoredSave {
    /// The JSON of `member`, as `json` writes it.
    pub fn new(member: StoredMember, json: SaveJson) -> Self {
        Self::of(member, Json::Plain(Box::new(json)))
    }

    /// The same, compressed.
    pub fn compressed(member: StoredMember, json: CompressedJson) -> Self {
        Self::of(member, Json::Compressed(Box::new(json)))
    }

    fn of(member: StoredMember, json: Json) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self { member, json, buffer, waiting: 0..0, asks: false, is_whole: false }
    }

    /// Brotli quality and lgwin, if the JSON is compressed; final once there is output.
    pub fn in_use(&self) -> Option<(u8, u8)> {
        match &self.json {
            Json::Plain(_) => None,
            Json::Compressed(json) => Some(json.in_use()),
        }
    }
}

impl Step for StoredSave {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        if self.asks && self.waiting.is_empty() && !self.is_whole {
            let Progress { consumed, produced, status } = self.member.step(input, &mut self.buffer)?;
            self.waiting = 0..produced;
            self.is_whole = status == Status::Done;
            let status = if status == Status::NeedsInput { status } else { Status::Working };
            return Ok(Progress { consumed, produced: 0, status });
        }
        // An empty input after it asked is the end.
        let given = &self.buffer[self.waiting.clone()];
        let Progress { consumed, produced, status } = match &mut self.json {
            Json::Plain(json) => json.step(given, output),
            Json::Compressed(json) => json.step(given, output),
        }?;
        self.waiting.start += consumed;
        self.asks = status == Status::NeedsInput;
        let status = if self.asks { Status::Working } else { status };
        Ok(Progress { consumed: 0, produced, status })
    }

    fn work_ns(&self) -> u64 {
        self.member.work_ns().saturating_add(match &self.json {
            Json::Plain(json) => json.work_ns(),
            Json::Compressed(json) => json.work_ns(),
        })
    }
}
