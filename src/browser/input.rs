//! The latest bytes that JavaScript gave.

/// Bytes that are read from the front.
#[derive(Debug, Default)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    taken: usize,
}

impl Input {
    /// Takes `bytes` in place of those before, which have all been read.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.taken = 0;
    }

    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    pub(crate) fn take(&mut self, count: usize) {
        self.taken += count;
    }
}
