//! The paths used so far. It finds a file that comes twice, and refuses a path that is both a file and a directory.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::{
    error::{Error, Format},
    limits::Meter,
};

/// Memory of one path in a `BTreeMap<u128, u32>`, in bytes. Its nodes hold 5 to 11 keys of 16 bytes with 4 bytes each, and
/// up to 12 pointers: at worst, with 5 keys in each, 6 leaves of 240 bytes for one of 336 above them. A tree, because its
/// cost does not depend on how names were chosen.
pub(super) const CHARGE: u64 = 56;

/// Extra charge for the first path: the root may hold fewer keys.
pub(super) const FIRST_CHARGE: u64 = 240 - CHARGE;

/// Digests of paths, each with its kind in the lowest bit, and the rows of their members in the ledger.
#[derive(Debug, Default)]
pub(crate) struct Paths(BTreeMap<u128, u32>);

/// The row of a path that no member of the ledger has.
pub(crate) const NO_ROW: u32 = u32::MAX;

#[derive(Clone, Copy)]
enum Kind {
    Directory = 0,
    File = 1,
}

impl Paths {
    /// Adds the member at `path` (a directory if it ends in a slash) and the directories above it. The member will be at
    /// `row` of the ledger. Returns the row of the first file at this path, if this is not the first.
    pub(crate) fn insert(&mut self, path: &str, row: u32, meter: &mut Meter) -> Result<Option<u32>, Error> {
        let mut digest = Sha256::new();
        let mut start = 0;
        for (slash, _) in path.match_indices('/') {
            digest.update(&path[start..slash]);
            let directory = Key::new(&digest);
            if self.contains(directory, Kind::File) {
                return Err(Format::NameConflict { name: path[..slash].to_owned() }.into());
            }
            self.add(directory, Kind::Directory, NO_ROW, meter)?;
            digest.update("/");
            start = slash + 1;
        }
        if path.ends_with('/') {
            return Ok(None);
        }
        digest.update(&path[start..]);
        let file = Key::new(&digest);
        if self.contains(file, Kind::Directory) {
            return Err(Format::NameConflict { name: path.to_owned() }.into());
        }
        self.add(file, Kind::File, row, meter)
    }

    fn contains(&self, Key(key): Key, kind: Kind) -> bool {
        self.0.contains_key(&(key | kind as u128))
    }

    /// Adds a path that is not there yet. Returns the row of one that is.
    fn add(&mut self, Key(key): Key, kind: Kind, row: u32, meter: &mut Meter) -> Result<Option<u32>, Error> {
        let key = key | kind as u128;
        if let Some(first) = self.0.get(&key) {
            return Ok(Some(*first));
        }
        meter.charge(CHARGE + if self.0.is_empty() { FIRST_CHARGE } else { 0 })?;
        self.0.insert(key, row);
        Ok(None)
    }
}

/// The digest of a path: 127 bits of SHA-256, above a bit that is clear. It is incremental, as a path may have
/// thousands of folders.
#[derive(Clone, Copy)]
struct Key(u128);

impl Key {
    fn new(digest: &Sha256) -> Self {
        let bytes = digest.clone().finalize();
        let leading = bytes.first_chunk().expect("a SHA-256 has 32 bytes");
        Self(u128::from_le_bytes(*leading) & !1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of earlier files, as found for each path.
    fn rows_of(paths: &[&str]) -> Result<Vec<Option<u32>>, Error> {
        let mut seen = Paths::default();
        let mut meter = Meter::new(u64::MAX);
        paths.iter().zip(0..).map(|(path, row)| seen.insert(path, row, &mut meter)).collect()
    }

    #[test]
    fn a_file_that_comes_again_is_found_and_a_directory_may_come_often() {
        let once = ["a", "b", "d/a", "d/", "d/", "d/b", "A"];
        assert_eq!(rows_of(&once).unwrap(), [None; 7]);
        assert_eq!(rows_of(&["b", "a", "a", "b", "a"]).unwrap(), [None, None, Some(1), Some(0), Some(1)]);
        assert_eq!(rows_of(&["d/e/a", "d/e/a"]).unwrap(), [None, Some(0)]);
    }

    #[test]
    fn nothing_is_both_a_file_and_a_directory() {
        for paths in [["a", "a/"], ["a/", "a"], ["a", "a/b"], ["a/b", "a"], ["a/b/c", "a/b"], ["a/b", "a/b/c"]] {
            assert_eq!(rows_of(&paths).unwrap_err().code(), "name_conflict", "{paths:?}");
        }
    }

    #[test]
    fn every_path_and_directory_is_charged_once() {
        let mut seen = Paths::default();
        let mut meter = Meter::new(4 * CHARGE + FIRST_CHARGE);
        seen.insert("d/e/a", 0, &mut meter).unwrap();
        seen.insert("d/e/b", 1, &mut meter).unwrap();
        assert_eq!(seen.insert("d/e/c", 2, &mut meter).unwrap_err().code(), "memory_limit");
    }
}
