//! The CPU time of a conversion, counted from the work done. On the edge the clock does not advance while a Worker
//! computes, so time cannot be measured there.
//!
//! The unit is a nanosecond of the Worker in workerd on the machine where `make calibrate` last ran. A meta-block has
//! three costs: for each input byte, for each byte that is neither copied nor incompressible (`min(output, saved)` of
//! them), and for each output byte.

mod table;

use table::COST;

use super::{encoders::Ours, memory::encoder_bytes};
use crate::member::{Begin, Method};

/// Conversion between the unit of work and the unit of limits.
pub(crate) const NANOSECONDS_PER_MS: u64 = 1_000_000;

/// The budget of [`crate::Parameters::auto`]: 25 s of the platform's 30 s.
pub(crate) const AUTO_WORK: u64 = 25_000_000_000;

/// Cost of a byte of contents that is unpacked, with its CRC-32. The costs of compressing include it for stored and deflate.
const INFLATE_PICOSECONDS: u64 = 2500;

/// The same for other methods, and the cost of a byte of data. By the CPU time of workerd for 8 MiB of a save's text, of
/// noise, and of 3-byte matches that reach far, and for 32 MiB of zeros. Text costs 0.9 to 1.1 times as much. Hostile streams
/// of blocks that give next to nothing cost up to 2.5 times as much.
fn unpack_picoseconds(method: Method) -> (u64, u64) {
    match method {
        Method::Stored | Method::Deflate => (INFLATE_PICOSECONDS, 0),
        Method::Zstd => (6000, 15_000),
        Method::Deflate64 => (8000, 100_000),
        Method::Bzip2 => (25_000, 130_000),
        Method::Lzma => (17_000, 180_000),
        Method::Xz => (27_000, 150_000),
    }
}

/// Cost of a byte of stored or deflated data beyond [`usual_data`]: it has blocks that give nothing.
const IDLE_PICOSECONDS: u64 = 170_000;

/// The most bytes of stored or deflated data that `size` bytes of contents need.
fn usual_data(size: u64) -> u64 {
    size.saturating_add(size / 8).saturating_add(64)
}

/// Cost of a byte that is copied: unpacking, CRC-32 and copying.
const COPY_PICOSECONDS: u64 = 5000;

/// Cost of a member's records, header and checks.
const MEMBER: u64 = 6000;

/// Cost of SHA-256 per byte; measured 3.1 ns in workerd.
const HASH_PICOSECONDS: u64 = 3500;

/// Cost of comparing a character with a pattern.
const COMPARE_PICOSECONDS: u64 = 2000;

/// Costs of a save's JSON: reading a byte of the save, writing a byte of JSON, moving a byte to bring equal keys together.
/// Measured in workerd: 0.62 s for 48.3 MB that become 45.8 MB, 2.2 s for 48 MB that become thirteen times as many.
const SAVE_READ_PICOSECONDS: u64 = 10_000;
const SAVE_WRITTEN_PICOSECONDS: u64 = 3000;
const SAVE_MOVED_PICOSECONDS: u64 = 1000;

/// Costs of decoding a segment: taking a byte of it, and giving a byte with its CRC-32.
const SEGMENT_TAKEN_PICOSECONDS: u64 = 20_000;
const SEGMENT_GIVEN_PICOSECONDS: u64 = 4000;

/// Reserve for unforeseen work, in percent of the remaining budget.
const RESERVE: u64 = 10;

/// Input and output bytes of a meta-block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) taken: u64,
    pub(crate) given: u64,
}

/// A finished meta-block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MetaBlock {
    pub(crate) bytes: Bytes,
    /// True if it was copied without an attempt to compress it.
    pub(crate) copied: bool,
}

/// Column of `lgwin` in the tables of measurements, which have columns up to 16, 18, 20, 22 and 24.
pub(crate) fn column(lgwin: u8) -> usize {
    usize::from(lgwin.clamp(16, 24) - 15) / 2
}

/// Costs of our encoder at 5 to 7, in percent of those at 9. Measured on real saves: 57 to 65, 64 to 69, 79 to 86.
const LOWERED_PERCENT: [u64; 3] = [70, 75, 90];

/// The cost of compressing `bytes`, including the work that happens once per byte.
pub(crate) fn compressing(ours: Ours, quality: u8, lgwin: u8, bytes: Bytes) -> u64 {
    let (row, percent) = match quality {
        5..=7 if ours.serves(quality) => (9, LOWERED_PERCENT[usize::from(quality) - 5]),
        _ => (quality, 100),
    };
    let (each, changed, given) = COST[usize::from(row)][column(lgwin)];
    let hard = bytes.given.min(bytes.taken.saturating_sub(bytes.given));
    let costs = [(bytes.taken, each), (hard, changed), (bytes.given, given)];
    costs.iter().fold(0, |sum: u64, (count, cost)| sum.saturating_add(count.saturating_mul(*cost))) / 1000 * percent
        / 100
}

/// The cost of a meta-block.
pub(crate) fn writing(ours: Ours, quality: u8, lgwin: u8, block: MetaBlock) -> u64 {
    if block.copied {
        block.bytes.taken.saturating_mul(COPY_PICOSECONDS) / 1000
    } else {
        compressing(ours, quality, lgwin, block.bytes)
    }
}

/// The cost of a member beside its contents. `held` bytes of it had to be unpacked twice.
pub(crate) fn member(method: Method, held: u64) -> u64 {
    let (each, _) = unpack_picoseconds(method);
    MEMBER.saturating_add(held.saturating_mul(each) / 1000)
}

/// The cost of unpacking `size` bytes above the one that [`compressing`] includes.
pub(crate) fn unpacking(method: Method, size: u64) -> u64 {
    let (each, _) = unpack_picoseconds(method);
    size.saturating_mul(each.saturating_sub(INFLATE_PICOSECONDS)) / 1000
}

/// The cost of the data itself, beside the contents: `compressed` bytes become `size` bytes.
pub(crate) fn decoding(method: Method, compressed: u64, size: u64) -> u64 {
    let costs = match unpack_picoseconds(method) {
        (_, 0) => compressed.saturating_sub(usual_data(size)).saturating_mul(IDLE_PICOSECONDS),
        (_, each) => compressed.saturating_mul(each),
    };
    costs / 1000
}

/// The cost of the data of a member that begins. It is unpacked twice if its size was not known.
pub(crate) fn decoding_of(begin: &Begin) -> u64 {
    let Begin { entry, method, compressed_size, unpacked_before, .. } = begin;
    decoding(*method, *compressed_size, entry.size).saturating_mul(if *unpacked_before > 0 { 2 } else { 1 })
}

/// The cost of more data than was known when a member began: `compressed` bytes, of which `counted` were counted.
pub(crate) fn decoding_more(method: Method, counted: u64, compressed: u64, size: u64) -> u64 {
    decoding(method, compressed, size).saturating_sub(decoding(method, counted, size))
}

/// The cost of matching names with patterns.
pub(crate) fn comparing(comparisons: u64) -> u64 {
    comparisons * COMPARE_PICOSECONDS / 1000
}

/// The cost of hashing `bytes` once.
pub(crate) fn hashing(bytes: u64) -> u64 {
    bytes.saturating_mul(HASH_PICOSECONDS) / 1000
}

/// The cost of decoding segments: `taken` bytes become `given` bytes.
pub(crate) fn decoding_segments(taken: u64, given: u64) -> u64 {
    let costs = [(taken, SEGMENT_TAKEN_PICOSECONDS), (given, SEGMENT_GIVEN_PICOSECONDS)];
    costs.iter().fold(0, |sum: u64, (count, cost)| sum.saturating_add(count.saturating_mul(*cost))) / 1000
}

/// The cost of a save's JSON, in bytes read, written and moved.
pub(crate) fn saving(read: u64, written: u64, moved: u64) -> u64 {
    let costs = [(read, SAVE_READ_PICOSECONDS), (written, SAVE_WRITTEN_PICOSECONDS), (moved, SAVE_MOVED_PICOSECONDS)];
    costs.iter().fold(0, |sum: u64, (count, cost)| sum.saturating_add(count.saturating_mul(*cost))) / 1000
}

/// The lowest quality at which an encoder can continue a stream. Lower qualities handle incompressible data fast by
/// themselves.
pub(crate) const LEAST_CONTINUING: u8 = 2;

/// The highest quality up to `most` that compresses `bytes` within `work` and `memory`. At least [`LEAST_CONTINUING`].
pub(crate) fn best_quality(ours: Ours, most: u8, lgwin: u8, bytes: Bytes, work: u64, memory: u64) -> u8 {
    let within = work - work / 100 * RESERVE;
    let enough = |&quality: &u8| {
        compressing(ours, quality, lgwin, bytes) <= within && encoder_bytes(ours, quality, lgwin) <= memory
    };
    (LEAST_CONTINUING + 1..=most).rev().find(enough).unwrap_or(LEAST_CONTINUING.min(most))
}
