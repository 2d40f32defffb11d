//! Selections: the selected parts equal those parts of the whole document.

use crate::common::{convert, drive, trickle};
use recompress::{
    Rule, SaveError,
    save::{BadPath, Converter, Keys, Options, Selection},
};

const SAVE: &str = r#"EU4txt
date=1444.11.11
countries={
    ---={ name="nobody" }
    FRA={ treasury=10.5 name="France" owned={ 1 2 3 } army={ id=1 name="a" } army={ id=2 name="b" } flag=rgb { 1 2 3 } }
    ENG={ name="England \"}\" {" # }
        treasury=7 }
    TUR={}
}
wars={ { name="one" size=1 } { name="two" size=2 } 5 }
mixed={ a=1 b c={ x=1 } }
trade={ "a/b"=1 "~"=2 ~=3 é=4 }
"#;

fn save() -> Vec<u8> {
    // The game writes windows-1252.
    SAVE.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

fn select(paths: &[&str], lines: Option<&str>, keys: Keys) -> String {
    let mut selection = Selection::default();
    for path in paths {
        selection = selection.with_path(path).unwrap();
    }
    if let Some(path) = lines {
        selection = selection.with_lines(path).unwrap();
    }
    let options = Options { keys, selection, ..Options::default() };
    let input = save();
    let result = convert(&options, &input).unwrap();
    assert_eq!(trickle(&options, &input).unwrap(), result);
    for cut in 0..input.len() {
        assert_eq!(drive(Converter::new(options.clone()), &[&input[..cut], &input[cut..]], 11).unwrap(), result);
    }
    String::from_utf8(result).unwrap()
}

#[test]
fn a_path_selects_what_it_leads_to() {
    let row = |paths: &[&str], expected: &str| assert_eq!(select(paths, None, Keys::Preserve), expected, "{paths:?}");
    row(&["/countries/FRA/treasury"], r#"{"countries":{"FRA":{"treasury":10.5}}}"#);
    row(&["/date"], r#"{"date":"1444.11.11"}"#);
    row(
        &["/date", "/countries/ENG"],
        r#"{"date":"1444.11.11","countries":{"ENG":{"name":"England \"}\" {","treasury":7}}}"#,
    );
    row(
        &["/countries/*/name"],
        r#"{"countries":{"---":{"name":"nobody"},"FRA":{"name":"France"},"ENG":{"name":"England \"}\" {"},"TUR":[]}}"#,
    );
    row(&["/countries/FRA/army/name"], r#"{"countries":{"FRA":{"army":{"name":"a"},"army":{"name":"b"}}}}"#);
    row(&["/countries/FRA/owned/1"], r#"{"countries":{"FRA":{"owned":[2]}}}"#);
    row(&["/wars/*/name"], r#"{"wars":[{"name":"one"},{"name":"two"}]}"#);
    row(&["/wars/1"], r#"{"wars":[{"name":"two","size":2}]}"#);
    row(&["/wars/2"], r#"{"wars":[5]}"#);
    row(&["/countries/FRA/flag"], r#"{"countries":{"FRA":{"flag":{"rgb":[1,2,3]}}}}"#);
    // A path does not lead through a header or into the rest of an object.
    row(&["/countries/FRA/flag/rgb"], r#"{"countries":{"FRA":{}}}"#);
    row(&["/mixed/a"], r#"{"mixed":{"a":1}}"#);
    row(&["/mixed"], r#"{"mixed":{"a":1,"remainder":["b",{"c":{"x":1}}]}}"#);
    // These paths meet a scalar on the way, or a missing key.
    row(&["/date/year"], "{}");
    row(&["/nothing"], "{}");
    row(&["/countries/NOR/name"], r#"{"countries":{}}"#);
    // Some names need escapes or are not ASCII.
    row(&["/trade/a~1b"], r#"{"trade":{"a/b":1}}"#);
    row(&["/trade/~0"], r#"{"trade":{"~":2,"~":3}}"#);
    row(&["/trade/é"], r#"{"trade":{"é":4}}"#);
    // A path that ends higher up wins.
    assert_eq!(select(&["/", "/date"], None, Keys::Preserve), select(&[], None, Keys::Preserve));
}

#[test]
fn a_selection_has_the_form_of_its_mode() {
    assert_eq!(
        select(&["/countries/FRA/army/id"], None, Keys::Group),
        r#"{"countries":{"FRA":{"army":[{"id":1},{"id":2}]}}}"#
    );
    assert_eq!(
        select(&["/countries/FRA/army/id"], None, Keys::Pairs),
        concat!(
            r#"{"type":"obj","val":[["countries",{"type":"obj","val":[["FRA",{"type":"obj","val":["#,
            r#"["army",{"type":"obj","val":[["id",1]]}],["army",{"type":"obj","val":[["id",2]]}]]}]]}]]}"#
        )
    );
}

#[test]
fn lines_are_the_children_of_a_path() {
    assert_eq!(
        select(&[], Some("/wars"), Keys::Preserve),
        concat!(
            "{\"key\":0,\"value\":{\"name\":\"one\",\"size\":1}}\n",
            "{\"key\":1,\"value\":{\"name\":\"two\",\"size\":2}}\n",
            "{\"key\":2,\"value\":5}\n",
            "{\"complete\":true,\"lines\":3}\n"
        )
    );
    let expected = concat!(
        "{\"key\":\"---\",\"value\":{}}\n",
        "{\"key\":\"FRA\",\"value\":{\"treasury\":10.5}}\n",
        "{\"key\":\"ENG\",\"value\":{\"treasury\":7}}\n",
        "{\"key\":\"TUR\",\"value\":[]}\n",
        "{\"complete\":true,\"lines\":4}\n"
    );
    assert_eq!(select(&["/countries/*/treasury"], Some("/countries"), Keys::Preserve), expected);
    assert_eq!(select(&["/countries/*/treasury"], Some("/countries"), Keys::Group), expected);
    let armies = select(&["/countries/FRA/army"], Some("/countries"), Keys::Group);
    assert!(armies.contains(r#"{"key":"FRA","value":{"army":[{"id":1,"name":"a"},{"id":2,"name":"b"}]}}"#), "{armies}");
    let root = select(&[], Some("/"), Keys::Preserve);
    assert!(root.starts_with("{\"key\":\"date\",\"value\":\"1444.11.11\"}\n"), "{root}");
    assert!(root.ends_with("{\"complete\":true,\"lines\":5}\n"), "{root}");
    assert_eq!(select(&[], Some("/nothing"), Keys::Preserve), "{\"complete\":true,\"lines\":0}\n");
    for line in root.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn what_is_not_selected_is_only_lexed() {
    let selection = Selection::default().with_path("/b").unwrap();
    let options = Options { selection, ..Options::default() };
    assert_eq!(convert(&options, b"a={ b= } c={ \"}\" } b=1").unwrap(), br#"{"b":1}"#);
    let ended = |offset| Err(SaveError::Bad { rule: Rule::Ended, offset });
    assert_eq!(convert(&options, b"a={ \"} b=1"), ended(10));
    assert_eq!(convert(&options, b"a={ # } b=1"), ended(11));
    // The depth of a skipped part has no limit.
    let deep = [b"a=".to_vec(), b"{ x=".repeat(1_000_000), b"}".repeat(1_000_000), b" b=2".to_vec()].concat();
    assert_eq!(convert(&options, &deep).unwrap(), br#"{"b":2}"#);
}

#[test]
fn a_bad_path_is_refused() {
    let bad = |path: &str| Selection::default().with_path(path).unwrap_err();
    assert!(matches!(bad("a"), BadPath::Relative { .. }));
    assert!(matches!(bad(""), BadPath::Relative { .. }));
    assert!(matches!(bad("//"), BadPath::Empty { .. }));
    assert!(matches!(bad("/a/"), BadPath::Empty { .. }));
    assert!(matches!(bad("/a~2"), BadPath::Escape { .. }));
    assert!(matches!(bad(&"/a".repeat(65)), BadPath::TooLong { .. }));
    Selection::default().with_path(&"/a".repeat(64)).unwrap();
    let mut many = Selection::default();
    for _ in 0..63 {
        many = many.with_path("/a").unwrap();
    }
    assert!(matches!(many.with_path("/a").unwrap_err(), BadPath::TooMany { .. }));
}

#[test]
fn a_selection_leaves_out_the_checksum_that_ends_a_save() {
    let text = b"a=1 b=2 checksum=\"x\" 0123456789abcdef0123456789abcdef";
    for (keys, expected) in [
        (Keys::Preserve, r#"{"b":2}"#),
        (Keys::Group, r#"{"b":2}"#),
        (Keys::Pairs, r#"{"type":"obj","val":[["b",2]]}"#),
    ] {
        let selection = Selection::default().with_path("/b").unwrap();
        let json = convert(&Options { keys, selection, ..Options::default() }, text).unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
