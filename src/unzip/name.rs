//! Member names: raw bytes in, a relative path that stays below its root out.
//!
//! Names are refused rather than mended: for most unsafe names there is no obviously right safe one. The exceptions
//! mean the same path to everyone: `.` components, doubled slashes, and backslashes where there is no slash.

use super::{extra, record::FLAG_UTF8};
use crate::error::{Error, Format};

/// Decodes the name in a local or central header, whose `flags` and `extra` field say how.
///
/// Flagged as UTF-8, it must be. Otherwise Info-ZIP's Unicode Path field is used where it belongs to this name. Otherwise
/// it is UTF-8 that is not flagged, as macOS and Info-ZIP write it, or code page 437, which every byte is in.
pub(crate) fn decode(raw: &[u8], flags: u16, extra: &[u8]) -> Result<String, Error> {
    let utf8 = std::str::from_utf8(raw).ok();
    if flags & FLAG_UTF8 != 0 {
        let bad_name = || Format::BadName { name: String::from_utf8_lossy(raw).into_owned() };
        let name = utf8.ok_or_else(bad_name)?;
        // Readers differ on which of two names counts, and no writer has a reason to give two.
        if extra::unicode_path(extra, raw).is_some_and(|path| path != name) {
            let problem = "its Unicode path field says another name";
            return Err(Format::UnsafeName { name: name.to_owned(), problem }.into());
        }
        return Ok(name.to_owned());
    }
    let decoded = extra::unicode_path(extra, raw).or(utf8).map(str::to_owned);
    Ok(decoded.unwrap_or_else(|| raw.iter().map(|&byte| code_page_437(byte)).collect()))
}

fn code_page_437(byte: u8) -> char {
    const UPPER_HALF: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
    match byte {
        0..=0x7f => byte.into(),
        _ => UPPER_HALF.chars().nth(usize::from(byte) - 0x80).expect("the upper half has 128 characters"),
    }
}

/// The path that `name` stands for; a directory's ends in a slash.
pub(crate) fn safe_path(name: &str) -> Result<String, Error> {
    safe(name).map_err(|problem| Format::UnsafeName { name: name.to_owned(), problem }.into())
}

fn safe(name: &str) -> Result<String, &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.chars().any(char::is_control) {
        return Err("it has control characters");
    }
    if name.chars().any(|char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')) {
        return Err("it changes the direction of text");
    }
    // Some writers on Windows separate with backslashes. With both kinds in a name, readers differ on what it means.
    let slashed = match (name.contains('\\'), name.contains('/')) {
        (true, true) => return Err("it has both slashes and backslashes"),
        (true, false) => name.replace('\\', "/"),
        (false, _) => name.to_owned(),
    };
    if slashed.starts_with('/') {
        return Err("it is absolute");
    }
    if let [letter, b':', ..] = slashed.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return Err("it starts with a drive");
    }
    let mut path = String::with_capacity(slashed.len());
    for component in slashed.split('/') {
        match component {
            ".." => return Err("it leads upwards"),
            "" | "." => {}
            _ => {
                path.push_str(component);
                path.push('/');
            }
        }
    }
    let is_directory = slashed.ends_with('/') || slashed.ends_with("/.");
    match (path.is_empty(), is_directory) {
        (true, true) => path.push_str("./"),
        (true, false) => return Err("it names no file"),
        (false, true) => {}
        (false, false) => path.truncate(path.len() - 1),
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_names_are_refused() {
        for name in [
            "",
            ".",
            "..",
            "../a",
            "a/..",
            "a/../b",
            "/a",
            "//a",
            "\\a",
            "\\\\server\\share",
            "c:",
            "C:/a",
            "C:\\a",
            "..\\a",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "a\u{9b}b",
            "a\u{202e}txt.exe",
            "a\u{2066}b",
            "a/b\\c",
            "..\\..",
            "./..",
            "a/./../b",
        ] {
            assert!(safe_path(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn safe_names_stay_or_get_their_plain_form() {
        for (name, path) in [
            ("a", "a"),
            ("a/b", "a/b"),
            ("a/", "a/"),
            ("./a", "a"),
            ("a//b", "a/b"),
            ("a/./b", "a/b"),
            ("a/.", "a/"),
            ("./", "./"),
            (".//.", "./"),
            ("a\\b", "a/b"),
            ("a\\", "a/"),
            ("...", "..."),
            ("a..b", "a..b"),
            (".hidden", ".hidden"),
            ("a.txt:stream", "a.txt:stream"),
            ("CON", "CON"),
            ("a.", "a."),
            ("1:a", "1:a"),
            ("日本/é", "日本/é"),
        ] {
            assert_eq!(safe_path(name).unwrap(), path, "{name:?}");
        }
    }

    #[test]
    fn bytes_outside_utf8_are_code_page_437() {
        assert_eq!(decode(b"caf\x82", 0, &[]).unwrap(), "café");
        assert_eq!(decode(b"\xff\x80\xe1", 0, &[]).unwrap(), "\u{a0}Çß");
        assert_eq!(decode("café".as_bytes(), 0, &[]).unwrap(), "café");
        assert_eq!(decode(b"caf\x82", FLAG_UTF8, &[]).unwrap_err().code(), "bad_name");
    }
}
