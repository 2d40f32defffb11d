//! The CPU time of a conversion, counted from what was done: on the edge the clock stands still while a Worker computes.
//!
//! The unit is a nanosecond of the Worker in workerd on the machine where `make calibrate` was run last. A meta-block
//! costs so much for each byte that goes in, more for each that is neither copied nor noise, which are `min(output, saved)`
//! of them, and something for each that comes out.

mod table;

use table::COST;

/// Of the unit of work, in that of limits.
pub(crate) const NANOSECONDS_PER_MS: u64 = 1_000_000;

/// What [`crate::Parameters::auto`] plans for: 25 s, of the platform's 30.
pub(crate) const AUTO_WORK: u64 = 25_000_000_000;

/// Unpacking a byte and its CRC-32, where that is done twice.
const INFLATE_PICOSECONDS: u64 = 2500;

/// A byte that is written as it stands: unpacking it, its CRC-32, and passing it on.
const COPY_PICOSECONDS: u64 = 5000;

/// A member's records, header and checks.
const MEMBER: u64 = 6000;

/// SHA-256 of a byte: 3.1 ns in workerd.
const HASH_PICOSECONDS: u64 = 3500;

/// A comparison of a character with a pattern's.
const COMPARE_PICOSECONDS: u64 = 2000;

/// A share of the work that is left for what cannot be foreseen, in percent.
const RESERVE: u64 = 10;

/// Bytes of a meta-block, and what they became.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) taken: u64,
    pub(crate) given: u64,
}

/// A meta-block that ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MetaBlock {
    pub(crate) bytes: Bytes,
    /// Whether it was written as it stands, without a try to compress it.
    pub(crate) copied: bool,
}

/// Where tables of what was measured have `lgwin`: their columns are for those up to 16, 18, 20, 22 and 24.
pub(crate) fn column(lgwin: u8) -> usize {
    usize::from(lgwin.clamp(16, 24) - 15) / 2
}

/// The cost of compressing `bytes`, everything included that happens once for each byte.
pub(crate) fn compressing(quality: u8, lgwin: u8, bytes: Bytes) -> u64 {
    let (each, changed, given) = COST[usize::from(quality)][column(lgwin)];
    let hard = bytes.given.min(bytes.taken.saturating_sub(bytes.given));
    let costs = [(bytes.taken, each), (hard, changed), (bytes.given, given)];
    costs.iter().fold(0, |sum: u64, (count, cost)| sum.saturating_add(count.saturating_mul(*cost))) / 1000
}

/// The cost of a meta-block.
pub(crate) fn writing(quality: u8, lgwin: u8, block: MetaBlock) -> u64 {
    if block.copied {
        block.bytes.taken.saturating_mul(COPY_PICOSECONDS) / 1000
    } else {
        compressing(quality, lgwin, block.bytes)
    }
}

/// The cost of a member beside its contents, which are `held` bytes if they had to be unpacked twice.
pub(crate) fn member(held: u64) -> u64 {
    MEMBER + held.saturating_mul(INFLATE_PICOSECONDS) / 1000
}

/// The cost of a comparison of names with patterns.
pub(crate) fn comparing(comparisons: u64) -> u64 {
    comparisons * COMPARE_PICOSECONDS / 1000
}

/// The cost of SHA-256 over the zip and the tarball, for `tarball` bytes of that.
pub(crate) fn hashing(tarball: u64) -> u64 {
    // Of the zip there are hardly more.
    2 * tarball.saturating_mul(HASH_PICOSECONDS) / 1000
}

/// The highest quality up to `most` that compresses `bytes` within `work`, or 2, the lowest that can continue a stream.
pub(crate) fn best_quality(most: u8, lgwin: u8, bytes: Bytes, work: u64) -> u8 {
    let within = work - work / 100 * RESERVE;
    (3..=most).rev().find(|&quality| compressing(quality, lgwin, bytes) <= within).unwrap_or(2.min(most))
}
