//! The shared zips, checked against their expectations and against the rows here of the same names.
//!
//! Run with `RECOMPRESS_ZIP_CASES=DIR cargo test -p recompress --test it -- --ignored`.

use std::collections::BTreeMap;

use recompress::Limits;
use recompress_testkit::shared_cases::{report, shared_cases};

use crate::{
    cases::{self, Case, Expected},
    drivers::{self, Conversion, convert},
    tarball::{self, TarMember},
};

/// Members, or the code of the error.
fn ended(conversion: &Conversion) -> Result<Vec<TarMember>, String> {
    match &conversion.result {
        Ok(()) => Ok(tarball::read(&conversion.output).expect("a tarball")),
        Err(error) => Err(error.code().to_owned()),
    }
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
