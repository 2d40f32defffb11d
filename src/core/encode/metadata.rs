//! A metadata meta-block: bytes that every decoder of a brotli stream skips (RFC 7932 §9.2).

/// Bytes of the header of a block of 257 to 65,536 bytes.
const HEADER: usize = 3;

/// The last meta-block, empty: ISLAST and ISLASTEMPTY.
const LAST: u8 = 0b11;

/// The end of a stream whose bytes so far end at a whole byte: `text` in a metadata block, filled up with spaces to `length`
/// bytes, and the last block of one byte. So the text is found `length + 1` bytes before the end of the stream.
pub(crate) fn ending(text: &str, length: usize) -> Vec<u8> {
    assert!((257..=1 << 16).contains(&length) && text.len() <= length, "{length} bytes for a text of {}", text.len());
    // From the lowest bit on: not the last block, no nibbles of a length but a metadata block, a bit that is zero, two bytes
    // with the length less one.
    let header = (0b11 << 1 | 2 << 4 | (length as u32 - 1) << 6).to_le_bytes();
    let mut bytes = Vec::with_capacity(HEADER + length + 1);
    bytes.extend_from_slice(&header[..HEADER]);
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(HEADER + length, b' ');
    bytes.push(LAST);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_skips_the_text() {
        for length in [257, 1024, 1 << 16] {
            // Window bits of 16 (one zero bit), an empty metadata block to fill the byte: a stream of nothing so far.
            let stream = [&[0b0000_1100][..], &ending("text", length)].concat();
            let mut decoded = Vec::new();
            brotli::BrotliDecompress(&mut &stream[..], &mut decoded)
                .unwrap_or_else(|error| panic!("{length}: {error}"));
            assert_eq!(decoded, b"");
            let found = &stream[stream.len() - 1 - length..stream.len() - 1];
            assert_eq!(std::str::from_utf8(found).unwrap().trim_end(), "text");
        }
    }
}
