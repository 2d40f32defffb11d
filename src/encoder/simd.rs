//! Comparison of 64 tags at once.

use fearless_simd::{Level, Simd, SimdBase, SimdMask, dispatch, u8x16};

/// A bit for each of `tags` that equals `tag`, the first the lowest.
#[inline(always)]
pub(crate) fn equal(tags: &[u8; 64], tag: u8) -> u64 {
    // The level that the target has in any case: nothing is asked at run time. Where it has none, words are faster than lanes.
    if cfg!(any(target_arch = "x86_64", target_arch = "aarch64", target_feature = "simd128")) {
        dispatch!(Level::baseline(), simd => equal_by_lanes(simd, tags, tag))
    } else {
        equal_by_words(tags, tag)
    }
}

/// [`equal`] for the first 16 tags alone.
#[inline(always)]
pub(crate) fn equal_of_16(tags: &[u8; 64], tag: u8) -> u16 {
    if cfg!(any(target_arch = "x86_64", target_arch = "aarch64", target_feature = "simd128")) {
        dispatch!(Level::baseline(), simd => first_by_lanes(simd, tags, tag))
    } else {
        equal_by_words(&tags[..16], tag) as u16
    }
}

#[inline(always)]
fn first_by_lanes<S: Simd>(simd: S, tags: &[u8; 64], tag: u8) -> u16 {
    u8x16::from_slice(simd, &tags[..16]).simd_eq(u8x16::splat(simd, tag)).to_bitmask() as u16
}

#[inline(always)]
fn equal_by_lanes<S: Simd>(simd: S, tags: &[u8; 64], tag: u8) -> u64 {
    let wanted = u8x16::splat(simd, tag);
    let sixteen = |at: usize| u8x16::from_slice(simd, &tags[at..at + 16]).simd_eq(wanted).to_bitmask();
    sixteen(0) | sixteen(16) << 16 | sixteen(32) << 32 | sixteen(48) << 48
}

/// The same without SIMD.
#[inline(always)]
fn equal_by_words(tags: &[u8], tag: u8) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let wanted = u64::from(tag) * 0x0101_0101_0101_0101;
    let mut mask = 0;
    for (at, word) in tags.chunks_exact(8).enumerate() {
        let differs = u64::from_le_bytes(word.try_into().expect("eight bytes")) ^ wanted;
        // The highest bit of each byte that is zero, exactly: no carry leaves a byte.
        let zero = !(((differs & LOW) + LOW) | differs | LOW);
        // The eight bits in order, into the highest byte.
        mask |= (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56 << (8 * at);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_tags_are_found_in_their_order_with_simd_and_without() {
        let mut state = 1_u32;
        for round in 0..2000 {
            let mut tags = [0_u8; 64];
            for tag in &mut tags {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *tag = (state >> 24) as u8 & if round % 2 == 0 { 3 } else { 0x83 };
            }
            for tag in [0, 1, 2, 3, 0x80, 0x81, 0x83, 0xff] {
                let wanted = tags.iter().rev().fold(0, |mask, &other| mask << 1 | u64::from(other == tag));
                assert_eq!(equal(&tags, tag), wanted);
                assert_eq!(equal_by_words(&tags, tag), wanted);
                assert_eq!(equal_of_16(&tags, tag), wanted as u16);
                assert_eq!(equal_by_words(&tags[..16], tag), wanted & 0xffff);
            }
        }
    }
}
