//! Encoders for the rarer compression methods.

use std::io::Write;

use bzip2::{Action, Compress, Compression, Status};
use lzma_rust2::{LzmaOptions, LzmaWriter, XzOptions, XzWriter};

use crate::record::Record;

pub const DEFLATE64: u16 = 9;
pub const BZIP2: u16 = 12;
pub const LZMA: u16 = 14;
pub const ZSTD: u16 = 93;
pub const XZ: u16 = 95;

/// All of them.
pub const ALL: [u16; 5] = [DEFLATE64, BZIP2, LZMA, ZSTD, XZ];

/// Bit 1 of the general purpose bit flag: lzma data ends with a marker (APPNOTE §4.4.4).
pub const HAS_END_MARKER: u16 = 1 << 1;

/// `contents` compressed by `method`. Lzma data ends with a marker.
pub fn compress(method: u16, contents: &[u8]) -> Vec<u8> {
    match method {
        DEFLATE64 => deflate64(contents),
        BZIP2 => bzip2(contents),
        LZMA => lzma(contents, true),
        ZSTD => zstd(contents, true),
        XZ => xz(contents),
        _ => contents.to_vec(),
    }
}

/// One block with fixed codes. A run of one byte becomes a match whose length is beyond 258, which deflate cannot have: code
/// 285 has 16 more bits here and starts at 3.
pub fn deflate64(contents: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0b011, 3);
    let mut rest = contents;
    while let Some(&byte) = rest.first() {
        bits.push_code(literal(byte), if byte < 144 { 8 } else { 9 });
        rest = &rest[1..];
        let run = rest.iter().take_while(|&&next| next == byte).count().min(65_538);
        if run >= 3 {
            bits.push_code(0xc5, 8);
            bits.push(run as u32 - 3, 16);
            bits.push_code(0, 5);
            rest = &rest[run..];
        }
    }
    bits.push_code(0, 7);
    bits.done()
}

fn literal(byte: u8) -> u32 {
    if byte < 144 { 0x30 + u32::from(byte) } else { 0x190 + u32::from(byte) - 144 }
}

/// Bits from the lowest of each byte on (RFC 1951 §3.1.1).
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    last: u64,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        self.last |= u64::from(value) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.last as u8);
            self.last >>= 8;
            self.count -= 8;
        }
    }

    /// A Huffman code, highest bit first.
    fn push_code(&mut self, code: u32, count: u32) {
        (0..count).rev().for_each(|bit| self.push(code >> bit & 1, 1));
    }

    fn done(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.last as u8);
        }
        self.bytes
    }
}

pub fn bzip2(contents: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::fast(), 30);
    let mut data = Vec::with_capacity(contents.len() * 2 + 1000);
    // Writing to memory ends when all is written: there is room for it.
    while compress.compress_vec(&contents[compress.total_in() as usize..], &mut data, Action::Finish).expect("bzip2")
        != Status::StreamEnd
    {}
    data
}

/// With the header that a zip has before raw lzma data (APPNOTE §5.8.8).
pub fn lzma(contents: &[u8], has_end_marker: bool) -> Vec<u8> {
    let options = LzmaOptions { dict_size: 1 << 16, ..LzmaOptions::with_preset(1) };
    let mut header = Record::new().u8(9).u8(20).u16(5).u8(options.get_props()).u32(options.dict_size).done();
    let mut writer = LzmaWriter::new_no_header(Vec::new(), &options, has_end_marker).expect("lzma");
    writer.write_all(contents).expect("memory");
    header.extend(writer.finish().expect("memory"));
    header
}

pub fn xz(contents: &[u8]) -> Vec<u8> {
    let mut options = XzOptions::with_preset(1);
    options.lzma_options.dict_size = 1 << 16;
    let mut writer = XzWriter::new(Vec::new(), options).expect("xz");
    writer.write_all(contents).expect("memory");
    writer.finish().expect("memory")
}

/// Raw blocks, and a repeated byte where one repeats (RFC 8878 §3.1.1.2). The frame has a window of 128 KiB and a checksum
/// field if it is asked for one.
pub fn zstd(contents: &[u8], is_single_segment: bool) -> Vec<u8> {
    let mut frame = Record::new().u32(0xfd2f_b528);
    frame = if is_single_segment { frame.u8(0xa0).u32(contents.len() as u32) } else { frame.u8(0).u8(7 << 3) };
    let most = if is_single_segment { contents.len().clamp(1, 1000) } else { 1000 };
    let mut pieces = contents.chunks(most).peekable();
    if pieces.peek().is_none() {
        return frame.bytes(&[1, 0, 0]).done();
    }
    while let Some(piece) = pieces.next() {
        let is_last = u32::from(pieces.peek().is_none());
        let is_run = piece.iter().all(|byte| *byte == piece[0]);
        let header = (piece.len() as u32) << 3 | u32::from(is_run) << 1 | is_last;
        frame = frame.bytes(&header.to_le_bytes()[..3]).bytes(if is_run { &piece[..1] } else { piece });
    }
    frame.done()
}
