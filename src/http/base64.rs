//! Base64 (RFC 4648) of digests: only written, and compared as text.

/// The two alphabets differ in their last characters.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// With padding, as in fields of HTTP (§4).
pub(crate) fn padded(bytes: &[u8]) -> String {
    let mut text = encoded(bytes, *b"+/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// For addresses, without padding (§5).
pub(crate) fn for_addresses(bytes: &[u8]) -> String {
    encoded(bytes, *b"-_")
}

fn encoded(bytes: &[u8], last: [u8; 2]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for digit in 0..=chunk.len() {
            let number = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(char::from(if number < 62 { ALPHABET[number] } else { last[number - 62] }));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_standard_come_out() {
        for (bytes, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")]
        {
            assert_eq!(padded(bytes.as_bytes()), expected);
            assert_eq!(for_addresses(bytes.as_bytes()), expected.trim_end_matches('='));
        }
        assert_eq!((padded(&[0xfb, 0xff]), for_addresses(&[0xfb, 0xff])), ("+/8=".to_owned(), "-_8".to_owned()));
    }
}
