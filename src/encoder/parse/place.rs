//! A place, and the copies that are possible there with their scores.

use crate::matcher::{common, load32, load64};

/// Points: the saving of a copy, in about 1/30 bit. Only comparisons count.
const BASE: u32 = 1920;
pub(super) const LEAST: u32 = BASE + 100;
const BYTE: u32 = 135;
/// For each doubling of the distance. 34 makes two saves 0.2 and 0.4 % smaller than 30 does.
const DOUBLING: u32 = 34;
/// The gain of a last distance, less the extra cost of its code over the first one.
const LAST: u32 = 15;
const LAST_COSTS: [u32; 16] = [0, 39, 43, 43, 39, 39, 47, 47, 49, 49, 41, 41, 51, 51, 45, 45];

/// Short copies: those of four to seven bytes are worth only small distances.
const SHORT: usize = 8;

/// A copy for a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) length: usize,
    pub(super) distance: usize,
    pub(super) score: u32,
}

impl Found {
    /// Whether a copy from `from` is no longer for certain, by four bytes about where it would have to be.
    #[inline(always)]
    fn cannot_grow(&self, bytes: &[u8], from: usize, at: usize) -> bool {
        self.length >= 3 && load32(bytes, from + self.length - 3) != load32(bytes, at + self.length - 3)
    }
}

/// A place for which a copy is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Its first four bytes.
    pub(super) here: u32,
    pub(super) position: u32,
    /// How far back a copy may begin, and how long it may be.
    pub(super) reach: usize,
    pub(super) most: usize,
}

impl Place<'_> {
    /// Tries one of the last distances.
    #[inline(always)]
    pub(super) fn try_last(&self, found: &mut Found, code: usize, distance: usize) {
        if distance.wrapping_sub(1) >= self.reach {
            return;
        }
        let from = self.at - distance;
        // Two bytes are worth it at the last two distances, three at the others.
        let differs = load32(self.bytes, from) ^ self.here;
        if differs & if code < 2 { 0xffff } else { 0xff_ffff } != 0 || found.cannot_grow(self.bytes, from, self.at) {
            return;
        }
        let length = common(self.bytes, from, self.at, self.most);
        if length < 2 {
            return;
        }
        let score = BASE + LAST + BYTE * length as u32 - LAST_COSTS[code];
        if score > found.score {
            *found = Found { length, distance, score };
        }
    }

    /// False if a copy at none of the distances near this one has three bytes: all are compared at once.
    #[inline(always)]
    pub(super) fn may_be_near(&self, distance: usize) -> bool {
        /// The last three of the bytes before, and the first three after.
        const AROUND: u64 = 0x0080_8080_0080_8080;
        const ONES: u64 = 0x0101_0101_0101_0101;
        let furthest = distance.wrapping_add(3);
        if distance < 4 || furthest > self.reach {
            return distance.saturating_sub(3) <= self.reach;
        }
        let from = self.at - furthest;
        let byte = |at: u32| u64::from(self.here >> (8 * at) & 0xff) * ONES;
        let differs = (load64(self.bytes, from) ^ byte(0))
            | (load64(self.bytes, from + 1) ^ byte(1))
            | (load64(self.bytes, from + 2) ^ byte(2));
        // A bit where a byte is zero, and for some above it.
        differs.wrapping_sub(ONES) & !differs & AROUND != 0
    }

    /// Tries an entry of a table; false if those after it need not be tried.
    #[inline(always)]
    pub(super) fn try_entry(&self, found: &mut Found, entry: u32, limits: &[u32; 4]) -> bool {
        let distance = self.position.wrapping_sub(entry) as usize;
        if distance.wrapping_sub(1) >= self.reach {
            return false;
        }
        let from = self.at - distance;
        if found.cannot_grow(self.bytes, from, self.at) {
            return true;
        }
        let length = common(self.bytes, from, self.at, self.most);
        if length < 4 {
            return true;
        }
        let doublings = distance.ilog2();
        if length < SHORT && doublings >= limits[length - 4] {
            return true;
        }
        let score = BASE + BYTE * length as u32 - DOUBLING * doublings;
        if score > found.score {
            *found = Found { length, distance, score };
        }
        found.length < self.most
    }
}
