//! The body of the fuzz target for saves: a function of a fuzzer's bytes that panics where a property does not hold.
//!
//! The first two bytes of an input choose the options, the others are the save.

use std::sync::{Arc, LazyLock};

use recompress::{
    Error, Limits, SaveJson, Status, Step,
    save::{Encoding, Keys, Lookups, Metadata, Narrow, Options, Selection, Tokens, Unknown, Words},
};
use serde_json::{Value, value::RawValue};

use crate::drivers::SplitMix;

/// The paths to select, and the path of the lines.
const SELECTIONS: [(&[&str], Option<&str>); 8] = [
    (&[], None),
    (&["/"], None),
    (&["/a"], None),
    (&["/*/b", "/a/0"], None),
    (&["/a/*/b/c", "/b", "/core"], None),
    (&[], Some("/")),
    (&[], Some("/a")),
    (&["/a/*/b"], Some("/a")),
];

/// Steps in a row that may neither take nor give a byte.
const IDLE_STEPS: u32 = 16;

static TOKENS: LazyLock<Arc<Tokens>> = LazyLock::new(|| {
    let list = "0x2000 a\n0x2001 b\n0x2002 c\n0x2003 core\n0x2004 rgb\n0x2005 date\n0x2006 seed\n";
    Arc::new(Tokens::parse(list).expect("a list"))
});

/// A conversion ends, its result does not depend on the cuts, and it is JSON of which no strict prefix is. The metadata
/// of the same bytes is JSON too.
pub fn save(input: &[u8]) {
    let [settings, seed, text @ ..] = input else { return };
    let whole = convert(*settings, text, &mut Cuts(None));
    for seed in [u64::from(*seed), u64::from(*seed) + 256] {
        let cut = convert(*settings, text, &mut Cuts(Some(SplitMix(seed))));
        assert_eq!(cut.1, whole.1, "the end depends on the cuts");
        assert!(cut.0 == whole.0 || cut.1.is_err(), "the output depends on the cuts");
    }
    let (_, lines) = SELECTIONS[usize::from(settings >> 4 & 7)];
    match (whole.1, lines) {
        (Ok(()), Some(_)) => {
            let text = String::from_utf8(whole.0).expect("JSON is UTF-8");
            let complete = text.lines().last().expect("there is a last line");
            assert!(complete.starts_with("{\"complete\":true"), "{complete}");
            text.lines().for_each(|line| assert_json(line.as_bytes()));
        }
        (Ok(()), None) => {
            assert_json(&whole.0);
            let cut = usize::from(*seed) * whole.0.len() / 256;
            assert!(!is_json(&whole.0[..cut]), "{cut} bytes are JSON as well");
            assert!(!is_json(&whole.0[..whole.0.len() - 1]), "all but the last byte are JSON as well");
        }
        (Err(_), Some(_)) => {
            let text = String::from_utf8_lossy(&whole.0);
            assert!(!text.lines().any(|line| line.starts_with("{\"complete\":true")), "refused after complete lines");
        }
        (Err(_), None) => assert!(!is_json(&whole.0), "refused after complete JSON"),
    }
    let mut metadata = Metadata::default();
    metadata.read(text, None, None, &words());
    metadata.read(text, None, None, &Words::default());
    assert_json(metadata.to_json().as_bytes());
}

fn words() -> Words {
    let strings = b"\x01\0\0\0\0\x03\0one\x05\0zw\"ei".to_vec();
    Words { tokens: Some(TOKENS.clone()), lookups: Some(Arc::new(Lookups::parse(strings))) }
}

fn options(settings: u8) -> Options {
    let (paths, lines) = SELECTIONS[usize::from(settings >> 4 & 7)];
    let selection =
        paths.iter().fold(Selection::default(), |selection, path| selection.with_path(path).expect("a path"));
    Options {
        keys: [Keys::Preserve, Keys::Pairs, Keys::Group, Keys::Preserve][usize::from(settings & 3)],
        narrow: if settings & 4 == 0 { Narrow::Unquoted } else { Narrow::All },
        encoding: (settings & 8 != 0).then_some(Encoding::Windows1252),
        unknown: if settings & 128 == 0 { Unknown::Name } else { Unknown::Refuse },
        selection: match lines {
            Some(path) => selection.with_lines(path).expect("a path"),
            None => selection,
        },
        ..Options::default()
    }
}

/// The whole input at once, or cuts by chance.
struct Cuts(Option<SplitMix>);

impl Cuts {
    fn length(&mut self, most: usize) -> usize {
        match &mut self.0 {
            None => most,
            Some(random) => {
                let longest = if random.below(4) == 0 { 4 } else { 3000 };
                most.min(1 + random.below(longest) as usize)
            }
        }
    }
}

fn convert(settings: u8, text: &[u8], cuts: &mut Cuts) -> (Vec<u8>, Result<(), Error>) {
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::WORKER };
    let mut json = SaveJson::new(options(settings), limits).with_words(words());
    let (mut rest, mut input) = (text, &text[..0]);
    let mut result = Vec::new();
    let mut room = vec![0; 1 << 16];
    let mut idle = 0;
    loop {
        let size = cuts.length(room.len());
        let progress = match json.step(input, &mut room[..size]) {
            Ok(progress) => progress,
            Err(error) => {
                assert_eq!(json.step(&[1], &mut [0]).as_ref(), Err(&error), "an error stays");
                return (result, Err(error));
            }
        };
        input = &input[progress.consumed..];
        result.extend_from_slice(&room[..progress.produced]);
        idle = if progress.consumed + progress.produced == 0 { idle + 1 } else { 0 };
        assert!(idle < IDLE_STEPS, "it does nothing");
        match progress.status {
            Status::NeedsInput => {
                assert!(input.is_empty());
                (input, rest) = rest.split_at(cuts.length(rest.len()));
            }
            Status::Done => return (result, Ok(())),
            Status::NeedsOutput | Status::Working => {}
        }
    }
}

fn assert_json(text: &[u8]) {
    if let Err(error) = serde_json::from_slice::<&RawValue>(text) {
        // A save may be deeper than this reader goes.
        assert!(error.to_string().starts_with("recursion limit"), "{error}: {}", String::from_utf8_lossy(text));
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<Value>(text).is_ok()
}
