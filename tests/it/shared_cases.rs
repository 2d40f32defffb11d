//! The zips that `make.py` writes, held to what its `expected.json` says and to the rows here of the same names.
//!
//! Run with `RECOMPRESS_ZIP_CASES=DIR cargo test --features cli --test it -- --ignored`, where `DIR` has `out/*.zip` and
//! `expected.json`.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use recompress::Limits;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    cases::{self, Case, Expected},
    drivers::{self, Conversion, Driver, convert},
    tarball::{self, TarMember},
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

/// One zip and what `expected.json` says of it.
struct SharedCase {
    name: String,
    zip: Vec<u8>,
    verdict: String,
    /// Name, length and SHA-256 of each member that the directory lists.
    files: Vec<(String, u64, String)>,
}

fn folder() -> PathBuf {
    env::var_os("RECOMPRESS_ZIP_CASES").expect("RECOMPRESS_ZIP_CASES names a folder").into()
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join("out").join(name).with_added_extension("zip")
}

fn shared_cases() -> Vec<SharedCase> {
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
    /// `Err` says what is wrong with ending so.
    fn allows(&self, ended: &Result<Vec<TarMember>, String>) -> Result<(), String> {
        self.allows_deciding(ended)?;
        ended.as_ref().map_or(Ok(()), |members| self.has(members))
    }

    /// As [`Self::allows`], whatever is in the members.
    fn allows_deciding(&self, ended: &Result<Vec<TarMember>, String>) -> Result<(), String> {
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

    fn drivers(&self) -> &'static [Driver] {
        if self.zip.len() < 1 << 18 { drivers::ALL } else { drivers::LARGE }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Members, or the code of the error.
fn ended(conversion: &Conversion) -> Result<Vec<TarMember>, String> {
    match &conversion.result {
        Ok(()) => Ok(tarball::read(&conversion.output).expect("a tarball")),
        Err(error) => Err(error.code().to_owned()),
    }
}

fn report(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
#[ignore = "needs RECOMPRESS_ZIP_CASES"]
fn every_shared_zip_ends_as_expected_in_every_driver() {
    let mut problems = Vec::new();
    for case in shared_cases() {
        let conversions = case.drivers().iter().map(|driver| convert(&case.zip, Limits::default(), *driver));
        let conversions: Vec<_> = conversions.collect();
        let first = &conversions[0];
        let verdict = case.allows(&ended(first));
        let same = conversions[1..].iter().map(|other| drivers::same(first, other));
        let whole = conversions.iter().filter(|conversion| conversion.result.is_err());
        let whole = whole.map(|conversion| drivers::cannot_pass_for_whole(&conversion.output));
        let results = std::iter::once(verdict).chain(same).chain(whole);
        problems.extend(results.filter_map(Result::err).map(|problem| format!("{}: {problem}", case.name)));
    }
    report(problems);
}

#[test]
#[ignore = "needs RECOMPRESS_ZIP_CASES"]
fn every_shared_zip_has_a_row_that_decides_as_its_expectation_allows() {
    let rows: BTreeMap<String, Case> =
        cases::all().into_iter().chain(cases::large()).map(|case| (case.name.clone(), case)).collect();
    let mut problems = Vec::new();
    for shared in shared_cases() {
        let problem = match rows.get(&shared.name).map(|row| &row.expected) {
            None => Err("has no row".into()),
            Some(Expected::Members(members)) => shared.allows_deciding(&Ok(members.clone())),
            Some(Expected::Refusal(code)) => shared.allows_deciding(&Err(code.to_string())),
        };
        problems.extend(problem.err().map(|problem| format!("{}: {problem}", shared.name)));
    }
    report(problems);
}

#[cfg(feature = "cli")]
#[test]
#[ignore = "needs RECOMPRESS_ZIP_CASES"]
fn every_shared_zip_ends_as_expected_at_the_command_line() {
    let room = tempfile::tempdir().expect("room for the output");
    let output = room.path().join("out.tar.br");
    let mut problems = Vec::new();
    for case in shared_cases() {
        let _ = fs::remove_file(&output);
        let ended = command_line::ended(&path(&folder(), &case.name), &output);
        let problem = ended.and_then(|ended| case.allows(&ended));
        problems.extend(problem.err().map(|problem| format!("{}: {problem}", case.name)));
    }
    report(problems);
}

#[cfg(feature = "cli")]
mod command_line {
    use std::{fs, path::Path, process::Command};

    use crate::{
        drivers::{LGWIN, QUALITY},
        tarball::{self, TarMember},
    };

    /// Members, or the code of the error; `Err` when the command did not keep its word about either.
    pub fn ended(input: &Path, output: &Path) -> Result<Result<Vec<TarMember>, String>, String> {
        let run = Command::new(env!("CARGO_BIN_EXE_recompress"))
            .args(["--quality", &QUALITY.to_string(), "--lgwin", &LGWIN.to_string()])
            .arg(input)
            .arg("-o")
            .arg(output)
            .output()
            .expect("the command runs");
        let stderr = String::from_utf8_lossy(&run.stderr);
        if run.status.success() {
            let tarball = fs::read(output).map_err(|error| format!("exit 0 and no output: {error}"))?;
            return tarball::read(&tarball).map(Ok);
        }
        if run.status.code() != Some(1) || output.exists() {
            return Err(format!("{}, output file: {}, {stderr:?}", run.status, output.exists()));
        }
        let line = stderr.strip_suffix('\n').filter(|line| !line.contains('\n'));
        let error = line.and_then(|line| line.strip_prefix("recompress: ")?.split_once(": "));
        error
            .map(|(code, _)| Err(code.to_owned()))
            .ok_or(format!("stderr is not one line of the form promised: {stderr:?}"))
    }
}
