//! Tarballs without an index for JavaScript: they are read from their front.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use js_sys::Object;
use recompress::{Limits, TarEvent, TarReader};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::{
    failure,
    input::Input,
    stored::{object_of, refusal},
};

/// Most bytes that one `read` returns.
const PIECE: usize = 256 << 10;

/// Bytes of the start of a file that [`is_tarball`] needs.
#[wasm_bindgen]
pub fn tarball_start() -> usize {
    TarReader::START
}

/// Whether a file that starts like this is a tarball that is not compressed.
#[wasm_bindgen]
pub fn is_tarball(start: &[u8]) -> bool {
    TarReader::recognizes(start)
}

/// Reads a tarball: `write` a part of it, `read` until it returns nothing, repeat; then `finish` and `read` the rest.
#[wasm_bindgen]
#[derive(Debug)]
pub struct TarballReader {
    reader: TarReader,
    /// The number of the member whose contents are wanted.
    wanted: Option<usize>,
    members: Vec<Object>,
    count: usize,
    input: Input,
    ended: bool,
    room: Vec<u8>,
    done: bool,
}

#[wasm_bindgen]
impl TarballReader {
    /// Gives the contents of the member with the number `wanted`; without a number it lists all members.
    #[wasm_bindgen(constructor)]
    pub fn new(wanted: Option<usize>) -> Self {
        Self {
            reader: TarReader::new(Limits::BROWSER),
            wanted,
            members: Vec::new(),
            count: 0,
            input: Input::default(),
            ended: false,
            room: vec![0; PIECE],
            done: false,
        }
    }

    /// Takes the next bytes of the tarball.
    pub fn write(&mut self, bytes: &[u8]) {
        self.input.write(bytes);
    }

    /// Marks the end of the tarball.
    pub fn finish(&mut self) {
        self.write(&[]);
        self.ended = true;
    }

    /// Whether the wanted member, or else the tarball, was read to its end.
    #[wasm_bindgen(getter)]
    pub fn done(&self) -> bool {
        self.done
    }

    /// The members so far, as `StoredIndex.members` gives them, if all are listed.
    pub fn members(&mut self) -> Vec<Object> {
        std::mem::take(&mut self.members)
    }

    /// The next bytes of the wanted contents; undefined if it needs more of the tarball, or is done.
    pub fn read(&mut self) -> Result<Option<Box<[u8]>>, JsValue> {
        while !self.done {
            let (taken, event) = self.reader.read(self.input.unread(), self.ended, &mut self.room).map_err(refusal)?;
            self.input.take(taken);
            let is_wanted = self.wanted.is_some_and(|wanted| wanted + 1 == self.count);
            match event {
                TarEvent::NeedsInput if !self.ended => return Ok(None),
                TarEvent::Begin(entry) => {
                    self.count += 1;
                    if self.wanted.is_none() {
                        self.members.push(object_of(&entry));
                    }
                }
                TarEvent::Contents(count) if is_wanted => return Ok(Some(self.room[..count].into())),
                TarEvent::End => self.done = is_wanted,
                TarEvent::Done if self.wanted.is_some() => {
                    return Err(failure("bad_tar", "the archive has fewer members than it had: open it again"));
                }
                TarEvent::Done => self.done = true,
                _ => {}
            }
        }
        Ok(None)
    }
}

/// Decompresses a brotli stream where the browser has no decoder of its own: `write` a part of it, `read` until it returns nothing,
/// repeat; then `finish`.
#[wasm_bindgen]
pub struct Unbrotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    input: Input,
    room: Vec<u8>,
    done: bool,
}

impl std::fmt::Debug for Unbrotli {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unbrotli").field("done", &self.done).finish_non_exhaustive()
    }
}

#[wasm_bindgen]
impl Unbrotli {
    /// Starts with a stream's header.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default, reason = "only JavaScript makes one")]
    pub fn new() -> Self {
        let memory = StandardAlloc::default;
        // Strict: the windows of RFC 7932 only, so at most 16 MiB.
        let state = Box::new(BrotliState::new_strict(memory(), memory(), memory()));
        Self { state, input: Input::default(), room: vec![0; PIECE], done: false }
    }

    /// Takes the next bytes of the stream.
    pub fn write(&mut self, bytes: &[u8]) {
        self.input.write(bytes);
    }

    /// The next bytes that the stream holds; undefined if it needs more of it.
    pub fn read(&mut self) -> Result<Option<Box<[u8]>>, JsValue> {
        let broken = |problem| failure("bad_tar", &format!("the archive cannot be read: {problem}"));
        let input = self.input.unread();
        if self.done && !input.is_empty() {
            return Err(broken("more follows the end of its brotli stream"));
        }
        if self.done {
            return Ok(None);
        }
        let (mut unread, mut taken, mut free, mut written, mut total) = (input.len(), 0, PIECE, 0, 0);
        let result = BrotliDecompressStream(
            &mut unread,
            &mut taken,
            input,
            &mut free,
            &mut written,
            &mut self.room,
            &mut total,
            &mut self.state,
        );
        self.input.take(taken);
        match result {
            BrotliResult::ResultFailure => return Err(broken("it is no valid brotli stream")),
            BrotliResult::ResultSuccess => self.done = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok((written > 0).then(|| self.room[..written].into()))
    }

    /// Marks the end of the stream, which must be whole.
    pub fn finish(&self) -> Result<(), JsValue> {
        if self.done {
            return Ok(());
        }
        Err(failure("bad_tar", "the archive cannot be read: its brotli stream is cut"))
    }
}
