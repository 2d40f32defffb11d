//! The decoder for segments: it reads what any encoder writes, and nothing that could mean two things.

mod common;

use std::io::Write;

use common::*;
use recompress_encoder::{End, Fault, Options, Origin, Start};

/// Lines of several kinds, with noise between: block types, contexts and all lengths.
fn text(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random(seed + 1);
    let mut out = Vec::new();
    while out.len() < length {
        match random.below(40) {
            0 => (0..random.below(3000)).for_each(|_| out.push(random.next_u64() as u8)),
            1 => out.extend((0..random.below(2000) as u32).flat_map(|number| (number * number).to_be_bytes())),
            2 => out.extend(std::iter::repeat_n(b'=', random.below(70_000))),
            3 => out.extend_from_slice("表に書いた名前と日付。".repeat(random.below(9)).as_bytes()),
            _ => {
                let line = format!(
                    "province_{} = {{ owner = TAG{} base_tax = {}.000 }}\n",
                    random.below(3000),
                    random.below(90),
                    random.below(9)
                );
                out.extend_from_slice(line.as_bytes());
            }
        }
    }
    out.truncate(length);
    out
}

/// By Google's encoder.
fn by_another(input: &[u8], quality: i32, lgwin: i32, use_dictionary: bool) -> Vec<u8> {
    let params = brotli::enc::BrotliEncoderParams { quality, lgwin, use_dictionary, ..Default::default() };
    let mut writer = brotli::CompressorWriter::with_params(Vec::new(), 4096, &params);
    writer.write_all(input).unwrap();
    writer.into_inner()
}

fn at_once() -> (usize, usize) {
    (1 << 20, 1 << 20)
}

fn segment(input: &[u8], quality: u8, lgwin: u8) -> Vec<u8> {
    let options = Options { quality, lgwin, expected: None, start: Start::Segment };
    compress(input, &options, End::Segment, at_once)
}

#[test]
fn streams_of_another_encoder_are_read_however_they_arrive() {
    let input = text(1, 400_000);
    for quality in 0..=11 {
        for lgwin in [10, 16, 17, 18, 22, 24] {
            let input = if quality > 9 { &input[..60_000] } else { &input[..] };
            let stream = by_another(input, quality, lgwin, false);
            let mut random = Random(quality as u64 + 1);
            for most in [1, 20, 5000, 1 << 20] {
                let cut = || (1 + random.below(most), 1 + random.below(most));
                let decoded = decode(&stream, Origin::Stream, 24, input.len() as u64, cut);
                assert!(decoded.as_deref() == Ok(input), "quality {quality}, lgwin {lgwin}, shares of up to {most}");
            }
        }
    }
}

#[test]
fn the_dictionary_is_refused() {
    let input = b"The time of the people in the world, the first and the second government of the state".repeat(2);
    let with = by_another(&input, 11, 22, true);
    assert!(with.len() < by_another(&input, 11, 22, false).len());
    let decoded = decode(&with, Origin::Stream, 24, 1000, at_once);
    assert_eq!(decoded, Err(Fault::Dependent("a copy comes from before its start, or from the dictionary")));
}

#[test]
fn a_segment_is_read_alone_and_so_is_what_continues_it() {
    let input = text(2, 700_000);
    for (quality, lgwin) in [(5, 10), (8, 18), (9, 22), (9, 24)] {
        for length in [0, 1, 2, 3, 1000, 300_000] {
            let decoded =
                decode(&segment(&input[..length], quality, lgwin), Origin::Segment, lgwin, length as u64, at_once);
            assert!(decoded.as_deref() == Ok(&input[..length]), "{length} bytes at {quality}/{lgwin}");
        }
        let parts = [segment(&input[..300_000], quality, lgwin), segment(&input[300_000..], quality, lgwin)].concat();
        let decoded = decode(&parts, Origin::Segment, lgwin, input.len() as u64, at_once);
        assert!(decoded.as_deref() == Ok(&input[..]), "two parts at {quality}/{lgwin}");
    }
}

#[test]
fn an_end_comes_where_it_should() {
    let input = text(3, 100_000);
    let whole_segment = segment(&input, 9, 18);
    for length in (0..300).chain(whole_segment.len() - 300..whole_segment.len()) {
        let decoded = decode(&whole_segment[..length], Origin::Segment, 18, 1 << 20, at_once);
        // A segment ends with any meta-block that ends at a whole byte: the index knows its length.
        assert!(decoded.is_err() || decoded.unwrap().len() < input.len(), "{length} bytes of it");
    }
    let stream = whole(&input, &options(9, 18));
    for length in (0..300).chain(stream.len() - 300..stream.len()) {
        let decoded = decode(&stream[..length], Origin::Stream, 24, 1 << 20, at_once);
        assert_eq!(decoded, Err(Fault::Truncated), "{length} bytes of a stream");
    }
    let more = Err(Fault::Invalid("more follows its end"));
    assert_eq!(decode(&[&stream[..], &[0]].concat(), Origin::Stream, 24, 1 << 20, at_once), more);
    let ends = decode(&[&whole_segment[..], &[3]].concat(), Origin::Segment, 18, 1 << 20, at_once);
    assert_eq!(ends, Err(Fault::Invalid("it ends the stream")));
    let large = decode(&stream, Origin::Stream, 24, input.len() as u64 - 1, at_once);
    assert_eq!(large, Err(Fault::Invalid("it has more bytes than it should")));
    let window = decode(&stream, Origin::Stream, 17, 1 << 20, at_once);
    assert_eq!(window, Err(Fault::Invalid("its window is too large")));
}

/// The property that the decoder exists for. Whatever it reads alone, another decoder reads the same behind anything else.
#[test]
fn what_it_reads_alone_means_the_same_behind_anything() {
    let rounds = std::env::var("ROUNDS").map_or(3000, |rounds| rounds.parse().unwrap());
    let lgwin = 18;
    let header = compress(b"", &options(9, lgwin), End::Segment, || (1, 100));
    let before = [text(4, 50_000), text(5, 301_234)].map(|bytes| (segment(&bytes, 5, lgwin), bytes.len()));
    let (mut read, mut dependent) = (0, 0);
    for round in 0..rounds {
        let mut random = Random(round + 77);
        let length = 1 + random.below(3000);
        let input = text(round, length);
        // Streams of another encoder, whose headers are cut off, refer to what a stream begins with.
        let mut bytes = if round % 2 == 0 {
            segment(&input, 5 + (round % 5) as u8, lgwin)
        } else {
            let flushed = flushed(&input, random.below(10) as i32, lgwin);
            flushed[header.len().min(flushed.len())..].to_vec()
        };
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len().max(1));
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        match decode(&bytes, Origin::Segment, lgwin, 1 << 20, at_once) {
            Ok(alone) => {
                read += 1;
                for (segment, length) in &before {
                    let stream = [&header[..], segment, &bytes, &[3]].concat();
                    let through = decompress(&stream).unwrap_or_else(|error| panic!("round {round}: {error}"));
                    assert!(through[*length..] == alone, "round {round}: {} bytes", alone.len());
                }
            }
            Err(Fault::Dependent(_)) => dependent += 1,
            Err(_) => {}
        }
    }
    assert!(read > rounds / 10 && dependent > rounds / 100, "{read} read, {dependent} dependent");
}

/// A stream that another encoder flushed, so that it ends at a whole byte, behind an empty metadata block.
fn flushed(input: &[u8], quality: i32, lgwin: u8) -> Vec<u8> {
    let params = brotli::enc::BrotliEncoderParams { quality, lgwin: lgwin.into(), ..Default::default() };
    let mut writer = brotli::CompressorWriter::with_params(Vec::new(), 4096, &params);
    writer.flush().unwrap();
    writer.write_all(input).unwrap();
    writer.flush().unwrap();
    writer.get_ref().clone()
}
