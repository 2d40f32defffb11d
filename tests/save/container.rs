//! Saves in their containers: in zips, after SAV lines, or alone.

use recompress::{
    Absent, Error, Inspection, Limit, Limits, Listing, MetadataReader, SaveError, SaveJson, Step,
    save::{Keys, Metadata, Options, Selection, Tokens, Words},
};
use recompress_testkit::{
    drivers::{Conversion, Driver, drive, in_every_way},
    methods,
    zip_writer::{Claims, Descriptor, Member, archive, deflated, stored},
};
use serde_json::{Value, json};

const TEXT: &[u8] = b"EU4txt\ndate=1444.11.11\ncountries={ FRA={ treasury=10.5 } ENG={ treasury=7 } }\n";

fn expected() -> Value {
    json!({ "date": "1444.11.11", "countries": { "FRA": { "treasury": 10.5 }, "ENG": { "treasury": 7 } } })
}

fn converted(input: &[u8]) -> Conversion {
    in_every_way(input, || SaveJson::new(Options::default(), Limits::WORKER))
}

fn json_of(input: &[u8]) -> Value {
    let Conversion { output, result } = converted(input);
    result.expect("a good save");
    serde_json::from_slice(&output).expect("one JSON document")
}

fn code_of(input: &[u8]) -> &'static str {
    let Conversion { output, result } = converted(input);
    assert!(serde_json::from_slice::<Value>(&output).is_err(), "what failed is no JSON");
    result.expect_err("a refusal").code()
}

#[test]
fn a_save_is_found_in_every_container() {
    let zip = archive([stored(b"meta", b"EU4txt\ndate=1.1.1\n"), deflated(b"gamestate", TEXT), stored(b"ai", b"x")]);
    let zip = zip.bytes();
    let line = |kind: u8, metadata: &[u8], rest: &[u8]| {
        [format!("SAV01{kind:02x}12345678{:08x}\n", metadata.len()).as_bytes(), metadata, rest].concat()
    };
    let held = Member { descriptor: Descriptor::Signed32, ..deflated(b"gamestate", TEXT) };
    let repacked =
        Member { method: methods::ZSTD, data: Some(methods::zstd(TEXT, true)), ..stored(b"gamestate", TEXT) };
    for (what, input) in [
        ("a zip", zip.clone()),
        ("a save repacked with zstd", archive([repacked]).bytes()),
        ("a size after the data", archive([held]).bytes()),
        ("an old zip", archive([stored(b"meta", b"x"), deflated(b"France 1444.eu4", TEXT)]).bytes()),
        ("text", TEXT.to_vec()),
        ("a line and text", line(0, b"", TEXT)),
        ("a line, metadata and a zip", line(2, b"date=1.1.1\n", &archive([deflated(b"gamestate", TEXT)]).bytes())),
        ("text with a byte order mark", [b"\xef\xbb\xbf", TEXT].concat()),
    ] {
        assert_eq!(json_of(&input), expected(), "{what}");
    }
    let meta = SaveJson::new(Options::default(), Limits::WORKER).with_member(Some("meta".to_owned()));
    assert_eq!(drive(&zip, Driver::Whole, meta).output, br#"{"date":"1.1.1"}"#);
}

#[test]
fn a_save_that_is_not_there_is_a_refusal() {
    let zip = archive([stored(b"meta", b"date=1.1.1\n")]).bytes();
    let absent = Absent::Save { name: "gamestate".to_owned(), members: 1 };
    assert_eq!(converted(&zip).result, Err(Error::Absent(absent)));
    let start = || SaveJson::new(Options::default(), Limits::WORKER).with_member(Some("other".to_owned()));
    assert_eq!(in_every_way(&zip, start).result.unwrap_err().code(), "save_missing");
    for (input, code) in [
        (&b""[..], "not_zip"),
        (b"\x89PNG\r\n\x1a\n", "not_zip"),
        (b"%PDF-1.7", "not_zip"),
        (b"\0\0\0\0", "not_zip"),
        (b"SAV01", "truncated"),
        (b"SAV0102a40f789f00000000\nab={}", "prefixed"),
        (b"SAV0101a40f789f00000000\nab\x01\0", "binary_save"),
        (b"HOI4bin\0\0\0\0", "binary_save"),
        (b"a={", "bad_text"),
        (b"a=}", "bad_text"),
    ] {
        assert_eq!(code_of(input), code, "{}", input.escape_ascii());
    }
}

#[test]
fn no_prefix_of_a_zip_gives_valid_json() {
    let zip = archive([stored(b"ai", b"1"), deflated(b"gamestate", TEXT)]).bytes();
    for length in 0..zip.len() {
        let machine = SaveJson::new(Options::default(), Limits::WORKER);
        let Conversion { output, result } = drive(&zip[..length], Driver::Whole, machine);
        assert!(result.is_err() && serde_json::from_slice::<Value>(&output).is_err(), "{length}");
    }
}

#[test]
fn lines_of_a_broken_zip_have_no_last_line() {
    let wrong = Member { local: Claims { crc32: Some(7), ..Claims::default() }, ..deflated(b"gamestate", TEXT) };
    let selection = Selection::default().with_lines("/countries").expect("a path");
    let start = || SaveJson::new(Options { selection: selection.clone(), ..Options::default() }, Limits::WORKER);
    let whole = in_every_way(&archive([deflated(b"gamestate", TEXT)]).bytes(), start);
    let text = String::from_utf8(whole.output).expect("UTF-8");
    assert_eq!(text.lines().last(), Some(r#"{"complete":true,"lines":2}"#));
    let broken = in_every_way(&archive([wrong]).bytes(), start);
    assert_eq!(broken.result.unwrap_err().code(), "crc_mismatch");
    assert!(!String::from_utf8_lossy(&broken.output).contains("complete"));
}

#[test]
fn a_binary_save_takes_words_and_the_strings_before_it() {
    let save = [&[0x34, 0x12, 1, 0, 0x40, 0x0d, 1][..], &[0x35, 0x12, 1, 0, 0x0c, 0, 7, 0, 0, 0]].concat();
    let strings = b"\0\0\0\0\0\x01\0a\x03\0two";
    let zip = archive([stored(b"string_lookup", strings), stored(b"gamestate", &save)]).bytes();
    let zip = [b"SAV020312345678".as_slice(), &[b'0'; 16], b"\n", &zip].concat();
    let tokens = std::sync::Arc::new(Tokens::parse("0x1234 name\n0x1235 count\n").expect("a list"));
    let words = Words { tokens: Some(tokens), lookups: None };
    let start = || SaveJson::new(Options::default(), Limits::WORKER).with_words(words.clone());
    let Conversion { output, result } = in_every_way(&zip, start);
    result.expect("a good save");
    assert_eq!(String::from_utf8_lossy(&output), r#"{"name":"two","count":7}"#);
}

#[test]
fn cpu_and_memory_have_limits() {
    let text = b"a={ b=1 b=2 }\n".repeat(100_000);
    let zip = archive([deflated(b"gamestate", &text)]).bytes();
    let run = |keys, limits| {
        let mut machine = SaveJson::new(Options { keys, ..Options::default() }, limits);
        let mut output = vec![0; 1 << 16];
        let (mut input, mut result) = (&zip[..], Ok(()));
        loop {
            match machine.step(input, &mut output) {
                Ok(progress) if progress.status == recompress::Status::Done => break,
                Ok(progress) => input = &input[progress.consumed..],
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        (result, machine.work_ns())
    };
    let (result, work) = run(Keys::Preserve, Limits::WORKER);
    assert_eq!(result, Ok(()));
    let enough = work / 1_000_000;
    assert_eq!(run(Keys::Preserve, Limits { cpu_ms: enough, ..Limits::WORKER }).0, Ok(()));
    let limit_ms = enough - 1;
    let refused = run(Keys::Preserve, Limits { cpu_ms: limit_ms, ..Limits::WORKER }).0;
    assert_eq!(refused, Err(Limit::CpuSave { limit_ms }.into()));
    let small = Limits { memory_bytes: 1 << 20, ..Limits::WORKER };
    assert_eq!(run(Keys::Preserve, small).0, Ok(()));
    assert_eq!(run(Keys::Group, small).0, Err(SaveError::Memory { limit: 1 << 20 }.into()));
    assert_eq!(run(Keys::Group, Limits::WORKER).0, Ok(()));
}

/// The metadata in a listing, in every way of cutting the input.
fn inspected(input: &[u8]) -> Result<(Value, Value), Error> {
    let start = || Inspection::new(Listing::Json, Limits::WORKER).with_metadata(None, Words::default());
    let Conversion { output, result } = in_every_way(input, start);
    result?;
    let mut document: Value = serde_json::from_slice(&output).expect("one JSON document");
    Ok((document["save"].take(), document["totals"].take()))
}

/// The metadata by the ranges of a file.
fn peeked(input: &[u8]) -> Option<Metadata> {
    let mut reader = MetadataReader::new(input.len() as u64, None, Limits::WORKER);
    let mut read = 0;
    while let Some(range) = reader.wants() {
        read += range.end - range.start;
        reader.take(&input[range.start as usize..range.end as usize]).expect("little memory");
    }
    assert!(read <= 4 << 20, "{read} of {} bytes were read", input.len());
    reader.finish()
}

/// A text of half a megabyte whose contents do not compress.
fn noisy(start: &[u8]) -> Vec<u8> {
    let mut text = start.to_vec();
    let mut state = 1u64;
    while text.len() < 500_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.extend_from_slice(format!("k{}={}\n", state >> 50, state >> 20).as_bytes());
    }
    text
}

#[test]
fn the_metadata_is_the_same_by_a_listing_and_by_ranges() {
    let save = noisy(b"EU4txt\ndate=1444.11.11\n");
    let ck3 = b"meta_data={\n\tversion=\"1.13\"\n\tmeta_date=1066.9.15\n\tmeta_player_name=\"Harold\"\n}\n";
    let line = |kind: u8, rest: &[&[u8]]| {
        [format!("SAV01{kind:02x}12345678{:08x}\n", ck3.len()).as_bytes(), ck3, &rest.concat()].concat()
    };
    let meta = stored(b"meta", b"EU4txt\nplayer=\"SWE\"\nsavegame_version={ first=1 second=36 third=0 forth=0 }\n");
    let held = Member { descriptor: Descriptor::Signed32, ..deflated(b"gamestate", &save) };
    for (what, input, expected) in [
        (
            "a zip",
            archive([deflated(b"gamestate", &save), meta.clone(), stored(b"ai", &save)]).bytes(),
            ["eu4", "1444.11.11", "1.36.0.0"],
        ),
        ("a size after the data", archive([held, meta.clone()]).bytes(), ["eu4", "1444.11.11", "1.36.0.0"]),
        ("an old zip", archive([deflated(b"France.eu4", &save)]).bytes(), ["eu4", "1444.11.11", ""]),
        ("text", save.clone(), ["eu4", "1444.11.11", ""]),
        ("short text", TEXT[..23].to_vec(), ["eu4", "1444.11.11", ""]),
        ("text without a mark", b"date=\"1444.11.11\"\nplayer=\"FRA\"\n".to_vec(), ["", "1444.11.11", ""]),
        (
            "a line and a zip",
            line(2, &[&archive([deflated(b"gamestate", &noisy(ck3))]).bytes()]),
            ["ck3", "1066.9.15", "1.13"],
        ),
        ("a line and text", line(0, &[&noisy(b"")]), ["ck3", "1066.9.15", "1.13"]),
    ] {
        let (listed, totals) = inspected(&input).unwrap_or_else(|error| panic!("{what}: {error}"));
        let found = ["game", "date", "version"].map(|key| listed[key].as_str().unwrap_or_default().to_owned());
        assert_eq!(found, expected, "{what}");
        assert_eq!(totals["zip_bytes"], json!(input.len()), "{what}");
        let peeked: Value = serde_json::from_str(&peeked(&input).expect(what).to_json()).expect("JSON");
        assert_eq!(peeked, listed, "{what}");
    }
}

#[test]
fn a_text_that_is_no_save_has_no_metadata() {
    let long = b"these are just words, and many of them. ".repeat(4000);
    for input in [&b"just words"[..], b"", b"a=1\n", &long] {
        assert_eq!(inspected(input).unwrap_err().code(), "not_zip");
        assert_eq!(peeked(input), None);
    }
    let other = archive([stored(b"meta", b"EU4txt\ndate=1.1.1\n"), stored(b"a.txt", b"x")]).bytes();
    assert_eq!(inspected(&other).expect("a good zip").0, Value::Null);
    assert_eq!(peeked(&other), None);
}

#[test]
fn ranges_of_a_broken_file_end_and_give_what_they_can() {
    let save = noisy(b"EU4txt\ndate=1444.11.11\n");
    let zip = archive([deflated(b"gamestate", &save), stored(b"meta", b"EU4txt\nplayer=\"SWE\"\n")]).bytes();
    for at in (0..zip.len()).step_by(997).chain(zip.len() - 300..zip.len()) {
        let _ = peeked(&zip[..at]);
        let mut broken = zip.clone();
        broken[at] ^= 0x41;
        let _ = peeked(&broken);
    }
}
