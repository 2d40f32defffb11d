//! The index of a file, compressed into blocks.

use recompress_encoder as ours;

use crate::{
    error::{Error, Limit},
    seekable::{block, footer::Footer, index::Builder},
};

/// The index is compressed with these.
const INDEX_QUALITY: u8 = 9;
const INDEX_LGWIN: u8 = 18;

/// Bytes of a piece of the compressed index: a block's, less its type.
const PIECE: usize = block::LONGEST - 1;

/// Compresses the index, a piece in each block.
#[derive(Debug)]
pub(super) struct IndexWriter {
    index: Vec<u8>,
    /// Bytes of it that were compressed.
    at: usize,
    encoder: ours::Encoder,
    piece: Vec<u8>,
    block_bytes: usize,
}

impl IndexWriter {
    pub(super) fn new(index: &Builder, sha256: Option<[u8; 32]>) -> Result<Self, Error> {
        let index = index.written(sha256);
        let options = ours::Options {
            quality: INDEX_QUALITY,
            lgwin: INDEX_LGWIN,
            expected: Some(index.len() as u64),
            start: ours::Start::Stream,
        };
        let encoder =
            ours::Encoder::new(&options).map_err(|ours::OutOfMemory(wanted)| Limit::Memory { wanted, limit: 0 })?;
        Ok(Self { index, at: 0, encoder, piece: vec![0; PIECE], block_bytes: 0 })
    }

    /// Appends the next blocks to `file`. True if they were the last.
    pub(super) fn step(&mut self, file: &mut Vec<u8>) -> Result<bool, Error> {
        let rest = &self.index[self.at..];
        let encoded = if rest.is_empty() {
            self.encoder.finish(ours::End::Stream, &mut self.piece)
        } else {
            self.encoder.write(rest, &mut self.piece)
        };
        self.at += encoded.consumed;
        let before = file.len();
        if encoded.produced > 0 {
            block::write(&[&[block::INDEX], &self.piece[..encoded.produced]], file);
        }
        self.block_bytes += file.len() - before;
        if encoded.finished {
            let small = |length: usize| {
                u32::try_from(length).map_err(|_| Limit::Memory { wanted: length as u64, limit: u32::MAX.into() })
            };
            let (index_bytes, block_bytes) = (small(self.index.len())?, small(self.block_bytes)?);
            Footer { index_bytes, block_bytes, crc32: crc32fast::hash(&self.index) }.write(file);
        }
        Ok(encoded.finished)
    }
}
