//! Properties of any input: it decodes, however it arrives and wherever it is cut.

mod common;

use common::*;
use recompress_encoder::{Encoder, End, Options, Start};

fn random(seed: u64, length: usize, values: u64) -> Vec<u8> {
    let mut random = Random(seed);
    (0..length).map(|_| (random.next_u64() % values) as u8).collect()
}

/// Every sequence of 16 bits but zeros once in 2^16 - 1: matches are short until it begins again.
fn de_bruijn(length: usize) -> Vec<u8> {
    // x^16 + x^14 + x^13 + x^11 + 1: the bits of a shift register of the longest period.
    let mut state = 1_u32;
    let mut bit = || {
        let new = (state ^ (state >> 2) ^ (state >> 3) ^ (state >> 5)) & 1;
        state = state >> 1 | new << 15;
        new as u8
    };
    (0..length).map(|_| b'0' + bit()).collect()
}

/// Keys that repeat and go on differently each time, so that every row is full of candidates.
fn colliding(length: usize) -> Vec<u8> {
    let mut random = Random(9);
    let mut out = Vec::new();
    while out.len() < length {
        out.extend_from_slice(b"the same key ");
        for _ in 0..3 {
            out.push(random.next_u64() as u8);
        }
    }
    out.truncate(length);
    out
}

/// Text with repetitions at all distances.
fn mixed(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random(seed);
    let mut out: Vec<u8> = Vec::new();
    while out.len() < length {
        match random.below(10) {
            0..=3 if out.len() > 10 => {
                let reach = 1 + random.below(out.len());
                let distance = 1 + random.below(reach);
                let order = random.below(12);
                let count = 2 + random.below(1 << order);
                for _ in 0..count {
                    out.push(out[out.len() - distance]);
                }
            }
            4 => {
                let byte = random.next_u64() as u8;
                let count = random.below(300);
                out.extend(std::iter::repeat_n(byte, count));
            }
            5 => (0..random.below(60)).for_each(|_| out.push(random.next_u64() as u8)),
            _ => out
                .extend_from_slice(format!("name_{}={}\n", random.below(400), random.next_u64() % 100_000).as_bytes()),
        }
    }
    out.truncate(length);
    out
}

fn inputs(length: usize) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("random", random(1, length, 256)),
        ("two values", random(2, length, 2)),
        ("all equal", vec![7; length]),
        ("period 2", b"ab".repeat(length / 2 + 1)[..length].to_vec()),
        ("period 9", b"abcdefghi".repeat(length / 9 + 1)[..length].to_vec()),
        ("period 1000", random(3, 1000, 256).repeat(length / 1000 + 1)[..length].to_vec()),
        ("de Bruijn", de_bruijn(length)),
        ("colliding", colliding(length)),
        ("mixed", mixed(4, length)),
        ("numbers", (0..length as u32 / 4 + 1).flat_map(u32::to_le_bytes).take(length).collect()),
    ]
}

#[test]
fn every_kind_of_input_decodes_at_every_quality() {
    for (name, input) in inputs(300_000) {
        for quality in 5..=9 {
            let compressed = whole(&input, &options(quality, 18));
            assert_decodes(&compressed, &input, &format!("{name} at {quality}"));
            assert!(compressed.len() <= input.len() + 40, "{name} at {quality}: {}", compressed.len());
        }
    }
}

#[test]
fn every_window_decodes_across_its_edges() {
    for lgwin in 10..=24 {
        let window = 1_usize << lgwin;
        let length = if lgwin < 20 { 5 * window / 2 + 200_000 } else { window + window / 4 };
        for input in
            [mixed(lgwin as u64, length), random(5, window - 16, 256).repeat(2), random(6, window - 15, 256).repeat(2)]
        {
            let compressed = whole(&input, &options(5, lgwin));
            assert_decodes(&compressed, &input, &format!("{} bytes at {lgwin}", input.len()));
        }
    }
}

#[test]
fn a_repetition_a_window_away_is_found_and_one_byte_further_is_not() {
    for lgwin in [16, 18, 20] {
        let window = 1_usize << lgwin;
        let near = whole(&random(5, window - 16, 256).repeat(2), &options(9, lgwin)).len();
        let far = whole(&random(5, window - 15, 256).repeat(2), &options(9, lgwin)).len();
        assert!(near < window + window / 8 && far > 2 * window - 100, "{near}, {far} at {lgwin}");
    }
}

#[test]
fn lengths_around_the_edges_of_pieces_and_meta_blocks_decode() {
    let input = mixed(8, (4 << 20) + 100);
    for edge in [1 << 16, 2 << 16, 2 << 20, 4 << 20] {
        for length in edge - 18..edge + 19 {
            if edge > 1 << 20 && length % 3 != 0 {
                continue;
            }
            assert_decodes(&whole(&input[..length], &options(5, 22)), &input[..length], &format!("{length}"));
        }
    }
    for length in 0..200 {
        assert_decodes(&whole(&input[..length], &options(9, 22)), &input[..length], &format!("{length}"));
    }
}

#[test]
fn the_output_does_not_depend_on_how_input_and_room_come() {
    let noise = random(11, 1 << 20, 256);
    let input = [mixed(10, 3 << 20), noise.repeat(3), mixed(12, 1 << 20)].concat();
    for start in [Start::Stream, Start::Segment] {
        let options = Options { start, ..options(7, 18) };
        let expected = whole(&input, &options);
        for seed in 1..5 {
            let mut random = Random(seed);
            let cut = || (1 + random.below(1 << (4 * seed)), 1 + random.below(1 << (2 + 4 * seed)));
            assert!(compress(&input, &options, End::Stream, cut) == expected, "seed {seed}");
        }
    }
}

#[test]
fn one_byte_at_a_time_changes_nothing() {
    let input = mixed(13, 150_000);
    for start in [Start::Stream, Start::Segment] {
        let options = Options { start, ..options(9, 16) };
        assert!(compress(&input, &options, End::Stream, || (1, 1)) == whole(&input, &options));
    }
}

#[test]
fn what_is_expected_changes_no_contents() {
    let input = mixed(14, 700_000);
    for expected in [0, 1, 1000, 65_536, 699_999, 700_000, 700_001, u64::MAX] {
        for lgwin in [10, 17, 22] {
            let options = Options { expected: Some(expected), ..options(6, lgwin) };
            assert_decodes(&whole(&input, &options), &input, &format!("{expected} bytes expected"));
        }
    }
}

fn header(lgwin: u8) -> Vec<u8> {
    // A stream's header and an empty metadata block, to a whole byte.
    compress(b"", &options(9, lgwin), End::Segment, || (1, 100))
}

#[test]
fn segments_decode_together_and_each_alone() {
    let input = mixed(15, 900_000);
    for lgwin in [10, 16, 17, 18, 22, 24] {
        let segment = Options { start: Start::Segment, ..options(9, lgwin) };
        let mut together = header(lgwin);
        let mut at = 0;
        for length in [0, 1, 2, 3, 70_000, 1000, 300_000, input.len() - 371_006] {
            let part = &input[at..at + length];
            let compressed = compress(part, &segment, End::Segment, || (1 << 20, 1 << 20));
            let alone = [&header(lgwin), &compressed, &[3][..]].concat();
            assert_decodes(&alone, part, &format!("{length} bytes alone at {lgwin}"));
            together.extend_from_slice(&compressed);
            at += length;
        }
        together.push(3);
        assert_decodes(&together, &input[..at], &format!("segments together at {lgwin}"));
    }
}

/// Writes `part` in pieces of `share` bytes, and ends it.
fn write_part(encoder: &mut Encoder, part: &[u8], share: usize) -> Vec<u8> {
    let mut room = vec![0; 1 << 20];
    let mut out = Vec::new();
    let mut rest = part;
    while !rest.is_empty() {
        let encoded = encoder.write(&rest[..rest.len().min(share)], &mut room);
        rest = &rest[encoded.consumed..];
        out.extend_from_slice(&room[..encoded.produced]);
    }
    loop {
        let encoded = encoder.finish(End::Segment, &mut room);
        out.extend_from_slice(&room[..encoded.produced]);
        if encoded.finished {
            return out;
        }
    }
}

#[test]
fn primed_parts_decode_as_one_and_lose_little() {
    let input = mixed(16, 2 << 20);
    for (lgwin, quality) in [(12, 9), (18, 9), (22, 9), (22, 5)] {
        let options = Options { start: Start::Segment, ..options(quality, lgwin) };
        let solid = whole(&input, &Options { start: Start::Stream, ..options }).len();
        let mut together = header(lgwin);
        // One that encodes all parts, and a new one for each, primed with a window or with more.
        let mut all = Encoder::new(&options).unwrap();
        for (number, part) in input.chunks(500_000).enumerate() {
            let before = &input[..number * 500_000];
            let mut alone = Encoder::new(&options).unwrap();
            if number > 0 {
                alone.prime(if number % 2 == 0 { before } else { &before[before.len().saturating_sub(1 << lgwin)..] });
                all.next_part();
            }
            let compressed = write_part(&mut alone, part, usize::MAX);
            assert!(write_part(&mut all, part, 777) == compressed, "part {number} after the ones before, at {lgwin}");
            together.extend_from_slice(&compressed);
        }
        together.push(3);
        assert_decodes(&together, &input, &format!("primed parts at {lgwin}"));
        assert!(together.len() < solid + solid / 50, "{} bytes, {solid} in one at {lgwin}", together.len());
    }
}

#[test]
fn what_was_learnt_in_one_part_does_not_show_in_the_next() {
    // Noise, zeros and text change the prices and the places that are left out; the next part must start without them.
    let text = mixed(18, 300_000);
    let noise: Vec<u8> = mixed(19, 300_000)
        .iter()
        .scan(7_u32, |state, byte| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223 + u32::from(*byte));
            Some((*state >> 24) as u8)
        })
        .collect();
    let options = Options { start: Start::Segment, ..options(9, 18) };
    for parts in [[&text[..], &noise, &text], [&noise, &text, &noise], [&vec![0; 700_000], &text, &[1]]] {
        let mut all = Encoder::new(&options).unwrap();
        let mut before = Vec::new();
        for (number, part) in parts.into_iter().enumerate() {
            let mut alone = Encoder::new(&options).unwrap();
            if number > 0 {
                alone.prime(&before);
                all.next_part();
            }
            assert!(write_part(&mut all, part, 5000) == write_part(&mut alone, part, 1 << 20), "part {number}");
            before.extend_from_slice(part);
        }
    }
}

#[test]
fn the_quality_can_change_at_any_time() {
    let input = mixed(17, 3 << 20);
    let mut encoder = Encoder::new(&options(9, 20)).unwrap();
    let mut room = vec![0; 1 << 20];
    let (mut out, mut rest, mut calls) = (Vec::new(), &input[..], 0);
    while !rest.is_empty() {
        encoder.set_quality(5 + (calls % 5) as u8);
        calls += 1;
        let encoded = encoder.write(&rest[..rest.len().min(10_000)], &mut room);
        rest = &rest[encoded.consumed..];
        out.extend_from_slice(&room[..encoded.produced]);
    }
    loop {
        let encoded = encoder.finish(End::Stream, &mut room);
        out.extend_from_slice(&room[..encoded.produced]);
        if encoded.finished {
            break;
        }
    }
    assert_decodes(&out, &input, "changing qualities");
}

#[test]
fn noise_is_copied_and_what_follows_is_found() {
    let text = mixed(18, 3 << 20);
    let input = [random(19, 9 << 20, 256), text.clone()].concat();
    let compressed = whole(&input, &options(9, 22));
    assert_decodes(&compressed, &input, "noise, then text");
    let alone = whole(&text, &options(9, 22)).len();
    assert!(compressed.len() < (9 << 20) + alone + alone / 4 + 1000, "{} bytes, {alone} alone", compressed.len());
}

#[test]
fn random_mixtures_decode() {
    let rounds = std::env::var("ROUNDS").map_or(60, |rounds| rounds.parse().unwrap());
    let first = std::env::var("SEED").map_or(1000, |seed| seed.parse().unwrap());
    for seed in first..first + rounds {
        let mut random = Random(seed);
        let order = 1 + random.below(22);
        let length = random.below(1 << order);
        let mut input = mixed(seed, length);
        for _ in 0..random.below(4) {
            let at = random.below(input.len() + 1);
            let kinds = inputs(random.below(1 << 17));
            let kind = random.below(kinds.len());
            input.splice(at..at, kinds[kind].1.iter().copied());
        }
        let options = options(5 + random.below(5) as u8, 10 + random.below(15) as u8);
        let (mut share, mut room) = (1 + random.below(1 << 18), 1 + random.below(1 << 16));
        if input.len() < 10_000 {
            (share, room) = (1 + share % 100, 1 + room % 20);
        }
        let compressed = compress(&input, &options, End::Stream, || (share, room));
        assert_decodes(&compressed, &input, &format!("seed {seed}, {options:?}"));
    }
}

/// As many copies as a meta-block needs to be tried, and too few to shrink it.
#[test]
fn a_stored_meta_block_leaves_the_last_distances_as_they_were() {
    let mut noise = random(20, 2 << 20, 256);
    for at in (100_000..2 << 20).step_by(50_000) {
        noise.copy_within(at - 777..at - 770, at);
    }
    // The first distance is the last one of the meta-block before.
    let after: Vec<u8> = noise[(2 << 20) - 777..].iter().copied().chain(mixed(21, 1 << 20)).collect();
    let input = [noise, after].concat();
    let compressed = whole(&input, &options(9, 22));
    assert!(compressed.len() > 2 << 20, "the first meta-block is stored");
    assert_decodes(&compressed, &input, "after a stored meta-block");
}

/// Small windows move to the front of the buffer within a meta-block.
#[test]
fn a_meta_block_far_longer_than_the_window_keeps_its_first_context() {
    let mut random = Random(22);
    let words: String = (0..9 << 20 >> 3).map(|_| format!("word_{} ", random.below(1024))).collect();
    for (lgwin, quality) in [(10, 5), (12, 7), (15, 9)] {
        let compressed = whole(words.as_bytes(), &options(quality, lgwin));
        assert_decodes(&compressed, words.as_bytes(), &format!("quality {quality}, lgwin {lgwin}"));
    }
}

/// Data that hardly shrinks fills the tables fast, unless they leave places out.
#[test]
fn what_is_mostly_literals_is_found_again_far_back() {
    let mut once = random(23, 5 << 19, 64);
    for at in (1000..once.len() - 8).step_by(50) {
        once.copy_within(at - 777..at - 769, at);
    }
    let alone = whole(&once, &options(9, 22));
    let twice = [&once[..], &once].concat();
    let compressed = whole(&twice, &options(9, 22));
    assert_decodes(&compressed, &twice, "twice");
    assert!(compressed.len() < alone.len() / 20 * 21, "{} bytes once, {} twice", alone.len(), compressed.len());
}

#[test]
fn noise_is_stored_with_a_header_for_each_meta_block() {
    for length in [100, 70_000, (2 << 20) + 5, 5 << 20] {
        let noise = random(24, length, 256);
        let compressed = whole(&noise, &options(9, 22));
        assert!(compressed.len() <= length + 5 + 5 * (length >> 20), "{} bytes for {length}", compressed.len());
        assert_decodes(&compressed, &noise, "noise");
    }
}
