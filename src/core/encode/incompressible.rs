//! Incompressible data: how to recognise it, and the meta-block that stores it.

use crate::cost::cpu::Bytes;

/// Bytes that are examined and written at once: the longest meta-block with a header of three bytes.
pub(crate) const BLOCK: usize = 1 << 20;

/// The header of an uncompressed meta-block of that length (RFC 7932 §9.2). From the lowest bit: not the last block, a
/// length field of five nibbles holding the length minus one, uncompressed.
pub(crate) const HEADER: [u8; 3] = {
    let bits = ((1 << 1) | ((BLOCK - 1) << 3) | (1 << 23)).to_le_bytes();
    [bits[0], bits[1], bits[2]]
};

/// True if compressing a meta-block saved less than a thousandth.
pub(crate) fn is_wasted(block: Bytes) -> bool {
    block.given >= block.taken - block.taken / 1024
}

/// True if all byte values are about equally frequent in `block`. It is asked only after data that could not be shrunk.
///
/// It allows 25 % more coincidences of byte values than chance gives, because some media and archives have that many.
/// Text has ten times as many, programs five times.
pub(crate) fn is_even(block: &[u8]) -> bool {
    /// A prime, so that records of any length are sampled at all of their bytes.
    const STRIDE: usize = 13;
    let mut counts = [0_u64; 256];
    for byte in block.iter().step_by(STRIDE) {
        counts[usize::from(*byte)] += 1;
    }
    let total: u64 = counts.iter().sum();
    let coincidences: u64 = counts.iter().map(|count| count * count).sum();
    coincidences * 256 * 4 <= total * (total + 256) * 5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn noise_is_even_and_text_numbers_and_nearly_noise_are_not() {
        assert!(is_even(&noise(BLOCK)));
        let hexadecimal: Vec<u8> =
            noise(BLOCK).iter().map(|byte| b"0123456789abcdef"[usize::from(byte % 16)]).collect();
        let numbers: Vec<u8> = (0..BLOCK as u32 / 4).flat_map(u32::to_le_bytes).collect();
        let base64: Vec<u8> = noise(BLOCK).iter().map(|byte| b' ' + byte % 64).collect();
        let mut a_third_zeros = noise(BLOCK);
        a_third_zeros.iter_mut().step_by(3).for_each(|byte| *byte = 0);
        for other in [hexadecimal, numbers, base64, a_third_zeros, vec![0; BLOCK]] {
            assert!(!is_even(&other));
        }
    }

    #[test]
    fn a_meta_block_that_gains_a_thousandth_is_not_wasted() {
        let taken = BLOCK as u64;
        assert!(is_wasted(Bytes { taken, given: taken + 3 }));
        assert!(is_wasted(Bytes { taken, given: taken - 1024 }));
        assert!(!is_wasted(Bytes { taken, given: taken - 1025 }));
    }
}
