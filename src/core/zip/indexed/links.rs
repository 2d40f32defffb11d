//! Symbolic links: the rule that keeps them inside the archive's root.
//!
//! A target is a relative path. Its `..` components all lead, and are no more than the link's own folders. No component
//! after them is a link, and no member's path passes one: `l -> .` and `y -> l/..` both look inside by their text, and the
//! second is outside on disk. So the text of a path is the place on disk.
//!
//! File systems disagree about which names are the same. Letters of ASCII count as equal in both cases. For other letters
//! that is not enough, so an archive where a link has such a name may not have a link that leads up.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::{
    error::{Error, Format},
    limits::Meter,
    zip::paths::{CHARGE, FIRST_CHARGE, NO_ROW},
};

/// Maximum length of a target in bytes: `PATH_MAX` of Linux, with its final zero.
pub(crate) const MAX_TARGET: u64 = 4095;

/// The paths of an archive's links.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Digests of the paths, in lower case. A map like that of all paths: one such type is enough for the Worker.
    paths: BTreeMap<u128, u32>,
    /// True if one of them is not ASCII.
    beyond_ascii: bool,
}

impl Links {
    pub(crate) fn insert(&mut self, path: &str, meter: &mut Meter) -> Result<(), Error> {
        self.beyond_ascii |= !path.is_ascii();
        let key = Prefixes::default().push(path);
        if !self.paths.contains_key(&key) {
            meter.charge(CHARGE + if self.paths.is_empty() { FIRST_CHARGE } else { 0 })?;
            self.paths.insert(key, NO_ROW);
        }
        Ok(())
    }

    /// Refuses a member whose folder is a link.
    pub(crate) fn check_folders(&self, path: &str) -> Result<(), Error> {
        if self.paths.is_empty() {
            return Ok(());
        }
        let mut prefixes = Prefixes::default();
        for (slash, _) in path.trim_end_matches('/').match_indices('/') {
            if self.paths.contains_key(&prefixes.push(&path[prefixes.length..slash])) {
                return Err(unsafe_link(&path[..slash], "a member is inside it"));
            }
        }
        Ok(())
    }

    /// The target of the link at `path`.
    pub(crate) fn check_target(&self, path: &str, target: &[u8]) -> Result<String, Error> {
        let refuse = |problem| Err(unsafe_link(path, problem));
        let Ok(target) = std::str::from_utf8(target) else { return refuse("its target is not UTF-8") };
        if target.is_empty() {
            return refuse("its target is empty");
        }
        if target.starts_with('/') || target.as_bytes().get(1) == Some(&b':') {
            return refuse("its target is absolute");
        }
        if target.contains(|char: char| char == '\\' || char.is_control()) {
            return refuse("its target has a backslash or a control character");
        }
        let mut folders: Vec<&str> = path.split('/').collect();
        folders.pop();
        let mut prefixes = None;
        for component in target.split('/').filter(|component| !matches!(*component, "" | ".")) {
            match (component, &mut prefixes) {
                ("..", None) if self.beyond_ascii => {
                    return refuse("its target leads up, and not all links of the archive have ASCII names");
                }
                ("..", None) if folders.pop().is_some() => {}
                ("..", None) => return refuse("its target is outside of the archive"),
                ("..", Some(_)) => return refuse("its target has \"..\" after a name"),
                (name, _) => {
                    let prefixes = prefixes.get_or_insert_with(|| Prefixes::of(&folders));
                    if self.paths.contains_key(&prefixes.push(name)) {
                        return refuse("its target passes another link");
                    }
                }
            }
        }
        Ok(target.to_owned())
    }
}

/// The digests of a path and of the folders above it, one after the other.
#[derive(Default)]
struct Prefixes {
    digest: Sha256,
    /// Bytes so far, with the slash for the next component.
    length: usize,
}

impl Prefixes {
    fn of(folders: &[&str]) -> Self {
        let mut prefixes = Self::default();
        folders.iter().for_each(|folder| {
            prefixes.push(folder);
        });
        prefixes
    }

    /// Adds components, and gives the digest of the path so far.
    fn push(&mut self, components: &str) -> u128 {
        self.digest.update(components.to_ascii_lowercase());
        let digest = self.digest.clone().finalize();
        self.digest.update("/");
        self.length += components.len() + 1;
        u128::from_le_bytes(*digest.first_chunk().expect("a SHA-256 has 32 bytes"))
    }
}

pub(crate) fn unsafe_link(path: &str, problem: &'static str) -> Error {
    Format::UnsafeLink { entry: path.to_owned(), problem }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(paths: &[&str]) -> Links {
        let mut links = Links::default();
        let mut meter = Meter::new(u64::MAX);
        paths.iter().for_each(|path| links.insert(path, &mut meter).unwrap());
        links
    }

    #[test]
    fn targets_inside_the_root_are_kept_as_they_are() {
        let links = links(&["l", "d/l", "d/e/l"]);
        for (path, target) in [
            ("l", "a"),
            ("l", "."),
            ("l", "d/a"),
            ("l", "./d//a/"),
            ("l", "...x"),
            ("d/l", "../a"),
            ("d/l", ".."),
            ("d/e/l", "../../a/b"),
            ("d/e/l", ".././../a"),
            ("d/e/l", "é"),
        ] {
            assert_eq!(links.check_target(path, target.as_bytes()).unwrap(), target, "{path} -> {target}");
        }
    }

    #[test]
    fn other_targets_are_refused() {
        let links = links(&["l", "d/l", "d/x/y"]);
        for (path, target) in [
            ("l", ""),
            ("l", "/a"),
            ("l", "C:a"),
            ("l", ".."),
            ("l", "../a"),
            ("d/l", "../../a"),
            ("l", "a/.."),
            ("l", "a/../b"),
            ("d/l", "../a/../b"),
            ("l", "a\\b"),
            ("l", "a\n"),
            ("l", "a\0"),
            // Links by text, and by other file systems.
            ("y", "l"),
            ("y", "l/a"),
            ("y", "L/a"),
            ("y", "d/x/Y"),
            ("d/x/z", "../l"),
            ("d/x/z", "../../l"),
            ("d/x/z", "y"),
            ("l", "l"),
        ] {
            let refused = links.check_target(path, target.as_bytes()).unwrap_err();
            assert_eq!(refused.code(), "unsafe_link", "{path} -> {target}");
        }
        assert_eq!(links.check_target("l", b"\xff").unwrap_err().code(), "unsafe_link");
    }

    #[test]
    fn with_other_letters_no_link_leads_up() {
        let links = links(&["\u{212a}", "k/y"]);
        assert_eq!(links.check_target("k/y", b"../a").unwrap_err().code(), "unsafe_link");
        assert_eq!(links.check_target("k/y", b"a").unwrap(), "a");
    }

    #[test]
    fn no_member_is_inside_a_link() {
        let links = links(&["l", "d/l"]);
        for path in ["a", "l", "d/l", "d/a", "e/l/a", "lx/a", "d/"] {
            links.check_folders(path).unwrap();
        }
        for path in ["l/a", "L/a", "l/a/b", "d/l/a", "D/L/a/", "l/a/"] {
            assert_eq!(links.check_folders(path).unwrap_err().code(), "unsafe_link", "{path}");
        }
    }

    #[test]
    fn every_path_is_charged_once() {
        let mut links = Links::default();
        let mut meter = Meter::new(2 * CHARGE + FIRST_CHARGE);
        for path in ["a", "A", "b"] {
            links.insert(path, &mut meter).unwrap();
        }
        assert_eq!(links.insert("c", &mut meter).unwrap_err().code(), "memory_limit");
    }
}
