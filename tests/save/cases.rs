//! The cases of `fixtures/cases.json`: inputs with their expected JSON.

use crate::common::{convert, drive, jomini, options, trickle};
use recompress::{
    SaveError,
    save::{Converter, Encoding, Keys, Narrow, Options},
};
use serde_json::Value;

struct Case {
    name: String,
    input: Vec<u8>,
    options: Options,
    keys: Keys,
    narrow: Narrow,
    encoding: Encoding,
    expected: Value,
    jomini: Value,
}

fn cases() -> Vec<Case> {
    let cases: Vec<Value> = serde_json::from_str(include_str!("cases.json")).unwrap();
    assert_eq!(cases.len(), 45);
    cases
        .into_iter()
        .map(|case| {
            let text = |key: &str| case[key].as_str().unwrap().to_owned();
            let keys = match &*text("mode") {
                "preserve" => Keys::Preserve,
                "pairs" => Keys::Pairs,
                "group" => Keys::Group,
                other => panic!("{other}"),
            };
            let narrow = match &*text("narrowing") {
                "all" => Narrow::All,
                "unquoted" => Narrow::Unquoted,
                "none" => Narrow::None,
                other => panic!("{other}"),
            };
            let (encoding, input) = match &*text("encoding") {
                "utf-8" => (Encoding::Utf8, text("input").into_bytes()),
                "windows-1252" => {
                    (Encoding::Windows1252, text("input").chars().map(|c| u8::try_from(c).unwrap()).collect())
                }
                other => panic!("{other}"),
            };
            Case {
                name: text("name"),
                input,
                options: options(keys, narrow, encoding),
                keys,
                narrow,
                encoding,
                expected: case["expected"].clone(),
                jomini: case["jomini"].clone(),
            }
        })
        .collect()
}

fn outcome(result: Result<Vec<u8>, SaveError>) -> Value {
    match result {
        Ok(json) => Value::String(String::from_utf8(json).unwrap()),
        Err(SaveError::Bad { rule, offset }) => serde_json::json!({ "error": format!("{rule:?} at byte {offset}") }),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_case_gives_what_it_says() {
    for case in cases() {
        assert_eq!(outcome(convert(&case.options, &case.input)), case.expected, "{}", case.name);
    }
}

#[test]
fn every_case_gives_the_same_however_it_is_cut() {
    for case in cases() {
        assert_eq!(outcome(trickle(&case.options, &case.input)), case.expected, "{}", case.name);
        for cut in 0..=case.input.len() {
            let (first, second) = case.input.split_at(cut);
            let result = drive(Converter::new(case.options.clone()), &[first, second], 5);
            assert_eq!(outcome(result), case.expected, "{} cut at {cut}", case.name);
        }
    }
}

#[test]
fn the_oracle_is_what_the_cases_say_it_is() {
    for case in cases() {
        let actual = match jomini(case.keys, case.narrow, case.encoding, &case.input) {
            Ok(json) => Value::String(json),
            Err(error) => serde_json::json!({ "error": error }),
        };
        let expected = if case.jomini == "same" { &case.expected } else { &case.jomini };
        // The oracle reads an exclamation mark differently on different platforms.
        if case.name != "exclamation mark in a word of a long text" {
            assert_eq!(&actual, expected, "{}", case.name);
        }
    }
}

#[test]
fn no_output_before_the_end_is_valid_json() {
    for case in cases() {
        let Ok(whole) = convert(&case.options, &case.input) else { continue };
        for length in 0..whole.len() {
            assert!(serde_json::from_slice::<Value>(&whole[..length]).is_err(), "{}", case.name);
        }
        assert!(serde_json::from_slice::<Value>(&whole).is_ok(), "{}", case.name);
    }
}
