//! A member's data as stored in the zip, held until its size is known.
//!
//! Memory is allocated in blocks, charged before allocation, and released as soon as a block is read back.

use std::collections::VecDeque;

use crate::{
    error::{Error, Limit},
    limits::Meter,
};

/// Large enough that bookkeeping is negligible, small enough that a mostly empty block does not matter.
const BLOCK: usize = 64 << 10;

/// Charge of a block in bytes with its share of the queue. The queue doubles, starts with four entries, and exists
/// twice during reallocation.
const CHARGE: u64 = (BLOCK + 4 * size_of::<Vec<u8>>()) as u64;

fn charge(block: &Vec<u8>) -> u64 {
    CHARGE - BLOCK as u64 + block.capacity() as u64
}

/// A queue of bytes; every block but the last is full.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    blocks: VecDeque<Vec<u8>>,
    /// Bytes of the first block that were consumed.
    consumed: usize,
}

impl Spool {
    /// Allocates the block that the next byte goes to, if that is not there yet.
    pub(crate) fn reserve(&mut self, meter: &mut Meter) -> Result<(), Error> {
        if self.blocks.back().is_some_and(|block| block.len() < BLOCK) {
            return Ok(());
        }
        meter.charge(CHARGE)?;
        let mut block = Vec::new();
        block
            .try_reserve_exact(BLOCK)
            .and_then(|()| self.blocks.try_reserve(1))
            .map_err(|_| Limit::Memory { wanted: BLOCK as u64, limit: 0 })?;
        assert_eq!(block.capacity(), BLOCK, "of bytes one can have just as many as one asks for");
        self.blocks.push_back(block);
        Ok(())
    }

    /// Appends `bytes`, or fails if there is no memory.
    pub(crate) fn push(&mut self, mut bytes: &[u8], meter: &mut Meter) -> Result<(), Error> {
        while !bytes.is_empty() {
            self.reserve(meter)?;
            let block = self.blocks.back_mut().expect("a block with room was just ensured");
            let taken = bytes.len().min(BLOCK - block.len());
            block.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Bytes held.
    pub(crate) fn len(&self) -> usize {
        self.blocks.back().map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.len() - self.consumed)
    }

    /// The first bytes held, as one contiguous slice.
    pub(crate) fn front(&self) -> &[u8] {
        self.blocks.front().map_or(&[], |block| &block[self.consumed..])
    }

    /// Drops the first `count` bytes of [`Self::front`].
    pub(crate) fn consume(&mut self, count: usize, meter: &mut Meter) {
        self.consumed += count;
        if let Some(block) = self.blocks.front()
            && block.len() == self.consumed
        {
            meter.release(charge(block));
            self.blocks.pop_front();
            self.consumed = 0;
        }
    }

    /// Drops all but the first `len` bytes. Nothing may have been consumed yet.
    pub(crate) fn truncate(&mut self, len: usize, meter: &mut Meter) {
        debug_assert_eq!(self.consumed, 0);
        while self.blocks.len() > len.div_ceil(BLOCK) {
            meter.release(self.blocks.pop_back().as_ref().map_or(0, charge));
        }
        if let Some(last) = self.blocks.back_mut()
            && !len.is_multiple_of(BLOCK)
        {
            last.truncate(len % BLOCK);
        }
    }

    /// Releases the unused room of the last block, when nothing more will be pushed.
    pub(crate) fn shrink(&mut self, meter: &mut Meter) -> Result<(), Error> {
        if let Some(last) = self.blocks.back_mut() {
            // During the reallocation both exist.
            let before = charge(last);
            meter.charge(charge(last))?;
            last.shrink_to_fit();
            meter.release(2 * before - charge(last));
        }
        Ok(())
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self, meter: &mut Meter) {
        meter.release(self.blocks.iter().map(charge).sum());
        self.blocks.clear();
        self.consumed = 0;
    }

    /// The bytes from `start` to `end`, piece by piece. Nothing may have been consumed yet.
    pub(crate) fn range(&self, start: usize, end: usize) -> impl Iterator<Item = &[u8]> {
        debug_assert_eq!(self.consumed, 0);
        let mut at = start;
        std::iter::from_fn(move || {
            let block = self.blocks.get(at / BLOCK).filter(|_| at < end)?;
            let piece = &block[at % BLOCK..block.len().min(end - at / BLOCK * BLOCK)];
            at += piece.len();
            Some(piece)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
    }

    fn filled(bytes: &[u8], meter: &mut Meter) -> Spool {
        let mut spool = Spool::default();
        for piece in bytes.chunks(10_007) {
            spool.push(piece, meter).unwrap();
        }
        spool
    }

    #[test]
    fn pushed_bytes_come_out_and_every_block_is_released() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5] {
            let bytes = pattern(len);
            let mut meter = Meter::new(u64::MAX);
            let mut spool = filled(&bytes, &mut meter);
            assert_eq!(meter.charged(), len.div_ceil(BLOCK) as u64 * CHARGE);
            let mut out = Vec::new();
            while !spool.front().is_empty() {
                assert_eq!(spool.len(), len - out.len());
                let count = spool.front().len().min(9_973);
                out.extend_from_slice(&spool.front()[..count]);
                spool.consume(count, &mut meter);
            }
            assert_eq!(out, bytes);
            assert_eq!((spool.len(), meter.charged()), (0, 0));
        }
    }

    #[test]
    fn a_block_is_charged_before_it_is_taken() {
        let mut meter = Meter::new(2 * CHARGE);
        let mut spool = filled(&pattern(2 * BLOCK), &mut meter);
        assert_eq!(spool.push(&[1], &mut meter).unwrap_err().code(), "memory_limit");
        assert_eq!(spool.len(), 2 * BLOCK);
    }

    #[test]
    fn a_shrunk_spool_is_charged_for_its_contents_only() {
        for len in [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5] {
            let mut meter = Meter::new(u64::MAX);
            let mut spool = filled(&pattern(len), &mut meter);
            spool.shrink(&mut meter).unwrap();
            assert_eq!(meter.charged(), len as u64 + len.div_ceil(BLOCK) as u64 * (CHARGE - BLOCK as u64));
            while !spool.front().is_empty() {
                spool.consume(spool.front().len().min(9_973), &mut meter);
            }
            assert_eq!(meter.charged(), 0);
        }
    }

    #[test]
    fn a_range_or_a_truncation_may_end_anywhere() {
        let bytes = pattern(3 * BLOCK);
        for (start, end) in [(0, 0), (5, 5), (0, 3 * BLOCK), (BLOCK - 1, BLOCK + 1), (BLOCK, 2 * BLOCK), (7, 3 * BLOCK)]
        {
            let mut meter = Meter::new(u64::MAX);
            let mut spool = filled(&bytes, &mut meter);
            assert_eq!(spool.range(start, end).flatten().copied().collect::<Vec<_>>(), bytes[start..end]);
            spool.truncate(end, &mut meter);
            assert_eq!(spool.len(), end);
            assert_eq!(spool.range(0, end).flatten().copied().collect::<Vec<_>>(), bytes[..end]);
            spool.clear(&mut meter);
            assert_eq!(meter.charged(), 0);
        }
    }
}
