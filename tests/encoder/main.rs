//! The encoder's memory: for every input, a conversion stays below the promise of `Transcoder::peak_bytes`, at every
//! quality and window.
//!
//! A binary of its own, with one test, because its allocator counts all memory of the process.
//! `cargo test --test encoder -- --nocapture` prints the table of docs/memory.md.

use recompress::{Limits, Parameters, Status, Step, Transcoder};
use recompress_testkit::{
    counting::{Counting, peak_of},
    zip_writer::{archive, stored},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// More than a meta-block of the longest kind.
const LENGTH: usize = 5 << 19;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Two bytes of each three repeat those of a row before: as many commands as there can be.
fn rows(length: usize) -> Vec<u8> {
    const ROW: usize = 1000;
    let mut random = Random(7);
    let mut bytes: Vec<u8> = Vec::with_capacity(length);
    for at in 0..length {
        let new = (random.next() >> 24) as u8;
        bytes.push(if at < ROW || at % 3 == 2 { new } else { bytes[at - ROW] });
    }
    bytes
}

/// Words of five bytes with noise between: matches everywhere, and none is long.
fn words(length: usize) -> Vec<u8> {
    let mut random = Random(11);
    let words: Vec<[u8; 5]> = (0..3000).map(|_| random.next().to_le_bytes()[..5].try_into().unwrap()).collect();
    let mut bytes = Vec::with_capacity(length + 6);
    while bytes.len() < length {
        let number = random.next();
        bytes.extend_from_slice(&words[(number >> 20) as usize % words.len()]);
        bytes.push(number as u8);
    }
    bytes.truncate(length);
    bytes
}

/// Every two thousand bytes another alphabet, and every other byte zero: as many kinds of literals as there can be.
fn sections(length: usize) -> Vec<u8> {
    const SECTION: usize = 2000;
    let mut random = Random(17);
    let mut bytes = Vec::with_capacity(length + SECTION);
    while bytes.len() < length {
        let (first, symbols) = (random.next() as u8, 4 + random.next() % 40);
        for _ in 0..SECTION / 2 {
            bytes.push(first.wrapping_add((random.next() >> 20).wrapping_rem(symbols) as u8));
            bytes.push(0);
        }
    }
    bytes.truncate(length);
    bytes
}

fn noise(length: usize) -> Vec<u8> {
    let mut random = Random(13);
    (0..length).map(|_| (random.next() >> 24) as u8).collect()
}

fn convert(zip: &[u8], parameters: Parameters, limits: Limits, output: &mut [u8]) {
    let mut transcoder = Transcoder::new(parameters, limits).unwrap();
    let mut rest = zip;
    loop {
        let progress = transcoder.step(rest, output).unwrap();
        rest = &rest[progress.consumed..];
        if progress.status == Status::Done {
            return;
        }
    }
}

#[test]
fn a_conversion_stays_below_its_promised_memory() {
    // This zip needs little held memory, which is part of the promise.
    let limits = Limits { memory_bytes: 64 << 10, ..Limits::NATIVE };
    let contents = [rows(LENGTH), sections(LENGTH / 2), words(LENGTH), noise(LENGTH)];
    let zips = contents.map(|contents| archive([stored(b"a", &contents)]).bytes());
    let mut output = vec![0; 64 << 10];
    let mut problems = Vec::new();
    println!("| quality | {} |", (16..=24).map(|lgwin| lgwin.to_string()).collect::<Vec<_>>().join(" | "));
    println!("| --- |{}", " --- |".repeat(9));
    for quality in 0..=11 {
        let mut cells = Vec::new();
        for lgwin in 16..=24 {
            let parameters = Parameters::new(quality, lgwin).unwrap();
            let promised = Transcoder::peak_bytes(parameters, limits, None);
            // The highest qualities take seconds for each, and most memory for the first two.
            let tried = if quality > 9 { &zips[..2] } else { &zips[..] };
            let peaks = tried.iter().map(|zip| peak_of(|| convert(zip, parameters, limits, &mut output)).0 as u64);
            let peak = peaks.max().unwrap();
            cells.push(format!("{:.0} of {:.0}", peak as f64 / 1e6, promised as f64 / 1e6));
            if peak > promised {
                problems.push(format!("quality {quality}, lgwin {lgwin}: {peak} of {promised} bytes"));
            }
        }
        println!("| {quality} | {} |", cells.join(" | "));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
