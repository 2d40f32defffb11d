#![allow(dead_code)]
use recompress_encoder::{Decoder, Encoder, End, Fault, Options, Origin, Start};

/// xorshift64*, without its lowest bits.
pub struct Random(pub u64);

impl Random {
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next_u64() % bound as u64) as usize
    }
}

pub fn compress(input: &[u8], options: &Options, end: End, mut cut: impl FnMut() -> (usize, usize)) -> Vec<u8> {
    let mut encoder = Encoder::new(options).unwrap();
    let mut room = vec![0; 1 << 20];
    let mut out = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let (take, give) = cut();
        let encoded = encoder.write(&rest[..rest.len().min(take)], &mut room[..give]);
        rest = &rest[encoded.consumed..];
        out.extend_from_slice(&room[..encoded.produced]);
    }
    loop {
        let (_, give) = cut();
        let encoded = encoder.finish(end, &mut room[..give]);
        out.extend_from_slice(&room[..encoded.produced]);
        if encoded.finished {
            return out;
        }
    }
}

pub fn options(quality: u8, lgwin: u8) -> Options {
    Options { quality, lgwin, expected: None, start: Start::Stream }
}

pub fn whole(input: &[u8], options: &Options) -> Vec<u8> {
    compress(input, options, End::Stream, || (1 << 20, 1 << 20))
}

pub fn decompress(compressed: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    use std::io::Read;
    let mut output = Vec::new();
    brotli_decompressor::Decompressor::new(compressed, 1 << 16).read_to_end(&mut output)?;
    Ok(output)
}

/// Decodes with the decoder for segments, in shares of any size.
pub fn decode(
    compressed: &[u8],
    origin: Origin,
    lgwin: u8,
    expected: u64,
    mut cut: impl FnMut() -> (usize, usize),
) -> Result<Vec<u8>, Fault> {
    let mut decoder = Decoder::new(origin, lgwin, expected).unwrap();
    let mut room = vec![0; 1 << 20];
    let mut output = Vec::new();
    let mut rest = compressed;
    loop {
        let (take, give) = cut();
        let share = rest.len().min(take);
        let decoded = decoder.decode(&rest[..share], share == rest.len(), &mut room[..give])?;
        rest = &rest[decoded.consumed..];
        output.extend_from_slice(&room[..decoded.produced]);
        if decoded.finished {
            assert!(rest.is_empty());
            return Ok(output);
        }
    }
}

/// Two decoders agree on the contents.
#[track_caller]
pub fn assert_decodes(compressed: &[u8], input: &[u8], what: &str) {
    let output = decompress(compressed).unwrap_or_else(|error| panic!("{what}: {error}"));
    if output != input {
        let at = output.iter().zip(input).position(|(a, b)| a != b);
        panic!("{what}: {} bytes for {}, first difference at {at:?}", output.len(), input.len());
    }
    let strict = decode(compressed, Origin::Stream, 24, input.len() as u64, || (1 << 20, 1 << 20));
    assert!(
        strict.as_deref() == Ok(input),
        "{what}: the decoder for segments gives {:?}",
        strict.map(|bytes| bytes.len())
    );
}
