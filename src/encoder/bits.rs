//! A writer of bits, the lowest first (RFC 7932 §1.5.1), into memory of a fixed size.

/// Bytes from `at` on belong to the bits still to come. Once the room is used up, nothing more is written and
/// [`Bits::is_full`] says so.
#[derive(Debug)]
pub(crate) struct Bits {
    bytes: Vec<u8>,
    at: usize,
    pending: u64,
    count: u32,
    full: bool,
}

/// Where a writer was, to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    at: usize,
    pending: u64,
    count: u32,
}

impl Bits {
    /// Takes `bytes`; their length is the room.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0, pending: 0, count: 0, full: false }
    }

    /// Writes the lowest `count` bits of `value`, 56 at most; the others are zero.
    #[inline(always)]
    pub(crate) fn write(&mut self, count: u32, value: u64) {
        debug_assert!(count <= 56 && value >> count == 0);
        self.pending |= value << self.count;
        self.count += count;
        match self.bytes.get_mut(self.at..self.at + 8) {
            Some(room) => {
                room.copy_from_slice(&self.pending.to_le_bytes());
                let whole = self.count >> 3;
                self.at += whole as usize;
                self.count &= 7;
                self.pending = if whole == 8 { 0 } else { self.pending >> (8 * whole) };
            }
            None => {
                self.full = true;
                self.count &= 7;
                self.pending = 0;
            }
        }
    }

    /// Fills the present byte with zeros.
    pub(crate) fn align(&mut self) {
        self.write((8 - self.count) & 7, 0);
    }

    /// Copies whole bytes; the writer is aligned.
    pub(crate) fn copy(&mut self, bytes: &[u8]) {
        debug_assert!(self.count == 0);
        match self.bytes.get_mut(self.at..self.at + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.at += bytes.len();
            }
            None => self.full = true,
        }
    }

    /// Whether something had no room.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { at: self.at, pending: self.pending, count: self.count }
    }

    /// Forgets everything after `mark`.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.at = mark.at;
        self.pending = mark.pending;
        self.count = mark.count;
        self.full = false;
    }

    /// Whole bytes that are written.
    pub(crate) fn written(&self) -> &[u8] {
        &self.bytes[..self.at]
    }

    /// Whether no bit waits for the rest of its byte.
    pub(crate) fn is_aligned(&self) -> bool {
        self.count == 0
    }

    /// Starts anew at the front; the bits of an unfinished byte remain.
    pub(crate) fn clear(&mut self) {
        self.at = 0;
        self.full = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_fill_bytes_from_the_lowest() {
        let mut bits = Bits::new(vec![0; 32]);
        bits.write(1, 1);
        bits.write(3, 0b010);
        bits.write(9, 0b1_0000_0001);
        bits.align();
        bits.copy(&[7]);
        assert_eq!(bits.written(), [0b0001_0101, 0b0001_0000, 7]);
    }

    #[test]
    fn a_full_writer_says_so_and_can_go_back() {
        let mut bits = Bits::new(vec![0; 16]);
        bits.write(5, 3);
        let mark = bits.mark();
        for _ in 0..8 {
            bits.write(56, 1);
        }
        assert!(bits.is_full());
        bits.rewind(mark);
        assert!(!bits.is_full());
        bits.write(3, 0);
        assert_eq!(bits.written(), [3]);
    }
}
