//! A reader of bits, the lowest first (RFC 7932 §1.5.1), from input that comes in pieces.

/// Bits that [`Input::fill`] has ready at least, unless the input has ended.
pub(super) const READY: u32 = 56;

/// Up to 64 bits taken from the input.
#[derive(Debug, Default)]
pub(super) struct Input {
    bits: u64,
    count: u32,
    /// Something was read beyond the end.
    short: bool,
}

/// Whole bytes: the first `ready` of `first`, then `rest`.
#[derive(Debug)]
pub(super) struct Bytes<'a> {
    pub(super) first: [u8; 8],
    pub(super) ready: usize,
    pub(super) rest: &'a [u8],
}

impl Input {
    /// Takes bytes from the front of `input` until [`READY`] bits are there. False if there are fewer.
    #[inline(always)]
    pub(super) fn fill(&mut self, input: &mut &[u8]) -> bool {
        if self.count >= READY {
            return true;
        }
        if let Some((word, _)) = input.split_first_chunk::<8>() {
            self.bits |= u64::from_le_bytes(*word) << self.count;
            *input = &input[((63 - self.count) >> 3) as usize..];
            self.count |= READY;
            return true;
        }
        self.fill_slowly(input)
    }

    #[cold]
    fn fill_slowly(&mut self, input: &mut &[u8]) -> bool {
        // Bits above `count` may be left from a word that was only partly taken.
        self.bits &= (1 << self.count) - 1;
        while self.count < READY {
            let Some((&byte, rest)) = input.split_first() else { return false };
            self.bits |= u64::from(byte) << self.count;
            self.count += 8;
            *input = rest;
        }
        true
    }

    /// The next bits, not taken. Those beyond the end are zero.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.bits
    }

    /// Takes `count` bits, [`READY`] at most.
    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        if count > self.count {
            (self.short, self.bits, self.count) = (true, 0, 0);
            return;
        }
        self.bits >>= count;
        self.count -= count;
    }

    /// Takes a number of `count` bits.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        debug_assert!(count <= 32);
        let value = (self.bits & ((1 << count) - 1)) as u32;
        self.skip(count);
        value
    }

    /// Takes one bit.
    pub(super) fn flag(&mut self) -> bool {
        self.take(1) == 1
    }

    /// Takes the rest of the present byte. False if it is not zero.
    pub(super) fn align(&mut self) -> bool {
        self.take(self.count & 7) == 0
    }

    /// Takes up to `most` whole bytes from those that are ready, then from `input`; the reader is aligned.
    pub(super) fn bytes<'a>(&mut self, input: &mut &'a [u8], most: usize) -> Bytes<'a> {
        let ready = most.min(self.count as usize / 8);
        let mut first = [0; 8];
        first[..ready].iter_mut().for_each(|byte| *byte = self.take(8) as u8);
        if self.count > 0 {
            return Bytes { first, ready, rest: &[] };
        }
        // Bits that are not counted belong to bytes that will be skipped.
        self.bits = 0;
        let (rest, left) = input.split_at((most - ready).min(input.len()));
        *input = left;
        Bytes { first, ready, rest }
    }

    /// Whether no bits are left of those that were taken from the input.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether more was read than there was.
    pub(super) fn is_short(&self) -> bool {
        self.short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_same_however_the_input_is_cut() {
        let bytes: Vec<u8> = (0..200_u32).map(|index| (index * index * 37 + index) as u8).collect();
        let expected: Vec<bool> = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)).collect();
        for share in [1, 2, 3, 7, 8, 9, 200] {
            let mut input = Input::default();
            let mut seen = Vec::new();
            let mut width = 0;
            let mut take = |input: &mut Input, most: u32| {
                while input.count >= most.max(1) {
                    width = width % 25 + 1;
                    let width = width.min(input.count);
                    let number = input.take(width);
                    seen.extend((0..width).map(|bit| number >> bit & 1 == 1));
                }
            };
            for mut piece in bytes.chunks(share) {
                while input.fill(&mut piece) {
                    take(&mut input, 25);
                }
            }
            take(&mut input, 0);
            assert_eq!(seen, expected, "pieces of {share}");
            assert!(input.is_empty() && !input.is_short());
            input.take(1);
            assert!(input.is_short());
        }
    }
}
