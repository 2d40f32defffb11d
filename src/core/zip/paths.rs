//! The paths used so far. It refuses a file that comes twice, and a path that is both a file and a directory.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::{
    error::{Error, Format},
    limits::Meter,
};

/// Memory of one path in a `BTreeSet<u128>`, in bytes. Its nodes hold 5 to 11 keys of 16 bytes and up to 12 pointers:
/// at worst, with 5 keys in each, 6 leaves of 192 bytes for one of 288 above them. A tree, because its cost does not
/// depend on how names were chosen.
pub(super) const CHARGE: u64 = 48;

/// Extra charge for the first path: the root may hold fewer keys.
pub(super) const FIRST_CHARGE: u64 = 192 - CHARGE;

/// Digests of paths, each with its kind in the lowest bit.
#[derive(Debug, Default)]
pub(crate) struct Paths(BTreeSet<u128>);

#[derive(Clone, Copy)]
enum Kind {
    Directory = 0,
    File = 1,
}

impl Paths {
    /// Adds the member at `path` (a directory if it ends in a slash) and the directories above it.
    pub(crate) fn insert(&mut self, path: &str, meter: &mut Meter) -> Result<(), Error> {
        let mut digest = Sha256::new();
        let mut start = 0;
        for (slash, _) in path.match_indices('/') {
            digest.update(&path[start..slash]);
            let directory = Key::new(&digest);
            if self.contains(directory, Kind::File) {
                return Err(Format::NameConflict { name: path[..slash].to_owned() }.into());
            }
            self.add(directory, Kind::Directory, meter)?;
            digest.update("/");
            start = slash + 1;
        }
        if path.ends_with('/') {
            return Ok(());
        }
        digest.update(&path[start..]);
        let file = Key::new(&digest);
        if self.contains(file, Kind::Directory) {
            return Err(Format::NameConflict { name: path.to_owned() }.into());
        }
        if self.contains(file, Kind::File) {
            return Err(Format::DuplicateName { name: path.to_owned() }.into());
        }
        self.add(file, Kind::File, meter)
    }

    fn contains(&self, Key(key): Key, kind: Kind) -> bool {
        self.0.contains(&(key | kind as u128))
    }

    fn add(&mut self, key: Key, kind: Kind, meter: &mut Meter) -> Result<(), Error> {
        if !self.contains(key, kind) {
            meter.charge(CHARGE + if self.0.is_empty() { FIRST_CHARGE } else { 0 })?;
            self.0.insert(key.0 | kind as u128);
        }
        Ok(())
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

    fn code_of(paths: &[&str]) -> Option<&'static str> {
        let mut seen = Paths::default();
        let mut meter = Meter::new(u64::MAX);
        paths.iter().find_map(|path| seen.insert(path, &mut meter).err().map(|error| error.code()))
    }

    #[test]
    fn a_file_may_come_once_and_a_directory_often() {
        assert_eq!(code_of(&["a", "b", "d/a", "d/", "d/", "d/b", "A"]), None);
        assert_eq!(code_of(&["a", "a"]), Some("duplicate_name"));
        assert_eq!(code_of(&["d/e/a", "d/e/a"]), Some("duplicate_name"));
    }

    #[test]
    fn nothing_is_both_a_file_and_a_directory() {
        for paths in [["a", "a/"], ["a/", "a"], ["a", "a/b"], ["a/b", "a"], ["a/b/c", "a/b"], ["a/b", "a/b/c"]] {
            assert_eq!(code_of(&paths), Some("name_conflict"), "{paths:?}");
        }
    }

    #[test]
    fn every_path_and_directory_is_charged_once() {
        let mut seen = Paths::default();
        let mut meter = Meter::new(4 * CHARGE + FIRST_CHARGE);
        seen.insert("d/e/a", &mut meter).unwrap();
        seen.insert("d/e/b", &mut meter).unwrap();
        assert_eq!(seen.insert("d/e/c", &mut meter).unwrap_err().code(), "memory_limit");
    }
}
