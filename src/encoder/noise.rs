//! Data that cannot be shrunk, told by how even it is.

use crate::cost;

/// Whether no codes of `bytes` as literals are shorter than themselves, to a hundredth: as Google's encoder, by a sample.
pub(crate) fn is_noise(bytes: &[u8]) -> bool {
    let counts = sample(bytes);
    let total: u32 = counts.iter().sum();
    total > 0 && cost::histogram_cost(&counts) * 100 > i64::from(total) * 8 * cost::BIT * 99
}

/// Whether all byte values are about as frequent in `bytes`: after a meta-block that could not be shrunk, nothing speaks for
/// another kind.
///
/// Values may coincide by a quarter more often than by chance: in media and archives they do. In text they do ten times as
/// often, in programs five.
pub(crate) fn is_even(bytes: &[u8]) -> bool {
    let counts = sample(bytes).map(u64::from);
    let total: u64 = counts.iter().sum();
    let coincidences: u64 = counts.iter().map(|count| count * count).sum();
    coincidences * 256 * 4 <= total * (total + 256) * 5
}

fn sample(bytes: &[u8]) -> [u32; 256] {
    /// A prime: records, of whatever length, are seen at all of their bytes.
    const STRIDE: usize = 13;
    let mut counts = [0; 256];
    for byte in bytes.iter().step_by(STRIDE) {
        counts[usize::from(*byte)] += 1;
    }
    counts
}
