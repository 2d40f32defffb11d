//! The zips that `make.py` writes, with their expectations from `expected.json`.
//!
//! `RECOMPRESS_ZIP_CASES` names the folder that has `out/*.zip` and `expected.json`.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    drivers::{self, Driver},
    tarball::TarMember,
};

/// Names that are not in the tarball as they are in the directory, and why: see `fixtures/README.md`.
const RENAMED: [(&str, &str); 5] = [
    ("name-7075-valid", "café.txt"),
    ("name-backslash", "a/b.txt"),
    ("name-cp437", "café.txt"),
    ("name-dotslash", "a.txt"),
    ("name-dslash", "a/b.txt"),
];

/// Verdicts that are not so of the zips that are written, and why: see `fixtures/README.md`.
const DECIDED_OTHERWISE: [(&str, &str); 1] = [("bad-deflate-bits", "refuse:crc_mismatch")];

/// One zip and its expectation from `expected.json`.
pub struct SharedCase {
    pub name: String,
    pub zip: Vec<u8>,
    verdict: String,
    /// Name, length and SHA-256 of each member that the directory lists.
    files: Vec<(String, u64, String)>,
}

pub fn folder() -> PathBuf {
    env::var_os("RECOMPRESS_ZIP_CASES").expect("RECOMPRESS_ZIP_CASES names a folder").into()
}

pub fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join("out").join(name).with_added_extension("zip")
}

pub fn shared_cases() -> Vec<SharedCase> {
    let folder = folder();
    let expected = fs::read(folder.join("expected.json")).expect("expected.json is in the folder");
    let expected: BTreeMap<String, Value> = serde_json::from_slice(&expected).expect("expected.json is JSON");
    expected
        .into_iter()
        .map(|(name, expected)| {
            let zip = fs::read(path(&folder, &name)).expect("every case has its zip");
            let otherwise = DECIDED_OTHERWISE.iter().find(|(case, _)| *case == name).map(|(_, verdict)| *verdict);
            let verdict = otherwise.or(expected["verdict"].as_str()).expect("a verdict").to_owned();
            let files = serde_json::from_value(expected["files"].clone()).expect("files are name, length, SHA-256");
            SharedCase { name, zip, verdict, files }
        })
        .collect()
}

impl SharedCase {
    /// `Err` has the contradiction to the expectation.
    pub fn allows(&self, ended: &Result<Vec<TarMember>, String>) -> Result<(), String> {
        self.allows_deciding(ended)?;
        ended.as_ref().map_or(Ok(()), |members| self.has(members))
    }

    /// As [`Self::allows`], without comparing the members.
    pub fn allows_deciding(&self, ended: &Result<Vec<TarMember>, String>) -> Result<(), String> {
        match (self.verdict.split_once(':').unwrap_or((&self.verdict, "")), ended) {
            (("accept" | "either", _), Ok(_)) => Ok(()),
            (("refuse", wanted), Err(code)) if wanted == code => Ok(()),
            (("either", _), Err(_)) => Ok(()),
            (_, ended) => Err(format!("expected {}, got {ended:?}", self.verdict)),
        }
    }

    fn has(&self, members: &[TarMember]) -> Result<(), String> {
        let renamed = RENAMED.iter().find(|(case, _)| *case == self.name).map(|(_, name)| name.to_string());
        let listed: Vec<_> = self
            .files
            .iter()
            .map(|(name, length, sha256)| (renamed.clone().unwrap_or(name.clone()), *length, sha256.clone()))
            .collect();
        let found: Vec<_> = members
            .iter()
            .map(|member| (member.name.clone(), member.contents.len() as u64, hex(&Sha256::digest(&member.contents))))
            .collect();
        if found == listed { Ok(()) } else { Err(format!("expected {listed:?}, got {found:?}")) }
    }

    pub fn drivers(&self) -> &'static [Driver] {
        if self.zip.len() < 1 << 18 { drivers::ALL } else { drivers::LARGE }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fails with all that went wrong.
pub fn report(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
