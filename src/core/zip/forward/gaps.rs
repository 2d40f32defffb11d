//! Gaps: bytes that may separate a member's data from the next record.

use super::{ReadResult, State, ZipReader, directory::Directory, record};
use crate::error::Format;

/// Maximum number of zeros between records: more than any known alignment.
const MAX_ALIGNMENT: u64 = 64 << 10;

/// Range of an APK signing block's size field, in bytes.
const SIGNING_BLOCK: std::ops::RangeInclusive<u64> = 24..=16 << 20;

/// The end of an APK signing block: its size again, and a magic number.
const SIGNING_BLOCK_END: usize = 24;
const SIGNING_BLOCK_MAGIC: &[u8; 16] = b"APK Sig Block 42";

impl ZipReader {
    pub(super) fn signature(&mut self, zeros: u64, input: &[u8]) -> ReadResult {
        let taken = self.gather(4, input)?;
        let Some(signature) = record::signature(&self.record) else {
            return self.wait_in(State::Signature { zeros }, taken);
        };
        match signature {
            record::LOCAL_HEADER => self.go_to(State::LocalHeader, taken),
            record::EXTRA_DATA => self.go_to(State::ExtraData, taken),
            record::CENTRAL_HEADER | record::ZIP64_END | record::END => {
                self.order.end()?;
                self.go_to(State::Directory(Directory::new(self.record_start(taken))), taken)
            }
            // Zeros followed by a signature make a number above any size. apksig writes zeros to align the block; after
            // zeros the block starts at its first other byte.
            _ if (zeros == 0 || self.record[0] != 0) && SIGNING_BLOCK.contains(&signature.into()) => {
                self.go_to(State::SigningBlock, taken)
            }
            _ => {
                let leading = self.record.iter().take_while(|&&byte| byte == 0).count();
                let zeros = zeros + leading as u64;
                if leading == 0 || zeros > MAX_ALIGNMENT {
                    return self.unexpected_record(taken);
                }
                self.record.drain(..leading);
                self.go_to(State::Signature { zeros }, taken)
            }
        }
    }

    /// The error for a record that may not start here. It was gathered `taken` bytes into this call.
    pub(super) fn unexpected_record(&self, taken: usize) -> ReadResult {
        let found = record::signature(&self.record).expect("a signature was gathered");
        Err(Format::UnexpectedRecord { offset: self.record_start(taken), found }.into())
    }

    pub(super) fn signing_block(&mut self, input: &[u8]) -> ReadResult {
        let taken = self.gather(8, input)?;
        let Some(size) = record::Fields(&self.record).u64() else {
            return self.wait_in(State::SigningBlock, taken);
        };
        if !SIGNING_BLOCK.contains(&size) {
            return self.unexpected_record(taken);
        }
        self.record.clear();
        let then = Box::new(State::SigningBlockEnd { size });
        self.go_to(State::Skip { left: size - SIGNING_BLOCK_END as u64, window: 0, then }, taken)
    }

    pub(super) fn signing_block_end(&mut self, size: u64, input: &[u8]) -> ReadResult {
        let taken = self.gather(SIGNING_BLOCK_END, input)?;
        if self.record.len() < SIGNING_BLOCK_END {
            return self.wait_in(State::SigningBlockEnd { size }, taken);
        }
        let mut fields = record::Fields(&self.record);
        if fields.u64() != Some(size) || fields.0 != SIGNING_BLOCK_MAGIC {
            return self.unexpected_record(taken);
        }
        self.record.clear();
        self.go_to(State::Signature { zeros: 0 }, taken)
    }

    pub(super) fn extra_data(&mut self, input: &[u8]) -> ReadResult {
        let taken = self.gather(8, input)?;
        let Some(length) = self.record.get(4..).and_then(record::signature) else {
            return self.wait_in(State::ExtraData, taken);
        };
        self.record.clear();
        // A signature may start within the length field.
        let then = Box::new(State::Signature { zeros: 0 });
        self.go_to(State::Skip { left: length.into(), window: length, then }, taken)
    }

    /// Skips bytes. They must not hold a signature: other forward readers search them for the next record.
    pub(super) fn skip(&mut self, left: u64, mut window: u32, then: Box<State>, input: &[u8]) -> ReadResult {
        let taken = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        for &byte in &input[..taken] {
            window = window >> 8 | u32::from(byte) << 24;
            if record::is_searched(window) {
                return Err(Format::ZipInComment { place: "a block that holds no member".to_owned() }.into());
            }
        }
        match left - taken as u64 {
            0 => self.go_to(*then, taken),
            left => self.wait_in(State::Skip { left, window, then }, taken),
        }
    }
}
