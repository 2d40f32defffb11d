//! The last bytes of the output, as far back as copies reach.

/// Least size of the ring in bytes: a call's output.
const LEAST: usize = super::SHARE;

/// A ring of a power of two bytes.
#[derive(Debug)]
pub(super) struct Window {
    ring: Vec<u8>,
    /// Bytes written in all.
    total: u64,
}

impl Window {
    /// Bytes of a ring for a window of `lgwin` bits and at most `expected` bytes of output.
    pub(super) fn bytes(lgwin: u8, expected: u64) -> usize {
        let needed = usize::try_from(expected).map_or(usize::MAX >> 1, |bytes| bytes.min(usize::MAX >> 1));
        needed.next_power_of_two().clamp(LEAST, LEAST.max(1 << lgwin))
    }

    /// `None` if there is no memory.
    pub(super) fn new(lgwin: u8, expected: u64) -> Option<Self> {
        Some(Self { ring: crate::room(Self::bytes(lgwin, expected), 0)?, total: 0 })
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    #[inline(always)]
    fn place(&self, at: u64) -> usize {
        at as usize & (self.ring.len() - 1)
    }

    /// The byte `back` before the next one; 0 before the first.
    #[inline(always)]
    pub(super) fn before(&self, back: u64) -> u8 {
        if back > self.total { 0 } else { self.ring[self.place(self.total - back)] }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, byte: u8) {
        let place = self.place(self.total);
        self.ring[place] = byte;
        self.total += 1;
    }

    pub(super) fn extend(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let place = self.place(self.total);
            let count = bytes.len().min(self.ring.len() - place);
            self.ring[place..place + count].copy_from_slice(&bytes[..count]);
            self.total += count as u64;
            bytes = &bytes[count..];
        }
    }

    /// Repeats `length` bytes from `distance` back, which was written and is still there.
    #[inline(always)]
    pub(super) fn copy(&mut self, distance: u64, length: usize) {
        debug_assert!(0 < distance && distance <= self.total && distance <= self.ring.len() as u64);
        let (from, to) = (self.place(self.total - distance), self.place(self.total));
        if distance >= length as u64 && from.max(to) + length <= self.ring.len() {
            self.ring.copy_within(from..from + length, to);
            self.total += length as u64;
        } else {
            for _ in 0..length {
                self.push(self.before(distance));
            }
        }
    }

    /// Writes the last `output.len()` bytes to `output`.
    pub(super) fn last(&self, output: &mut [u8]) {
        let place = self.place(self.total - output.len() as u64);
        let until_wrap = output.len().min(self.ring.len() - place);
        let (first, second) = output.split_at_mut(until_wrap);
        first.copy_from_slice(&self.ring[place..place + until_wrap]);
        second.copy_from_slice(&self.ring[..second.len()]);
    }
}
