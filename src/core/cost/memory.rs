//! The memory of an encoder, by quality and window.

use super::cpu;

/// The window is held twice, and at qualities 10 and 11 each of its positions is in a tree of two numbers. The rest are
/// hash tables and what is kept of a meta-block until its end. Measured with data made to need much, a tenth added; a
/// test holds the encoder to it.
pub(crate) fn encoder_bytes(quality: u8, lgwin: u8) -> u64 {
    let window = 1_u64 << lgwin;
    let windows = match quality {
        0..=1 => 1,
        2..=9 => 2,
        _ => 10,
    };
    windows * window + (REST_MIB[usize::from(quality)][cpu::column(lgwin)] << 20)
}

/// The largest window at this quality that an isolate has room for.
pub fn largest_lgwin(quality: u8) -> u8 {
    if quality > 9 { 21 } else { 24 }
}

/// Memory beside the window in MiB, by quality and by lgwin up to 16, 18, 20, 22 and 24. Qualities 10 and 11 have more added
/// with lgwin 22, and 11 with 18: of what they grow into, more gaps are left in a wasm's memory (docs/memory.md).
const REST_MIB: [[u64; 5]; 12] = [
    [1, 2, 5, 11, 11],
    [2, 3, 6, 12, 12],
    [1, 2, 4, 4, 3],
    [1, 2, 4, 4, 3],
    [6, 9, 21, 30, 18],
    [3, 8, 23, 28, 18],
    [3, 9, 27, 31, 20],
    [3, 15, 29, 34, 23],
    [3, 23, 37, 42, 31],
    [4, 42, 54, 59, 47],
    [8, 24, 42, 44, 33],
    [12, 34, 52, 51, 43],
];
