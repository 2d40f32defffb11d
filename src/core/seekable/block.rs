//! Blocks: bytes in a brotli stream that every decoder skips. Each is a metadata meta-block (RFC 7932 §9.2) whose first byte is
//! its type.

use recompress_encoder::window_header;

/// The types of blocks. A reader skips the others.
pub(crate) const INDEX: u8 = b'i';
pub(crate) const FOOTER: u8 = b'e';

/// The first block of a seekable file, whole: the type is `r`.
pub(crate) const SIGNATURE: &[u8] = b"recompress/1";

/// The last byte of a stream that ends at a whole byte: ISLAST and ISLASTEMPTY.
pub const LAST: u8 = 0b11;

/// The longest contents of a block that this crate writes, in bytes.
pub(crate) const LONGEST: usize = 1 << 16;

/// The bits of a metadata meta-block before its contents, from the lowest on: not the last meta-block, no nibbles of a length but
/// metadata, a bit that is zero, the number of bytes of the length, the length less one.
fn header_bits(length: usize) -> (u32, u32) {
    debug_assert!((1..=LONGEST).contains(&length));
    let width = if length <= 1 << 8 { 1 } else { 2 };
    (0b11 << 1 | width << 4 | (length as u32 - 1) << 6, 6 + 8 * width)
}

/// Appends a block at a whole byte.
pub(crate) fn write(contents: &[&[u8]], bytes: &mut Vec<u8>) {
    let (header, count) = header_bits(contents.iter().map(|part| part.len()).sum());
    bytes.extend_from_slice(&header.to_le_bytes()[..count.div_ceil(8) as usize]);
    contents.iter().for_each(|part| bytes.extend_from_slice(part));
}

/// The end of a stream whose bytes so far end at a whole byte: `text` in a block, filled up with spaces to `length` bytes, and the
/// last byte. So the text is found `length + 1` bytes before the end of the stream.
pub(crate) fn ending(text: &str, length: usize) -> Vec<u8> {
    assert!((257..=LONGEST).contains(&length) && text.len() <= length, "{length} bytes for a text of {}", text.len());
    let mut bytes = Vec::with_capacity(length + 4);
    write(&[text.as_bytes(), &vec![b' '; length - text.len()]], &mut bytes);
    bytes.push(LAST);
    bytes
}

/// The header of a stream with this window and the signature, to a whole byte.
pub(crate) fn start(lgwin: u8) -> Vec<u8> {
    let (window, width) = window_header(lgwin);
    let (header, count) = header_bits(SIGNATURE.len());
    let mut bytes = (header << width | window).to_le_bytes()[..(count + width).div_ceil(8) as usize].to_vec();
    bytes.extend_from_slice(SIGNATURE);
    bytes
}

/// The header of a stream with this window and an empty metadata meta-block, to a whole byte: what comes before the segments of
/// one member to make a stream of them alone. [`STREAM_END`](super::STREAM_END) comes after them.
pub fn stream_start(lgwin: u8) -> [u8; 2] {
    const EMPTY: u32 = 0b110;
    let (window, width) = window_header(lgwin);
    // After the one bit of a window of 16 bits there is room for two.
    let second = if width == 1 { EMPTY << 8 } else { 0 };
    let bits = window | EMPTY << width | second;
    [bits as u8, (bits >> 8) as u8]
}

/// Bytes of the longest [`start`].
pub(crate) const START: usize = 3 + SIGNATURE.len();

/// The window of a file that begins with `bytes`, and the length of its [`start`]. `None` if it has no signature.
pub(crate) fn signed(bytes: &[u8]) -> Option<(u8, usize)> {
    (10..=24).find_map(|lgwin| {
        let start = start(lgwin);
        bytes.starts_with(&start).then_some((lgwin, start.len()))
    })
}

/// Takes a block from the front of `bytes`: its contents. `None` if there is no whole block.
pub(crate) fn read<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut word = [0; 4];
    let known = bytes.len().min(4);
    word[..known].copy_from_slice(&bytes[..known]);
    let header = u32::from_le_bytes(word);
    let width = header >> 4 & 3;
    if header & 0b1111 != 0b0110 || width == 0 {
        return None;
    }
    let bits = 6 + 8 * width;
    let whole = bits.div_ceil(8) as usize;
    let length = header >> 6 & ((1 << (8 * width)) - 1);
    // The longest form fills the word; in the others, what fills the last byte is zero.
    let fill = u64::from(header) & ((1 << (8 * whole)) - 1);
    if fill >> bits != 0 || width > 1 && length >> (8 * (width - 1)) == 0 {
        return None;
    }
    let end = whole.checked_add(length as usize + 1)?;
    let contents = bytes.get(whole..end)?;
    *bytes = &bytes[end..];
    Some(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decompressed(stream: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        brotli::BrotliDecompress(&mut &stream[..], &mut decoded).unwrap();
        decoded
    }

    #[test]
    fn a_decoder_skips_blocks_of_every_length_and_a_reader_reads_them() {
        for length in [1, 2, 255, 256, 257, 65_535, LONGEST] {
            let contents: Vec<u8> = (0..length).map(|index| index as u8).collect();
            for lgwin in 10..=24 {
                let mut stream = start(lgwin);
                let before = stream.len();
                write(&[&contents[..1], &contents[1..]], &mut stream);
                let mut rest = &stream[before..];
                assert_eq!(read(&mut rest), Some(&contents[..]));
                assert!(rest.is_empty());
                for cut in 0..stream.len() - before {
                    assert_eq!(read(&mut &stream[before..before + cut]), None);
                }
                stream.push(LAST);
                assert_eq!(decompressed(&stream), b"");
                assert_eq!(signed(&stream), Some((lgwin, before)));
                assert!(before <= START);
            }
        }
    }

    #[test]
    fn a_decoder_skips_the_text_at_the_end() {
        for length in [257, 1024, LONGEST] {
            // Window bits of 16 (one zero bit), an empty metadata block to fill the byte: a stream of nothing so far.
            let stream = [&[0b0000_1100][..], &ending("text", length)].concat();
            assert_eq!(decompressed(&stream), b"");
            let found = &stream[stream.len() - 1 - length..stream.len() - 1];
            assert_eq!(std::str::from_utf8(found).unwrap().trim_end(), "text");
        }
    }

    #[test]
    fn a_file_begins_with_the_bytes_of_the_specification() {
        assert_eq!(start(22), b"\x6b\x2d\x00recompress/1");
        assert_eq!(start(16).len(), START - 1);
        assert_eq!(signed(&start(22)[..14]), None);
        assert_eq!(signed(b"\x6b\x2d\x00recompress/2"), None);
        assert_eq!(signed(b""), None);
    }

    #[test]
    fn a_stream_of_a_segment_alone_begins_with_the_bytes_of_the_specification() {
        assert_eq!(stream_start(22), [0x6b, 0]);
        for lgwin in 10..=24 {
            let [first, second] = stream_start(lgwin);
            assert_eq!(decompressed(&[first, second, LAST]), b"", "lgwin {lgwin}");
        }
    }

    #[test]
    fn other_meta_blocks_are_no_blocks() {
        let mut block = Vec::new();
        write(&[&[1; 300]], &mut block);
        for bit in [0, 1, 2, 3, 22, 23] {
            let mut other = block.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&mut &other[..]), None, "bit {bit}");
        }
        // A length of two bytes that fits one, and no length at all.
        assert_eq!(read(&mut &[0b10_0110, 0, 0, 1, 2][..]), None);
        assert_eq!(read(&mut &[0b00_0110, 1][..]), None);
    }
}
