//! Prefix codes as a decoder needs them: their lengths from the stream, and symbols by their bits (RFC 7932 §3).

use super::{fault::Fault, input::Input};

/// The longest code in bits.
const LONGEST: usize = 15;

/// Bits that are looked up at once.
const ROOT: u32 = 9;

/// Room for the sum of 2^-length over all symbols, in units of 2^-15: a complete code uses all.
const WHOLE: u32 = 1 << LONGEST;

/// A code, ready to decode.
#[derive(Debug, Clone)]
pub(super) struct Code {
    /// By the next [`ROOT`] bits: a symbol and its length, `symbol << 4 | length`. Length 0: the code is longer.
    table: Box<[u16]>,
    /// The longer codes, as numbers with the first bit highest: the first of each length, and how many there are.
    first: [u16; LONGEST + 1],
    count: [u16; LONGEST + 1],
    /// Their symbols, shorter codes first.
    long: Box<[u16]>,
}

impl Code {
    /// The code of one symbol, which takes no bits.
    fn of_one(symbol: u16) -> Self {
        // Its length is 0, and no code is longer.
        Self { table: Box::new([symbol << 4]), first: [0; LONGEST + 1], count: [0; LONGEST + 1], long: Box::default() }
    }

    /// The canonical code with these lengths (RFC 7932 §3.2). They make a complete code.
    pub(super) fn new(lengths: &[u8]) -> Self {
        let mut count = [0_u16; LONGEST + 1];
        for &length in lengths {
            count[usize::from(length)] += 1;
        }
        count[0] = 0;
        let mut first = [0_u16; LONGEST + 1];
        let mut next = 0_u32;
        for length in 1..=LONGEST {
            next = (next + u32::from(count[length - 1])) << 1;
            first[length] = next as u16;
        }
        let mut sorted: Vec<u16> =
            (0..lengths.len() as u16).filter(|&symbol| lengths[usize::from(symbol)] > 0).collect();
        sorted.sort_by_key(|&symbol| lengths[usize::from(symbol)]);
        let mut table = vec![0_u16; 1 << ROOT].into_boxed_slice();
        let mut code = 0_u32;
        let mut before = 0;
        let mut short = 0;
        for &symbol in &sorted {
            let length = u32::from(lengths[usize::from(symbol)]);
            if length > ROOT {
                break;
            }
            code <<= length - before;
            before = length;
            let start = (code.reverse_bits() >> (32 - length)) as usize;
            for at in (start..1 << ROOT).step_by(1 << length) {
                table[at] = symbol << 4 | length as u16;
            }
            code += 1;
            short += 1;
        }
        Self { table, first, count, long: sorted.split_off(short).into() }
    }

    /// Takes one symbol.
    #[inline(always)]
    pub(super) fn decode(&self, input: &mut Input) -> usize {
        let bits = input.peek();
        let entry = self.table[bits as usize & (self.table.len() - 1)];
        if entry & 15 == 0 && !self.long.is_empty() {
            return self.decode_long(input);
        }
        input.skip(u32::from(entry & 15));
        usize::from(entry >> 4)
    }

    #[cold]
    fn decode_long(&self, input: &mut Input) -> usize {
        let bits = input.peek() as u32;
        let mut index = 0;
        for length in ROOT + 1..=LONGEST as u32 {
            let code = (bits.reverse_bits() >> (32 - length)) as usize;
            let (first, count) = (usize::from(self.first[length as usize]), usize::from(self.count[length as usize]));
            if (first..first + count).contains(&code) {
                input.skip(length);
                return usize::from(self.long[index + code - first]);
            }
            index += count;
        }
        unreachable!("the code is complete, so that every bit pattern begins with a code")
    }
}

/// Lengths of the code lengths, in the order of the stream.
const ORDER: [u8; 18] = [1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The code of those lengths by the next four bits: its own length and the value (RFC 7932 §3.5).
const LENGTH_CODE: [(u32, u8); 16] = [
    (2, 0),
    (2, 4),
    (2, 3),
    (3, 2),
    (2, 0),
    (2, 4),
    (2, 3),
    (4, 1),
    (2, 0),
    (2, 4),
    (2, 3),
    (3, 2),
    (2, 0),
    (2, 4),
    (2, 3),
    (4, 5),
];

/// The codes 16 and 17 repeat: the last length, or none.
const REPEAT: u8 = 16;

/// The reader of one code. Each call takes [`READY`] bits at most.
///
/// [`READY`]: super::input::READY
#[derive(Debug)]
pub(super) struct CodeReader {
    symbols: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Start,
    /// The lengths of the code for lengths: the next of [`ORDER`], and the room that is left, in units of 2^-5.
    Lengths {
        lengths: [u8; 18],
        next: usize,
        room: u32,
    },
    /// The lengths of the symbols.
    Symbols(Symbols),
}

#[derive(Debug)]
struct Symbols {
    code: Code,
    lengths: Vec<u8>,
    /// In units of 2^-15.
    room: u32,
    /// The last length that was not 0.
    last: u8,
    /// The repetition that just ended: its symbol and its count.
    repeated: (u8, u32),
}

impl CodeReader {
    pub(super) fn new(symbols: usize) -> Self {
        Self { symbols, stage: Stage::Start }
    }

    /// Reads on. The code, once it is complete.
    pub(super) fn read(&mut self, input: &mut Input) -> Result<Option<Code>, Fault> {
        match &mut self.stage {
            Stage::Start => {
                let skipped = input.take(2) as usize;
                if skipped == 1 {
                    return self.simple(input).map(Some);
                }
                self.stage = Stage::Lengths { lengths: [0; 18], next: skipped, room: 32 };
            }
            Stage::Lengths { lengths, next, room } => {
                if *next < ORDER.len() && *room > 0 {
                    let (bits, length) = LENGTH_CODE[input.peek() as usize & 15];
                    input.skip(bits);
                    lengths[usize::from(ORDER[*next])] = length;
                    *next += 1;
                    if length > 0 {
                        *room =
                            room.checked_sub(32 >> length).ok_or(Fault::Invalid("a code of lengths is too long"))?;
                    }
                    return Ok(None);
                }
                let mut used = (0..18_u16).filter(|&symbol| lengths[usize::from(symbol)] > 0);
                let code = match (used.next(), used.next()) {
                    (Some(only), None) => Code::of_one(only),
                    _ if *room > 0 => return Err(Fault::Invalid("a code of lengths is incomplete")),
                    _ => Code::new(lengths),
                };
                let lengths = Vec::with_capacity(self.symbols);
                self.stage = Stage::Symbols(Symbols { code, lengths, room: WHOLE, last: 8, repeated: (0, 0) });
            }
            Stage::Symbols(symbols) => {
                if symbols.room > 0 && symbols.lengths.len() < self.symbols {
                    symbols.read(input, self.symbols)?;
                    return Ok(None);
                }
                if symbols.room > 0 {
                    return Err(Fault::Invalid("a prefix code is incomplete"));
                }
                return Ok(Some(Code::new(&symbols.lengths)));
            }
        }
        Ok(None)
    }

    /// One to four symbols (RFC 7932 §3.4).
    fn simple(&self, input: &mut Input) -> Result<Code, Fault> {
        let width = usize::BITS - (self.symbols - 1).leading_zeros();
        let count = input.take(2) as usize + 1;
        let mut symbols = [0_usize; 4];
        for at in 0..count {
            let symbol = input.take(width) as usize;
            if symbol >= self.symbols || symbols[..at].contains(&symbol) {
                return Err(Fault::Invalid("a simple prefix code has an impossible symbol"));
            }
            symbols[at] = symbol;
        }
        let lengths: &[u8] = match count {
            1 => return Ok(Code::of_one(symbols[0] as u16)),
            2 => &[1, 1],
            3 => &[1, 2, 2],
            _ if input.flag() => &[1, 2, 3, 3],
            _ => &[2, 2, 2, 2],
        };
        let mut all = vec![0; self.symbols];
        for (&symbol, &length) in symbols.iter().zip(lengths) {
            all[symbol] = length;
        }
        Ok(Code::new(&all))
    }
}

impl Symbols {
    /// Reads one length or a repetition.
    fn read(&mut self, input: &mut Input, most: usize) -> Result<(), Fault> {
        let symbol = self.code.decode(input) as u8;
        let (length, count) = if symbol < REPEAT {
            self.repeated = (0, 0);
            (symbol, 1)
        } else {
            // A repetition of the same kind right after another multiplies it.
            let width = u32::from(symbol - REPEAT) + 2;
            let before = if self.repeated.0 == symbol { self.repeated.1 } else { 0 };
            let factor = if before > 0 { (before - 2) << width } else { 0 };
            let count = factor + input.take(width) + 3;
            self.repeated = (symbol, count);
            (if symbol == REPEAT { self.last } else { 0 }, count - before)
        };
        if count as usize > most - self.lengths.len() {
            return Err(Fault::Invalid("a prefix code has too many symbols"));
        }
        if length > 0 {
            self.last = length;
            let taken = (WHOLE >> length).saturating_mul(count);
            self.room = self.room.checked_sub(taken).ok_or(Fault::Invalid("a prefix code is too long"))?;
        }
        self.lengths.resize(self.lengths.len() + count as usize, length);
        Ok(())
    }
}
