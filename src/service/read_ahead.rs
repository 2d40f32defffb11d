//! The read-ahead: the bytes of an upload that wait for its conversion, in blocks that are charged before they are taken.

use std::{collections::VecDeque, task::Waker};

use bytes::{Buf, Bytes, BytesMut};
use recompress::Contents;

use crate::admission::{Part, Place};

/// One block. A client that sends byte by byte takes no more than one for its first 16 KiB.
const BLOCK_BYTES: usize = 16 << 10;

/// A start that could still be a tarball's is read up to byte 262.
const START_BYTES: usize = 262;

/// Full blocks, and the one that is being filled.
#[derive(Debug, Default)]
pub struct ReadAhead {
    blocks: VecDeque<BytesMut>,
    length: usize,
}

impl ReadAhead {
    /// Bytes of the upload that it holds.
    pub fn len(&self) -> u64 {
        self.length as u64
    }

    /// The first bytes, once there are enough to tell an archive from other data, or the block is full.
    pub fn start(&self) -> Option<&[u8]> {
        self.blocks.front().map(|block| &**block).filter(|block| block.len() >= START_BYTES)
    }

    /// The contents of an archive that is here as a whole.
    pub fn contents(&self) -> Option<Contents> {
        let offset = |at| usize::try_from(at).expect("it is within the bytes that are here");
        Contents::read(self.len(), |at, to| self.copy(offset(at), to))
    }

    /// Moves the bytes of `frame` in. Returns false where the pool has no room for the rest; `waker` is then kept by it.
    pub fn store(&mut self, frame: &mut Bytes, place: &Place, waker: &Waker) -> bool {
        while !frame.is_empty() {
            let has_room = self.blocks.back().is_some_and(|block| block.len() < BLOCK_BYTES);
            if !has_room {
                if !place.grow(Part::Upload, BLOCK_BYTES as u64, waker) {
                    return false;
                }
                self.blocks.push_back(BytesMut::with_capacity(BLOCK_BYTES));
            }
            let block = self.blocks.back_mut().expect("there is one with room");
            let count = frame.len().min(BLOCK_BYTES - block.len());
            block.extend_from_slice(&frame[..count]);
            frame.advance(count);
            self.length += count;
        }
        true
    }

    /// Takes the first block. It is then one of the conversion's own buffers.
    pub fn take(&mut self, place: &Place) -> Option<Bytes> {
        let block = self.blocks.pop_front()?;
        self.length -= block.len();
        place.shrink(Part::Upload, BLOCK_BYTES as u64);
        Some(block.freeze())
    }

    /// Copies the bytes from `offset` on to `to`, which must not reach past the end.
    fn copy(&self, offset: usize, to: &mut [u8]) {
        let mut at = offset;
        let mut copied = 0;
        while copied < to.len() {
            let block = &self.blocks[at / BLOCK_BYTES][at % BLOCK_BYTES..];
            let count = block.len().min(to.len() - copied);
            to[copied..copied + count].copy_from_slice(&block[..count]);
            copied += count;
            at += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::{Admission, NEVER_LENT};

    #[test]
    fn blocks_are_charged_before_they_are_taken_and_bytes_come_out_as_they_went_in() {
        let admission = Admission::new(NEVER_LENT + (1 << 20));
        let place = admission.enter(1 << 20).unwrap();
        let bytes: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[1]).collect();
        let mut ahead = ReadAhead::default();
        for piece in bytes.chunks(777) {
            assert!(ahead.store(&mut Bytes::copy_from_slice(piece), &place, Waker::noop()));
        }
        assert_eq!(ahead.len(), bytes.len() as u64);
        assert_eq!(admission.figures().uploads, 7 * BLOCK_BYTES as u64);
        for (offset, length) in [(0, 1), (16_380, 10), (5, 50_000), (99_999, 1), (100_000, 0)] {
            let mut copy = vec![0; length];
            ahead.copy(offset, &mut copy);
            assert!(copy == bytes[offset..offset + length], "{offset}");
        }
        let mut out = Vec::new();
        while let Some(block) = ahead.take(&place) {
            out.extend_from_slice(&block);
        }
        assert!(out == bytes);
        assert_eq!((ahead.len(), admission.figures().uploads), (0, 0));
    }

    #[test]
    fn without_room_the_rest_of_a_frame_stays_outside() {
        let admission = Admission::new(NEVER_LENT + (1 << 20));
        let place = admission.enter(1 << 20).unwrap();
        let mut frame = Bytes::from(vec![0; 9 << 20]);
        let mut ahead = ReadAhead::default();
        assert!(!ahead.store(&mut frame, &place, Waker::noop()));
        assert_eq!(ahead.len(), 4 << 20, "the part of the uploads");
        assert_eq!(frame.len(), 5 << 20);
    }
}
