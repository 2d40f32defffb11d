//! The bodies of the fuzz targets, over the seeds that fuzzing starts from.
//!
//! `RECOMPRESS_SEEDS=DIR cargo test -p recompress --test it -- --ignored seeds` writes those to `DIR`; `make fuzz` does.

use std::{env, fs, panic, path::PathBuf};

use crate::{
    bodies,
    cases::{self, Case},
    drivers::SplitMix,
    encoding, recipe,
};

/// Recipes among the seeds. Random bytes are good enough to start with.
const RECIPES: u64 = 300;

/// The longest seed in bytes. Longer ones are slow and add little.
const LONGEST: usize = 64 << 10;

fn seeds() -> Vec<(String, Vec<u8>)> {
    let rows = cases::all().into_iter().map(|Case { name, zip, .. }| (name, zip));
    let recipes = (0..RECIPES).map(|seed| {
        let mut random = SplitMix(seed);
        let length = 10 + random.below(400);
        let recipe = (0..length).map(|_| random.below(256) as u8);
        (format!("recipe-{seed}"), [recipe::MARKER].into_iter().chain(recipe).collect())
    });
    rows.chain(cases::methods::seeds()).chain(recipes).filter(|(_, seed)| seed.len() <= LONGEST).collect()
}

fn over_all_seeds(body: fn(&[u8])) {
    let seeds = seeds();
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
    for (name, seed) in seeds() {
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
