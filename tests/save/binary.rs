//! Random binary saves against their text. jomini's lexer reads the tokens, and jomini's tape reads the resulting text.
//!
//! `RANDOM_SEED` sets the seed of the long run.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use crate::common::{Random, convert, drive, jomini};
use jomini::{
    binary::{Lexer, Token},
    common::{Date, DateHour, PdsDate},
};
use recompress::{
    Rule, SaveError,
    save::{Converter, Encoding, Game, Keys, Lookups, Narrow, Options, Tokens, Unknown, Words},
};

const LIST: &str =
    "0x2000 alpha\n0x2001 beta\n\n# a comment\n0x2002 date\n0x2003 seed\n0x2004 rgb\n0x2005 yes\n0x2006 core\n";
const STRINGS: [&str; 3] = ["first", "zwei \"quoted\"", "3"];

fn lookups() -> Lookups {
    let mut bytes = vec![1, 0, 0, 0, 0];
    for string in STRINGS {
        bytes.extend_from_slice(&u16::try_from(string.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(string.as_bytes());
    }
    Lookups::parse(bytes)
}

fn id(out: &mut Vec<u8>, id: u16) {
    out.extend_from_slice(&id.to_le_bytes());
}

fn string(out: &mut Vec<u8>, kind: u16, text: &[u8]) {
    id(out, kind);
    id(out, u16::try_from(text.len()).unwrap());
    out.extend_from_slice(text);
}

fn scalar(random: &mut Random, out: &mut Vec<u8>, game: Game) {
    let number = match random.below(4) {
        0 => random.next() % 10,
        1 => random.next() % 1_000_000,
        2 => 43_808_760 + random.next() % 20_000_000,
        _ => random.next(),
    };
    match random.below(if game == Game::Eu5 { 16 } else { 12 }) {
        0 | 1 => {
            id(out, 0x000c);
            out.extend_from_slice(&(number as u32).to_le_bytes());
        }
        2 => {
            id(out, 0x0014);
            out.extend_from_slice(&(number as u32).to_le_bytes());
        }
        3 => {
            id(out, 0x029c);
            out.extend_from_slice(&number.to_le_bytes());
        }
        4 => {
            id(out, 0x0317);
            out.extend_from_slice(&number.to_le_bytes());
        }
        5 => {
            id(out, 0x000e);
            out.push(random.below(2) as u8);
        }
        6 => string(out, 0x000f, random.pick(&[&b"text"[..], b"", b"1444.11.11", b"a b ", b"\xe9\"q\\"])),
        7 => string(out, 0x0017, random.pick(&[&b"word"[..], b"FRA", b"no", b"-5"])),
        8 => {
            id(out, 0x000d);
            if matches!(game, Game::Eu4 | Game::Hoi4) {
                out.extend_from_slice(&(number as i32 % 9_000_000).to_le_bytes());
            } else {
                out.extend_from_slice(&(number as i32 as f32 / 1024.0 % 4096.0).to_le_bytes());
            }
        }
        9 => {
            id(out, 0x0167);
            out.extend_from_slice(&(number as i64 % (1 << 40)).to_le_bytes());
        }
        10 | 11 => id(out, random.pick(&[0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x7abc])),
        12 => id(out, 0x0d42),
        13 => {
            let (kind, bytes) = random.pick(&[
                (0x0d40, 1),
                (0x0d43, 1),
                (0x0d3e, 2),
                (0x0d44, 2),
                (0x0d41, 3),
                (0x0d45, 3),
                (0x0d3f, 4),
                (0x0d46, 4),
                (0x0d5a, 1),
                (0x0d5b, 2),
                (0x0d5c, 3),
                (0x0d5d, 4),
            ]);
            id(out, kind);
            out.extend_from_slice(&(random.next() % 5).to_le_bytes()[..bytes]);
        }
        14 => {
            let kind = random.below(15) as u16;
            id(out, 0x0d47 + kind);
            out.extend_from_slice(
                &(random.next() % (1 << 40)).to_le_bytes()[..usize::from(if kind > 7 { kind - 7 } else { kind })],
            );
        }
        _ => string(out, 0x0d5e, b"word"),
    }
}

fn content(random: &mut Random, out: &mut Vec<u8>, game: Game, depth: usize) {
    let is_list = depth > 0 && random.below(3) == 0;
    for _ in 0..random.below(6) {
        let odd = random.below(40) == 0 && depth > 0;
        if is_list == odd {
            match random.below(3) {
                0 | 1 => id(out, random.pick(&[0x2000, 0x2001, 0x2002, 0x2003, 0x2006, 0x7abc])),
                _ => scalar(random, out, game),
            }
            if random.below(60) > 0 {
                id(out, 0x0001);
            }
        }
        match random.below(if depth > 6 { 6 } else { 10 }) {
            0..6 => scalar(random, out, game),
            6 => {
                id(out, 0x0243);
                id(out, 0x0003);
                for _ in 0..3 + random.below(2) {
                    id(out, 0x0014);
                    out.extend_from_slice(&(random.below(256) as u32).to_le_bytes());
                }
                id(out, 0x0004);
            }
            _ => {
                id(out, 0x0003);
                content(random, out, game, depth + 1);
                id(out, 0x0004);
            }
        }
        if random.below(200) == 0 {
            id(out, random.pick(&[1, 3, 4]));
        }
    }
}

/// The same save as text, made independently: dates and tokens by jomini, numbers in floating point.
fn melt(input: &[u8], game: Game, tokens: &BTreeMap<u16, &str>) -> Option<Vec<u8>> {
    let mut lexer = Lexer::new(input);
    let mut text = Vec::new();
    let (mut known_number, mut known_date) = (false, false);
    while let Some(token) = lexer.next_token().ok()? {
        let mut word = String::new();
        match token {
            Token::Open => word.push('{'),
            Token::Close => {
                (known_number, known_date) = (false, false);
                word.push('}');
            }
            Token::Equal => word.push('='),
            Token::U32(x) => write!(word, "{x}").unwrap(),
            Token::U64(x) => write!(word, "{x}").unwrap(),
            Token::I64(x) => write!(word, "{x}").unwrap(),
            Token::I32(x) => {
                let date = match game {
                    _ if known_number => None,
                    Game::Hoi4 if known_date => DateHour::from_binary(x).map(|d| d.game_fmt().to_string()),
                    Game::Hoi4 => DateHour::from_binary_heuristic(x).map(|d| d.game_fmt().to_string()),
                    Game::Eu5 => jomini::common::RawDate::from_binary(x)
                        .filter(|d| d.hour() <= 22 && (known_date || d.hour() % 2 == 0 && d.year() > -100))
                        .map(|d| {
                            let hour = if d.hour() > 0 { format!(".{}", d.hour()) } else { String::new() };
                            format!("{}.{}.{}{hour}", d.year(), d.month(), d.day())
                        }),
                    _ => Date::from_binary_heuristic(x).map(|d| d.game_fmt().to_string()),
                };
                (known_number, known_date) = (false, false);
                word = date.unwrap_or_else(|| x.to_string());
            }
            Token::Bool(x) => word.push_str(if x { "yes" } else { "no" }),
            Token::Quoted(x) => {
                text.push(b'"');
                for &byte in x.as_bytes() {
                    if byte == b'"' || byte == b'\\' {
                        text.push(b'\\');
                    }
                    text.push(byte);
                }
                text.push(b'"');
            }
            Token::Unquoted(x) => text.extend_from_slice(x.as_bytes()),
            Token::F32(x) => match game {
                Game::Eu4 => write!(word, "{:.3}", f64::from(i32::from_le_bytes(x)) / 1000.0).unwrap(),
                Game::Hoi4 => write!(word, "{}", f64::from(i32::from_le_bytes(x)) / 1000.0).unwrap(),
                Game::Eu5 => write!(word, "{}", f32::from_le_bytes(x)).unwrap(),
                _ => write!(word, "{:.6}", f32::from_le_bytes(x)).unwrap(),
            },
            Token::F64(x) => {
                let x = i64::from_le_bytes(x) as f64;
                match game {
                    Game::Eu4 => write!(word, "{:.5}", (x / 32768.0 * 100_000.0).round() / 100_000.0).unwrap(),
                    Game::Hoi4 => write!(word, "{}", (x / 32768.0 * 100_000.0).floor() / 100_000.0).unwrap(),
                    _ => write!(word, "{}", x / 100_000.0).unwrap(),
                }
            }
            Token::Rgb(x) => {
                (known_number, known_date) = (false, false);
                write!(word, "rgb {{ {} {} {} {} }}", x.r, x.g, x.b, x.a.map_or(String::new(), |a| a.to_string()))
                    .unwrap();
            }
            Token::Lookup(x) => match STRINGS.get(x as usize) {
                Some(string) => write!(word, "{string:?}").unwrap(),
                None => write!(word, "__id_0x{x:x}").unwrap(),
            },
            Token::Id(x) => {
                match tokens.get(&x) {
                    Some(name) => word.push_str(name),
                    None => write!(word, "__unknown_0x{x:x}").unwrap(),
                }
                known_number = word.ends_with("seed");
                known_date = word == "date" && matches!(game, Game::Hoi4 | Game::Eu5);
            }
        }
        text.extend_from_slice(word.as_bytes());
        text.push(b' ');
    }
    Some(text)
}

#[test]
fn random_binary_saves_give_what_their_text_gives() {
    compare(4000, 1);
}

#[test]
#[ignore = "minutes: cargo test --release --test save -- --ignored --nocapture"]
fn a_million_random_binary_saves_give_what_their_text_gives() {
    let seed = std::env::var("RANDOM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2);
    compare(1_000_000, seed);
}

fn compare(inputs: u64, seed: u64) {
    let mut random = Random::new(seed);
    let words = Words { tokens: Some(Arc::new(Tokens::parse(LIST).unwrap())), lookups: Some(Arc::new(lookups())) };
    let names: BTreeMap<u16, &str> = LIST
        .lines()
        .filter_map(|line| line.strip_prefix("0x")?.split_once(' '))
        .map(|(number, name)| (u16::from_str_radix(number, 16).unwrap(), name))
        .collect();
    let (mut good, mut bad, mut different, mut known) = (0u64, 0u64, 0u64, 0u64);
    for number in 0..inputs {
        let game = random.pick(&[Game::Eu4, Game::Hoi4, Game::Ck3, Game::Eu5]);
        let mut body = Vec::new();
        // Every input starts like a binary save.
        id(&mut body, 0x2000);
        id(&mut body, 0x0001);
        id(&mut body, 0x2001);
        content(&mut random, &mut body, game, 0);
        if random.below(50) == 0 {
            body.truncate(random.below(body.len()).max(6));
        }
        let mut input = match game {
            Game::Eu4 => b"EU4bin".to_vec(),
            Game::Hoi4 => b"HOI4bin".to_vec(),
            _ => Vec::new(),
        };
        input.extend_from_slice(&body);
        let keys = random.pick(&[Keys::Preserve, Keys::Pairs, Keys::Group]);
        let narrow = random.pick(&[Narrow::All, Narrow::Unquoted, Narrow::None]);
        let encoding = random.pick(&[Encoding::Utf8, Encoding::Windows1252]);
        let options = Options { keys, narrow, encoding: Some(encoding), ..Options::default() };
        let converter = || Converter::new(options.clone()).with_words(words.clone()).with_game(Some(game));
        let ours = drive(converter(), &[&input], 1 << 16);
        let cut = random.below(input.len());
        assert_eq!(drive(converter(), &[&input[..cut], &input[cut..]], 3), ours);
        if number % 4 == 0 {
            assert_eq!(drive(converter(), &input.chunks(1).collect::<Vec<_>>(), 1), ours);
        }
        let theirs = melt(&body, game, &names).ok_or_else(|| "no tokens".to_owned()).and_then(|text| {
            jomini(keys, narrow, encoding, &text).map_err(|error| error + &String::from_utf8_lossy(&text))
        });
        match (&ours, &theirs) {
            (Ok(a), Ok(b)) if a == b.as_bytes() => good += 1,
            (Err(_), Err(_)) => bad += 1,
            // In text, an equals sign in the place of a word is a word.
            (Err(SaveError::Bad { rule: Rule::Operator, .. }), Ok(_)) => known += 1,
            // The comparison of texts has the same known differences.
            (Ok(_), Ok(json)) if json.contains("__invalid_key") => known += 1,
            (Ok(a), Ok(b))
                if crate::common::tree::same_but_for_headers(
                    &serde_json::from_slice(a).unwrap(),
                    &serde_json::from_str(b).unwrap(),
                ) =>
            {
                known += 1
            }
            (Ok(_), Ok(_))
                if keys == Keys::Group
                    && convert_as(&options, Keys::Preserve, &words, game, &input).as_deref()
                        == Ok(jomini(Keys::Preserve, narrow, encoding, &melt(&body, game, &names).unwrap())
                            .unwrap()
                            .as_bytes()) =>
            {
                known += 1
            }
            _ => {
                different += 1;
                if different <= 8 {
                    println!(
                        "{number} {game:?} {keys:?} {narrow:?}\n  {}\n  ours   {:?}\n  theirs {theirs:?}",
                        String::from_utf8_lossy(&melt(&body, game, &names).unwrap_or_default()),
                        ours.as_ref().map(|json| String::from_utf8_lossy(json)),
                    );
                }
            }
        }
    }
    println!("{inputs} binary inputs: {good} the same, {bad} refused by both, {known} known, {different} different");
    assert_eq!(different, 0);
}

fn convert_as(options: &Options, keys: Keys, words: &Words, game: Game, input: &[u8]) -> Result<Vec<u8>, SaveError> {
    let options = Options { keys, ..options.clone() };
    drive(Converter::new(options).with_words(words.clone()).with_game(Some(game)), &[input], 1 << 16)
}

#[test]
fn a_binary_save_without_words_says_what_to_bring() {
    for (input, game) in [
        (&b"EU4bin\x4d\x28\x01\x00"[..], Game::Eu4),
        (b"U1\x01\x00\x03\x00", Game::Jomini),
        (b"HOI4bin", Game::Hoi4),
        (b"SAV0103c874e24100000501\nU1\x01\x00", Game::Jomini),
    ] {
        let error = convert(&Options::default(), input).unwrap_err();
        assert_eq!(error, SaveError::BinarySave { game: game.name() });
        assert_eq!(error.code(), "binary_save");
        assert!(error.to_string().contains("token list"), "{error}");
    }
}

#[test]
fn an_unknown_word_is_named_or_refused() {
    let words = Words { tokens: Some(Arc::new(Tokens::parse("0x284d date\n").unwrap())), lookups: None };
    let mut input = b"EU4bin\x4d\x28\x01\x00\x0c\x00\x10\x77\x5d\x03\x34\x12\x01\x00\x34\x12".to_vec();
    let run = |input: &[u8], unknown| {
        let options = Options { unknown, ..Options::default() };
        drive(Converter::new(options).with_words(words.clone()), &[input], 99)
    };
    assert_eq!(run(&input, Unknown::Name).unwrap(), br#"{"date":"1444.11.11","__unknown_0x1234":"__unknown_0x1234"}"#);
    assert_eq!(run(&input, Unknown::Refuse), Err(SaveError::UnknownToken { token: 0x1234, lookup: false, offset: 16 }));
    input.truncate(16);
    assert_eq!(run(&input, Unknown::Refuse).unwrap(), br#"{"date":"1444.11.11"}"#);
}

#[test]
fn numbers_are_as_each_game_writes_them() {
    let words = Words { tokens: Some(Arc::new(Tokens::parse("2000 a\n0x2001 save_version").unwrap())), lookups: None };
    let row = |game: Game, mark: &[u8], token: u16, payload: &[u8], expected: &str| {
        let input = [mark, &[0, 0x20, 1, 0], &token.to_le_bytes(), payload].concat();
        let converter = Converter::new(Options::default()).with_words(words.clone()).with_game(Some(game));
        let json = drive(converter, &[&input], 99).unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), format!("{{\"a\":{expected}}}"), "{game:?} {token:04x}");
    };
    // This value is from a save in both forms.
    row(Game::Eu4, b"EU4bin", 0x0167, &[210, 63, 1, 0, 0, 0, 0, 0], "2.4986");
    row(Game::Hoi4, b"HOI4bin", 0x0167, &[210, 63, 1, 0, 0, 0, 0, 0], "2.49859");
    row(Game::Eu4, b"EU4bin", 0x000d, &(-1500i32).to_le_bytes(), "-1.5");
    row(Game::Hoi4, b"HOI4bin", 0x000d, &2000i32.to_le_bytes(), "2");
    row(Game::Eu5, b"", 0x0167, &[3, 176, 63, 231, 0, 0, 0, 0], "38797.10723");
    row(Game::Eu5, b"", 0x0d48, &[65], "0.00065");
    row(Game::Eu5, b"", 0x0d47, &[], "0");
    row(Game::Eu5, b"", 0x0d50, &[0x10, 0x27], "-0.1");
    row(Game::Eu5, b"", 0x000c, &(56_379_360i32 + 4).to_le_bytes(), "\"1436.1.1.4\"");
    row(Game::Hoi4, b"HOI4bin", 0x000c, &60_759_371i32.to_le_bytes(), "\"1936.1.1.12\"");
    row(Game::Ck3, b"", 0x000d, &0.156f32.to_le_bytes(), "0.156");
    row(Game::Ck3, b"", 0x000d, &f32::NAN.to_le_bytes(), "0");
}

#[test]
#[ignore = "SAVE_FILES=FOLDER names a folder of real saves"]
fn every_real_binary_save_gives_what_its_text_gives() {
    let folder = std::env::var("SAVE_FILES").expect("SAVE_FILES names a folder");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let words = Words { tokens: Some(Arc::new(Tokens::parse("").unwrap())), lookups: None };
    for file in files {
        let input = std::fs::read(&file).unwrap();
        let mut converter = Converter::new(Options::default());
        let first = converter.step(&input[..input.len().min(64)], &mut [0; 999]);
        if !matches!(first, Err(SaveError::BinarySave { .. })) {
            continue;
        }
        let game = converter.game().filter(|game| *game != Game::Jomini).unwrap_or(Game::Ck3);
        let line = recompress::save::SavLine::parse(&input).map_or(0, |line| line.length);
        let start = if input.starts_with(b"EU4bin") { 6 } else { line };
        for keys in [Keys::Preserve, Keys::Pairs, Keys::Group] {
            let encoding = game.encoding();
            let options = Options { keys, group_bytes: 400 << 20, ..Options::default() };
            let converter = Converter::new(options).with_words(words.clone()).with_game(Some(game));
            let pieces: Vec<&[u8]> = input.chunks(65_521).collect();
            let ours = drive(converter, &pieces, 60_000);
            let text = melt(&input[start..], game, &BTreeMap::new()).unwrap();
            let theirs = jomini(keys, Narrow::Unquoted, encoding, &text);
            match (ours, theirs) {
                (Ok(a), Ok(b)) if a == b.as_bytes() => {
                    println!(
                        "{}: {} bytes, {game:?}, the same in {keys:?}",
                        file.file_name().unwrap().display(),
                        input.len()
                    );
                }
                (Ok(a), Ok(b)) => {
                    let at = a.iter().zip(b.as_bytes()).position(|(a, b)| a != b).unwrap_or(0);
                    let from = at.saturating_sub(80);
                    panic!(
                        "{} differs in {keys:?}\n{}\n{}",
                        file.display(),
                        String::from_utf8_lossy(&a[from..a.len().min(at + 80)]),
                        String::from_utf8_lossy(&b.as_bytes()[from..b.len().min(at + 80)])
                    );
                }
                (Err(_), Err(_)) => println!("{}: refused by both", file.file_name().unwrap().display()),
                (a, b) => panic!("{}: {:?} {:?}", file.display(), a.map(|_| ()), b.map(|_| ())),
            }
        }
    }
}
