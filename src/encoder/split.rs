//! A splitter of symbols into blocks of a few types, each with its own codes (RFC 7932 §6).

use crate::cost::{self, BIT};

/// Block types that a chunk is compared with, the last used first.
const COMPARED: usize = 4;

/// The cost of one more block: its type and its length.
const SWITCH: i64 = 18 * BIT;

/// How one kind of symbols is split.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) alphabet: usize,
    /// Groups of contexts; each has a histogram of its own in each type.
    pub(crate) groups: usize,
    /// Symbols that get the same type.
    pub(crate) chunk: u32,
    /// The least gain of a new type.
    pub(crate) threshold: i64,
    pub(crate) most_types: usize,
}

/// Blocks and the histograms of their types.
#[derive(Debug)]
pub(crate) struct Split {
    plan: Plan,
    /// Type and length of each block.
    pub(crate) blocks: Vec<(u8, u32)>,
    types: usize,
    histograms: Vec<u32>,
    totals: Vec<u32>,
    chunk: Vec<u32>,
    chunk_totals: Vec<u32>,
    /// Where in `chunk` something was counted.
    touched: Vec<u32>,
    length: u32,
    /// Types by their last use.
    recent: [u8; COMPARED],
}

impl Split {
    /// With room for plans of up to this size: histogram entries of all types, of one chunk, and blocks.
    pub(crate) fn new(entries: usize, chunk_entries: usize, symbols: usize, blocks: usize) -> Option<Self> {
        Some(Self {
            plan: Plan { alphabet: 0, groups: 0, chunk: 0, threshold: 0, most_types: 0 },
            blocks: crate::empty(blocks)?,
            types: 0,
            histograms: crate::empty(entries)?,
            totals: crate::empty(256)?,
            chunk: crate::empty(chunk_entries)?,
            chunk_totals: crate::empty(64)?,
            touched: crate::empty(symbols)?,
            length: 0,
            recent: [0; COMPARED],
        })
    }

    pub(crate) fn begin(&mut self, plan: Plan) {
        self.plan = plan;
        self.blocks.clear();
        self.types = 0;
        self.histograms.clear();
        self.totals.clear();
        self.chunk.clear();
        self.chunk.resize(plan.alphabet * plan.groups, 0);
        self.chunk_totals.clear();
        self.chunk_totals.resize(plan.groups, 0);
        self.touched.clear();
        self.length = 0;
        self.recent = [0; COMPARED];
    }

    /// At least one.
    pub(crate) fn types(&self) -> usize {
        self.types
    }

    /// Counts of a type's group.
    pub(crate) fn histogram(&self, type_: usize, group: usize) -> &[u32] {
        let at = (type_ * self.plan.groups + group) * self.plan.alphabet;
        &self.histograms[at..at + self.plan.alphabet]
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, group: usize, symbol: usize) {
        let at = group * self.plan.alphabet + symbol;
        let count = &mut self.chunk[at];
        if *count == 0 {
            self.touched.push(at as u32);
        }
        *count += 1;
        self.chunk_totals[group] += 1;
        self.length += 1;
        if self.length == self.plan.chunk {
            self.end_chunk();
        }
    }

    /// Ends the last chunk.
    pub(crate) fn end(&mut self) {
        if self.types == 0 {
            self.use_type(None);
        } else if self.length > 0 {
            // Too few to say much.
            let last = self.blocks.last().map_or(0, |block| block.0);
            self.use_type(Some(last));
        }
    }

    fn end_chunk(&mut self) {
        if self.types == 0 {
            return self.use_type(None);
        }
        // Of the chunk alone.
        let mut own = 0;
        for &total in &self.chunk_totals {
            own += cost::xlog(total);
        }
        for &at in &self.touched {
            own -= cost::xlog(self.chunk[at as usize]);
        }
        let last = self.recent[0];
        let mut best = (last, i64::MAX);
        let known = self.types.min(COMPARED);
        for &type_ in &self.recent[..known] {
            let added = self.added(usize::from(type_)) + if type_ == last { 0 } else { SWITCH };
            if added < best.1 {
                best = (type_, added);
            }
        }
        let fresh = own + self.plan.threshold + SWITCH;
        let new = fresh < best.1 && self.types < self.plan.most_types;
        self.use_type(if new { None } else { Some(best.0) });
    }

    /// The cost of the type's and the chunk's symbols together, less the cost of the type's alone.
    fn added(&self, type_: usize) -> i64 {
        let mut sum = 0;
        let totals = &self.totals[type_ * self.plan.groups..][..self.plan.groups];
        for (&total, &more) in totals.iter().zip(&self.chunk_totals) {
            if more > 0 {
                sum += cost::xlog(total + more) - cost::xlog(total);
            }
        }
        let size = self.plan.groups * self.plan.alphabet;
        let histogram = &self.histograms[type_ * size..][..size];
        for &at in &self.touched {
            let before = histogram[at as usize];
            sum -= cost::xlog(before + self.chunk[at as usize]) - cost::xlog(before);
        }
        sum
    }

    /// Adds the chunk to a type, or to a new one.
    fn use_type(&mut self, type_: Option<u8>) {
        let size = self.plan.groups * self.plan.alphabet;
        let type_ = type_.unwrap_or_else(|| {
            self.types += 1;
            self.histograms.resize(self.types * size, 0);
            self.totals.resize(self.types * self.plan.groups, 0);
            (self.types - 1) as u8
        });
        let at = usize::from(type_);
        for (total, more) in self.totals[at * self.plan.groups..].iter_mut().zip(&mut self.chunk_totals) {
            *total += *more;
            *more = 0;
        }
        let histogram = &mut self.histograms[at * size..][..size];
        for &at in &self.touched {
            histogram[at as usize] += self.chunk[at as usize];
            self.chunk[at as usize] = 0;
        }
        self.touched.clear();
        match self.blocks.last_mut() {
            Some((last, length)) if *last == type_ => *length += self.length,
            _ => self.blocks.push((type_, self.length)),
        }
        self.length = 0;
        let used = self.recent.iter().position(|&other| other == type_).unwrap_or(COMPARED - 1);
        self.recent.copy_within(..used, 1);
        self.recent[0] = type_;
    }
}
