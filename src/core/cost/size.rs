//! Estimates of the output's size from the sizes of the input.
//!
//! Deflate already removes most nearby repetition. The gain of brotli depends on the deflate ratio, on the window, and
//! on the number of members, because a zip compresses each member by itself. The logarithm of output ÷ data is linear
//! in three features of these. If you change one, change `tools/calibrate.mjs` too.

mod table;

use table::SIZE;

/// The sizes of a zip that an estimate uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ZipTotals {
    /// Size of the zip, total size of the contents (both in bytes), number of members.
    pub(crate) zip: u64,
    pub(crate) unpacked: u64,
    pub(crate) members: u64,
}

/// Size of a member's two headers with a name of usual length, in bytes.
const HEADERS: f64 = 108.0;

/// The window of deflate, and a length that is small compared to any brotli window, in bytes.
const DEFLATE_WINDOW: f64 = 32_768.0;
const SMALL: f64 = 65_536.0;

/// Logarithm of the ratio 12 : 1. Data beyond it is mostly repetition.
const REPETITION: f64 = 2.5;

/// The smallest possible output in bytes: two blocks of zeros.
const LEAST: f64 = 20.0;

/// Bytes that `output` comes to at least and at most, for nine of ten zips.
pub(crate) fn range(output: u64, sizes: ZipTotals) -> (u64, u64) {
    (output, output)
}

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
