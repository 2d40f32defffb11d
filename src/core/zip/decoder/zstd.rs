//! Zstandard (RFC 8878): one frame, decoded block by block.

use ruzstd::{
    decoding::{BlockDecodingStrategy, FrameDecoder},
    io::Read,
};

use super::buffered::{DecodeFailure, Decoded};
use crate::error::{Error, Limit};

const MAGIC: u32 = 0xfd2f_b528;

/// A block's header and its longest data, in bytes (RFC 8878 §3.1.1.2).
const BLOCK_HEADER: usize = 3;
const MAX_BLOCK: usize = 128 << 10;

/// Memory beside the window: a gathered block, tables and literals, in bytes.
const FIXED: u64 = 1 << 20;

/// Memory of a decoder with this window, in bytes.
pub(super) fn charge(window: u64) -> u64 {
    const BLOCK: u64 = MAX_BLOCK as u64;
    // The buffer holds the window and a block. It grows to a power of two and two blocks; during that the old one exists too.
    let buffer = window.saturating_sub(BLOCK).saturating_add(1).checked_next_power_of_two().unwrap_or(u64::MAX / 4);
    (FIXED + 3 * BLOCK).saturating_add(buffer).saturating_add(buffer / 2)
}

/// A frame's decoder. It gets a whole header or a whole block at a time.
pub(super) struct Zstd {
    decoder: FrameDecoder,
    gathered: Vec<u8>,
    stage: Stage,
    size: Option<u64>,
    window_limit: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    FrameHeader,
    Block {
        checksum: usize,
    },
    /// All blocks are decoded; contents may be left.
    Drain,
}

impl Zstd {
    pub(super) fn new(size: Option<u64>, window_limit: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        // The limit is checked here, where the size of the contents is known too.
        decoder.set_max_window_size(u64::MAX);
        Self { decoder, gathered: Vec::new(), stage: Stage::FrameHeader, size, window_limit }
    }

    /// Gives contents if there are any. Otherwise gathers a header or a block, and decodes it when it is whole.
    pub(super) fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        charge: &mut dyn FnMut(u64) -> Result<(), Error>,
    ) -> Result<Decoded, DecodeFailure> {
        if self.decoder.can_collect() > 0 {
            let produced = self.decoder.read(output).map_err(|_| DecodeFailure::Broken)?;
            let ended = self.stage == Stage::Drain && self.decoder.can_collect() == 0;
            return Ok(Decoded { consumed: 0, produced, ended });
        }
        if self.stage == Stage::Drain {
            return Ok(Decoded { consumed: 0, produced: 0, ended: true });
        }
        let wanted = self.wanted().ok_or(DecodeFailure::Broken)?;
        let consumed = (wanted - self.gathered.len()).min(input.len());
        self.gathered.extend_from_slice(&input[..consumed]);
        if self.gathered.len() == wanted && self.wanted().ok_or(DecodeFailure::Broken)? == wanted {
            self.decode(charge)?;
            self.gathered.clear();
            // The contents come with the next call, which needs no input. Of a block without contents there are none.
        }
        let ended = self.stage == Stage::Drain && self.decoder.can_collect() == 0;
        Ok(Decoded { consumed, produced: 0, ended })
    }

    /// True if contents are ready.
    pub(super) fn has_output(&self) -> bool {
        self.decoder.can_collect() > 0
    }

    /// The length of the header or block that begins with the gathered bytes, as far as they tell. `None` if they cannot
    /// begin one.
    fn wanted(&self) -> Option<usize> {
        match self.stage {
            Stage::FrameHeader => {
                let Some(&descriptor) = self.gathered.get(4) else { return Some(5) };
                let is_frame = self.gathered.starts_with(&MAGIC.to_le_bytes());
                is_frame.then(|| FrameHeader::length(descriptor))
            }
            Stage::Block { checksum } => {
                let Some(&header) = self.gathered.first_chunk::<BLOCK_HEADER>() else { return Some(BLOCK_HEADER) };
                let header = u32::from_le_bytes([header[0], header[1], header[2], 0]);
                let length = match header >> 1 & 3 {
                    // A single byte is repeated.
                    1 => 1,
                    _ => (header >> 3) as usize,
                };
                let checksum = if header & 1 == 1 { checksum } else { 0 };
                (length <= MAX_BLOCK).then_some(BLOCK_HEADER + length + checksum)
            }
            Stage::Drain => None,
        }
    }

    fn decode(&mut self, charge: &mut dyn FnMut(u64) -> Result<(), Error>) -> Result<(), DecodeFailure> {
        match self.stage {
            Stage::FrameHeader => {
                let header = FrameHeader::parse(&self.gathered).ok_or(DecodeFailure::Broken)?;
                // No match reaches back beyond the contents' start.
                let window = header.window.min(self.size.unwrap_or(u64::MAX));
                if window > self.window_limit {
                    return Err(Error::from(Limit::Window { wanted: window, limit: self.window_limit }).into());
                }
                charge(self::charge(window))?;
                self.gathered.reserve_exact(BLOCK_HEADER + MAX_BLOCK + 4);
                self.decoder.reset(&self.gathered[..]).map_err(|_| DecodeFailure::Broken)?;
                self.stage = Stage::Block { checksum: if header.has_checksum { 4 } else { 0 } };
            }
            Stage::Block { .. } => {
                let is_last = self
                    .decoder
                    .decode_blocks(&self.gathered[..], BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|_| DecodeFailure::Broken)?;
                if is_last {
                    self.stage = Stage::Drain;
                }
            }
            Stage::Drain => unreachable!("nothing is gathered after the last block"),
        }
        Ok(())
    }
}

/// The fields of a frame header that the reader needs (RFC 8878 §3.1.1.1).
struct FrameHeader {
    window: u64,
    has_checksum: bool,
}

impl FrameHeader {
    /// Lengths of the optional fields: window descriptor, dictionary id, content size.
    fn fields(descriptor: u8) -> [usize; 3] {
        let is_single_segment = descriptor & 1 << 5 != 0;
        let content_size = match descriptor >> 6 {
            0 => usize::from(is_single_segment),
            1 => 2,
            2 => 4,
            _ => 8,
        };
        [usize::from(!is_single_segment), [0, 1, 2, 4][usize::from(descriptor & 3)], content_size]
    }

    fn length(descriptor: u8) -> usize {
        5 + Self::fields(descriptor).iter().sum::<usize>()
    }

    fn parse(header: &[u8]) -> Option<Self> {
        let descriptor = *header.get(4)?;
        let [window, dictionary, content_size] = Self::fields(descriptor);
        let has_checksum = descriptor & 1 << 2 != 0;
        let (window_bytes, rest) = header.get(5..)?.split_at_checked(window)?;
        let content_size_bytes = rest.get(dictionary..)?;
        let window = match window_bytes {
            [window] => {
                let base = 1_u64 << (10 + (window >> 3));
                base + base / 8 * u64::from(window & 7)
            }
            _ => {
                let mut bytes = [0; 8];
                bytes.get_mut(..content_size)?.copy_from_slice(content_size_bytes.get(..content_size)?);
                // A field of two bytes starts at 256.
                u64::from_le_bytes(bytes) + if content_size == 2 { 256 } else { 0 }
            }
        };
        Some(Self { window, has_checksum })
    }
}
