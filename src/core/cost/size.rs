//! What comes out of a conversion, foreseen from the sizes of what goes in.
//!
//! Deflate has found most of what can be found nearby; what brotli adds depends on how much that was, on how much it can see at
//! once, and on how many members there are, of which a zip compresses each by itself. The logarithm of output ÷ data is linear
//! in three features of these. If you change one, change `tools/calibrate.mjs` too.

mod table;

use table::SIZE;

/// A zip, as far as an estimate goes by it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ZipTotals {
    /// Of the zip in bytes, of its members' contents, and how many these are.
    pub(crate) zip: u64,
    pub(crate) unpacked: u64,
    pub(crate) members: u64,
}

/// Bytes of a member's two headers with a name of a usual length.
const HEADERS: f64 = 108.0;

/// How far deflate sees, and what is small next to any window, in bytes.
const DEFLATE_WINDOW: f64 = 32_768.0;
const SMALL: f64 = 65_536.0;

/// The logarithm of a ratio, 12 to 1, beyond which most is repetition.
const REPETITION: f64 = 2.5;

/// The least that any tarball comes to in bytes: two blocks of zeros.
const LEAST: f64 = 20.0;

/// Bytes of output.
pub(crate) fn output(quality: u8, lgwin: u8, sizes: ZipTotals) -> u64 {
    let (zip, unpacked, members) = (sizes.zip as f64, sizes.unpacked.max(1) as f64, sizes.members as f64);
    let data = (zip - HEADERS * members).max(zip / 8.0);
    let saved = (unpacked / data.max(1.0)).ln().max(0.0);
    let reach = (1.0 + unpacked.min((1_u64 << lgwin) as f64) / SMALL).ln();
    let parts = ((1.0 + DEFLATE_WINDOW * members / unpacked) / (1.0 + DEFLATE_WINDOW / unpacked)).ln();
    let features = [saved.min(REPETITION) * reach, parts, (saved - REPETITION).max(0.0) * reach];
    let (a, b, c) = SIZE[usize::from(quality)][super::cpu::column(lgwin)];
    let logarithm = [a, b, c].iter().zip(features).map(|(coefficient, feature)| coefficient * feature).sum::<f64>();
    (data * logarithm.exp()).max(LEAST) as u64
}
