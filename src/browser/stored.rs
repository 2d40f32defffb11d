//! Stored archives for JavaScript: the index of a file, and members that are read by it.

use std::{ops::Range, sync::Arc};

use js_sys::{Object, Reflect};
use recompress::{
    Entry, EntryKind, Limits, StoredError,
    seekable::{self, FrontReader, Index, IndexReader, MemberEvent, MemberReader},
};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::{failure, input::Input};

/// Most bytes that one `read` returns.
const PIECE: usize = 256 << 10;

/// Finds the index of one file. Bring the bytes from `start` to `end` by `take` until `start` is undefined.
#[wasm_bindgen]
#[derive(Debug)]
pub struct IndexSearch(IndexReader);

#[wasm_bindgen]
impl IndexSearch {
    /// For a file of `size` bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(size: f64) -> Self {
        Self(IndexReader::new(size as u64, Limits::BROWSER))
    }

    /// The offset of the next bytes to bring; undefined at the end.
    #[wasm_bindgen(getter)]
    pub fn start(&self) -> Option<f64> {
        self.0.wants().map(|range| range.start as f64)
    }

    /// The offset of their end.
    #[wasm_bindgen(getter)]
    pub fn end(&self) -> Option<f64> {
        self.0.wants().map(|range| range.end as f64)
    }

    /// Takes these bytes. Throws `no_index` if the file has none.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        self.0.take(bytes).map_err(refusal)
    }

    /// The index.
    pub fn finish(self) -> Result<StoredIndex, JsValue> {
        let (index, lgwin) = self.0.finish().map_err(refusal)?;
        Ok(StoredIndex { index: Arc::new(index), lgwin })
    }
}

/// The index of a file.
#[wasm_bindgen]
#[derive(Debug)]
pub struct StoredIndex {
    index: Arc<Index>,
    lgwin: u8,
}

#[wasm_bindgen]
impl StoredIndex {
    /// All members, in their order: `name`, `kind`, `size`, `mode`, `mtime`, and `target` of a link.
    pub fn members(&self) -> Vec<Object> {
        self.index.members.iter().map(|member| object_of(&member.entry)).collect()
    }

    /// Bytes of the tarball.
    #[wasm_bindgen(getter)]
    pub fn tar_bytes(&self) -> f64 {
        self.index.tar_bytes as f64
    }

    /// Reads a member, by our own decoder.
    pub fn reader(&self, member: usize) -> StoredReader {
        StoredReader::new(MemberReader::of_one(Arc::clone(&self.index), self.lgwin, member))
    }

    /// Reads and compares the whole tarball, by our own decoder.
    pub fn whole(&self) -> StoredReader {
        let all = 0..self.index.members.len();
        StoredReader::new(MemberReader::new(Arc::clone(&self.index), self.lgwin, all).digesting())
    }

    /// Compares the tarball as another decoder gives it from the front of the file.
    pub fn front(&self) -> FrontComparison {
        FrontComparison { reader: FrontReader::new(Arc::clone(&self.index)), room: vec![0; PIECE] }
    }

    /// Where another decoder finds a member's contents, in a stream of its own: the bytes of the file from the first number to
    /// the second, of what they decode to the bytes from the third to the fourth, and the CRC-32 of those.
    pub fn place(&self, member: usize) -> Vec<f64> {
        let member = &self.index.members[member];
        let contents = member.contents();
        let segments = self.index.segments_of(&contents);
        let (file, first) = match segments {
            [] => (0..0, contents.start),
            [first, ..] => (first.file.start..segments[segments.len() - 1].file.end, first.tar.start),
        };
        let Range { start, end } = contents;
        [file.start, file.end, start - first, end - first, member.crc32.into()].map(|number| number as f64).into()
    }

    /// The bytes before a segment that make a stream of it, together with `after`.
    pub fn before(&self) -> Vec<u8> {
        seekable::stream_start(self.lgwin).into()
    }

    /// The bytes after it.
    pub fn after(&self) -> Vec<u8> {
        vec![seekable::STREAM_END]
    }
}

/// Reads members by the index: `write` bytes of the file from `start` on, `read` until it returns nothing, repeat until `done`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct StoredReader {
    reader: MemberReader<Arc<Index>>,
    input: Input,
    room: Vec<u8>,
    done: bool,
}

impl StoredReader {
    fn new(reader: MemberReader<Arc<Index>>) -> Self {
        Self { reader, input: Input::default(), room: vec![0; PIECE], done: false }
    }

    /// The number of bytes that are next at the front of `room`; none if it needs more input.
    fn step(&mut self) -> Result<usize, JsValue> {
        let mut count = 0;
        while !self.done && count < PIECE {
            let (taken, event) = self.reader.read(self.input.unread(), &mut self.room[count..]).map_err(refusal)?;
            self.input.take(taken);
            match event {
                MemberEvent::NeedsInput => break,
                MemberEvent::Contents(more) => count += more,
                MemberEvent::Done => self.done = true,
                _ => {}
            }
        }
        Ok(count)
    }
}

#[wasm_bindgen]
impl StoredReader {
    /// The offset of the next byte to bring.
    #[wasm_bindgen(getter)]
    pub fn start(&self) -> f64 {
        self.reader.wants().start as f64
    }

    /// The offset where they end.
    #[wasm_bindgen(getter)]
    pub fn end(&self) -> f64 {
        self.reader.wants().end as f64
    }

    /// Whether all was read, and is as the index says.
    #[wasm_bindgen(getter)]
    pub fn done(&self) -> bool {
        self.done
    }

    /// Takes the next bytes of the file.
    pub fn write(&mut self, bytes: &[u8]) {
        self.input.write(bytes);
    }

    /// The next bytes of contents; undefined if it needs more of the file, or is done.
    pub fn read(&mut self) -> Result<Option<Box<[u8]>>, JsValue> {
        let count = self.step()?;
        Ok((count > 0).then(|| self.room[..count].into()))
    }

    /// Reads without giving anything, until it needs more of the file, or is done.
    pub fn check(&mut self) -> Result<(), JsValue> {
        while self.step()? > 0 {}
        Ok(())
    }
}

/// Compares a tarball with an index: `write` all of it, then `finish`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct FrontComparison {
    reader: FrontReader<Arc<Index>>,
    room: Vec<u8>,
}

#[wasm_bindgen]
impl FrontComparison {
    /// Takes bytes of the tarball. Throws `two_faces` if they are not what the index says.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), JsValue> {
        // Each call takes some bytes, or ends a part of the tarball.
        while !bytes.is_empty() {
            let (taken, _) = self.reader.read(bytes, &mut self.room).map_err(refusal)?;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Ends the tarball. `by_index` has read the same file by its index. Returns the SHA-256 of the tarball.
    pub fn finish(self, by_index: &StoredReader) -> Result<String, JsValue> {
        let sha256 = self.reader.sha256();
        self.reader.finish(by_index.reader.sha256()).map_err(refusal)?;
        Ok(sha256.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// CRC-32 of bytes that another decoder gave.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Checksum(crc32fast::Hasher);

#[wasm_bindgen]
impl Checksum {
    /// Of nothing.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The CRC-32.
    pub fn value(&self) -> u32 {
        self.0.clone().finalize()
    }
}

/// A member for JavaScript.
pub(crate) fn object_of(entry: &Entry) -> Object {
    let Entry { name, kind, mode, mtime, size } = entry;
    let (kind, target) = match kind {
        EntryKind::Directory => ("directory", None),
        EntryKind::Link { target } => ("link", Some(target)),
        _ => ("file", None),
    };
    let object = Object::new();
    let set = |key: &str, value: JsValue| {
        Reflect::set(&object, &key.into(), &value).expect("an object takes properties");
    };
    set("name", name.into());
    set("kind", kind.into());
    set("size", (*size as f64).into());
    set("mode", (*mode).into());
    set("mtime", (*mtime as f64).into());
    if let Some(target) = target {
        set("target", target.into());
    }
    object
}

pub(crate) fn refusal(error: StoredError) -> JsValue {
    failure(error.code(), &error.to_string())
}
