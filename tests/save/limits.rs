//! Limits at their value and one beyond it, and the proof of the end.

use crate::common::{convert, drive};
use recompress::{
    Rule, SaveError, Status,
    save::{Converter, Keys, Options},
};

fn preserve() -> Options {
    Options::default()
}

#[test]
fn a_hundred_and_twenty_eight_braces_may_be_open() {
    let nested = |depth: usize| [b"a={".repeat(depth), b"b=1".to_vec(), b"}".repeat(depth)].concat();
    assert!(convert(&preserve(), &nested(128)).is_ok());
    let error = convert(&preserve(), &nested(129)).unwrap_err();
    assert_eq!((error.code(), error), ("too_deep", SaveError::TooDeep { offset: 388, limit: 128 }));
    let lists = |depth: usize| [b"a=".to_vec(), b"{".repeat(depth), b"1".to_vec(), b"}".repeat(depth)].concat();
    assert!(convert(&preserve(), &lists(128)).is_ok());
    assert!(matches!(convert(&preserve(), &lists(129)), Err(SaveError::TooDeep { .. })));
    assert!(matches!(convert(&preserve(), &b"a={".repeat(1_000_000)), Err(SaveError::TooDeep { .. })));
    assert!(matches!(
        convert(&preserve(), &b"[[x] ".repeat(1_000)),
        Err(SaveError::Bad { .. } | SaveError::TooDeep { .. })
    ));
}

#[test]
fn a_scalar_has_up_to_64_kib() {
    for (before, after) in [("", "=1"), ("a=", ""), ("a=\"", "\""), ("a={ ", " }"), ("a=@[", "]"), ("[[", "] x ]")] {
        let fixed = before.len() - before.trim_end_matches(['@', '[']).len();
        let inside = if before.ends_with("@[") { 65_536 - 3 } else { 65_536 };
        let _ = fixed;
        let save = |length: usize| format!("{before}{}{after}", "x".repeat(length)).into_bytes();
        assert!(convert(&preserve(), &save(inside)).is_ok(), "{before}");
        let long = save(inside + 1);
        let error = convert(&preserve(), &long).unwrap_err();
        assert_eq!(error.code(), "scalar_too_long", "{before}");
        for size in [1, 1000, 65_537] {
            let pieces: Vec<&[u8]> = long.chunks(size).collect();
            assert_eq!(drive(Converter::new(preserve()), &pieces, 4096).unwrap_err(), error, "{before} by {size}");
        }
    }
}

#[test]
fn a_step_reads_64_kib_at_most_and_gives_what_fits() {
    let save = b"a=1 ".repeat(100_000);
    let mut converter = Converter::new(preserve());
    let mut at = 0;
    let mut output = [0; 100];
    for _ in 0..5_000 {
        let progress = converter.step(&save[at..], &mut output).unwrap();
        assert!(progress.consumed <= 64 << 10 && progress.produced <= 100);
        at += progress.consumed;
        if progress.status == Status::NeedsInput {
            break;
        }
    }
    // A step without room for output makes no progress and does not end.
    let progress = converter.step(&save[at..], &mut []).unwrap();
    assert_eq!((progress.produced, progress.status), (0, Status::NeedsOutput));
}

#[test]
fn no_input_is_the_end_only_after_input_was_asked_for() {
    let mut converter = Converter::new(preserve());
    let mut output = [0; 100];
    let first = converter.step(b"", &mut output).unwrap();
    assert_eq!((first.produced, first.status), (0, Status::NeedsInput));
    let last = converter.step(b"", &mut output).unwrap();
    assert_eq!((&output[..last.produced], last.status), (&b"{}"[..], Status::Done));
    let again = converter.step(b"x", &mut output).unwrap();
    assert_eq!((again.consumed, again.produced, again.status), (0, 0, Status::Done));
}

#[test]
fn the_last_brace_waits_for_the_end() {
    let mut converter = Converter::new(preserve());
    let mut output = [0; 1000];
    let save = format!("a={{ b={} }} c=\"d\"\n", "1 ".repeat(50).trim_end().replace(' ', " x="));
    let mut text = Vec::new();
    let mut input = save.as_bytes();
    loop {
        let progress = converter.step(input, &mut output).unwrap();
        input = &input[progress.consumed..];
        text.extend_from_slice(&output[..progress.produced]);
        if progress.status == Status::NeedsInput && input.is_empty() {
            break;
        }
    }
    assert!(text.ends_with(b"\"c\":\"d\""), "{}", String::from_utf8_lossy(&text));
    assert!(serde_json::from_slice::<serde_json::Value>(&text).is_err());
    let progress = converter.step(b"", &mut output).unwrap();
    text.extend_from_slice(&output[..progress.produced]);
    assert_eq!(progress.status, Status::Done);
    assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok());
}

fn group(group_bytes: usize) -> Options {
    Options { keys: Keys::Group, group_bytes, ..Options::default() }
}

#[test]
fn grouping_takes_no_more_memory_than_it_may() {
    // The save has 1,000,000 different keys.
    let save: Vec<u8> = (0..1_000_000).flat_map(|i| format!("key{i}={i}\n").into_bytes()).collect();
    let error = convert(&group(16 << 20), &save).unwrap_err();
    assert_eq!((error.code(), &error), ("memory_limit", &SaveError::Memory { limit: 16 << 20 }));
    assert!(error.to_string().contains("keys=preserve"), "{error}");
    let json = convert(&group(160 << 20), &save).unwrap();
    assert_eq!(json.len(), convert(&preserve(), &save).unwrap().len());
    assert!(matches!(convert(&group(0), b"a=1 a=2"), Err(SaveError::Memory { limit: 0 })));
}

#[test]
fn equal_keys_come_together_however_many_there_are() {
    // The keys exceed the tail and one block. The objects in between are ordered themselves.
    let mut save = String::new();
    let mut expected = String::from("{\"o\":{");
    save.push_str("o={");
    for i in 0..20_000 {
        save.push_str(&format!("k{}={{ x={i} y=a x=b }} ", i % 7));
    }
    save.push('}');
    for k in 0..7 {
        let values: Vec<String> =
            (0..20_000).filter(|i| i % 7 == k).map(|i| format!("{{\"x\":[{i},\"b\"],\"y\":\"a\"}}")).collect();
        expected.push_str(&format!("{}\"k{k}\":[{}]", if k > 0 { "," } else { "" }, values.join(",")));
    }
    expected.push_str("}}");
    let json = convert(&group(16 << 20), save.as_bytes()).unwrap();
    assert!(json == expected.as_bytes());
    let pieces: Vec<&[u8]> = save.as_bytes().chunks(777).collect();
    assert!(drive(Converter::new(group(16 << 20)), &pieces, 333).unwrap() == expected.as_bytes());
    // The root behaves the same.
    let root = &save[3..save.len() - 1];
    let json = convert(&group(16 << 20), root.as_bytes()).unwrap();
    assert!(json == expected.as_bytes()[5..expected.len() - 1]);
}

#[test]
fn nested_repeats_are_counted_as_work() {
    let save = [b"a=1 a={".repeat(100), b"b=1 b=2".to_vec(), b"}".repeat(100)].concat();
    let mut converter = Converter::new(group(16 << 20));
    let mut output = vec![0; 1 << 16];
    let mut at = 0;
    loop {
        let progress = converter.step(&save[at..], &mut output).unwrap();
        at += progress.consumed;
        if progress.status == Status::Done {
            break;
        }
    }
    assert!(converter.moved_bytes() > 10 * save.len() as u64, "{}", converter.moved_bytes());
}

#[test]
fn each_rule_has_its_text() {
    let row = |input: &str, rule: Rule, offset: u64| {
        assert_eq!(convert(&preserve(), input.as_bytes()), Err(SaveError::Bad { rule, offset }), "{input}");
    };
    row("a", Rule::Ended, 1);
    row("a=", Rule::Ended, 2);
    row("a=\"x", Rule::Ended, 4);
    row("a={b={c={d=1}", Rule::Ended, 13);
    row("a={ b= }", Rule::ValueMissing, 7);
    row("{ 1 }", Rule::Header, 2);
    row("a b }", Rule::NothingOpen, 4);
    row("[x]=1", Rule::Parameter, 0);
    row("[[x y] z ]", Rule::ParameterName, 3);
    row("a={ 1 b=2 { [[x] y ] } }", Rule::ParameterInList, 12);
    row("a={ { 1 } < 2 }", Rule::Operator, 10);
    row("a={ b ! c }", Rule::UnknownOperator, 6);
}

#[test]
fn a_checksum_without_a_key_ends_old_saves() {
    let save = b"a=1\r\n765891d91e8ce214f05a6023fad51826";
    assert_eq!(convert(&preserve(), save).unwrap(), br#"{"a":1,"remainder":["765891d91e8ce214f05a6023fad51826"]}"#);
    assert!(convert(&preserve(), &save[..36]).is_err());
    assert!(convert(&preserve(), &[&save[..], b"0"].concat()).is_err());
}
