//! The head of a meta-block: its kind and length, then the codes with which its commands are written (RFC 7932 §9.2).

use std::mem;

use super::{
    code::{Code, CodeReader},
    fault::Fault,
    input::Input,
};
use crate::{
    blocks::BLOCK_LENGTHS,
    command::{self, DistanceForm},
    context::{CONTEXTS, DISTANCE_CONTEXTS},
};

/// Reads the window of a stream (RFC 7932 §9.1): its base-2 logarithm.
pub(super) fn window(input: &mut Input) -> Result<u8, Fault> {
    if !input.flag() {
        return Ok(16);
    }
    match (input.take(3), input.peek() & 7) {
        (0, 0) => {
            input.skip(3);
            Ok(17)
        }
        (0, 1) => Err(Fault::Invalid("its window is larger than the format has")),
        (0, low) => {
            input.skip(3);
            Ok(8 + low as u8)
        }
        (high, _) => Ok(17 + high as u8),
    }
}

/// The furthest that a copy reaches (RFC 7932 §9.1).
pub(super) fn reach(lgwin: u8) -> u64 {
    (1 << lgwin) - 16
}

/// What a meta-block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The stream ends here.
    End,
    /// Bytes to skip.
    Metadata(usize),
    /// Bytes as they are.
    Plain(usize),
    /// Commands that give so many bytes.
    Compressed(usize),
}

/// Reads the kind. Also says whether the stream ends after it.
pub(super) fn kind(input: &mut Input) -> Result<(Kind, bool), Fault> {
    let last = input.flag();
    if last && input.flag() {
        return Ok((Kind::End, true));
    }
    let nibbles = input.take(2) + 4;
    if nibbles == 7 {
        if last || input.flag() {
            return Err(Fault::Invalid("a metadata block has a bit that must be zero"));
        }
        let bytes = input.take(2);
        let length = input.take(8 * bytes);
        if bytes > 1 && length >> (8 * (bytes - 1)) == 0 {
            return Err(Fault::Invalid("the length of a metadata block has a byte too many"));
        }
        aligned(input)?;
        return Ok((Kind::Metadata(if bytes == 0 { 0 } else { length as usize + 1 }), false));
    }
    let length = input.take(4 * nibbles);
    if nibbles > 4 && length >> (4 * (nibbles - 1)) == 0 {
        return Err(Fault::Invalid("the length of a meta-block has a nibble too many"));
    }
    let length = length as usize + 1;
    if !last && input.flag() {
        aligned(input)?;
        return Ok((Kind::Plain(length), false));
    }
    Ok((Kind::Compressed(length), last))
}

pub(super) fn aligned(input: &mut Input) -> Result<(), Fault> {
    if input.align() { Ok(()) } else { Err(Fault::Invalid("the bits that fill a byte are not zero")) }
}

/// Literals, commands, distances: the three kinds of symbols, in the order of the stream.
pub(super) const LITERALS: usize = 0;
pub(super) const COMMANDS: usize = 1;
pub(super) const DISTANCES: usize = 2;

/// The block types of one kind of symbols (RFC 7932 §6).
#[derive(Debug)]
pub(super) struct Blocks {
    types: usize,
    /// The present type, and the one before.
    pub(super) now: usize,
    before: usize,
    /// Symbols that are left in the present block.
    pub(super) left: u32,
    /// The codes of types and lengths, if there are several types.
    codes: Option<(Code, Code)>,
}

impl Blocks {
    fn new(types: usize) -> Self {
        Self { types, now: 0, before: 1, left: u32::MAX, codes: None }
    }

    /// Goes on to the next block.
    pub(super) fn switch(&mut self, input: &mut Input) {
        let Some((types, lengths)) = &self.codes else {
            // The only block has no length of its own, and a meta-block has fewer symbols than this.
            self.left = u32::MAX;
            return;
        };
        let next = match types.decode(input) {
            0 => self.before,
            1 => self.now + 1,
            code => code - 2,
        };
        (self.before, self.now) = (self.now, if next >= self.types { next - self.types } else { next });
        self.left = length(lengths, input);
    }
}

fn length(code: &Code, input: &mut Input) -> u32 {
    let (least, extra) = BLOCK_LENGTHS[code.decode(input)];
    least + input.take(extra)
}

/// The codes of one meta-block.
#[derive(Debug)]
pub(super) struct Codes {
    pub(super) blocks: [Blocks; 3],
    pub(super) form: DistanceForm,
    /// The context mode of each type of literals.
    pub(super) modes: Vec<u8>,
    /// A code's index by type and context.
    pub(super) literal_map: Vec<u8>,
    pub(super) distance_map: Vec<u8>,
    pub(super) codes: [Vec<Code>; 3],
}

/// Reads [`Codes`], a few bits at a time.
#[derive(Debug)]
pub(super) struct CodesReader {
    codes: Codes,
    stage: Stage,
    /// Number of codes of each kind.
    trees: [usize; 3],
}

#[derive(Debug)]
enum Stage {
    Types(usize),
    TypeCode(usize, CodeReader),
    LengthCode(usize, Code, CodeReader),
    FirstLength(usize, Code, Code),
    Form,
    Modes,
    Map(usize),
    MapCode { kind: usize, zeros: u32, reader: CodeReader },
    MapEntries { kind: usize, zeros: u32, code: Code },
    Codes(usize, CodeReader),
}

impl CodesReader {
    pub(super) fn new() -> Self {
        let codes = Codes {
            blocks: std::array::from_fn(|_| Blocks::new(1)),
            form: DistanceForm::default(),
            modes: Vec::new(),
            literal_map: Vec::new(),
            distance_map: Vec::new(),
            codes: Default::default(),
        };
        Self { codes, stage: Stage::Types(LITERALS), trees: [1; 3] }
    }

    /// Reads on; takes [`READY`](super::input::READY) bits at most. The codes, once they are complete.
    pub(super) fn read(mut self: Box<Self>, input: &mut Input) -> Result<Read, Fault> {
        self.stage = match mem::replace(&mut self.stage, Stage::Form) {
            Stage::Types(kind) => {
                let types = count(input);
                self.codes.blocks[kind] = Blocks::new(types);
                if types > 1 { Stage::TypeCode(kind, CodeReader::new(types + 2)) } else { after_types(kind) }
            }
            Stage::TypeCode(kind, mut reader) => match reader.read(input)? {
                Some(types) => Stage::LengthCode(kind, types, CodeReader::new(BLOCK_LENGTHS.len())),
                None => Stage::TypeCode(kind, reader),
            },
            Stage::LengthCode(kind, types, mut reader) => match reader.read(input)? {
                Some(lengths) => Stage::FirstLength(kind, types, lengths),
                None => Stage::LengthCode(kind, types, reader),
            },
            Stage::FirstLength(kind, types, lengths) => {
                let blocks = &mut self.codes.blocks[kind];
                blocks.left = length(&lengths, input);
                blocks.codes = Some((types, lengths));
                after_types(kind)
            }
            Stage::Form => {
                let postfix = input.take(2);
                self.codes.form = DistanceForm { postfix, direct: input.take(4) << postfix };
                Stage::Modes
            }
            Stage::Modes => {
                self.codes.modes.push(input.take(2) as u8);
                if self.codes.modes.len() < self.codes.blocks[LITERALS].types {
                    Stage::Modes
                } else {
                    Stage::Map(LITERALS)
                }
            }
            Stage::Map(kind) => {
                self.trees[kind] = count(input);
                if self.trees[kind] == 1 {
                    let (map, length) = self.map(kind);
                    map.resize(length, 0);
                    self.after_map(kind)
                } else {
                    let zeros = if input.flag() { input.take(4) + 1 } else { 0 };
                    let reader = CodeReader::new(self.trees[kind] + zeros as usize);
                    Stage::MapCode { kind, zeros, reader }
                }
            }
            Stage::MapCode { kind, zeros, mut reader } => match reader.read(input)? {
                Some(code) => Stage::MapEntries { kind, zeros, code },
                None => Stage::MapCode { kind, zeros, reader },
            },
            Stage::MapEntries { kind, zeros, code } => {
                let (map, length) = self.map(kind);
                if map.len() < length {
                    let symbol = code.decode(input) as u32;
                    let run = if symbol <= zeros && symbol > 0 { (1 << symbol) + input.take(symbol) } else { 1 };
                    if run as usize > length - map.len() {
                        return Err(Fault::Invalid("a context map is too long"));
                    }
                    let value = symbol.saturating_sub(zeros);
                    map.resize(map.len() + run as usize, value as u8);
                    Stage::MapEntries { kind, zeros, code }
                } else {
                    if input.flag() {
                        move_to_front(map);
                    }
                    self.after_map(kind)
                }
            }
            Stage::Codes(kind, mut reader) => {
                let Some(code) = reader.read(input)? else {
                    self.stage = Stage::Codes(kind, reader);
                    return Ok(Read::Going(self));
                };
                self.codes.codes[kind].push(code);
                let is_complete = self.codes.codes[kind].len() == self.trees[kind];
                match (is_complete, kind) {
                    (true, DISTANCES) => return Ok(Read::Complete(Box::new(self.codes))),
                    (true, _) => self.codes_of(kind + 1),
                    (false, _) => self.codes_of(kind),
                }
            }
        };
        Ok(Read::Going(self))
    }

    /// The context map of a kind, and its length.
    fn map(&mut self, kind: usize) -> (&mut Vec<u8>, usize) {
        let types = self.codes.blocks[kind].types;
        match kind {
            LITERALS => (&mut self.codes.literal_map, types * CONTEXTS),
            _ => (&mut self.codes.distance_map, types * DISTANCE_CONTEXTS),
        }
    }

    fn after_map(&mut self, kind: usize) -> Stage {
        if kind == LITERALS {
            return Stage::Map(DISTANCES);
        }
        self.trees[COMMANDS] = self.codes.blocks[COMMANDS].types;
        self.codes_of(LITERALS)
    }

    fn codes_of(&self, kind: usize) -> Stage {
        let symbols = match kind {
            LITERALS => 256,
            COMMANDS => command::SYMBOLS,
            _ => self.codes.form.symbols(),
        };
        Stage::Codes(kind, CodeReader::new(symbols))
    }
}

/// The result of [`CodesReader::read`].
pub(super) enum Read {
    Going(Box<CodesReader>),
    Complete(Box<Codes>),
}

fn after_types(kind: usize) -> Stage {
    if kind == DISTANCES { Stage::Form } else { Stage::Types(kind + 1) }
}

/// A number from 1 to 256 (RFC 7932 §9.2, NBLTYPES).
fn count(input: &mut Input) -> usize {
    if !input.flag() {
        return 1;
    }
    let bits = input.take(3);
    (1 << bits) + input.take(bits) as usize + 1
}

/// The inverse of the transform (RFC 7932 §7.3).
fn move_to_front(map: &mut [u8]) {
    let mut order: [u8; 256] = std::array::from_fn(|index| index as u8);
    for value in map {
        let at = usize::from(*value);
        *value = order[at];
        order.copy_within(0..at, 1);
        order[0] = *value;
    }
}
