//! A buffer in JavaScript's memory that grows, and is freed when it is dropped: the garbage collector of an isolate would keep
//! tens of megabytes of garbage.

use worker::{
    js_sys::{ArrayBuffer, Uint8Array},
    wasm_bindgen::{JsCast, prelude::wasm_bindgen},
};

#[wasm_bindgen]
extern "C" {
    type Owned;
    /// Moves the bytes to a new buffer of this length. The old one has none from then on.
    #[wasm_bindgen(method)]
    fn transfer(this: &Owned, length: u32) -> ArrayBuffer;
}

/// The least length, in bytes.
const LEAST: usize = 64 << 10;

/// Bytes up to a most. Holds no more than twice what it was filled with.
pub(crate) struct Buffer {
    bytes: Uint8Array,
    filled: usize,
    most: usize,
}

impl Buffer {
    /// An empty one. `most` is less than 4 GiB.
    pub(crate) fn new(most: usize) -> Self {
        Self { bytes: Uint8Array::new_with_length(0), filled: 0, most }
    }

    /// Bytes for which there is room.
    pub(crate) fn room(&self) -> usize {
        self.most - self.filled
    }

    /// Appends bytes for which there is room.
    pub(crate) fn fill(&mut self, bytes: &[u8]) {
        let filled = self.filled + bytes.len();
        if filled > self.bytes.length() as usize {
            let length = filled.next_power_of_two().clamp(LEAST, self.most.max(LEAST)) as u32;
            self.bytes = Uint8Array::new(&owned(&self.bytes).transfer(length));
        }
        self.bytes.subarray(self.filled as u32, filled as u32).copy_from(bytes);
        self.filled = filled;
    }

    /// Forgets the bytes and keeps the memory.
    pub(crate) fn empty(&mut self) {
        self.filled = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// The bytes.
    pub(crate) fn view(&self) -> Uint8Array {
        self.bytes.subarray(0, self.filled as u32)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        free(&self.bytes);
    }
}

/// Frees the memory of a view after its last use.
pub(crate) fn free(bytes: &Uint8Array) {
    owned(bytes).transfer(0);
}

fn owned(bytes: &Uint8Array) -> Owned {
    bytes.buffer().unchecked_into()
}
