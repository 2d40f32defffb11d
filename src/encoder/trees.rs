//! Codes of one kind of symbols: which histograms share one (RFC 7932 §7).

use crate::{
    bits::Bits,
    cluster, cost,
    prefix::{self, Code},
    split::Split,
};

/// Codes of one kind of symbols, and which of them each context of each type uses.
#[derive(Debug)]
pub(crate) struct Trees {
    alphabet: usize,
    counts: Vec<u32>,
    codes: Vec<Code>,
    pub(crate) map: Vec<u8>,
    pub(crate) number: usize,
}

impl Trees {
    pub(crate) fn new(entries: usize, contexts: usize) -> Option<Self> {
        Some(Self {
            alphabet: 0,
            counts: crate::empty(entries)?,
            codes: crate::empty(entries)?,
            map: crate::empty(contexts)?,
            number: 0,
        })
    }

    /// Takes the histograms of a split without contexts: each type has a code of its own.
    pub(crate) fn take(&mut self, split: &Split, alphabet: usize) {
        self.alphabet = alphabet;
        self.number = split.types();
        self.counts.clear();
        self.map.clear();
        for type_ in 0..self.number {
            self.counts.extend_from_slice(split.histogram(type_, 0));
            self.map.push(type_ as u8);
        }
        self.codes.clear();
        self.codes.resize(self.number * alphabet, Code::default());
    }

    /// Takes the histograms of a split; those of one group that cost no more together share a code.
    pub(crate) fn gather(&mut self, split: &Split, alphabet: usize, groups: usize, group_of: &[u8]) {
        self.alphabet = alphabet;
        self.counts.clear();
        self.map.clear();
        self.number = 0;
        let mut of_group = [0_u8; 64];
        let mut costs = [0_i64; 256];
        let mut home = [0_u8; 256];
        for type_ in 0..split.types() {
            for group in 0..groups {
                let histogram = split.histogram(type_, group);
                let own = cost::histogram_cost(histogram);
                let empty = histogram.iter().all(|&count| count == 0);
                let mut best = (0, if empty && self.number > 0 { i64::MAX } else { 0 });
                for tree in 0..self.number {
                    if usize::from(home[tree]) == group {
                        let with = &self.counts[tree * alphabet..][..alphabet];
                        let more = cluster::union_cost(with, histogram) - costs[tree] - own;
                        if more < best.1 {
                            best = (tree, more);
                        }
                    }
                }
                if best.1 == i64::MAX {
                    of_group[group] = 0;
                } else if best.1 < 0 {
                    for (count, more) in self.counts[best.0 * alphabet..].iter_mut().zip(histogram) {
                        *count += more;
                    }
                    costs[best.0] += own + best.1;
                    of_group[group] = best.0 as u8;
                } else {
                    self.counts.extend_from_slice(histogram);
                    costs[self.number] = own;
                    home[self.number] = group as u8;
                    of_group[group] = self.number as u8;
                    self.number += 1;
                }
            }
            self.map.extend(group_of.iter().map(|&group| of_group[usize::from(group)]));
        }
        self.codes.clear();
        self.codes.resize(self.number * alphabet, Code::default());
    }

    /// Makes and writes all codes.
    pub(crate) fn write(&mut self, bits: &mut Bits) {
        for (counts, codes) in self.counts.chunks_exact(self.alphabet).zip(self.codes.chunks_exact_mut(self.alphabet)) {
            prefix::write(counts, codes, bits);
        }
    }

    #[inline(always)]
    pub(crate) fn tree(&self, at: usize) -> &[Code] {
        &self.codes[usize::from(self.map[at]) * self.alphabet..][..self.alphabet]
    }
}
