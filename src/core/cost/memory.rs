//! The memory of an encoder, by quality and window.

use recompress_encoder::{Encoder, Options, Start};

use super::{cpu, encoders::Ours};

/// Our encoder takes all memory at its start, and knows how much.
///
/// With mbrotli, most qualities hold the window twice. Qualities 10 and 11 also keep a tree node of two numbers for each
/// position. The rest is hash tables and per-meta-block data. These figures are maximums measured with demanding data, plus a
/// tenth; a test checks them.
pub(crate) fn encoder_bytes(ours: Ours, quality: u8, lgwin: u8) -> u64 {
    if ours.serves(quality) {
        let options = Options { quality, lgwin, expected: None, start: Start::Stream };
        return Encoder::memory_bytes(&options);
    }
    let window = 1_u64 << lgwin;
    let windows = match quality {
        0..=1 => 1,
        2..=7 => 2,
        _ => 10,
    };
    windows * window + (REST_MIB[usize::from(quality)][cpu::column(lgwin)] << 20)
}

/// The largest window at this quality that fits an isolate.
pub fn largest_lgwin(quality: u8) -> u8 {
    if quality > 9 { 21 } else { 24 }
}

/// mbrotli's memory beside the window in MiB, by quality and by lgwin up to 16, 18, 20, 22 and 24. Some entries include
/// fragmentation of wasm memory, which grows step by step (docs/memory.md): qualities 10 and 11 at lgwin 22, quality 11
/// at 18.
const REST_MIB: [[u64; 5]; 12] = [
    [1, 2, 5, 11, 11],
    [2, 3, 6, 12, 12],
    [1, 2, 4, 4, 3],
    [1, 2, 4, 4, 3],
    [6, 9, 21, 30, 18],
    [3, 8, 23, 28, 18],
    [3, 9, 27, 31, 20],
    [3, 15, 29, 34, 23],
    // Ours.
    [0; 5],
    [0; 5],
    [8, 24, 42, 44, 33],
    [12, 34, 52, 51, 43],
];
