//! The parse: which copies to use, a place ahead tried before one is taken.

mod place;
#[cfg(test)]
mod tests;

use std::ops::Range;

use self::place::{Found, LEAST, Place};
use crate::{
    command::{Command, LastDistances, NEAR},
    effort::Effort,
    matcher::{self, Buckets, KEY_BYTES, Rows, common, load32},
    work,
};

/// The bytes that are known. Index 0 is `base` in the numbers that tables hold; these may wrap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) base: u32,
    /// No copy begins before.
    pub(crate) floor: usize,
    /// Nor further back than this.
    pub(crate) window: usize,
}

impl View<'_> {
    #[inline(always)]
    fn position(&self, at: usize) -> u32 {
        self.base.wrapping_add(at as u32)
    }
}

/// A piece to be parsed: `start..end`, all of it in commands at its end but for the literals that wait in `insert`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Bytes up to here are known.
    pub(crate) known: usize,
}

/// The state that a parse leaves to the next piece.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) last: LastDistances,
    /// Literals that no command has yet.
    pub(crate) insert: usize,
    /// Up to here places are in the tables, in index.
    pub(crate) stored: usize,
    /// After this index without a copy, places are left out.
    pub(crate) sparse: usize,
}

/// How a place is looked up.
#[derive(Debug, Clone, Copy)]
struct Search {
    /// Candidates of the long table that are looked at.
    depth: usize,
    /// Literals in a row before the place.
    literals: usize,
}

/// The least gain of a copy one place ahead.
const AHEAD: u32 = 175;

/// Literals in a row after which only each second, and after four times as many each fourth place is looked up.
pub(crate) const SPREE: usize = 512;

/// Credit that a lookup takes, a candidate of the long table and one of the short table, where a byte of the input gives
/// [`BYTE_CREDIT`]: hostile input could ask for all of every row at each place. Saves take 6 to 35 for each byte, programs and
/// fonts 45 to 50, numbers that count up would take 98. Without credit, no place is tried ahead, a few candidates are left, and most
/// places are only compared with the last distances.
const LOOKUP: usize = 64;
const CANDIDATE: usize = 16;
const SHORT_CANDIDATE: usize = 8;
const BYTE_CREDIT: usize = 52;
const MOST_CREDIT: usize = 1 << 24;
const LEAST_DEPTH: usize = 4;
/// Without credit, only places with none of these bits in their position are looked up, and stored.
const STRAINED: u32 = 3;
/// Work of storing a place, in the same units.
const STORE: usize = 16;
const LEAST_SHORT: usize = 2;

/// Literals in a row after which the long table stores each second, and each fourth place. A repetition of 13 bytes is still
/// found, and begins earlier than the place that found it. So the table reaches further back where data is mostly literals: in a
/// set of images it found repetitions 3 MB away, and in fonts 1 % more.
const FEW_LITERALS: usize = 8;
const MANY_LITERALS: usize = 32;

/// Cost of a literal in 1/16 bit before any is known.
pub(crate) const FIRST_LITERAL_PRICE: u32 = 5 * 16;

/// Tables, and the choices that depend on them.
#[derive(Debug)]
pub(crate) struct Parser {
    long: Rows<9>,
    short: Buckets<4, 8>,
    effort: Effort,
    /// The credit left for candidates, see [`CANDIDATE`].
    credit: usize,
    /// Copies of four to seven bytes must be nearer than 2 to the power of this.
    limits: [u32; 4],
    /// The long table leaves out places with these bits in their position.
    left_out: u32,
}

impl Parser {
    pub(crate) fn memory_bytes(long_bits: u32, short_bits: u32) -> u64 {
        Rows::<9>::memory_bytes(long_bits) + Buckets::<4, 8>::memory_bytes(short_bits)
    }

    pub(crate) fn new(long_bits: u32, short_bits: u32, effort: Effort) -> Option<Self> {
        let mut parser = Self {
            long: Rows::new(long_bits)?,
            short: Buckets::new(short_bits)?,
            effort,
            credit: MOST_CREDIT,
            limits: [0; 4],
            left_out: 0,
        };
        parser.set_effort(effort);
        parser.set_literal_price(FIRST_LITERAL_PRICE);
        Some(parser)
    }

    pub(crate) fn set_effort(&mut self, effort: Effort) {
        self.effort = effort;
        self.long.set_small(effort.depth <= 16);
    }

    /// Sets how far short copies may reach, from the cost of a literal in 1/16 bit: they must be cheaper.
    pub(crate) fn set_literal_price(&mut self, price: u32) {
        const MOST: [u32; 4] = [16, 18, 19, 20];
        const REST: u32 = 10 * 16;
        for (at, limit) in self.limits.iter_mut().enumerate() {
            *limit = ((at as u32 + 4) * price).saturating_sub(REST) / 16;
            *limit = (*limit).min(MOST[at]);
        }
    }

    /// Sets whether the long table stores each place, or each second one and so reaches twice as far back.
    pub(crate) fn set_dense(&mut self, dense: bool) {
        self.left_out = u32::from(!dense);
    }

    /// Forgets all places and what was learnt from them.
    pub(crate) fn clear(&mut self) {
        self.long.clear();
        self.short.clear();
        self.credit = MOST_CREDIT;
        self.set_dense(true);
        self.set_literal_price(FIRST_LITERAL_PRICE);
    }

    /// Stores places of a window that ends at `end`. The long table gets the nearest places, as many as it has room for, and before
    /// them as many again, evenly spread; the short one only the last ones, because newer places would displace the others.
    pub(crate) fn prime(&mut self, view: View<'_>, places: Range<usize>, end: usize) {
        let room = self.long.capacity();
        let near = end.saturating_sub(room);
        let step = (end / room + 1).next_power_of_two();
        let short = end.saturating_sub(self.short.capacity() * 2);
        for at in places {
            if at >= near || view.position(at) & (step as u32 - 1) == 0 {
                self.long.insert(view.bytes, at, view.position(at));
            }
            if at >= short {
                self.short.insert(view.bytes, at, view.position(at));
            }
        }
    }

    /// Stores all places of `from..to`; their keys are known.
    pub(crate) fn store(&mut self, view: View<'_>, from: usize, to: usize) {
        work::count(to.saturating_sub(from) * STORE);
        for at in from..to {
            if view.position(at) & self.left_out == 0 {
                self.long.insert(view.bytes, at, view.position(at));
            }
            self.short.insert(view.bytes, at, view.position(at));
        }
    }

    #[inline(always)]
    fn find(
        &mut self,
        view: View<'_>,
        at: usize,
        most: usize,
        last: &LastDistances,
        Search { depth, literals }: Search,
        best: &mut Found,
    ) {
        let bytes = view.bytes;
        let reach = view.window.min(at - view.floor);
        let position = view.position(at);
        let place = Place { bytes, at, here: load32(bytes, at), position, reach, most };
        let mut found = *best;
        self.credit = self.credit.saturating_sub(LOOKUP);
        if self.credit == 0 && position & STRAINED != 0 {
            for code in 0..4 {
                place.try_last(&mut found, code, last.0[code] as usize);
            }
            *best = found;
            return;
        }
        work::count(LOOKUP);
        // A place without a copy is followed by the next, and so is one with a copy: it is tried ahead.
        self.long.touch(bytes, at + 1);
        self.short.touch(bytes, at + 1);

        for code in 0..4 {
            place.try_last(&mut found, code, last.0[code] as usize);
        }
        for (of, codes) in [4..10, 10..16].into_iter().enumerate().take(self.effort.near) {
            if place.may_be_near(last.0[of] as usize) {
                for (code, difference) in codes.zip(NEAR) {
                    place.try_last(&mut found, code, last.0[of].wrapping_add_signed(difference) as usize);
                }
            }
        }

        let left_out = match () {
            () if literals > MANY_LITERALS => 3,
            () if literals > FEW_LITERALS => 1,
            () => self.left_out,
        };
        let stored = position & left_out == 0;
        let limits = self.limits;
        if found.length < most {
            let most = depth.min(self.credit / CANDIDATE + LEAST_DEPTH);
            let mut looked = 0;
            self.long.search(bytes, at, stored.then_some(position), most, |candidate| {
                looked += 1;
                place.try_entry(&mut found, candidate, &limits)
            });
            self.credit = self.credit.saturating_sub(looked * CANDIDATE);
            work::count(looked * CANDIDATE);
        } else if stored {
            self.long.insert(bytes, at, position);
        }
        let entries = self.short.exchange(bytes, at, position);
        if found.length < self.effort.enough.min(most) {
            let most = self.effort.short.min(self.credit / SHORT_CANDIDATE + LEAST_SHORT);
            self.credit = self.credit.saturating_sub(most * SHORT_CANDIDATE);
            work::count(most * SHORT_CANDIDATE);
            for candidate in entries.into_iter().take(most) {
                if !place.try_entry(&mut found, candidate, &limits) {
                    break;
                }
            }
        }
        *best = found;
    }

    /// Parses a piece.
    pub(crate) fn parse(&mut self, view: View<'_>, piece: Piece, progress: &mut Progress, commands: &mut Vec<Command>) {
        // A place is looked up only where its key is known.
        let lookups = piece.end.min(piece.known.saturating_sub(KEY_BYTES));
        self.credit = (self.credit + (piece.end - piece.start) * BYTE_CREDIT).min(MOST_CREDIT);
        // After a primed window, its last places.
        self.store(view, progress.stored, piece.start.min(lookups));
        progress.stored = progress.stored.max(piece.start);
        let mut at = self.extend(view, piece, progress, commands);
        let nothing = Found { length: 0, distance: 0, score: LEAST };
        while at < lookups {
            let mut best = nothing;
            let search = Search { depth: self.effort.depth, literals: progress.insert };
            self.find(view, at, piece.end - at, &progress.last, search, &mut best);
            progress.stored = at + 1;
            if best.distance == 0 {
                at += 1;
                progress.insert += 1;
                if at > progress.sparse {
                    let (step, jump) = if at > progress.sparse + 4 * SPREE { (8, 16) } else { (2, 8) };
                    let to = (at + jump).min(lookups);
                    while at < to {
                        self.store(view, at, at + 1);
                        at += step;
                        progress.insert += step;
                    }
                    // The last step may go too far.
                    let over = at.saturating_sub(piece.end);
                    at -= over;
                    progress.insert -= over;
                    progress.stored = at;
                }
                continue;
            }
            let mut delays = 0;
            while delays < self.effort.delays && at + 1 < lookups && self.credit > 0 {
                let most = piece.end - at - 1;
                let mut ahead = Found { length: best.length.saturating_sub(4).min(most), ..nothing };
                let search = Search { depth: self.effort.ahead_depth, literals: 0 };
                self.find(view, at + 1, most, &progress.last, search, &mut ahead);
                progress.stored = at + 2;
                if ahead.distance == 0 || ahead.score < best.score + AHEAD {
                    break;
                }
                at += 1;
                progress.insert += 1;
                best = ahead;
                delays += 1;
            }
            // Where places were left out, a copy may begin before the place that found it.
            let floor = view.floor + best.distance;
            while progress.insert > 0 && at > floor && view.bytes[at - 1] == view.bytes[at - 1 - best.distance] {
                at -= 1;
                progress.insert -= 1;
                best.length += 1;
            }
            let distance = progress.last.code(best.distance as u32);
            commands.push(Command { insert: progress.insert as u32, copy: best.length as u32, distance });
            progress.insert = 0;
            let end = at + best.length;
            self.store_copy(view, end, best.distance, best.length, lookups, progress);
            progress.sparse = at + 2 * best.length + SPREE;
            at = end;
        }
        progress.insert += piece.end.saturating_sub(at);
        progress.stored = progress.stored.max(lookups.min(piece.end));
    }

    /// Stores the places within a copy that ends at `end`. Where it overlaps itself, its last repetitions are enough.
    #[inline(always)]
    fn store_copy(
        &mut self,
        view: View<'_>,
        end: usize,
        distance: usize,
        length: usize,
        lookups: usize,
        progress: &mut Progress,
    ) {
        let mut from = progress.stored;
        if distance < length >> 2 {
            from = from.max(end - (distance << 2));
        }
        let end = end.min(lookups);
        let Effort { long, edge, step, .. } = self.effort;
        if end.saturating_sub(from) > long {
            self.store(view, from, from + edge);
            for at in (from + edge..end - edge).step_by(step) {
                self.store(view, at, at + 1);
            }
            from = end - edge;
        }
        self.store(view, from, end);
        progress.stored = progress.stored.max(end);
    }

    /// Lengthens the last copy, if the piece before ended within it. Returns the first place after.
    fn extend(&mut self, view: View<'_>, piece: Piece, progress: &mut Progress, commands: &mut [Command]) -> usize {
        let Some(command) = commands.last_mut() else { return piece.start };
        let distance = progress.last.0[0] as usize;
        if progress.insert > 0 || command.copy == 0 || distance > view.window.min(piece.start - view.floor) {
            return piece.start;
        }
        let more = common(view.bytes, piece.start - distance, piece.start, piece.end - piece.start);
        command.copy += more as u32;
        let end = piece.start + more;
        let lookups = piece.end.min(piece.known.saturating_sub(matcher::KEY_BYTES));
        self.store_copy(view, end, distance, more, lookups, progress);
        end
    }
}
