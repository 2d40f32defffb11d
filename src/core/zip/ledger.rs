//! The ledger: a row of facts for each member that was read, for comparison with the central directory.
//!
//! A zip describes its members twice. Readers that start at the end trust the directory; this one read the local
//! headers. The archive is unambiguous only if both agree on every member.

use sha2::{Digest, Sha256};

use super::decoder::Digest as ContentsDigest;
use crate::{
    error::{Error, Format, Limit},
    limits::Meter,
};

/// Rows of a block. Blocks, because a vector that grows exists twice meanwhile.
const BLOCK: usize = 16;

/// Memory of a block in bytes with its share of the list, which doubles, starts with four entries, and exists twice during
/// reallocation.
const BLOCK_CHARGE: u64 = (BLOCK * size_of::<LedgerRow>() + 4 * size_of::<Vec<LedgerRow>>()) as u64;

/// The facts about a member that was read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerRow {
    /// Offset of its local header from the start of the file.
    pub(crate) offset: u64,
    pub(crate) compressed_size: u64,
    pub(crate) size: u64,
    pub(crate) crc32: u32,
    pub(crate) method: u16,
    /// Permission bits in the tarball; the directory may differ.
    pub(crate) mode: u16,
    pub(crate) name: NameDigest,
    /// Of the contents, if another member may have the same name.
    pub(crate) digest: Option<ContentsDigest>,
    /// The row of the first member of this name and these contents, if this is another one.
    pub(crate) copy_of: Option<CopyOf>,
    /// What the directory says of this member and of its copies.
    pub(crate) listed: Listed,
}

/// The row of a member's first copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CopyOf(pub(crate) u32);

/// The kinds of a member by the directory, which may list copies of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    is_confirmed: bool,
    as_link: bool,
    as_other: bool,
}

/// The digest of a name: of its raw bytes and its decoded form.
///
/// It has 192 bits of SHA-256, so collisions cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NameDigest([u8; 24]);

impl NameDigest {
    pub(crate) fn new(raw: &[u8], decoded: &str) -> Self {
        let digest = Sha256::new().chain_update((raw.len() as u64).to_le_bytes()).chain_update(raw);
        let digest = digest.chain_update(decoded).finalize();
        Self(*digest.first_chunk().expect("a SHA-256 has 32 bytes"))
    }
}

/// A number in the central directory. A 32-bit number may have lost its upper half: macOS writes members above 4 GiB
/// without zip64.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Declared {
    Narrow(u32),
    Wide(u64),
}

impl Declared {
    pub(crate) fn agrees_with(self, actual: u64) -> bool {
        match self {
            Self::Narrow(declared) => declared == actual as u32,
            Self::Wide(declared) => declared == actual,
        }
    }

    pub(crate) fn value(self) -> u64 {
        match self {
            Self::Narrow(value) => value.into(),
            Self::Wide(value) => value,
        }
    }
}

/// A central directory header, as claims about a member.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) offset: Declared,
    pub(crate) compressed_size: Declared,
    pub(crate) size: Declared,
    pub(crate) crc32: u32,
    pub(crate) method: u16,
    pub(crate) name: NameDigest,
}

/// All members, in the order of their offsets.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// All but the last are full.
    blocks: Vec<Vec<LedgerRow>>,
    confirmed_count: usize,
    /// The row after the one confirmed last: directories mostly keep the order of the members.
    next: usize,
    /// The base of offsets: the start of the file, or the start of the zip after leading data.
    bases: Bases,
}

#[derive(Debug, Clone, Copy)]
enum Bases {
    Either(u64),
    Known(u64),
}

impl Ledger {
    /// Makes an empty ledger. `leading` bytes precede the zip.
    pub(crate) fn new(leading: u64) -> Self {
        let bases = if leading == 0 { Bases::Known(0) } else { Bases::Either(leading) };
        Self { blocks: Vec::new(), confirmed_count: 0, next: 0, bases }
    }

    /// Number of members.
    pub(crate) fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.len())
    }

    /// A member's row.
    pub(crate) fn row(&self, row: usize) -> Option<&LedgerRow> {
        self.blocks.get(row / BLOCK)?.get(row % BLOCK)
    }

    fn known_row(&mut self, row: usize) -> &mut LedgerRow {
        &mut self.blocks[row / BLOCK][row % BLOCK]
    }

    /// Adds a row. Offsets only grow.
    pub(crate) fn record(&mut self, row: LedgerRow, meter: &mut Meter) -> Result<(), Error> {
        if self.blocks.last().is_none_or(|last| last.len() == BLOCK) {
            meter.charge(BLOCK_CHARGE)?;
            let failed = |_| Limit::Memory { wanted: BLOCK_CHARGE, limit: 0 };
            let mut block = Vec::new();
            block.try_reserve_exact(BLOCK).and_then(|()| self.blocks.try_reserve(1)).map_err(failed)?;
            self.blocks.push(block);
        }
        self.blocks.last_mut().expect("a block with room was just ensured").push(row);
        Ok(())
    }

    /// Confirms the row that matches `claim`, and returns its number. `name` is for the error.
    pub(crate) fn confirm(&mut self, claim: &Claim, name: &str) -> Result<usize, Error> {
        let row = match self.bases {
            Bases::Known(base) => self.find(claim.offset, base),
            Bases::Either(leading) => {
                let candidates = [0, leading].map(|base| (base, self.find(claim.offset, base)));
                let difference_of = |row| self.row(row).and_then(|row| difference(row, claim));
                let whole = |row: &Option<usize>| row.is_some_and(|row| difference_of(row).is_none());
                let chosen =
                    candidates.iter().find(|(_, row)| whole(row)).or(candidates.iter().find(|(_, row)| row.is_some()));
                chosen.and_then(|&(base, row)| {
                    self.bases = Bases::Known(base);
                    row
                })
            }
        };
        let problem = match row {
            None => format!("no member {name:?} starts at offset {}", claim.offset.value()),
            Some(number) => {
                let row = self.known_row(number);
                match difference(row, claim) {
                    _ if row.listed.is_confirmed => {
                        format!("it lists the member at offset {} twice", claim.offset.value())
                    }
                    Some(difference) => format!("it gives {name:?} {difference}"),
                    None => {
                        row.listed.is_confirmed = true;
                        self.confirmed_count += 1;
                        self.next = number + 1;
                        return Ok(number);
                    }
                }
            }
        };
        Err(Format::DirectoryMismatch { problem }.into())
    }

    /// Notes whether the directory calls a member a link. Returns false if it says otherwise of a copy.
    pub(crate) fn agrees_on_link(&mut self, row: usize, is_link: bool) -> bool {
        let first = self.known_row(row).copy_of.map_or(row, |CopyOf(first)| first as usize);
        let listed = &mut self.known_row(first).listed;
        listed.as_link |= is_link;
        listed.as_other |= !is_link;
        !(listed.as_link && listed.as_other)
    }

    /// The row at a declared `offset` that counts from `base`.
    fn find(&self, offset: Declared, base: u64) -> Option<usize> {
        let starts = |row: &LedgerRow| offset.agrees_with(row.offset - base.min(row.offset));
        if self.row(self.next).is_some_and(starts) {
            return Some(self.next);
        }
        let wanted = offset.value().checked_add(base)?;
        let starts_later = |block: &Vec<LedgerRow>| block.first().is_none_or(|first| first.offset > wanted);
        let block = self.blocks.partition_point(|block| !starts_later(block)).checked_sub(1)?;
        let row = self.blocks[block].binary_search_by_key(&wanted, |row| row.offset).ok()?;
        Some(block * BLOCK + row)
    }

    /// Succeeds if every member is confirmed.
    pub(crate) fn all_confirmed(&self) -> Result<(), Error> {
        if self.confirmed_count == self.len() {
            return Ok(());
        }
        let problem = format!("it lists {} of {} members", self.confirmed_count, self.len());
        Err(Format::DirectoryMismatch { problem }.into())
    }

    /// Whether a declared offset may mean the position `actual`.
    pub(crate) fn agrees_with_offset(&self, declared: Declared, actual: u64) -> bool {
        match self.bases {
            Bases::Known(base) => declared.agrees_with(actual - base),
            Bases::Either(leading) => declared.agrees_with(actual) || declared.agrees_with(actual - leading),
        }
    }
}

/// The first field in which a row and a claim differ, with both values.
fn difference(row: &LedgerRow, claim: &Claim) -> Option<String> {
    let differs =
        |field: &str, central: u64, local: u64| Some(format!("the {field} {central}, the member has {local}"));
    if row.name != claim.name {
        return Some("another name than the member has".to_owned());
    }
    if row.method != claim.method {
        return differs("method", claim.method.into(), row.method.into());
    }
    if row.crc32 != claim.crc32 {
        return Some(format!("the crc-32 0x{:08x}, the member has 0x{:08x}", claim.crc32, row.crc32));
    }
    if !claim.compressed_size.agrees_with(row.compressed_size) {
        return differs("compressed size", claim.compressed_size.value(), row.compressed_size);
    }
    if !claim.size.agrees_with(row.size) {
        return differs("size", claim.size.value(), row.size);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(offset: u64, name: &str) -> LedgerRow {
        let name = NameDigest::new(name.as_bytes(), name);
        let (digest, copy_of, listed) = (None, None, Listed::default());
        LedgerRow {
            offset,
            compressed_size: 5,
            size: 9,
            crc32: 7,
            method: 8,
            mode: 0o644,
            name,
            digest,
            copy_of,
            listed,
        }
    }

    fn claim(row: &LedgerRow) -> Claim {
        Claim {
            offset: Declared::Wide(row.offset),
            compressed_size: Declared::Wide(row.compressed_size),
            size: Declared::Wide(row.size),
            crc32: row.crc32,
            method: row.method,
            name: row.name,
        }
    }

    fn ledger(leading: u64, rows: &[LedgerRow]) -> Ledger {
        let mut ledger = Ledger::new(leading);
        let mut meter = Meter::new(u64::MAX);
        for row in rows {
            ledger.record(row.clone(), &mut meter).unwrap();
        }
        ledger
    }

    #[test]
    fn a_directory_in_any_order_confirms_all() {
        let rows: Vec<_> = (0..100).map(|i| row(i * 50, &i.to_string())).collect();
        let mut ledger = ledger(0, &rows);
        for row in rows.iter().rev().step_by(2).chain(rows.iter().step_by(2)) {
            ledger.all_confirmed().unwrap_err();
            ledger.confirm(&claim(row), "").unwrap();
        }
        ledger.all_confirmed().unwrap();
    }

    #[test]
    fn every_field_that_differs_is_an_error() {
        let good = row(50, "a");
        let wrong: [fn(&mut Claim); 7] = [
            |claim| claim.offset = Declared::Wide(51),
            |claim| claim.compressed_size = Declared::Wide(6),
            |claim| claim.size = Declared::Narrow(8),
            |claim| claim.crc32 = 8,
            |claim| claim.method = 0,
            |claim| claim.name = NameDigest::new(b"b", "b"),
            |claim| claim.name = NameDigest::new(b"a", "b"),
        ];
        for spoil in wrong {
            let mut claim = claim(&good);
            spoil(&mut claim);
            assert_eq!(ledger(0, &[row(0, "z"), good.clone()]).confirm(&claim, "a").unwrap_err().code(), "cd_mismatch");
        }
    }

    #[test]
    fn a_member_listed_twice_is_an_error() {
        let row = row(0, "a");
        let mut ledger = ledger(0, std::slice::from_ref(&row));
        ledger.confirm(&claim(&row), "a").unwrap();
        assert_eq!(ledger.confirm(&claim(&row), "a").unwrap_err().code(), "cd_mismatch");
    }

    #[test]
    fn offsets_count_from_the_file_or_from_the_zip_but_not_from_both() {
        let rows = [row(30, "a"), row(90, "b")];
        let based = |row: &LedgerRow, base| Claim { offset: Declared::Wide(row.offset - base), ..claim(row) };
        for base in [0, 30] {
            let mut ledger = ledger(30, &rows);
            for (number, row) in rows.iter().enumerate().rev() {
                assert_eq!(ledger.confirm(&based(row, base), "").unwrap(), number);
            }
            assert!(ledger.agrees_with_offset(Declared::Wide(500 - base), 500));
            assert!(!ledger.agrees_with_offset(Declared::Wide(470 + base), 500));
        }
        let mut mixed = ledger(30, &rows);
        mixed.confirm(&based(&rows[0], 0), "").unwrap();
        mixed.confirm(&based(&rows[1], 30), "").unwrap_err();
    }

    #[test]
    fn numbers_of_32_bits_may_have_lost_their_upper_half() {
        let far = LedgerRow { offset: (1 << 32) + 70, size: 3 << 32 | 9, ..row(0, "far") };
        let rows = [row(0, "a"), far];
        let mut ledger = ledger(0, &rows);
        for row in &rows {
            let claim = Claim {
                offset: Declared::Narrow(row.offset as u32),
                size: Declared::Narrow(row.size as u32),
                ..claim(row)
            };
            ledger.confirm(&claim, "").unwrap();
        }
        assert!(!Declared::Wide(9).agrees_with(3 << 32 | 9));
    }

    #[test]
    fn rows_are_charged_before_they_are_kept() {
        let mut ledger = Ledger::new(0);
        let mut meter = Meter::new(3 * BLOCK_CHARGE);
        let refused = (0..100).find_map(|i| ledger.record(row(i * 50, "a"), &mut meter).err());
        assert_eq!(refused.unwrap().code(), "memory_limit");
        assert_eq!((ledger.len(), meter.charged()), (3 * BLOCK, 3 * BLOCK_CHARGE));
    }

    #[test]
    fn copies_are_links_all_or_none() {
        for (first, then, agrees) in [(false, false, true), (true, true, true), (false, true, false)] {
            for order in [[0, 1], [1, 0]] {
                let copy = LedgerRow { copy_of: Some(CopyOf(0)), ..row(50, "a") };
                let mut ledger = ledger(0, &[row(0, "a"), copy, row(90, "b")]);
                assert!(ledger.agrees_on_link(2, true));
                assert!(ledger.agrees_on_link(order[0], first));
                assert_eq!(ledger.agrees_on_link(order[1], then), agrees);
            }
        }
    }
}
