//! The grouping of equal keys (`keys=group`). It holds the document back and brings the values of equal keys together.
//!
//! The JSON goes to one long text. An open object has an entry for each of its values. When an object with a repeated
//! key closes, its part of the text is written again in order. The root is the exception: it is never written again,
//! but given out in order.
//!
//! One call of [`Groups::close`] moves at most as many bytes as the memory limit. [`Groups::moved`] counts them.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hasher},
    ops::Range,
};

use super::blocks::Blocks;
use crate::error::SaveError;

/// The most bytes of text outside the blocks. Shorter objects are ordered there.
const TAIL: usize = 32 << 10;

/// The most keys of one object that are compared one by one. A tree finds the keys of larger objects.
const FEW: usize = 12;

/// The memory of one tree entry in bytes. A B-tree node holds at least 5 of 11 keys of 8 bytes and values of 4.
const TREE_BYTES: usize = 32;

const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Groups {
    text: Blocks<u8, { 64 << 10 }>,
    scratch: Blocks<u8, { 64 << 10 }>,
    entries: Blocks<Entry, 1024>,
    open: Vec<Open>,
    /// Entries in trees.
    in_trees: usize,
    limit: usize,
    moved: u64,
}

/// A value of an open object.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// The hash of the key, 64 bits of SipHash. An attacker cannot make many keys with one hash.
    hash: u64,
    /// Offsets in the text: the start of the key, the start of the value, the end of the value.
    key: u32,
    value: u32,
    end: u32,
    /// The next value of the same key. The first value also has the index of the last.
    next: u32,
    last: u32,
    /// The compared bytes of the key: `length` bytes from `key + before`. The brackets of a parameter are left out.
    before: u32,
    length: u32,
    is_first: bool,
}

#[derive(Debug)]
struct Open {
    entries: usize,
    /// The offset in the text where the object's content begins.
    start: usize,
    repeats: bool,
    tree: Option<BTreeMap<u64, u32>>,
}

/// A part of an object, in order.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(Range<usize>),
    Mark(u8),
}

impl Groups {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            text: Blocks::new(),
            scratch: Blocks::new(),
            entries: Blocks::new(),
            open: Vec::new(),
            in_trees: 0,
            limit: limit.min(NONE as usize),
            moved: 0,
        }
    }

    /// Bytes that were written again.
    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    /// Bytes of text in blocks.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn run(&self, start: usize, end: usize) -> &[u8] {
        self.text.run(start, end)
    }

    fn charge(&self, more: usize) -> Result<(), SaveError> {
        let trees = self.in_trees * TREE_BYTES;
        let held = self.text.allocated() + self.scratch.allocated() + self.entries.allocated() + trees;
        if held + more > self.limit {
            return Err(SaveError::Memory { limit: self.limit });
        }
        Ok(())
    }

    /// Moves `tail` to the blocks if it is long.
    pub(super) fn settle(&mut self, tail: &mut Vec<u8>) -> Result<(), SaveError> {
        if tail.len() < TAIL { Ok(()) } else { self.absorb(tail) }
    }

    fn absorb(&mut self, tail: &mut Vec<u8>) -> Result<(), SaveError> {
        self.charge(self.text.wanted(tail.len()))?;
        self.text.extend(tail);
        tail.clear();
        Ok(())
    }

    pub(super) fn open(&mut self, tail: &[u8]) {
        let start = self.text.len() + tail.len();
        self.open.push(Open { entries: self.entries.len(), start, repeats: false, tree: None });
    }

    /// Begins a value of the innermost object. From `comma` on, `tail` holds an optional comma, the key and a colon.
    /// `skip` bytes at each side of the key are not compared.
    pub(super) fn key(&mut self, tail: &mut Vec<u8>, comma: usize, skip: (usize, usize)) -> Result<(), SaveError> {
        let base = self.text.len();
        let open = self.open.last_mut().expect("a key is in an object");
        let is_first_of_all = self.entries.len() == open.entries;
        let key = comma + usize::from(tail[comma] == b',');
        let name = key + skip.0..tail.len() - skip.1;
        let mut hasher = DefaultHasher::new();
        hasher.write(&tail[name.clone()]);
        let mut hash = hasher.finish();
        if !is_first_of_all {
            let last = self.entries.len() - 1;
            self.entries.get_mut(last).end = narrow(base + comma);
        }
        let new = self.entries.len();
        // The loop ends because each turn finds the key, finds a free place, or goes to the next of finitely many
        // hashes.
        let found = loop {
            let candidate = match &open.tree {
                None => (open.entries..new).find(|&i| {
                    let entry = self.entries.get(i);
                    entry.is_first && entry.hash == hash
                }),
                Some(tree) => tree.get(&hash).map(|&i| i as usize),
            };
            let Some(index) = candidate else { break None };
            let entry = self.entries.get(index);
            if entry.length as usize == name.len()
                && same(&self.text, tail, (entry.key + entry.before) as usize, &tail[name.clone()])
            {
                break Some(index);
            }
            hash = hash.wrapping_add(1);
        };
        let open = self.open.last_mut().expect("a key is in an object");
        let mut entry = Entry { hash, next: NONE, last: NONE, ..Entry::default() };
        if let Some(first) = found {
            open.repeats = true;
            tail.truncate(comma);
            let before = self.entries.get(first).last;
            let before = if before == NONE { first } else { before as usize };
            self.entries.get_mut(before).next = narrow(new);
            self.entries.get_mut(first).last = narrow(new);
            entry.key = narrow(base + comma);
        } else {
            entry.is_first = true;
            entry.key = narrow(base + key);
            entry.before = narrow(skip.0);
            entry.length = narrow(name.len());
            let count = new - open.entries;
            if let Some(tree) = &mut open.tree {
                tree.insert(hash, narrow(new));
                self.in_trees += 1;
            } else if count >= FEW {
                let mut tree = BTreeMap::new();
                for index in open.entries..new {
                    let entry = self.entries.get(index);
                    if entry.is_first {
                        tree.insert(entry.hash, narrow(index));
                    }
                }
                tree.insert(hash, narrow(new));
                self.in_trees += tree.len();
                open.tree = Some(tree);
            }
        }
        entry.value = narrow(base + tail.len());
        self.charge(self.entries.wanted(1))?;
        self.entries.extend(&[entry]);
        Ok(())
    }

    /// Ends the pairs of the innermost object. The text after them is not grouped.
    pub(super) fn rest(&mut self, tail: &[u8]) {
        let open = self.open.last().expect("pairs are in an object");
        if self.entries.len() > open.entries {
            let last = self.entries.len() - 1;
            self.entries.get_mut(last).end = narrow(self.text.len() + tail.len());
        }
    }

    /// Ends the innermost object, before its closing brace. `rest` is the offset of the part after its pairs.
    pub(super) fn close(&mut self, tail: &mut Vec<u8>, rest: Option<usize>) -> Result<(), SaveError> {
        if rest.is_none() {
            self.rest(tail);
        }
        let open = self.open.pop().expect("an object that closes was open");
        self.in_trees -= open.tree.as_ref().map_or(0, BTreeMap::len);
        if !open.repeats {
            self.entries.truncate(open.entries);
            return Ok(());
        }
        if open.start < self.text.len() {
            self.absorb(tail)?;
        }
        let end = self.text.len() + tail.len();
        let mut order = Order::new(open.entries, rest.map(|rest| rest..end));
        while let Some(piece) = order.next(self) {
            match piece {
                Piece::Mark(byte) => self.scratch.extend(&[byte]),
                Piece::Text(range) => self.copy(tail, range)?,
            }
        }
        self.entries.truncate(open.entries);
        self.moved += 2 * self.scratch.len() as u64;
        let in_tail = open.start >= self.text.len();
        if in_tail {
            tail.truncate(open.start - self.text.len());
        } else {
            self.text.truncate(open.start);
        }
        let mut at = 0;
        while at < self.scratch.len() {
            let run = self.scratch.run(at, self.scratch.len());
            at += run.len();
            if in_tail { tail.extend_from_slice(run) } else { self.text.extend(run) }
        }
        self.scratch.truncate(0);
        Ok(())
    }

    fn copy(&mut self, tail: &[u8], range: Range<usize>) -> Result<(), SaveError> {
        self.charge(self.scratch.wanted(range.len()))?;
        let split = self.text.len().clamp(range.start, range.end);
        let mut at = range.start;
        while at < split {
            let run = self.text.run(at, split);
            self.scratch.extend(run);
            at += run.len();
        }
        if split < range.end {
            let base = self.text.len();
            self.scratch.extend(&tail[split - base..range.end - base]);
        }
        Ok(())
    }

    /// Ends the root and returns its pieces in order.
    pub(super) fn close_root(&mut self, tail: &mut Vec<u8>, rest: Option<usize>) -> Result<Order, SaveError> {
        if rest.is_none() {
            self.rest(tail);
        }
        self.absorb(tail)?;
        Ok(Order::new(0, rest.map(|rest| rest..self.text.len())))
    }

    /// Drops the text after it was given out.
    pub(super) fn clear(&mut self) {
        self.text.truncate(0);
    }
}

/// The pieces of an object, in order.
#[derive(Debug)]
pub(super) struct Order {
    /// The next entry to check for a new key.
    first: usize,
    /// The next value of the current key.
    value: Option<usize>,
    /// Whether the current key has several values. A bracket then follows the last.
    is_list: bool,
    comma: bool,
    queue: [Option<Piece>; 2],
    rest: Option<Range<usize>>,
}

impl Order {
    fn new(first: usize, rest: Option<Range<usize>>) -> Self {
        Self { first, value: None, is_list: false, comma: false, queue: [None, None], rest }
    }

    pub(super) fn next(&mut self, groups: &Groups) -> Option<Piece> {
        if let Some(piece) = self.queue[0].take() {
            self.queue.swap(0, 1);
            return Some(piece);
        }
        if let Some(index) = self.value {
            let entry = groups.entries.get(index);
            self.value = (entry.next != NONE).then_some(entry.next as usize);
            if self.value.is_some() {
                self.queue[0] = Some(Piece::Mark(b','));
            } else if self.is_list {
                self.queue[0] = Some(Piece::Mark(b']'));
            }
            return Some(Piece::Text(entry.value as usize..entry.end as usize));
        }
        while self.first < groups.entries.len() {
            let entry = groups.entries.get(self.first);
            self.value = Some(self.first);
            self.first += 1;
            if !entry.is_first {
                continue;
            }
            self.is_list = entry.next != NONE;
            let key = Piece::Text(entry.key as usize..entry.value as usize);
            let bracket = self.is_list.then_some(Piece::Mark(b'['));
            if std::mem::replace(&mut self.comma, true) {
                self.queue = [Some(key), bracket];
                return Some(Piece::Mark(b','));
            }
            self.queue = [bracket, None];
            return Some(key);
        }
        self.value = None;
        self.rest.take().map(Piece::Text)
    }
}

/// Whether the text at `start` equals `name`.
fn same(text: &Blocks<u8, { 64 << 10 }>, tail: &[u8], start: usize, name: &[u8]) -> bool {
    let split = text.len().clamp(start, start + name.len());
    let mut at = start;
    while at < split {
        let run = text.run(at, split);
        if run != &name[at - start..at - start + run.len()] {
            return false;
        }
        at += run.len();
    }
    split == start + name.len() || {
        let base = text.len();
        tail[split - base..start + name.len() - base] == name[split - start..]
    }
}

/// Narrows an offset or a count below the limit. The limit is below 4 GiB.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}
