//! The read-ahead: the bytes of an upload that wait for its conversion, in blocks that are charged before they are taken.

use std::{collections::VecDeque, mem, task::Waker};

use bytes::{Buf, Bytes, BytesMut};
use recompress::{Contents, Directory, DirectoryReader, Error, Limits, Names};

use crate::admission::{BLOCK_BYTES, Part, Place, READ_BUFFER_BYTES};

/// A start that could still be a tarball's is read up to byte 262.
const START_BYTES: usize = 262;

/// Full blocks, and the one that is being filled.
#[derive(Debug, Default)]
pub struct ReadAhead {
    blocks: VecDeque<BytesMut>,
    length: usize,
    /// Whether the upload's read buffer is charged.
    counts_buffer: bool,
}

impl ReadAhead {
    /// Bytes of the upload that it holds.
    pub fn len(&self) -> u64 {
        self.length as u64
    }

    /// The first bytes, once there are enough to tell an archive from other data.
    pub fn start(&self) -> Option<&[u8]> {
        self.blocks.front()?.get(..START_BYTES)
    }

    /// The contents of an archive that is here as a whole.
    pub fn contents(&self) -> Option<Contents> {
        let offset = |at| usize::try_from(at).expect("it is within the bytes that are here");
        Contents::read(self.len(), |at, to| self.copy(offset(at), to))
    }

    /// The directory of an archive that is here as a whole; `None` if it was not found.
    pub fn directory(&self, limits: Limits, names: Names) -> Result<Option<Directory>, Error> {
        let mut reader = DirectoryReader::new(self.len(), limits, names);
        let mut bytes = Vec::new();
        // Ends: the reader asks for each part of the archive twice at most.
        while let Some(range) = reader.wants() {
            bytes.resize(usize::try_from(range.end - range.start).expect("it is within the bytes that are here"), 0);
            self.copy(usize::try_from(range.start).expect("as above"), &mut bytes);
            reader.take(&bytes)?;
        }
        Ok(reader.finish())
    }

    /// Whether there is room for more. Charges a block if need be; if the pool has none, it keeps `waker`.
    pub fn has_room(&mut self, place: &Place, waker: &Waker) -> bool {
        if self.blocks.back().is_none_or(|block| block.len() == BLOCK_BYTES) {
            let buffer = if self.blocks.is_empty() || self.counts_buffer { 0 } else { READ_BUFFER_BYTES };
            if !place.grow(Part::Upload, BLOCK_BYTES as u64 + buffer, waker) {
                return false;
            }
            self.counts_buffer |= buffer > 0;
            self.blocks.push_back(BytesMut::new());
        }
        true
    }

    /// Moves bytes of `frame` into the room that [`Self::has_room`] has found.
    pub fn store(&mut self, frame: &mut Bytes) {
        let block = self.blocks.back_mut().expect("there is one with room");
        let count = frame.len().min(BLOCK_BYTES - block.len());
        if count > 0 && block.is_empty() {
            block.reserve(BLOCK_BYTES);
        }
        block.extend_from_slice(&frame[..count]);
        frame.advance(count);
        self.length += count;
    }

    /// Takes the first block that is not empty. It is then one of the conversion's own buffers, and its room is given back, or
    /// kept for the result.
    pub fn take(&mut self, place: &Place, keeps: bool) -> Option<Bytes> {
        if mem::take(&mut self.counts_buffer) {
            place.shrink(Part::Upload, READ_BUFFER_BYTES);
        }
        loop {
            let block = self.blocks.pop_front()?;
            self.length -= block.len();
            if keeps {
                place.keep_for_result(BLOCK_BYTES as u64);
            } else {
                place.shrink(Part::Upload, BLOCK_BYTES as u64);
            }
            if !block.is_empty() {
                return Some(block.freeze());
            }
        }
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
    use crate::admission::{Admission, UPLOADS_LEAST};

    /// Stores as much of `frame` as there is room for.
    fn store(ahead: &mut ReadAhead, frame: &mut Bytes, place: &Place) {
        while !frame.is_empty() && ahead.has_room(place, Waker::noop()) {
            ahead.store(frame);
        }
    }

    #[test]
    fn blocks_are_charged_before_they_are_taken_and_bytes_come_out_as_they_went_in() {
        let admission = Admission::new(UPLOADS_LEAST + (1 << 20), || 0);
        let bytes: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[1]).collect();
        for keeps in [false, true] {
            let place = admission.enter(1 << 20).unwrap();
            let mut ahead = ReadAhead::default();
            for piece in bytes.chunks(777) {
                store(&mut ahead, &mut Bytes::copy_from_slice(piece), &place);
            }
            assert_eq!(ahead.len(), bytes.len() as u64);
            assert_eq!(admission.figures().uploads, 7 * BLOCK_BYTES as u64 + READ_BUFFER_BYTES);
            for (offset, length) in [(0, 1), (16_380, 10), (5, 50_000), (99_999, 1), (100_000, 0)] {
                let mut copy = vec![0; length];
                ahead.copy(offset, &mut copy);
                assert!(copy == bytes[offset..offset + length], "{offset}");
            }
            let mut out = Vec::new();
            while let Some(block) = ahead.take(&place, keeps) {
                out.extend_from_slice(&block);
            }
            assert!(out == bytes);
            let kept = if keeps { 7 * BLOCK_BYTES as u64 } else { 0 };
            assert_eq!((ahead.len(), admission.figures().uploads, admission.figures().results), (0, 0, kept));
        }
    }

    #[test]
    fn without_room_the_rest_of_a_frame_stays_outside() {
        let admission = Admission::new(UPLOADS_LEAST + (1 << 20), || 0);
        let place = admission.enter(1 << 20).unwrap();
        let mut frame = Bytes::from(vec![0; 9 << 20]);
        let mut ahead = ReadAhead::default();
        store(&mut ahead, &mut frame, &place);
        assert_eq!(ahead.len(), UPLOADS_LEAST - READ_BUFFER_BYTES);
        assert_eq!(ahead.len() + frame.len() as u64, 9 << 20);
    }

    #[test]
    fn an_empty_upload_holds_a_block_and_gives_none() {
        let admission = Admission::new(UPLOADS_LEAST + (1 << 20), || 0);
        let place = admission.enter(1 << 20).unwrap();
        let mut ahead = ReadAhead::default();
        assert!(ahead.has_room(&place, Waker::noop()) && ahead.has_room(&place, Waker::noop()));
        assert_eq!(admission.figures().uploads, BLOCK_BYTES as u64);
        assert_eq!(ahead.take(&place, false), None);
        assert_eq!(admission.figures().uploads, 0);
    }
}
