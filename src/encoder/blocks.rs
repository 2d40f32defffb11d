//! Block types and lengths as a stream carries them (RFC 7932 §6).

use crate::{
    bits::Bits,
    prefix::{self, Code},
    split::Split,
};

/// The present block of one kind of symbols, and how it is left.
pub(crate) struct Blocks<'a> {
    blocks: &'a [(u8, u32)],
    next: usize,
    left: u32,
    type_: usize,
    before: usize,
    types: [Code; 258],
    lengths: [Code; 26],
    single: bool,
}

/// Least length and extra bits of the codes of block lengths.
pub(crate) const BLOCK_LENGTHS: [(u32, u32); 26] = [
    (1, 2),
    (5, 2),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 3),
    (41, 3),
    (49, 4),
    (65, 4),
    (81, 4),
    (97, 4),
    (113, 5),
    (145, 5),
    (177, 5),
    (209, 5),
    (241, 6),
    (305, 6),
    (369, 7),
    (497, 8),
    (753, 9),
    (1265, 10),
    (2289, 11),
    (4337, 12),
    (8433, 13),
    (16625, 24),
];

fn length_code(length: u32) -> usize {
    BLOCK_LENGTHS.iter().rposition(|&(least, _)| least <= length).expect("no block is empty")
}

fn type_code(type_: usize, last: usize, second: usize) -> usize {
    if type_ == last + 1 {
        1
    } else if type_ == second {
        0
    } else {
        type_ + 2
    }
}

impl<'a> Blocks<'a> {
    /// Writes the number of types and, where there are some, the codes of types and lengths (RFC 7932 §6).
    pub(crate) fn begin(split: &'a Split, bits: &mut Bits) -> Self {
        let types = split.types();
        let mut blocks = Self {
            blocks: &split.blocks,
            next: 1,
            left: u32::MAX,
            type_: 0,
            before: 1,
            types: [Code::default(); 258],
            lengths: [Code::default(); 26],
            single: types == 1,
        };
        write_number(types, bits);
        if blocks.single {
            return blocks;
        }
        let mut type_counts = [0_u32; 258];
        let mut length_counts = [0_u32; 26];
        let (mut last, mut second) = (0, 1);
        for (at, &(type_, length)) in blocks.blocks.iter().enumerate() {
            length_counts[length_code(length)] += 1;
            if at > 0 {
                type_counts[type_code(usize::from(type_), last, second)] += 1;
                (last, second) = (usize::from(type_), last);
            }
        }
        prefix::write(&type_counts[..types + 2], &mut blocks.types[..types + 2], bits);
        prefix::write(&length_counts, &mut blocks.lengths, bits);
        blocks.left = blocks.blocks[0].1;
        blocks.write_length(blocks.left, bits);
        blocks
    }

    fn write_length(&self, length: u32, bits: &mut Bits) {
        let code = length_code(length);
        self.lengths[code].put(bits);
        let (least, count) = BLOCK_LENGTHS[code];
        bits.write(count, u64::from(length - least));
    }

    /// The type of the next symbol. Writes the switch first if the type changes.
    #[inline(always)]
    pub(crate) fn step(&mut self, bits: &mut Bits) -> usize {
        if self.left == 0 {
            self.switch(bits);
        }
        // A single type needs no count: 2^32 symbols are more than a meta-block has bytes.
        self.left -= 1;
        self.type_
    }

    #[cold]
    fn switch(&mut self, bits: &mut Bits) {
        let (type_, length) = self.blocks[self.next];
        self.next += 1;
        self.left = length;
        let type_ = usize::from(type_);
        self.types[type_code(type_, self.type_, self.before)].put(bits);
        self.write_length(length, bits);
        (self.type_, self.before) = (type_, self.type_);
    }
}

/// 1 to 256 (RFC 7932 §9.2, NBLTYPES).
pub(crate) fn write_number(number: usize, bits: &mut Bits) {
    if number == 1 {
        bits.write(1, 0);
        return;
    }
    let rest = number as u64 - 1;
    let count = 63 - rest.leading_zeros();
    bits.write(1, 1);
    bits.write(3, u64::from(count));
    bits.write(count, rest - (1 << count));
}
