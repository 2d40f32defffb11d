//! The body of the fuzz target of the encoder: from a fuzzer's bytes to contents and options, and what must hold.
//!
//! The first bytes choose options, the rest are a recipe for contents: pieces of themselves, copies, numbers, noise. So a few bytes
//! describe megabytes that cross the edges of windows, pieces and meta-blocks.

use recompress_encoder::{Encoder, End, Options, Start};

use crate::tarball;

/// Bytes of contents of most inputs, and of one in eight.
const SHORT: usize = 300_000;
const LONG: usize = 5 << 20;

/// Contents, and what the encoder made of them.
#[derive(Debug)]
pub struct Encoding {
    /// The bytes that were encoded.
    pub contents: Vec<u8>,
    /// A whole brotli stream of them.
    pub stream: Vec<u8>,
    /// Streams of parts of them that decode alone.
    pub alone: Vec<(std::ops::Range<usize>, Vec<u8>)>,
}

/// Encodes what `input` describes, by other cuts twice: the bytes are the same, and decode to the contents.
pub fn encoder(input: &[u8]) -> Encoding {
    let mut choices = Choices { bytes: input, random: crc32fast::hash(input).into() };
    let options = Options {
        quality: 5 + choices.byte() % 5,
        lgwin: 10 + choices.byte() % 15,
        expected: None,
        start: Start::Stream,
    };
    let (how, changes) = (choices.byte(), choices.byte().is_multiple_of(4));
    let length = if choices.byte().is_multiple_of(8) { LONG } else { SHORT };
    let expected = choices.byte();
    let contents = contents(&mut choices, length);
    let options = match expected % 6 {
        0 => Options { expected: Some(contents.len() as u64), ..options },
        1 => Options { expected: Some(u64::from(expected) << 4), ..options },
        2 => Options { expected: Some(1 << (expected / 6 % 26)), ..options },
        _ => options,
    };
    let mut alone = Vec::new();
    let stream = match how % 4 {
        0 => segments(&contents, &options, how >> 2, &mut choices, &mut alone),
        _ if changes => encode(&contents, &options, &Way { end: End::Stream, ..Way::new(&mut choices) }, &[]),
        _ => {
            let way = Way { quality: None, end: End::Stream, ..Way::new(&mut choices) };
            let stream = encode(&contents, &options, &way, &[]);
            let other = Way { quality: None, end: End::Stream, ..Way::new(&mut choices) };
            assert!(encode(&contents, &options, &other, &[]) == stream, "{way:?} and {other:?} differ, {options:?}");
            stream
        }
    };
    let decoded = tarball::unbrotli(&stream).unwrap_or_else(|error| panic!("{error}: {options:?}"));
    assert!(decoded == contents, "other contents: {options:?}");
    for (part, stream) in &alone {
        let decoded = tarball::unbrotli(stream).unwrap_or_else(|error| panic!("{part:?}: {error}: {options:?}"));
        assert!(decoded == contents[part.clone()], "{part:?} has other contents: {options:?}");
    }
    assert!(stream.len() <= contents.len() + contents.len() / 1000 + 100 + 12 * alone.len(), "{} bytes", stream.len());
    Encoding { contents, stream, alone }
}

/// How bytes come and go.
#[derive(Debug)]
struct Way {
    share: usize,
    room: usize,
    /// Changes the quality from call to call, starting with this.
    quality: Option<u8>,
    end: End,
}

impl Way {
    fn new(choices: &mut Choices<'_>) -> Self {
        let mut size = || {
            let order = [1, 8, 14, 17, 20][choices.below(5)];
            1 + choices.below(1 << order)
        };
        Self { share: size(), room: size(), quality: Some(choices.below(250) as u8), end: End::Segment }
    }
}

/// One stream or segment, primed with `window`.
fn encode(contents: &[u8], options: &Options, way: &Way, window: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(options).expect("memory for an encoder");
    // Long contents in tiny shares take too long.
    let least = contents.len() >> 14;
    let (share, mut room) = (way.share.max(least), vec![0; way.room.max(least)]);
    if !window.is_empty() {
        encoder.prime(window);
    }
    let (mut output, mut rest, mut quality) = (Vec::new(), contents, way.quality);
    loop {
        if let Some(quality) = &mut quality {
            *quality = quality.wrapping_mul(5).wrapping_add(3);
            encoder.set_quality(5 + *quality % 5);
        }
        let encoded = match rest.len() {
            0 => encoder.finish(way.end, &mut room),
            _ => encoder.write(&rest[..rest.len().min(share)], &mut room),
        };
        rest = &rest[encoded.consumed..];
        output.extend_from_slice(&room[..encoded.produced]);
        if encoded.finished {
            return output;
        }
    }
}

/// A stream of segments, some primed with the window before them and some not. Those that are not decode alone.
fn segments(
    contents: &[u8],
    options: &Options,
    seed: u8,
    choices: &mut Choices<'_>,
    alone: &mut Vec<(std::ops::Range<usize>, Vec<u8>)>,
) -> Vec<u8> {
    let header = encode(b"", options, &Way::new(choices), b"");
    let segment = Options { start: Start::Segment, expected: None, ..*options };
    let mut stream = header.clone();
    let mut at = 0;
    while at < contents.len() {
        let most = [4, 300, 80_000, contents.len()][(usize::from(seed) + choices.below(4)) % 4];
        let end = contents.len().min(at + 1 + choices.below(most.max(contents.len() / 12 + 1)));
        let window = if choices.below(2) == 0 { &contents[at.saturating_sub(1 << options.lgwin)..at] } else { b"" };
        let part = encode(&contents[at..end], &segment, &Way::new(choices), window);
        if window.is_empty() {
            alone.push((at..end, [&header, &part, &[LAST][..]].concat()));
        }
        stream.extend_from_slice(&part);
        at = end;
    }
    stream.push(LAST);
    stream
}

/// The last meta-block, empty: ISLAST and ISLASTEMPTY (RFC 7932 §9.2).
const LAST: u8 = 3;

/// Up to `most` bytes by the recipe.
fn contents(choices: &mut Choices<'_>, most: usize) -> Vec<u8> {
    let mut contents = Vec::new();
    while !choices.bytes.is_empty() && contents.len() < most {
        let kind = choices.byte();
        let count = choices.size().min(most - contents.len());
        match kind % 9 {
            // As the fuzzer has them.
            0 | 1 => {
                let count = count.min(choices.bytes.len());
                let (taken, rest) = choices.bytes.split_at(count);
                contents.extend_from_slice(taken);
                choices.bytes = rest;
            }
            // A copy, of what ends a given distance before.
            2..=4 if !contents.is_empty() => {
                let distance = 1 + choices.size() % contents.len();
                for _ in 0..count {
                    contents.push(contents[contents.len() - distance]);
                }
            }
            // The same, but each 16th byte or so is another.
            5 if !contents.is_empty() => {
                let distance = 1 + choices.size() % contents.len();
                for _ in 0..count {
                    let change = if choices.below(16) == 0 { 1 } else { 0 };
                    contents.push(contents[contents.len() - distance].wrapping_add(change));
                }
            }
            // Numbers that count up.
            6 => {
                let (first, step) = (choices.size() as u32, u32::from(choices.byte()));
                let numbers = (0..=count as u32 / 4).map(|at| first.wrapping_add(at.wrapping_mul(step)));
                contents.extend(numbers.flat_map(u32::to_le_bytes).take(count));
            }
            // Random values, of 256 or of a few.
            _ => {
                let values = if kind & 32 == 0 { 256 } else { 2 + usize::from(kind >> 6) * 9 };
                contents.extend((0..count).map(|_| choices.below(values) as u8));
            }
        }
    }
    contents
}

/// The rest of the fuzzer's bytes, and random numbers that follow from all of them.
struct Choices<'a> {
    bytes: &'a [u8],
    random: u64,
}

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    /// Mostly small, or near a power of two.
    fn size(&mut self) -> usize {
        match self.byte() {
            small @ 0..128 => small.into(),
            exponent => (1_usize << (exponent % 23)).saturating_add_signed((self.byte() as i8).into()),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % bound
    }
}
