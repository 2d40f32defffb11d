//! The work that hostile input can ask for, counted and not timed.

use super::Place;
use crate::{Encoder, End, Options, Start, command::NEAR, matcher::load32, work};

/// Units of work for each byte of `input` at this quality.
fn work_per_byte(input: &[u8], quality: u8) -> usize {
    let options = Options { quality, lgwin: 22, expected: None, start: Start::Stream };
    let mut encoder = Encoder::new(&options).expect("there is memory");
    let mut room = vec![0; 1 << 20];
    let done = work::of(|| {
        let mut rest = input;
        while !rest.is_empty() {
            rest = &rest[encoder.write(rest, &mut room).consumed..];
        }
        while !encoder.finish(End::Stream, &mut room).finished {}
    });
    done / input.len()
}

/// Multiplicative hashes of a counter.
fn random(at: usize) -> u32 {
    let hash = (at as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) as u32
}

/// Every sequence of 16 bits but zeros once in 2^16 - 1, as digits.
fn de_bruijn(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut bit = || {
        let new = (state ^ (state >> 2) ^ (state >> 3) ^ (state >> 5)) & 1;
        state = state >> 1 | new << 15;
        b'0' + new as u8
    };
    (0..length).map(|_| bit()).collect()
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    // Past the credit of the start.
    const LENGTH: usize = 3 << 19;
    let repeated = |piece: &dyn Fn(usize) -> Vec<u8>| {
        let mut bytes: Vec<u8> = Vec::with_capacity(LENGTH + 64);
        for at in 0.. {
            if bytes.len() >= LENGTH {
                break;
            }
            bytes.extend(piece(at));
        }
        bytes
    };
    vec![
        ("all equal", vec![7; LENGTH]),
        ("period 2", b"ab".repeat(LENGTH / 2)),
        ("period 9", b"abcdefghi".repeat(LENGTH / 9)),
        ("numbers that count up", repeated(&|at| (at as u32).to_le_bytes().to_vec())),
        ("long numbers that count up", repeated(&|at| (at as u64).to_be_bytes().to_vec())),
        ("squares", repeated(&|at| (at as u32).wrapping_mul(at as u32).to_le_bytes().to_vec())),
        ("digits that count up", repeated(&|at| format!("{at:08}").into_bytes())),
        ("random digits", repeated(&|at| vec![b'0' + (random(at) % 10) as u8])),
        ("random bits", repeated(&|at| vec![(random(at) & 1) as u8])),
        ("random hexadecimal digits", repeated(&|at| vec![(random(at) & 15) as u8])),
        ("de Bruijn", de_bruijn(LENGTH)),
        ("words", repeated(&|at| random(random(at) as usize % 65536).to_le_bytes().to_vec())),
        ("a key and a byte", repeated(&|at| [b"same".as_slice(), &[random(at) as u8]].concat())),
        ("colliding keys", repeated(&|at| [b"the same key ".as_slice(), &random(at).to_le_bytes()[..3]].concat())),
        ("a fraction", repeated(&|at| (at as f64).sqrt().to_le_bytes().to_vec())),
    ]
}

/// Real saves take 24 to 60 units at quality 9, Python and Rust sources 45 to 48, programs and fonts 51 to 63.
#[test]
fn hostile_input_takes_a_bounded_amount_of_work() {
    const MOST: usize = 90;
    for (name, input) in hostile() {
        for quality in [5, 9] {
            let work = work_per_byte(&input, quality);
            assert!(work <= MOST, "{name} at {quality}: {work} units for each byte");
        }
    }
}

/// A filter may let too much pass, and must not hold back any copy.
#[test]
fn all_near_distances_with_three_bytes_pass_the_filter() {
    // Three values: three bytes agree at every 27th place, so that each combination of near distances occurs.
    let bytes: Vec<u8> = (0..4096).map(|at| (random(at) % 3) as u8).collect();
    let mut held_back = 0;
    for at in 100..4000 {
        let place = Place { bytes: &bytes, at, here: load32(&bytes, at), position: 0, reach: 90, most: 16 };
        for distance in (1..100_usize).chain([1 << 30]) {
            let agrees =
                |other: usize| (1..=place.reach).contains(&other) && bytes[at - other..][..3] == bytes[at..][..3];
            let wanted = NEAR.iter().any(|&by| agrees(distance.wrapping_add_signed(by as isize)));
            let passes = place.may_be_near(distance);
            assert!(passes || !wanted, "distance {distance} at {at}");
            held_back += usize::from(!passes);
        }
    }
    assert!(held_back > 100_000, "{held_back} held back");
}
