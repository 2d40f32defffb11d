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

/// How much smaller and how much larger the output may be than its estimate, as logarithms: nine of ten real zips are in
/// between (`docs/estimate.md`).
const SMALLER: f64 = 0.35;
const LARGER: f64 = 0.28;

/// The same both ways for each unit of [`Features::parts`].
const EACH_PART: f64 = 0.08;

/// Properties of a zip on which the estimates depend.
struct Features {
    /// Bytes without headers.
    data: f64,
    /// Logarithm of unpacked ÷ data.
    saved: f64,
    /// Grows with the number of members.
    parts: f64,
}

impl Features {
    fn of(sizes: ZipTotals) -> Self {
        let (zip, unpacked, members) = (sizes.zip as f64, sizes.unpacked.max(1) as f64, sizes.members as f64);
        let data = (zip - HEADERS * members).max(zip / 8.0);
        let saved = (unpacked / data.max(1.0)).ln().max(0.0);
        let parts = ((1.0 + DEFLATE_WINDOW * members / unpacked) / (1.0 + DEFLATE_WINDOW / unpacked)).ln();
        Self { data, saved, parts }
    }
}

/// The least and the most bytes that nine of ten zips with the estimate `output` come to. Data that deflate could not
/// shrink is certain: brotli cannot shrink it either.
pub(crate) fn range(output: u64, sizes: ZipTotals) -> (u64, u64) {
    let Features { saved, parts, .. } = Features::of(sizes);
    let unsure = (saved + parts).min(1.0);
    let times = |logarithm: f64| (output as f64 * logarithm.exp()) as u64;
    let (smaller, larger) = (unsure * SMALLER + parts * EACH_PART, unsure * LARGER + parts * EACH_PART);
    (times(-smaller), times(larger).max(output))
}

/// Bytes of output.
pub(crate) fn output(quality: u8, lgwin: u8, sizes: ZipTotals) -> u64 {
    let Features { data, saved, parts } = Features::of(sizes);
    let reach = (1.0 + (sizes.unpacked.max(1) as f64).min((1_u64 << lgwin) as f64) / SMALL).ln();
    let features = [saved.min(REPETITION) * reach, parts, (saved - REPETITION).max(0.0) * reach];
    let (a, b, c) = SIZE[usize::from(quality)][super::cpu::column(lgwin)];
    let logarithm = [a, b, c].iter().zip(features).map(|(coefficient, feature)| coefficient * feature).sum::<f64>();
    (data * logarithm.exp()).max(LEAST) as u64
}
