//! Commands: literals to insert and a copy, and their symbols (RFC 7932 §4, §5).

/// Literals, then a copy. `copy` 0: literals alone, at a meta-block's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) insert: u32,
    pub(crate) copy: u32,
    /// 0 to 15 for one of the last distances, else the distance plus 15.
    pub(crate) distance: u32,
}

/// Symbols of commands.
pub(crate) const SYMBOLS: usize = 704;

/// Least lengths and extra bits of the insert codes, and of the copy codes.
const INSERT: [(u32, u32); 24] = [
    (0, 0),
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 1),
    (8, 1),
    (10, 2),
    (14, 2),
    (18, 3),
    (26, 3),
    (34, 4),
    (50, 4),
    (66, 5),
    (98, 5),
    (130, 6),
    (194, 7),
    (322, 8),
    (578, 9),
    (1090, 10),
    (2114, 12),
    (6210, 14),
    (22594, 24),
];
const COPY: [(u32, u32); 24] = [
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 1),
    (12, 1),
    (14, 2),
    (18, 2),
    (22, 3),
    (30, 3),
    (38, 4),
    (54, 4),
    (70, 5),
    (102, 5),
    (134, 6),
    (198, 7),
    (326, 8),
    (582, 9),
    (1094, 10),
    (2118, 24),
];

/// Least length and extra bits.
pub(crate) type Range = (u32, u32);

/// The insert length and the copy length that a symbol stands for, and whether the distance is the last one.
#[inline(always)]
pub(crate) fn ranges(symbol: usize) -> (Range, Range, bool) {
    /// The first codes of both lengths, for each 64 symbols.
    const CELLS: [(usize, usize); 11] =
        [(0, 0), (0, 8), (0, 0), (0, 8), (8, 0), (8, 8), (0, 16), (16, 0), (8, 16), (16, 8), (16, 16)];
    let (insert, copy) = CELLS[symbol >> 6];
    (INSERT[insert + (symbol >> 3 & 7)], COPY[copy + (symbol & 7)], symbol < 128)
}

#[inline(always)]
fn insert_code(length: u32) -> usize {
    match length {
        0..=5 => length as usize,
        6..=129 => {
            let bits = 31 - (length - 2).leading_zeros() - 1;
            ((bits << 1) + ((length - 2) >> bits) + 2) as usize
        }
        130..=2113 => (31 - (length - 66).leading_zeros() + 10) as usize,
        2114..=6209 => 21,
        6210..=22593 => 22,
        _ => 23,
    }
}

#[inline(always)]
fn copy_code(length: u32) -> usize {
    match length {
        0..=9 => length as usize - 2,
        10..=133 => {
            let bits = 31 - (length - 6).leading_zeros() - 1;
            ((bits << 1) + ((length - 6) >> bits) + 4) as usize
        }
        134..=2117 => (31 - (length - 70).leading_zeros() + 12) as usize,
        _ => 23,
    }
}

/// Extra bits: their number and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extra {
    pub(crate) count: u32,
    pub(crate) value: u32,
}

impl Command {
    /// The symbol of both lengths.
    #[inline(always)]
    pub(crate) fn symbol(self) -> usize {
        let insert = insert_code(self.insert);
        // Of literals alone the copy is not read.
        let copy = if self.copy == 0 { 2 } else { copy_code(self.copy) };
        let within = (insert & 7) << 3 | (copy & 7);
        if self.distance == 0 && insert < 8 && copy < 16 {
            (copy >> 3) << 6 | within
        } else {
            const CELLS: [[usize; 3]; 3] = [[128, 192, 384], [256, 320, 512], [448, 576, 640]];
            CELLS[insert >> 3][copy >> 3] + within
        }
    }

    /// Whether a distance symbol follows: there is a copy, and its distance is not implied.
    #[inline(always)]
    pub(crate) fn has_distance(self) -> bool {
        self.copy > 0 && !(self.distance == 0 && self.insert < 10 && self.copy < 70 && self.symbol() < 128)
    }

    /// Of the insert length, and of the copy length.
    #[inline(always)]
    pub(crate) fn extras(self) -> [Extra; 2] {
        let (base, count) = INSERT[insert_code(self.insert)];
        let insert = Extra { count, value: self.insert - base };
        if self.copy == 0 {
            return [insert, Extra { count: 0, value: 0 }];
        }
        let (base, count) = COPY[copy_code(self.copy)];
        [insert, Extra { count, value: self.copy - base }]
    }

    /// The context of the distance (RFC 7932 §7.2).
    #[inline(always)]
    pub(crate) fn distance_context(self) -> usize {
        self.copy.clamp(2, 5) as usize - 2
    }
}

/// NPOSTFIX and NDIRECT: how distances are divided in symbols and extra bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DistanceForm {
    pub(crate) postfix: u32,
    /// A multiple of 2 to the power of `postfix`, up to 15 times that.
    pub(crate) direct: u32,
}

impl DistanceForm {
    pub(crate) fn symbols(self) -> usize {
        (16 + self.direct + (48 << self.postfix)) as usize
    }

    /// Symbol and extra bits of [`Command::distance`].
    #[inline(always)]
    pub(crate) fn symbol(self, distance: u32) -> (usize, Extra) {
        if distance < 16 + self.direct {
            return (distance as usize, Extra { count: 0, value: 0 });
        }
        let rest = distance - 16 - self.direct + (4 << self.postfix);
        let top = 31 - rest.leading_zeros() - 1;
        let prefix = (rest >> top) & 1;
        let count = top - self.postfix;
        let low = rest & ((1 << self.postfix) - 1);
        let symbol = 16 + self.direct + ((2 * (count - 1) + prefix) << self.postfix) + low;
        let value = (rest >> self.postfix) & ((1 << count) - 1);
        (symbol as usize, Extra { count, value })
    }
}

/// Distances of the last copies, the latest first (RFC 7932 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastDistances(pub(crate) [u32; 4]);

/// How the codes 4 to 9 differ from the last distance, and 10 to 15 from the second.
pub(crate) const NEAR: [i32; 6] = [-1, 1, -2, 2, -3, 3];

impl LastDistances {
    /// As a stream begins.
    pub(crate) const START: Self = Self([4, 11, 15, 16]);

    /// Unknown, as at the start of a segment: no code names a distance before the first copy. Larger than any window, by more
    /// than the codes add or subtract.
    pub(crate) const UNKNOWN: Self = Self([1 << 30; 4]);

    /// [`Command::distance`] for a copy, and remembers it.
    #[inline(always)]
    pub(crate) fn code(&mut self, distance: u32) -> u32 {
        let [a, b, c, d] = self.0;
        if distance == a {
            return 0;
        }
        let code = if distance == b {
            1
        } else if distance == c {
            2
        } else if distance == d {
            3
        } else if distance.wrapping_sub(a).wrapping_add(3) < 7 {
            Self::near_code(distance as i32 - a as i32) + 4
        } else if distance.wrapping_sub(b).wrapping_add(3) < 7 {
            Self::near_code(distance as i32 - b as i32) + 10
        } else {
            distance + 15
        };
        self.0 = [distance, a, b, c];
        code
    }

    #[inline(always)]
    fn near_code(difference: i32) -> u32 {
        2 * difference.unsigned_abs() - if difference < 0 { 2 } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_lies_in_the_range_of_its_code() {
        for length in (0..30_000).chain([1 << 20, (1 << 21) + 5]) {
            let (base, count) = INSERT[insert_code(length)];
            assert!(length >= base && length - base < 1 << count, "insert {length}");
            if length >= 2 {
                let (base, count) = COPY[copy_code(length)];
                assert!(length >= base && length - base < 1 << count, "copy {length}");
            }
        }
    }

    #[test]
    fn a_symbol_stands_for_the_lengths_that_have_it() {
        for insert in (0..200).chain([2113, 2114, 6209, 6210, 22593, 22594, 1 << 20]) {
            for copy in (2..200).chain([2117, 2118, 1 << 20]) {
                for distance in [0, 16] {
                    let command = Command { insert, copy, distance };
                    let (inserts, copies, is_last) = ranges(command.symbol());
                    let [insert_extra, copy_extra] = command.extras();
                    assert_eq!((inserts.0 + insert_extra.value, inserts.1), (insert, insert_extra.count));
                    assert_eq!((copies.0 + copy_extra.value, copies.1), (copy, copy_extra.count));
                    assert_eq!(is_last, !command.has_distance());
                }
            }
        }
    }

    #[test]
    fn a_distance_is_what_its_symbol_and_extra_bits_say() {
        for postfix in 0..4 {
            for direct in [0, 1 << postfix, 15 << postfix] {
                let form = DistanceForm { postfix, direct };
                for distance in (1..5000).chain([1 << 16, (1 << 22) + 77, (1 << 24) - 16]) {
                    let (symbol, extra) = form.symbol(distance + 15);
                    assert!(symbol < form.symbols());
                    let symbol = symbol as u32;
                    if symbol < 16 + direct {
                        assert_eq!(symbol - 15, distance);
                        continue;
                    }
                    let code = symbol - direct - 16;
                    let count = 1 + (code >> (postfix + 1));
                    assert_eq!(count, extra.count);
                    let offset = ((2 + ((code >> postfix) & 1)) << count) - 4;
                    let low = code & ((1 << postfix) - 1);
                    assert_eq!(((offset + extra.value) << postfix) + low + direct + 1, distance);
                }
            }
        }
    }
}
