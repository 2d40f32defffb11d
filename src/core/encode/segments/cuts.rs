//! The places at which segments end, which the order and the sizes of the members decide.

use std::{collections::VecDeque, num::NonZeroU64};

use crate::encode::brotli::SMALL;

/// The lengths at which segments end, in bytes.
#[derive(Debug, Clone, Copy)]
struct Lengths {
    /// Contents of at least so many are a segment of their own: a server can send it as it is. Files that resemble each other
    /// are seldom as large, and cost much if they are apart.
    own: u64,
    /// A segment of small members has at most so many of the tarball: what it costs to read one of them.
    group: u64,
    /// Its parts have at most so many, each of which continues the one before it.
    group_part: u64,
    /// Contents of more are cut into parts, each of which continues the one before it.
    whole: u64,
    /// Such a part has at most so many.
    part: u64,
}

const LENGTHS: Lengths =
    Lengths { own: 4 << 20, group: 16 << 20, group_part: 11 << 19, whole: 16 << 20, part: 12 << 20 };

/// A group has no part that is surely shorter: the window before it would cost more than it saves.
const LEAST_PART: u64 = 2 << 20;

/// A part that another follows exceeds what an encoder gathers before it starts: only then can the next continue it.
const _: () = assert!(LENGTHS.group_part - LENGTHS.own >= SMALL as u64);

/// The longest segment that is cut where it can be.
pub(super) const LONGEST: u64 = if LENGTHS.whole > LENGTHS.group { LENGTHS.whole } else { LENGTHS.group };

/// The lengths of parts are multiples of this, but for the last.
const ALIGNED: u64 = 64 << 10;

/// An end of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Offset in the tarball.
    pub(super) at: u64,
    /// The next segment continues this one: both are parts of one member's contents, or of a group.
    pub(super) within: bool,
}

/// The ends that are known: those of all members so far.
#[derive(Debug)]
pub(super) struct Cuts {
    lengths: Lengths,
    planned: VecDeque<Planned>,
    /// Where the last known segment starts.
    last: u64,
    /// Where its last known part starts.
    part: u64,
}

/// Ends at `at` and at each step after it, up to `end`. All but the last are within a member.
#[derive(Debug)]
struct Planned {
    at: u64,
    step: NonZeroU64,
    end: u64,
    /// The last is within a group of small members.
    in_group: bool,
}

impl Default for Cuts {
    fn default() -> Self {
        Self { lengths: LENGTHS, planned: VecDeque::new(), last: 0, part: 0 }
    }
}

impl Cuts {
    /// Cuts of segments of at most so many bytes.
    pub(super) fn of(bytes: u64) -> Self {
        let lengths = Lengths { own: bytes / 16, group: 2 * bytes, group_part: bytes, whole: bytes, part: bytes };
        Self { lengths, ..Self::default() }
    }

    /// A member follows whose header is at `header`, and whose contents have `size` bytes from `contents` on. Returns the number
    /// of cuts that it brings.
    pub(super) fn member(&mut self, header: u64, contents: u64, size: u64) -> u64 {
        let end = contents + size;
        let cut = |at| Planned { at, step: NonZeroU64::MIN, end: at, in_group: false };
        let known = self.planned.len() as u64;
        let mut parts = 0;
        if size >= self.lengths.own {
            // Before the header, so that it can be read without the members before it. Padding alone may precede it.
            if header - self.last >= crate::archive::tar::BLOCK as u64 {
                self.planned.push_back(cut(header));
            }
            self.planned.push_back(cut(contents));
            let is_cut = size > self.lengths.whole;
            // An even number, as most machines have of cores: two cores are done with three parts no sooner than with four.
            let count = if is_cut { size.div_ceil(self.lengths.part).next_multiple_of(2) } else { 1 };
            let step = size.div_ceil(count).next_multiple_of(ALIGNED);
            let step = NonZeroU64::new(step).expect("there are contents");
            self.planned.push_back(Planned { at: end.min(contents + step.get()), step, end, in_group: false });
            parts = size.div_ceil(step.get()) - 1;
            (self.last, self.part) = (end, end);
        } else if end - self.last > self.lengths.group {
            self.planned.push_back(cut(header));
            (self.last, self.part) = (header, header);
        } else if end - self.part > self.lengths.group_part && self.last + self.lengths.group - header >= LEAST_PART {
            self.planned.push_back(Planned { in_group: true, ..cut(header) });
            self.part = header;
        }
        self.planned.len() as u64 - known + parts
    }

    /// The next end.
    pub(super) fn next(&self) -> Option<Cut> {
        self.planned.front().map(|planned| Cut { at: planned.at, within: planned.in_group || planned.at < planned.end })
    }

    /// The end of the contents that the present segment begins with, if it is known: several segments may share them.
    pub(super) fn end(&self) -> Option<u64> {
        self.planned.front().map(|planned| planned.end)
    }

    /// Passes the next end.
    pub(super) fn pass(&mut self) {
        match self.planned.front_mut() {
            Some(planned) if planned.at < planned.end => {
                planned.at = planned.end.min(planned.at + planned.step.get());
            }
            _ => drop(self.planned.pop_front()),
        }
    }

    /// Forgets all ends.
    pub(super) fn clear(&mut self) {
        self.planned.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: u64 = LENGTHS.own;
    const GROUP: u64 = LENGTHS.group;
    const GROUP_PART: u64 = LENGTHS.group_part;
    const WHOLE: u64 = LENGTHS.whole;
    const PART: u64 = LENGTHS.part;

    fn ends(cuts: &mut Cuts) -> Vec<(u64, bool)> {
        let mut ends = Vec::new();
        while let Some(cut) = cuts.next() {
            ends.push((cut.at, cut.within));
            cuts.pass();
        }
        ends
    }

    #[test]
    fn contents_that_are_large_are_segments_and_larger_ones_are_parts() {
        let mut cuts = Cuts::default();
        assert_eq!(cuts.member(0, 512, 100), 0);
        assert_eq!(cuts.member(1024, 1536, OWN - 1), 0);
        let next = (1536 + OWN).next_multiple_of(512);
        assert_eq!(cuts.member(next, next + 512, OWN), 3);
        assert_eq!(ends(&mut cuts), [(next, false), (next + 512, false), (next + 512 + OWN, false)]);
        let next = next + 512 + OWN;
        assert_eq!(cuts.member(next, next + 512, WHOLE), 2);
        assert_eq!(ends(&mut cuts), [(next + 512, false), (next + 512 + WHOLE, false)]);
        let next = next + 512 + WHOLE;
        assert_eq!(cuts.member(next, next + 512, WHOLE + 1), 3);
        let half = WHOLE / 2 + ALIGNED;
        let start = next + 512;
        assert_eq!(ends(&mut cuts), [(start, false), (start + half, true), (start + WHOLE + 1, false)]);
    }

    #[test]
    fn parts_have_almost_equal_lengths() {
        for size in [WHOLE + 1, 2 * PART + 1, 4 * PART - 1, 4 * PART, 4 * PART + 1, 5 * PART + ALIGNED + 1] {
            let mut cuts = Cuts::default();
            let count = cuts.member(0, 512, size);
            let ends = ends(&mut cuts);
            assert_eq!((ends.len() as u64, ends.last()), (count, Some(&(512 + size, false))));
            // And the end of the header.
            assert_eq!(count % 2, 1, "{size}");
            for pair in ends.windows(2) {
                let length = pair[1].0 - pair[0].0;
                assert!(length <= PART && length > size / count / 2, "{length} of {size}");
            }
        }
    }

    #[test]
    fn a_member_of_any_declared_size_takes_no_time() {
        let mut cuts = Cuts::default();
        assert!(cuts.member(0, 512, 1 << 60) > 1 << 35);
        assert_eq!(cuts.next(), Some(Cut { at: 512, within: false }));
    }

    #[test]
    fn small_members_are_grouped_and_groups_have_parts() {
        let mut cuts = Cuts::default();
        let size = 512 << 10;
        let mut at = 0;
        for _ in 0..100 {
            cuts.member(at, at + 512, size);
            at += size + 512;
        }
        let ends = ends(&mut cuts);
        assert_eq!(
            ends.iter().map(|(_, within)| *within).collect::<Vec<_>>(),
            [true, true, false, true, true, false, true, true, false]
        );
        let starts = [0].into_iter().chain(ends.iter().map(|(end, _)| *end));
        for (start, (end, _)) in starts.zip(&ends) {
            assert!(end - start <= GROUP_PART + LEAST_PART && end - start > GROUP_PART - 2 * size, "{start} to {end}");
        }
        assert!(ends[2].0 <= GROUP && ends[5].0 - ends[2].0 <= GROUP);
    }
}
