//! Save headers: the line that Paradox games write before the zip of a save.
//!
//! `SAV`, two digits of version, two hexadecimal digits of kind, eight of randomness, eight that say how many bytes of
//! metadata stand between the line and the zip, and the end of the line.

/// The line with `\n`; with `\r\n` it has one byte more.
pub(crate) const LENGTH: usize = 24;

/// Whether a file that starts so has a save header. The one version seen so far is `01`.
pub(crate) fn is_save(start: &[u8; 4]) -> bool {
    start == b"SAV0"
}

/// The length of the line and of the metadata in bytes, by the first [`LENGTH`] bytes of a file.
pub(crate) fn parse(line: &[u8; LENGTH]) -> Option<(usize, u64)> {
    let digits = std::str::from_utf8(&line[15..23]).ok()?;
    let all_hex = line[3..23].iter().all(u8::is_ascii_hexdigit);
    let metadata = all_hex.then(|| u64::from_str_radix(digits, 16).ok()).flatten()?;
    match line[23] {
        b'\n' => Some((LENGTH, metadata)),
        b'\r' => Some((LENGTH + 1, metadata)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_the_length_of_the_data_before_the_zip() {
        assert_eq!(parse(b"SAV0102a40f789f000067c4\n"), Some((24, 26_564)));
        assert_eq!(parse(b"SAV0102a40f789f000067c4\r"), Some((25, 26_564)));
        assert_eq!(parse(b"SAV010580b859da00000000\n"), Some((24, 0)));
        assert_eq!(parse(b"SAV0102a40f789f00006+c4\n"), None);
        assert_eq!(parse(b"SAV0102a40f789f000067c40"), None);
    }
}
