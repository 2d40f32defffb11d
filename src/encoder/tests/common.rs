#![allow(dead_code)]
use recompress_encoder::{Encoder, End, Options, Start};

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

#[track_caller]
pub fn assert_decodes(compressed: &[u8], input: &[u8], what: &str) {
    let output = decompress(compressed).unwrap_or_else(|error| panic!("{what}: {error}"));
    if output != input {
        let at = output.iter().zip(input).position(|(a, b)| a != b);
        panic!("{what}: {} bytes for {}, first difference at {at:?}", output.len(), input.len());
    }
}
