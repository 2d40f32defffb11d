//! Tables of earlier places: rows of entries, each a position and a tag of 8 bits, so that most entries are rejected before
//! the window is touched.

use crate::simd;

/// Bytes that must be readable at a place which is looked up or stored.
pub(crate) const KEY_BYTES: usize = 16;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND_MULTIPLIER: u64 = 0xc2b2_ae3d_27d4_eb4f;

#[inline(always)]
pub(crate) fn load32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

#[inline(always)]
pub(crate) fn load64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Bytes that are the same from `a` and from `b` on, `most` at most.
#[inline(always)]
pub(crate) fn common(bytes: &[u8], a: usize, b: usize, most: usize) -> usize {
    let (a, b) = (&bytes[a..a + most], &bytes[b..b + most]);
    let mut length = 0;
    crate::work::count(1);
    let (mut a_words, mut b_words) = (a.chunks_exact(8), b.chunks_exact(8));
    for (x, y) in a_words.by_ref().zip(b_words.by_ref()) {
        let difference = load64(x, 0) ^ load64(y, 0);
        if difference != 0 {
            return length + (difference.trailing_zeros() >> 3) as usize;
        }
        length += 8;
        crate::work::count(1);
    }
    let rest = a_words.remainder().iter().zip(b_words.remainder());
    length + rest.take_while(|(x, y)| x == y).count()
}

/// Hash of the first `KEY` bytes, 4 to 16.
#[inline(always)]
fn hash<const KEY: usize>(bytes: &[u8], at: usize) -> u64 {
    let place = &bytes[at..at + KEY_BYTES];
    let first = load64(place, 0);
    if KEY <= 8 {
        (first << (64 - 8 * KEY)).wrapping_mul(MULTIPLIER)
    } else {
        let second = load64(place, KEY - 8) >> (64 - 8 * (KEY - 8));
        first.wrapping_mul(MULTIPLIER).wrapping_add(second.wrapping_mul(SECOND_MULTIPLIER))
    }
}

/// Tags of a row: one line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Tags([u8; 64]);

/// Positions, without a part of a line of the cache on either side.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Positions<const WAYS: usize>([u32; WAYS]);

/// Rows of 64 entries by a hash of `KEY` bytes.
#[derive(Debug)]
pub(crate) struct Rows<const KEY: usize> {
    tags: Vec<Tags>,
    positions: Vec<Positions<64>>,
    /// The newest entry of each row; older ones follow, around the end.
    heads: Vec<u8>,
    shift: u32,
    /// Entries of a row that are used, less one: 63 or 15.
    last: u8,
}

/// Where a key belongs.
#[derive(Debug, Clone, Copy)]
struct Place {
    row: usize,
    tag: u8,
}

/// Entries that may match, by age.
#[derive(Debug)]
pub(crate) struct Candidates<'a> {
    mask: u64,
    head: usize,
    last: usize,
    positions: &'a [u32; 64],
}

impl Iterator for Candidates<'_> {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        if self.mask == 0 {
            return None;
        }
        let age = self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(self.positions[(self.head + age) & self.last & 63])
    }
}

impl<const KEY: usize> Rows<KEY> {
    /// Memory of 2 to the power of `bits` rows.
    pub(crate) fn memory_bytes(bits: u32) -> u64 {
        (64 + 256 + 1) << bits
    }

    pub(crate) fn new(bits: u32) -> Option<Self> {
        let rows = 1 << bits;
        Some(Self {
            tags: crate::room(rows, Tags([0; 64]))?,
            positions: crate::room(rows, Positions([0; 64]))?,
            heads: crate::room(rows, 0)?,
            shift: 64 - bits,
            last: 63,
        })
    }

    /// Places that it holds.
    pub(crate) fn capacity(&self) -> usize {
        self.positions.len() * 64
    }

    /// Forgets all places.
    pub(crate) fn clear(&mut self) {
        self.tags.fill(Tags([0; 64]));
        self.positions.fill(Positions([0; 64]));
        self.heads.fill(0);
    }

    /// Uses 16 entries of each row, or all 64. Stored entries stay, but their order may no longer be by age.
    pub(crate) fn set_small(&mut self, small: bool) {
        self.last = if small { 15 } else { 63 };
    }

    #[inline(always)]
    fn place(&self, bytes: &[u8], at: usize) -> Place {
        let hash = hash::<KEY>(bytes, at);
        Place { row: (hash >> self.shift) as usize, tag: (hash >> (self.shift - 8)) as u8 }
    }

    #[inline(always)]
    fn put(&mut self, place: Place, position: u32) {
        let head = &mut self.heads[place.row];
        *head = head.wrapping_sub(1) & self.last;
        let slot = usize::from(*head & 63);
        self.tags[place.row].0[slot] = place.tag;
        self.positions[place.row].0[slot] = position;
    }

    /// Reads the rows that a search for this place will read, so that they are in the cache by then.
    #[inline(always)]
    pub(crate) fn touch(&self, bytes: &[u8], at: usize) {
        let place = self.place(bytes, at);
        let head = usize::from(self.heads[place.row]) & 63;
        std::hint::black_box((self.tags[place.row].0[head], self.positions[place.row].0[head]));
    }

    /// Stores the place at `at`, known as `position`.
    #[inline(always)]
    pub(crate) fn insert(&mut self, bytes: &[u8], at: usize, position: u32) {
        let place = self.place(bytes, at);
        self.put(place, position);
    }

    /// Gives the entries of the same key and some others to `consider` until it returns false, then stores the place, if it has
    /// a position.
    #[inline(always)]
    pub(crate) fn search(
        &mut self,
        bytes: &[u8],
        at: usize,
        position: Option<u32>,
        most: usize,
        mut consider: impl FnMut(u32) -> bool,
    ) {
        let place = self.place(bytes, at);
        let head = u32::from(self.heads[place.row]);
        let tags = &self.tags[place.row].0;
        let mask = if self.last == 15 {
            u64::from(simd::equal_of_16(tags, place.tag).rotate_right(head))
        } else {
            simd::equal(tags, place.tag).rotate_right(head)
        };
        let candidates = Candidates {
            mask,
            head: head as usize,
            last: usize::from(self.last),
            positions: &self.positions[place.row].0,
        };
        for candidate in candidates.take(most) {
            if !consider(candidate) {
                break;
            }
        }
        if let Some(position) = position {
            self.put(place, position);
        }
    }
}

/// Buckets of `WAYS` positions by a hash of `KEY` bytes, the newest first. For short copies, which are only worth their distance
/// where that is small: few entries, no tags.
#[derive(Debug)]
pub(crate) struct Buckets<const KEY: usize, const WAYS: usize> {
    positions: Vec<Positions<WAYS>>,
    shift: u32,
}

impl<const KEY: usize, const WAYS: usize> Buckets<KEY, WAYS> {
    pub(crate) fn memory_bytes(bits: u32) -> u64 {
        (4 * WAYS as u64) << bits
    }

    pub(crate) fn new(bits: u32) -> Option<Self> {
        Some(Self { positions: crate::room(1 << bits, Positions([0; WAYS]))?, shift: 64 - bits })
    }

    /// As [`Rows::clear`].
    pub(crate) fn clear(&mut self) {
        self.positions.fill(Positions([0; WAYS]));
    }

    /// Places that it holds.
    pub(crate) fn capacity(&self) -> usize {
        self.positions.len() * WAYS
    }

    #[inline(always)]
    fn bucket(&mut self, bytes: &[u8], at: usize) -> &mut [u32; WAYS] {
        let hash = hash::<KEY>(bytes, at);
        &mut self.positions[(hash >> self.shift) as usize].0
    }

    /// As [`Rows::touch`].
    #[inline(always)]
    pub(crate) fn touch(&self, bytes: &[u8], at: usize) {
        let hash = hash::<KEY>(bytes, at);
        std::hint::black_box(self.positions[(hash >> self.shift) as usize].0[0]);
    }

    #[inline(always)]
    pub(crate) fn insert(&mut self, bytes: &[u8], at: usize, position: u32) {
        let bucket = self.bucket(bytes, at);
        bucket.copy_within(..WAYS - 1, 1);
        bucket[0] = position;
    }

    /// As [`Self::insert`]; returns the entries as they were.
    #[inline(always)]
    pub(crate) fn exchange(&mut self, bytes: &[u8], at: usize, position: u32) -> [u32; WAYS] {
        let bucket = self.bucket(bytes, at);
        let before = *bucket;
        bucket[1..].copy_from_slice(&before[..WAYS - 1]);
        bucket[0] = position;
        before
    }
}
