//! A meta-block of commands: its block types, contexts and codes, chosen and written (RFC 7932 §9.2).

use crate::{
    bits::Bits,
    blocks::Blocks,
    cluster,
    command::{self, Command, DistanceForm, Extra},
    context::{CONTEXTS, Lookup, Mode},
    context_map,
    cost::{self, BIT},
    parse::FIRST_LITERAL_PRICE,
    split::{Plan, Split},
    trees::Trees,
};

/// Groups of literal contexts, each with a code of its own in each block type.
const MOST_GROUPS: usize = 12;
pub(crate) const MOST_TYPES: usize = 20;
/// Literals that are enough to choose a mode of contexts. With an eighth of them, few literals in many contexts looked dearer than
/// they are: fonts and programs were 1 % larger.
const SAMPLE: usize = 1 << 17;
const LITERALS: usize = 256;
const DISTANCE_CONTEXTS: usize = 4;
/// The largest alphabet that is used: see [`FORMS`].
const DISTANCES: usize = 16 + 15 + (48 << 2);

/// Memory that writing a meta-block takes.
#[derive(Debug)]
pub(crate) struct Workspace {
    literals: Split,
    commands: Split,
    distances: Split,
    counts: Vec<u32>,
    sampled: Vec<u32>,
    literal_codes: Trees,
    command_codes: Trees,
    distance_codes: Trees,
    /// Mean cost of a literal in the last meta-block in 1/16 bit.
    pub(crate) literal_price: u32,
}

/// The input of one meta-block: bytes `start..end` of `window`, as divided by `commands`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content<'a> {
    pub(crate) window: &'a [u8],
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The two bytes before `start`, the last first.
    pub(crate) before: [u8; 2],
    pub(crate) commands: &'a [Command],
}

impl Content<'_> {
    /// Calls `each` with every literal and the two bytes before it.
    #[inline(always)]
    fn literals(&self, step: usize, mut each: impl FnMut(u8, u8, u8)) {
        let mut at = self.start;
        for (number, command) in self.commands.iter().enumerate() {
            let insert = command.insert as usize;
            if number % step == 0 && insert > 0 {
                let [mut last, mut second] = self.bytes_before(at);
                for &byte in &self.window[at..at + insert] {
                    each(byte, last, second);
                    (last, second) = (byte, last);
                }
            }
            at += insert + command.copy as usize;
        }
    }

    #[inline(always)]
    fn bytes_before(&self, at: usize) -> [u8; 2] {
        if at >= self.start + 2 {
            [self.window[at - 1], self.window[at - 2]]
        } else if at == self.start + 1 {
            [self.window[at - 1], self.before[0]]
        } else {
            self.before
        }
    }
}

/// Forms of distances that are compared.
const FORMS: [DistanceForm; 4] = [
    DistanceForm { postfix: 0, direct: 0 },
    DistanceForm { postfix: 0, direct: 15 },
    DistanceForm { postfix: 1, direct: 0 },
    DistanceForm { postfix: 2, direct: 0 },
];

impl Workspace {
    /// For meta-blocks of up to so many bytes and commands.
    pub(crate) fn new(bytes: usize, commands: usize) -> Option<Self> {
        let literal = MOST_GROUPS * LITERALS;
        let distance = DISTANCE_CONTEXTS * DISTANCES;
        Some(Self {
            literals: Split::new(MOST_TYPES * literal, literal, 512, bytes / 512 + 2)?,
            commands: Split::new(MOST_TYPES * command::SYMBOLS, command::SYMBOLS, 1024, commands / 1024 + 2)?,
            distances: Split::new(MOST_TYPES * distance, distance, 512, commands / 512 + 2)?,
            counts: crate::empty(CONTEXTS * LITERALS)?,
            sampled: crate::empty(CONTEXTS * LITERALS)?,
            literal_codes: Trees::new(MOST_TYPES * literal, MOST_TYPES * CONTEXTS)?,
            command_codes: Trees::new(MOST_TYPES * command::SYMBOLS, MOST_TYPES)?,
            distance_codes: Trees::new(MOST_TYPES * distance, MOST_TYPES * DISTANCE_CONTEXTS)?,
            literal_price: FIRST_LITERAL_PRICE,
        })
    }

    /// Forgets what was learnt from earlier meta-blocks.
    pub(crate) fn clear(&mut self) {
        self.literal_price = FIRST_LITERAL_PRICE;
    }

    /// Writes a compressed meta-block.
    pub(crate) fn write(&mut self, content: Content<'_>, last: bool, bits: &mut Bits) {
        let mode = self.choose_mode(&content);
        let lookup = Lookup::new(mode);
        let mut groups = [0_u8; CONTEXTS];
        self.split_literals(&content, &lookup, &mut groups);
        let form = self.split_commands(&content);

        write_header(content.end - content.start, last, bits);
        if !last {
            bits.write(1, 0);
        }
        let mut literal_blocks = Blocks::begin(&self.literals, bits);
        let mut command_blocks = Blocks::begin(&self.commands, bits);
        let mut distance_blocks = Blocks::begin(&self.distances, bits);
        bits.write(2, u64::from(form.postfix));
        bits.write(4, u64::from(form.direct >> form.postfix));
        for _ in 0..self.literals.types() {
            bits.write(2, mode as u64);
        }
        context_map::write(&self.literal_codes.map, self.literal_codes.number, bits);
        context_map::write(&self.distance_codes.map, self.distance_codes.number, bits);
        self.literal_codes.write(bits);
        self.command_codes.write(bits);
        self.distance_codes.write(bits);

        let mut at = content.start;
        let (mut literal_bits, mut literals) = (0_u64, 0_u64);
        for command in content.commands {
            let codes = self.command_codes.tree(command_blocks.step(bits));
            codes[command.symbol()].put(bits);
            for Extra { count, value } in command.extras() {
                bits.write(count, u64::from(value));
            }
            let insert = command.insert as usize;
            if insert > 0 {
                let [mut last, mut second] = content.bytes_before(at);
                for &byte in &content.window[at..at + insert] {
                    let type_ = literal_blocks.step(bits);
                    let codes = self.literal_codes.tree(type_ * CONTEXTS + lookup.context(last, second));
                    let code = codes[usize::from(byte)];
                    code.put(bits);
                    literal_bits += u64::from(code.length());
                    (last, second) = (byte, last);
                }
                literals += insert as u64;
            }
            at += insert + command.copy as usize;
            if command.has_distance() {
                let type_ = distance_blocks.step(bits);
                let codes = self.distance_codes.tree(type_ * DISTANCE_CONTEXTS + command.distance_context());
                let (symbol, extra) = form.symbol(command.distance);
                codes[symbol].put(bits);
                bits.write(extra.count, u64::from(extra.value));
            }
        }
        if let Some(price) = (literal_bits * 16).checked_div(literals) {
            self.literal_price = price as u32;
        }
        if last {
            bits.align();
        }
    }

    /// The mode of literal contexts that says the most, by a sample of the literals where there are many.
    fn choose_mode(&mut self, content: &Content<'_>) -> Mode {
        let literals: usize = content.commands.iter().map(|command| command.insert as usize).sum();
        let step = literals / SAMPLE + 1;
        let mut best = (Mode::Utf8, i64::MAX);
        for mode in [Mode::Utf8, Mode::Signed, Mode::Msb6, Mode::Lsb6] {
            let lookup = Lookup::new(mode);
            let counts = &mut self.sampled;
            counts.clear();
            counts.resize(CONTEXTS * LITERALS, 0);
            content.literals(step, |byte, last, second| {
                counts[lookup.context(last, second) * LITERALS + usize::from(byte)] += 1;
            });
            let cost: i64 = counts.chunks_exact(LITERALS).map(cost::histogram_cost).sum();
            if cost < best.1 {
                best = (mode, cost);
            }
        }
        best.0
    }

    fn split_literals(&mut self, content: &Content<'_>, lookup: &Lookup, groups: &mut [u8; CONTEXTS]) {
        self.counts.clear();
        self.counts.resize(CONTEXTS * LITERALS, 0);
        let counts = &mut self.counts;
        content.literals(1, |byte, last, second| {
            counts[lookup.context(last, second) * LITERALS + usize::from(byte)] += 1;
        });
        let number = cluster::group(counts, LITERALS, MOST_GROUPS, groups);
        self.literals.begin(Plan {
            alphabet: LITERALS,
            groups: number,
            chunk: 512,
            threshold: 400 * BIT,
            most_types: MOST_TYPES,
        });
        let split = &mut self.literals;
        content.literals(1, |byte, last, second| {
            split.add(usize::from(groups[lookup.context(last, second)]), usize::from(byte))
        });
        split.end();
        self.literal_codes.gather(&self.literals, LITERALS, number, groups);
    }

    fn split_commands(&mut self, content: &Content<'_>) -> DistanceForm {
        let form = self.choose_form(content);
        let alphabet = form.symbols();
        self.commands.begin(Plan {
            alphabet: command::SYMBOLS,
            groups: 1,
            chunk: 1024,
            threshold: 500 * BIT,
            most_types: MOST_TYPES,
        });
        self.distances.begin(Plan {
            alphabet,
            groups: DISTANCE_CONTEXTS,
            chunk: 512,
            threshold: 150 * BIT,
            most_types: MOST_TYPES,
        });
        for command in content.commands {
            self.commands.add(0, command.symbol());
            if command.has_distance() {
                self.distances.add(command.distance_context(), form.symbol(command.distance).0);
            }
        }
        self.commands.end();
        self.distances.end();
        self.command_codes.take(&self.commands, command::SYMBOLS);
        self.distance_codes.gather(&self.distances, alphabet, DISTANCE_CONTEXTS, &[0, 1, 2, 3]);
        form
    }

    fn choose_form(&self, content: &Content<'_>) -> DistanceForm {
        let mut best = (FORMS[0], i64::MAX);
        for form in FORMS {
            let mut counts = [0_u32; DISTANCES];
            let mut extra_bits = 0;
            for command in content.commands.iter().step_by(4).filter(|command| command.has_distance()) {
                let (symbol, extra) = form.symbol(command.distance);
                counts[symbol] += 1;
                extra_bits += i64::from(extra.count);
            }
            let cost = cost::histogram_cost(&counts) + extra_bits * BIT;
            if cost < best.1 {
                best = (form, cost);
            }
        }
        best.0
    }
}

/// ISLAST and the length, of a meta-block that is not empty (RFC 7932 §9.2).
pub(crate) fn write_header(length: usize, last: bool, bits: &mut Bits) {
    bits.write(1, u64::from(last));
    if last {
        bits.write(1, 0);
    }
    let rest = length as u64 - 1;
    let nibbles = (u64::BITS - rest.leading_zeros()).div_ceil(4).max(4);
    bits.write(2, u64::from(nibbles) - 4);
    bits.write(4 * nibbles, rest);
}
