//! Prefix codes: their lengths from counts, and the form in which a stream carries them (RFC 7932 §3).

use crate::bits::Bits;

/// Symbols of the largest alphabet, of distances with NPOSTFIX 3 and NDIRECT 120 (RFC 7932 §4): 16 + 120 + (48 << 3) is less than
/// the 704 of commands.
pub(crate) const MOST_SYMBOLS: usize = 704;

/// The longest code of a symbol, and of a code length.
const LONGEST: u32 = 15;
const LONGEST_OF_LENGTHS: u32 = 5;

/// Code of a symbol: its bits in stream order above, its length in the lowest four bits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Code(u32);

impl Code {
    #[inline(always)]
    pub(crate) fn length(self) -> u32 {
        self.0 & 15
    }

    #[inline(always)]
    pub(crate) fn bits(self) -> u64 {
        u64::from(self.0 >> 4)
    }

    #[inline(always)]
    pub(crate) fn put(self, bits: &mut Bits) {
        bits.write(self.length(), self.bits());
    }
}

/// Lengths of at most `longest` for symbols of these counts: Huffman's, the least counts raised until none is longer.
/// One symbol alone gets length 1.
fn lengths(counts: &[u32], longest: u32, lengths: &mut [u8]) {
    lengths.fill(0);
    let mut leaves = [0_u64; MOST_SYMBOLS];
    let mut used = 0;
    for (symbol, &count) in counts.iter().enumerate() {
        if count > 0 {
            leaves[used] = u64::from(count) << 16 | symbol as u64;
            used += 1;
        }
    }
    let leaves = &mut leaves[..used];
    if used <= 1 {
        if let Some(leaf) = leaves.first() {
            lengths[(leaf & 0xffff) as usize] = 1;
        }
        return;
    }
    leaves.sort_unstable();
    // Nodes in the order in which they are made; their weights never fall.
    let mut weights = [0_u64; MOST_SYMBOLS];
    let mut parents = [0_u16; 2 * MOST_SYMBOLS];
    let mut least = 1_u64;
    // Ends: with all counts raised to the greatest, the tree is balanced, and 704 symbols fit 10 bits.
    loop {
        let weight = |leaf: u64| (leaf >> 16).max(least);
        let (mut leaf, mut node) = (0, 0);
        for made in 0..used - 1 {
            let mut sum = 0;
            for _ in 0..2 {
                // A leaf first where both weigh the same: flatter trees.
                if leaf < used && (node >= made || weight(leaves[leaf]) <= weights[node]) {
                    sum += weight(leaves[leaf]);
                    parents[leaf] = made as u16;
                    leaf += 1;
                } else {
                    sum += weights[node];
                    parents[used + node] = made as u16;
                    node += 1;
                }
            }
            weights[made] = sum;
        }
        // From the root down; a node's depth takes its weight's place.
        weights[used - 2] = 0;
        for node in (0..used - 2).rev() {
            weights[node] = weights[usize::from(parents[used + node])] + 1;
        }
        let depth = |leaf: usize| weights[usize::from(parents[leaf])] + 1;
        // The lightest leaf is the deepest.
        if (0..used).map(depth).max().unwrap_or(0) <= u64::from(longest) {
            for (leaf, &entry) in leaves.iter().enumerate() {
                lengths[(entry & 0xffff) as usize] = depth(leaf) as u8;
            }
            return;
        }
        least *= 2;
    }
}

/// Canonical codes of these lengths (RFC 7932 §3.2), turned round for a writer that begins with the lowest bit.
fn assign(lengths: &[u8], codes: &mut [Code]) {
    let mut of_length = [0_u32; 16];
    for &length in lengths {
        of_length[usize::from(length)] += 1;
    }
    of_length[0] = 0;
    let mut next = [0_u32; 16];
    for length in 1..16 {
        next[length] = (next[length - 1] + of_length[length - 1]) << 1;
    }
    for (code, &length) in codes.iter_mut().zip(lengths) {
        *code = Code(0);
        if length > 0 {
            let value = next[usize::from(length)];
            next[usize::from(length)] += 1;
            *code = Code((value.reverse_bits() >> (32 - u32::from(length))) << 4 | u32::from(length));
        }
    }
}

/// Makes the code for these counts and writes it. `counts` is as long as the alphabet.
pub(crate) fn write(counts: &[u32], codes: &mut [Code], bits: &mut Bits) {
    let mut used = [0_usize; 5];
    let mut number = 0;
    for (symbol, &count) in counts.iter().enumerate() {
        if count > 0 {
            if number < 5 {
                used[number] = symbol;
            }
            number += 1;
        }
    }
    let mut room = [0_u8; MOST_SYMBOLS];
    let lengths_of = &mut room[..counts.len()];
    lengths(counts, LONGEST, lengths_of);
    match number {
        0 | 1 => {
            codes.fill(Code(0));
            write_simple(&used[..1], counts.len(), bits);
        }
        2..=4 => {
            assign(lengths_of, codes);
            let used = &mut used[..number];
            used.sort_unstable_by_key(|&symbol| (lengths_of[symbol], symbol));
            write_simple(used, counts.len(), bits);
            if number == 4 {
                bits.write(1, u64::from(lengths_of[used[0]] == 1));
            }
        }
        _ => {
            assign(lengths_of, codes);
            write_complex(lengths_of, bits);
        }
    }
}

/// RFC 7932 §3.4, without the bit that follows four symbols.
fn write_simple(symbols: &[usize], alphabet: usize, bits: &mut Bits) {
    let width = usize::BITS - (alphabet - 1).leading_zeros();
    bits.write(2, 1);
    bits.write(2, symbols.len() as u64 - 1);
    for &symbol in symbols {
        bits.write(width, symbol as u64);
    }
}

/// Repeats the last length; repeats zero (RFC 7932 §3.5).
const REPEAT: u8 = 16;
const ZEROS: u8 = 17;

/// RFC 7932 §3.5.
fn write_complex(lengths_of: &[u8], bits: &mut Bits) {
    const ORDER: [usize; 18] = [1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    /// Bits and their number for each length of a length's code.
    const FIXED: [(u32, u64); 6] = [(2, 0), (4, 7), (3, 3), (2, 2), (2, 1), (4, 15)];

    let mut tokens = [(0_u8, 0_u8); MOST_SYMBOLS];
    let number = runs(lengths_of, &mut tokens);
    let tokens = &tokens[..number];
    let mut counts = [0_u32; 18];
    for &(token, _) in tokens {
        counts[usize::from(token)] += 1;
    }
    let mut own = [0_u8; 18];
    lengths(&counts, LONGEST_OF_LENGTHS, &mut own);
    let mut codes = [Code(0); 18];
    assign(&own, &mut codes);
    let used = counts.iter().filter(|&&count| count > 0).count();
    let mut stored = 18;
    if used > 1 {
        while own[ORDER[stored - 1]] == 0 {
            stored -= 1;
        }
    } else {
        codes.fill(Code(0));
    }
    let skipped = match ORDER.map(|token| own[token] == 0) {
        [true, true, true, ..] => 3,
        [true, true, ..] => 2,
        _ => 0,
    };
    bits.write(2, skipped);
    for &token in &ORDER[skipped as usize..stored] {
        let (count, value) = FIXED[usize::from(own[token])];
        bits.write(count, value);
    }
    for &(token, extra) in tokens {
        codes[usize::from(token)].put(bits);
        match token {
            REPEAT => bits.write(2, u64::from(extra)),
            ZEROS => bits.write(3, u64::from(extra)),
            _ => {}
        }
    }
}

/// Lengths as tokens with their extra bits; returns how many. Zeros at the end are left out.
fn runs(lengths_of: &[u8], tokens: &mut [(u8, u8)]) -> usize {
    let end = lengths_of.iter().rposition(|&length| length > 0).map_or(0, |last| last + 1);
    let mut number = 0;
    let mut push = |token: (u8, u8)| {
        tokens[number] = token;
        number += 1;
    };
    // The length that a first repetition would repeat.
    let mut last = 8;
    let mut at = 0;
    while at < end {
        let length = lengths_of[at];
        let mut run = lengths_of[at..end].iter().take_while(|&&other| other == length).count();
        at += run;
        if length > 0 && length != last {
            push((length, 0));
            run -= 1;
            last = length;
        }
        // A repetition of 7, or of 11 zeros, is shorter as one length and the rest.
        let (token, radix, awkward) = if length == 0 { (ZEROS, 3, 11) } else { (REPEAT, 2, 7) };
        if run == awkward {
            push((length, 0));
            run -= 1;
        }
        if run < 3 {
            for _ in 0..run {
                push((length, 0));
            }
            continue;
        }
        // The digits of a run, the highest first: each counts from one but the lowest.
        let mut rest = run - 3;
        let mut digits = [0_u8; 16];
        let mut count = 0;
        loop {
            digits[count] = (rest & ((1 << radix) - 1)) as u8;
            count += 1;
            rest >>= radix;
            if rest == 0 {
                break;
            }
            rest -= 1;
        }
        for &digit in digits[..count].iter().rev() {
            push((token, digit));
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kraft(lengths: &[u8]) -> u32 {
        lengths.iter().filter(|&&length| length > 0).map(|&length| 1 << (15 - length)).sum()
    }

    #[test]
    fn lengths_fill_the_code_and_stay_within_the_limit() {
        let mut state = 1_u32;
        for number in 2..=MOST_SYMBOLS {
            for limit in [5, 15] {
                if limit == 5 && number > 18 {
                    continue;
                }
                // Fibonacci-like counts make the longest codes.
                let mut counts = vec![0_u32; number];
                let (mut a, mut b) = (1_u32, 1_u32);
                for count in &mut counts {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *count = if number % 2 == 0 { a } else { 1 + (state >> 24) };
                    (a, b) = (b, a.saturating_add(b).min(1 << 21));
                }
                let mut result = vec![0; number];
                lengths(&counts, limit, &mut result);
                assert_eq!(kraft(&result), 1 << 15, "{number} symbols");
                assert!(result.iter().all(|&length| u32::from(length) <= limit));
            }
        }
    }

    #[test]
    fn runs_say_the_lengths_again() {
        for run in 1..700_usize {
            for length in [0_u8, 8, 3] {
                let mut lengths = vec![5_u8];
                lengths.extend(std::iter::repeat_n(length, run));
                lengths.push(4);
                let mut tokens = [(0, 0); MOST_SYMBOLS];
                let number = super::runs(&lengths, &mut tokens);
                let mut again: Vec<u8> = Vec::new();
                let (mut last, mut pending) = (8, None::<(u8, usize)>);
                for &(token, extra) in &tokens[..number] {
                    if token < 16 {
                        pending = None;
                        again.push(token);
                        if token > 0 {
                            last = token;
                        }
                        continue;
                    }
                    let (radix, value) = if token == REPEAT { (2, last) } else { (3, 0) };
                    let before = match pending {
                        Some((other, count)) if other == token => count,
                        _ => 0,
                    };
                    let count = if before == 0 {
                        3 + usize::from(extra)
                    } else {
                        ((before - 2) << radix) + 3 + usize::from(extra)
                    };
                    again.extend(std::iter::repeat_n(value, count - before));
                    pending = Some((token, count));
                }
                assert_eq!(again, lengths, "{run} times {length}");
            }
        }
    }
}
