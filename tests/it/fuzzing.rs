//! The bodies of the fuzz targets, over the seeds that fuzzing starts from.
//!
//! `RECOMPRESS_SEEDS=DIR cargo test -p recompress --test it -- --ignored seeds` writes those to `DIR`; `make fuzz` does.

use std::{env, fs, panic, path::PathBuf};

use recompress::{Limits, Parameters, Transcoder};

use crate::{
    bodies,
    cases::{self, Case},
    drivers::{self, Driver, SplitMix},
    encoding, recipe, stored_body,
    zip_writer::{archive, deflated, folder},
};

/// Recipes among the seeds. Random bytes are good enough to start with.
const RECIPES: u64 = 300;

/// The longest seed in bytes. Longer ones are slow and add little.
const LONGEST: usize = 64 << 10;

fn seeds() -> Vec<(String, Vec<u8>)> {
    let rows = cases::all().into_iter().map(|Case { name, zip, .. }| (name, zip));
    let seeds = rows.chain(cases::methods::seeds()).chain(recipes("recipe", recipe::MARKER));
    seeds.filter(|(_, seed)| seed.len() <= LONGEST).collect()
}

fn recipes(name: &str, marker: u8) -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..RECIPES).map(move |seed| {
        let mut random = SplitMix(seed);
        let length = 10 + random.below(400);
        let recipe = (0..length).map(|_| random.below(256) as u8);
        (format!("{name}-{seed}"), [marker].into_iter().chain(recipe).collect())
    })
}

/// Stored files, with an index and without, and recipes for some.
fn stored_seeds() -> Vec<(String, Vec<u8>)> {
    let zip =
        archive([deflated(b"a.txt", b"some text, some text"), folder(b"d/"), deflated(b"d/b", &[7; 3000])]).bytes();
    let files = [(2, false), (5, false), (9, false), (9, true)].map(|(quality, report)| {
        let parameters = Parameters::new(quality, 18).expect("within their ranges");
        let transcoder = Transcoder::new(parameters, Limits::default()).expect("memory");
        let transcoder = if report { transcoder.reporting() } else { transcoder };
        (format!("file-{quality}-{report}"), drivers::drive(&zip, Driver::Whole, transcoder).output)
    });
    files.into_iter().chain(recipes("stored", stored_body::MARKER)).collect()
}

/// Tarballs of every kind of header.
fn tarball_seeds() -> Vec<(String, Vec<u8>)> {
    let tarball = |header: fn() -> tar::Header, name: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, target, contents) in [(name, None, &b"some text"[..]), ("l", Some(name), b""), ("d/", None, b"")] {
            let mut header = header();
            header.set_size(contents.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(1_741_694_400);
            header.set_entry_type(if name.ends_with('/') {
                tar::EntryType::Directory
            } else {
                tar::EntryType::Regular
            });
            match target {
                Some(target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    builder.append_link(&mut header, name, target).expect("memory");
                }
                None => builder.append_data(&mut header, name, contents).expect("memory"),
            }
        }
        builder.into_inner().expect("memory")
    };
    let long = "folder/".repeat(40) + "file";
    let mut seeds = Vec::new();
    for (kind, header) in
        [("ustar", tar::Header::new_ustar as fn() -> _), ("gnu", tar::Header::new_gnu), ("old", tar::Header::new_old)]
    {
        for name in ["a", &long[..200], &long].into_iter().take(if kind == "gnu" { 3 } else { 1 }) {
            seeds.push((format!("tar-{kind}-{}", name.len()), tarball(header, name)));
        }
    }
    let mut builder = tar::Builder::new(Vec::new());
    let records = [("path", &b"a/b"[..]), ("mtime", b"-12"), ("size", b"4")];
    builder.append_pax_extensions(records).expect("memory");
    let mut header = tar::Header::new_ustar();
    header.set_size(4);
    header.set_mode(0o644);
    header.set_mtime(0);
    builder.append_data(&mut header, "other", &b"text"[..]).expect("memory");
    seeds.push(("tar-pax".to_owned(), builder.into_inner().expect("memory")));
    seeds
}

fn over_all_seeds(body: fn(&[u8])) {
    over(&seeds(), body);
}

fn over(seeds: &[(String, Vec<u8>)], body: fn(&[u8])) {
    let failed = seeds.iter().filter(|(_, seed)| panic::catch_unwind(|| body(seed)).is_err());
    let failed: Vec<&str> = failed.map(|(name, _)| name.as_str()).collect();
    assert!(failed.is_empty(), "of {} seeds: {failed:?}", seeds.len());
}

#[test]
fn reader_body_holds_for_all_seeds() {
    over_all_seeds(bodies::reader);
}

#[test]
fn transcode_body_holds_for_all_seeds() {
    over_all_seeds(bodies::transcode);
}

#[test]
fn chunking_body_holds_for_all_seeds() {
    over_all_seeds(bodies::chunking);
}

#[test]
fn directory_body_holds_for_all_seeds() {
    over_all_seeds(bodies::directory);
}

#[test]
fn indexed_body_holds_for_all_seeds() {
    over_all_seeds(|seed| {
        bodies::indexed(seed);
    });
}

#[test]
fn stored_bodies_hold_for_their_seeds() {
    over(&stored_seeds(), |seed| {
        stored_body::file(seed);
    });
    over(&tarball_seeds(), |seed| assert!(stored_body::tarball(seed), "both read it"));
    let read = stored_seeds().iter().filter(|(_, seed)| stored_body::file(seed) > 0).count();
    assert!(read * 6 > stored_seeds().len(), "{read} files are read");
}

#[test]
fn encoder_body_holds_for_all_seeds() {
    over_all_seeds(|seed| {
        encoding::encoder(seed);
    });
}

/// Without the instruments of a fuzzer: `RECOMPRESS_ROUNDS=10000 RECOMPRESS_SEED=1 cargo test -p recompress --test it -- --ignored many`
#[test]
#[ignore = "takes as long as it is told to"]
fn encoder_body_holds_for_many_random_inputs() {
    let number = |name, usual| env::var(name).map_or(usual, |text| text.parse().expect("a number"));
    let first = number("RECOMPRESS_SEED", 1);
    for seed in first..first + number("RECOMPRESS_ROUNDS", 1000) {
        let mut random = SplitMix(seed);
        let length = 10 + random.below(2000);
        let input: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
        assert!(panic::catch_unwind(|| encoding::encoder(&input)).is_ok(), "seed {seed}");
    }
}

#[test]
fn the_directory_of_every_accepted_archive_is_found_from_its_end() {
    let missed = cases::all().into_iter().filter(|case| matches!(case.expected, cases::Expected::Members(_)));
    let missed: Vec<String> = missed.filter(|case| !bodies::indexed(&case.zip)).map(|case| case.name).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn the_other_readers_read_most_accepted_archives() {
    let accepted: Vec<Case> =
        cases::all().into_iter().filter(|case| matches!(case.expected, cases::Expected::Members(_))).collect();
    let compared: usize = accepted.iter().map(|case| bodies::compared_with_directory(&case.zip)).sum();
    assert!(compared * 10 >= 2 * accepted.len() * 9, "{compared} of 2 * {}", accepted.len());
}

#[test]
#[ignore = "writes to RECOMPRESS_SEEDS"]
fn seeds_are_written_to_a_folder() {
    let folder: PathBuf = env::var_os("RECOMPRESS_SEEDS").expect("RECOMPRESS_SEEDS names a folder").into();
    fs::create_dir_all(&folder).expect("a folder");
    for (name, seed) in seeds().into_iter().chain(stored_seeds()).chain(tarball_seeds()) {
        fs::write(folder.join(name.replace('/', "_")), seed).expect("a file in the folder");
    }
}

#[test]
#[ignore = "reads RECOMPRESS_INPUT, writes a zip beside it"]
fn input_that_fuzzing_found_is_written_as_a_zip() {
    let path: PathBuf = env::var_os("RECOMPRESS_INPUT").expect("RECOMPRESS_INPUT names a file").into();
    let input = fs::read(&path).expect("a file");
    fs::write(path.with_added_extension("zip"), recipe::zip(&input)).expect("a file beside it");
}
