//! Costs of histograms in 1/256 bit, by integers alone: every machine decides alike.

/// One bit.
pub(crate) const BIT: i64 = 256;

/// log2(1 + i/256) in 1/65536.
static MANTISSA: [u32; 257] = mantissa();

const fn mantissa() -> [u32; 257] {
    let mut table = [0; 257];
    let mut i = 0;
    while i < 256 {
        // Squaring doubles the logarithm: its bits come out one at a time.
        let mut x = (256 + i as u64) << 22;
        let mut log = 0;
        let mut bit = 0;
        while bit < 17 {
            x = (x * x) >> 30;
            log <<= 1;
            if x >= 1 << 31 {
                log |= 1;
                x >>= 1;
            }
            bit += 1;
        }
        table[i] = (log + 1) >> 1;
        i += 1;
    }
    table[256] = 1 << 16;
    table
}

/// log2(x) in 1/65536, x at least 1.
#[inline(always)]
pub(crate) fn log2(x: u32) -> u32 {
    let exponent = 31 - x.leading_zeros();
    let fraction = (x << (31 - exponent)) & 0x7fff_ffff;
    let at = (fraction >> 23) as usize;
    let (low, high) = (MANTISSA[at], MANTISSA[at + 1]);
    let between = (fraction >> 15) & 0xff;
    (exponent << 16) + low + (((high - low) * between) >> 8)
}

/// x · log2(x) in 1/256 bit.
#[inline(always)]
pub(crate) fn xlog(x: u32) -> i64 {
    if x < 2 { 0 } else { ((u64::from(x) * u64::from(log2(x))) >> 8) as i64 }
}

/// The cost of a prefix code in the stream, by the number of its symbols.
pub(crate) fn code_cost(used: u32) -> i64 {
    BIT * match used {
        0..=1 => 12,
        2 => 20,
        3 => 28,
        4 => 38,
        _ => 30 + 5 * i64::from(used),
    }
}

/// The cost of the symbols of a histogram with a code of their own, including that code.
pub(crate) fn histogram_cost(counts: &[u32]) -> i64 {
    let (mut total, mut sum, mut used) = (0_u32, 0, 0);
    for &count in counts {
        if count > 0 {
            total += count;
            sum += xlog(count);
            used += 1;
        }
    }
    symbols_cost(total, sum, used) + code_cost(used)
}

/// Of `total` symbols with this sum of [`xlog`]: a symbol takes at least a bit, but for the only one.
pub(crate) fn symbols_cost(total: u32, sum: i64, used: u32) -> i64 {
    if used <= 1 { 0 } else { (xlog(total) - sum).max(i64::from(total) * BIT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_right_to_four_decimals() {
        for x in (1..100_000_u32).chain([1 << 20, (1 << 24) - 1, u32::MAX]) {
            let wanted = f64::from(x).log2();
            assert!((f64::from(log2(x)) / 65536.0 - wanted).abs() < 1e-4, "{x}");
        }
    }
}
