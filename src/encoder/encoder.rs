//! The encoder: bytes in, a brotli stream or a part of one out, by the step contract.

use std::ops::Range;

use crate::{
    bits::Bits,
    command::{Command, LastDistances},
    contract::{Encoded, End, MetaBlock, Options, OutOfMemory, Start, window_header},
    effort::Effort,
    matcher::KEY_BYTES,
    metablock::{self, Content, Workspace},
    noise,
    parse::{Parser, Piece, Progress, SPREE, View},
};

/// Bytes that are parsed at once, from each multiple of it on: a call's share.
const PIECE: usize = 64 << 10;

/// Bytes after which a meta-block ends, and commands after which it ends early, at a piece's end.
const META_BLOCK: usize = 2 << 20;
const MOST_COMMANDS: usize = 1 << 18;

/// Commands that a piece adds at most: a copy takes two bytes.
const PIECE_COMMANDS: usize = PIECE / 2 + 1;

/// Meta-blocks of noise between two tries to compress it.
const UNTRIED: u8 = 16;

/// Places of a primed window that one call stores.
const PRIMED: usize = 4 * PIECE;

/// Readable bytes after the last that is known.
const SLACK: usize = 32;

/// More bytes than any window or meta-block has.
const MUCH: usize = 1 << 26;

/// Where the numbers of places begin: more than a window after the zeros with which tables begin.
const FIRST_POSITION: u32 = 1 << 25;

/// One brotli stream, or a segment of one.
#[derive(Debug)]
pub struct Encoder {
    parser: Parser,
    workspace: Workspace,
    commands: Vec<Command>,
    output: Bits,
    /// Bytes of `output` that the caller has.
    delivered: usize,
    bytes: Vec<u8>,
    /// Bytes of it that are known, are parsed, and precede the present meta-block.
    known: usize,
    parsed: usize,
    block: usize,
    base: u32,
    floor: usize,
    window: usize,
    progress: Progress,
    /// The last distances where the present meta-block begins.
    block_last: LastDistances,
    /// Bytes of the present meta-block after which it ends.
    block_limit: usize,
    /// Literals that are yet to be written in an uncompressed meta-block.
    bare: usize,
    finished: bool,
    first_block: bool,
    /// Places of a primed window that are not stored yet.
    unstored: Range<usize>,
    /// Meta-blocks that may still be left as they are where they look like the one that could not be shrunk.
    untried: u8,
}

/// Sizes that follow from the options.
struct Sizes {
    long_bits: u32,
    short_bits: u32,
    buffer: usize,
    /// The furthest that a copy reaches.
    reach: usize,
    block: usize,
    commands: usize,
}

impl Sizes {
    fn of(options: &Options) -> Self {
        let window = 1_usize << options.lgwin;
        let expected = options.expected.map_or(MUCH, |bytes| usize::try_from(bytes).unwrap_or(MUCH).min(MUCH));
        let useful = window.min(expected).max(1 << 10);
        // A row of 64 entries for each 256 bytes of the window, up to 4 MiB: larger tables find little more, and miss the
        // cache. Short copies look no further than 2^20 back.
        let useful = useful.next_power_of_two().ilog2();
        let long_bits = useful.saturating_sub(8).clamp(4, if options.lgwin > 22 { 15 } else { 14 });
        let short_bits = useful.saturating_sub(4).clamp(6, 14);
        let block = META_BLOCK.min(expected.max(1)).next_multiple_of(PIECE);
        let reach = (window - 16).min(expected.next_multiple_of(PIECE).max(PIECE));
        // With a window or less to spare, so that moving it is rare.
        let buffer = reach + block + 2 * PIECE + if expected > reach { reach / 2 } else { 0 } + SLACK;
        // A copy takes two bytes; the end may bring a few more in the same block.
        let commands = MOST_COMMANDS.min(block / 2) + PIECE_COMMANDS + KEY_BYTES;
        Self { long_bits, short_bits, buffer, reach, block, commands }
    }
}

impl Encoder {
    /// Memory that [`Encoder::new`] takes.
    pub fn memory_bytes(options: &Options) -> u64 {
        let sizes = Sizes::of(options);
        let commands = (sizes.commands * size_of::<Command>()) as u64;
        Parser::memory_bytes(sizes.long_bits, sizes.short_bits)
            + sizes.buffer as u64
            + (sizes.block + PIECE) as u64
            + commands
            + (2 << 20)
    }

    /// Takes all memory that it will ever need.
    pub fn new(options: &Options) -> Result<Self, OutOfMemory> {
        debug_assert!((10..=24).contains(&options.lgwin));
        Self::build(options).ok_or_else(|| OutOfMemory(Self::memory_bytes(options)))
    }

    fn build(options: &Options) -> Option<Self> {
        let sizes = Sizes::of(options);
        let mut output = Bits::new(crate::room(sizes.block + PIECE, 0)?);
        let bare = match options.start {
            Start::Stream => {
                let (bits, count) = window_header(options.lgwin);
                output.write(count, bits.into());
                0
            }
            Start::Segment => 2,
        };
        let last = if options.start == Start::Stream { LastDistances::START } else { LastDistances::UNKNOWN };
        Some(Self {
            parser: Parser::new(sizes.long_bits, sizes.short_bits, Effort::of(options.quality))?,
            workspace: Workspace::new(sizes.block, sizes.commands)?,
            commands: crate::empty(sizes.commands)?,
            output,
            delivered: 0,
            bytes: crate::room(sizes.buffer, 0)?,
            known: 0,
            parsed: 0,
            block: 0,
            base: FIRST_POSITION,
            floor: 0,
            window: sizes.reach,
            progress: Progress { last, insert: 0, stored: 0, sparse: SPREE },
            block_last: last,
            block_limit: sizes.block,
            bare,
            finished: false,
            first_block: true,
            unstored: 0..0,
            untried: 0,
        })
    }

    /// Takes the bytes that precede a segment, before the first write. Copies may reach as many of them as the window holds. The
    /// state afterwards depends on these bytes alone. Their places are stored by the next calls, a share at a time.
    pub fn prime(&mut self, before: &[u8]) {
        debug_assert!(self.known == 0 && self.commands.is_empty());
        let before = &before[before.len().saturating_sub(self.window)..];
        self.bytes[..before.len()].copy_from_slice(before);
        self.begin_after(before.len());
    }

    /// Goes on after a segment that is written to its end, with the state of a new encoder of these options that is primed with
    /// all bytes so far: so a segment does not depend on whether the ones before it are encoded in the same place.
    pub fn next_part(&mut self) {
        debug_assert!(self.finished && self.output.written().is_empty() && self.output.is_aligned());
        let length = self.known.min(self.window);
        self.bytes.copy_within(self.known - length..self.known, 0);
        self.parser.clear();
        self.workspace.clear();
        self.finished = false;
        self.first_block = true;
        self.untried = 0;
        self.begin_after(length);
    }

    /// Begins a part of a stream after the first `length` bytes of the buffer.
    fn begin_after(&mut self, length: usize) {
        (self.known, self.parsed, self.block) = (length, length, length);
        (self.base, self.floor, self.bare) = (FIRST_POSITION, 0, 0);
        self.progress = Progress { last: LastDistances::UNKNOWN, insert: 0, stored: 0, sparse: length + SPREE };
        self.block_last = self.progress.last;
        // The last places have no key yet; the first piece makes up for them.
        self.unstored = 0..length.saturating_sub(KEY_BYTES);
    }

    /// Stores a share of the places of a primed window.
    fn store_primed(&mut self) {
        let view = View { bytes: &self.bytes, base: self.base, floor: self.floor, window: self.window };
        let end = self.unstored.end.min(self.unstored.start + PRIMED);
        self.parser.prime(view, self.unstored.start..end, self.block);
        self.unstored.start = end;
        self.progress.stored = end;
    }

    /// Changes the effort from the next piece on. All qualities have the same tables: nothing of the window is lost.
    pub fn set_quality(&mut self, quality: u8) {
        self.parser.set_effort(Effort::of(quality));
    }

    /// Takes bytes from the front of `input`, may write to the front of `output`. Does a bounded amount of work; consumes
    /// nothing while [`Encoded::output_full`].
    pub fn write(&mut self, input: &[u8], output: &mut [u8]) -> Encoded {
        let mut encoded = Encoded::default();
        self.deliver(output, &mut encoded);
        if encoded.output_full || input.is_empty() {
            return encoded;
        }
        if !self.unstored.is_empty() {
            self.store_primed();
            return encoded;
        }
        self.make_room();
        encoded.consumed = input.len().min(self.parsed + PIECE + KEY_BYTES - self.known);
        let end = self.known + encoded.consumed;
        self.bytes[self.known..end].copy_from_slice(&input[..encoded.consumed]);
        self.known = end;
        if self.bare > 0 && self.known >= self.bare {
            self.write_bare();
        }
        if self.known >= self.parsed + PIECE + KEY_BYTES {
            self.parse(self.parsed + PIECE);
            if self.parsed - self.block >= self.block_limit || self.commands.len() >= MOST_COMMANDS {
                encoded.ended = Some(self.end_block(false));
                self.deliver(output, &mut encoded);
            }
        }
        encoded
    }

    /// Ends the stream or the segment; call until it is finished.
    pub fn finish(&mut self, end: End, output: &mut [u8]) -> Encoded {
        let mut encoded = Encoded::default();
        self.deliver(output, &mut encoded);
        if encoded.output_full || self.finished {
            encoded.finished = self.finished && !encoded.output_full;
            return encoded;
        }
        if !self.unstored.is_empty() && self.parsed < self.known {
            self.store_primed();
            return encoded;
        }
        self.bare = self.bare.min(self.known);
        if self.bare > 0 {
            self.write_bare();
        }
        if self.parsed < self.known {
            self.parse((self.parsed + PIECE).min(self.known));
            if self.parsed < self.known {
                return encoded;
            }
        }
        if self.parsed > self.block {
            encoded.ended = Some(self.end_block(end == End::Stream));
        } else if end == End::Stream {
            self.write_end();
        }
        if end == End::Segment && !self.output.is_aligned() {
            // An empty metadata block: not the last, no length, nothing to skip (RFC 7932 §9.2).
            self.output.write(6, 0b00_0110);
            self.output.align();
        }
        self.finished = true;
        self.deliver(output, &mut encoded);
        encoded.finished = !encoded.output_full;
        encoded
    }

    fn write_end(&mut self) {
        self.output.write(2, 0b11);
        self.output.align();
    }

    fn deliver(&mut self, output: &mut [u8], encoded: &mut Encoded) {
        let written = &self.output.written()[self.delivered..];
        let room = &mut output[encoded.produced..];
        let count = written.len().min(room.len());
        room[..count].copy_from_slice(&written[..count]);
        self.delivered += count;
        encoded.produced += count;
        encoded.output_full = self.delivered < self.output.written().len();
        if !encoded.output_full {
            self.output.clear();
            self.delivered = 0;
        }
    }

    fn parse(&mut self, end: usize) {
        let view = View { bytes: &self.bytes, base: self.base, floor: self.floor, window: self.window };
        let piece = Piece { start: self.parsed, end, known: self.known };
        if self.untried > 0 && noise::is_even(&self.bytes[piece.start..end]) {
            self.progress.insert += end - piece.start;
            self.progress.stored = end;
        } else {
            self.parser.parse(view, piece, &mut self.progress, &mut self.commands);
        }
        self.parsed = end;
        if self.first_block {
            let price = self.early_price();
            self.parser.set_literal_price(price);
        }
    }

    /// A literal's cost in the first meta-block so far, in 1/16 bit, by their counts alone.
    fn early_price(&self) -> u32 {
        let mut counts = [0_u32; 256];
        let mut at = self.block;
        for command in &self.commands {
            for &byte in &self.bytes[at..at + command.insert as usize] {
                counts[usize::from(byte)] += 1;
            }
            at += (command.insert + command.copy) as usize;
        }
        let total: u32 = counts.iter().sum();
        if total == 0 {
            return 5 * 16;
        }
        // Contexts make literals a tenth cheaper.
        let bits = crate::cost::histogram_cost(&counts) * 9 / 10;
        (bits * 16 / crate::cost::BIT / i64::from(total)).clamp(16, 8 * 16) as u32
    }

    /// Writes the waiting input as one meta-block.
    fn end_block(&mut self, last: bool) -> MetaBlock {
        if self.progress.insert > 0 {
            self.commands.push(Command { insert: self.progress.insert as u32, copy: 0, distance: 0 });
            self.progress.insert = 0;
        }
        let before = self.output.written().len();
        let (start, end) = (self.block, self.parsed);
        let mark = self.output.mark();
        let back = |by: usize| if start >= by { self.bytes[start - by] } else { 0 };
        let content = Content { window: &self.bytes, start, end, before: [back(1), back(2)], commands: &self.commands };
        let length = end - start;
        // Literals alone, as noise is left.
        let untried = self.untried > 0 && self.commands.len() == 1 && self.commands[0].copy == 0;
        let bare = untried || self.has_few_copies() && noise::is_noise(&self.bytes[start..end]);
        if !bare {
            self.workspace.write(content, last, &mut self.output);
        }
        let copied = bare || self.output.is_full() || self.output.written().len() - before > length;
        if copied {
            self.output.rewind(mark);
            // A decoder sees none of its copies.
            self.progress.last = self.block_last;
            copy(&self.bytes[start..end], &mut self.output);
            if last {
                self.write_end();
            }
        }
        self.untried = match (copied && length >= PIECE, self.untried) {
            (false, _) => 0,
            (true, 0) => UNTRIED,
            (true, left) => left - 1,
        };
        self.first_block = false;
        let given = self.output.written().len() - before;
        // Fonts lose 7 % where each place is stored, programs win 0.1 %, and saves 1.5 %.
        self.parser.set_dense(given < length / 4);
        self.parser.set_literal_price(self.workspace.literal_price);
        self.commands.clear();
        self.block = end;
        self.block_last = self.progress.last;
        MetaBlock { taken: length as u64, given: given as u64, copied: untried }
    }

    /// True if the present meta-block is a hundredth copies at most.
    fn has_few_copies(&self) -> bool {
        let length = self.parsed - self.block;
        self.commands.len() <= length >> 8
            && self.commands.iter().map(|command| command.copy as usize).sum::<usize>() <= length / 100
    }

    /// Writes the first literals so that they need no context.
    fn write_bare(&mut self) {
        copy(&self.bytes[..self.bare], &mut self.output);
        self.parsed = self.bare;
        self.block = self.bare;
        self.bare = 0;
    }

    /// Moves the window to the front where the next piece has no room.
    fn make_room(&mut self) {
        if self.parsed + PIECE + KEY_BYTES + SLACK <= self.bytes.len() {
            return;
        }
        // The part that copies may still refer to, or that is still to be written, with the two bytes that are its context.
        let keep =
            self.block.saturating_sub(2).min(self.parsed.saturating_sub(self.window + 16)).min(self.progress.stored);
        self.bytes.copy_within(keep..self.known, 0);
        self.known -= keep;
        self.parsed -= keep;
        self.block -= keep;
        self.progress.stored -= keep;
        self.progress.sparse = self.progress.sparse.saturating_sub(keep);
        self.floor = self.floor.saturating_sub(keep);
        self.base = self.base.wrapping_add(keep as u32);
    }
}

/// An uncompressed meta-block (RFC 7932 §9.2).
fn copy(bytes: &[u8], output: &mut Bits) {
    metablock::write_header(bytes.len(), false, output);
    output.write(1, 1);
    output.align();
    output.copy(bytes);
}
