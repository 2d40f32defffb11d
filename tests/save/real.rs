//! Saves from real games. They are not in the repository: `SAVE_FILES` names a folder with members of their zips.

use std::fs;

use crate::common::{drive, jomini};
use recompress::{
    SaveError,
    save::{Converter, Encoding, Keys, Narrow, Options, SavLine},
};

fn files() -> Vec<(String, Vec<u8>)> {
    let folder = std::env::var("SAVE_FILES").expect("SAVE_FILES names a folder");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The offset at which the oracle starts to read. It does not know the marks.
fn start(input: &[u8]) -> usize {
    let mark = if input.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let line = SavLine::parse(&input[mark..]).map_or(0, |line| line.length);
    let at = mark + line;
    let game = [&b"EU4txt"[..], b"HOI4txt", b"CK2txt"].into_iter().find(|game| input[at..].starts_with(game));
    at + game.map_or(0, |game| game.len())
}

#[test]
#[ignore = "SAVE_FILES=FOLDER names a folder of real saves"]
fn every_text_save_gives_what_the_oracle_gives() {
    let (mut texts, mut binaries, mut bytes) = (0, 0, 0);
    for (name, input) in files() {
        let mut converter = Converter::new(Options::default());
        let first = converter.step(&input[..input.len().min(64)], &mut [0; 999]);
        let game = converter.game();
        if let Err(SaveError::BinarySave { game }) = first {
            println!("{name}: binary, {game:?}");
            binaries += 1;
            continue;
        }
        let encoding = game.map_or(Encoding::Windows1252, |game| game.encoding());
        for (keys, narrow) in
            [(Keys::Preserve, Narrow::Unquoted), (Keys::Pairs, Narrow::All), (Keys::Group, Narrow::Unquoted)]
        {
            let options = Options { keys, narrow, group_bytes: 256 << 20, ..Options::default() };
            let pieces: Vec<&[u8]> = input.chunks(65_521).collect();
            let ours = drive(Converter::new(options), &pieces, 60_000);
            // The oldest saves end in a checksum. The oracle refuses it.
            let split = input.len().saturating_sub(32);
            let checksum = Some(&input[split..]).filter(|end| end.len() == 32 && end.iter().all(u8::is_ascii_hexdigit));
            let end = if checksum.is_some() { split } else { input.len() };
            let theirs = jomini(keys, narrow, encoding, &input[start(&input)..end]).map(|json| match checksum {
                Some(checksum) => {
                    let checksum = String::from_utf8_lossy(checksum);
                    let (body, rest) = match keys {
                        Keys::Pairs => (json.strip_suffix("]}").unwrap(), format!(",[\"{checksum}\"]]}}")),
                        _ => (json.strip_suffix('}').unwrap(), format!(",\"remainder\":[\"{checksum}\"]}}")),
                    };
                    body.to_owned() + &rest
                }
                None => json,
            });
            match (ours, theirs) {
                (Ok(a), Ok(b)) => assert!(a == b.as_bytes(), "{name} differs, {keys:?}"),
                (Err(_), Err(_)) => println!("{name}: refused by both, {keys:?}"),
                (a, b) => panic!("{name}: {:?} {:?}", a.map(|_| ()), b.map(|_| ())),
            }
        }
        println!("{name}: {} bytes of text, {game:?}, the same in three modes", input.len());
        texts += 1;
        bytes += input.len();
    }
    println!("{texts} texts of {bytes} bytes, {binaries} binary");
}
