//! Text that looks like a save and never quite repeats.

use crate::drivers::SplitMix;

/// `length` bytes of lines, always the same for one seed.
pub fn text(seed: u64, length: usize) -> Vec<u8> {
    let mut random = SplitMix(seed);
    let mut text = Vec::new();
    while text.len() < length {
        let (number, owner) = (random.below(5000), random.below(90));
        let tax = random.below(9);
        text.extend_from_slice(format!("province_{number} = {{ owner = TAG{owner} tax = {tax}.000 }}\n").as_bytes());
    }
    text.truncate(length);
    text
}
