//! Member names: raw bytes in, a relative path that stays below its root out.
//!
//! Unsafe names are refused, not repaired: most have no obvious safe form. The exceptions mean the same path to every
//! reader: `.` components, doubled slashes, and backslashes in a name without slashes.

use std::borrow::Cow;

use super::format::{extra, record::FLAG_UTF8};
use crate::{
    error::{Error, Format},
    names::{Charset, Names},
    warning::Warning,
};

/// Bytes of a name that an error shows when it cannot be decoded.
const SHOWN: usize = 64;

/// Upper bound of the length that [`decode`] returns.
pub(crate) fn decoded_length(raw: &[u8], extra: &[u8], names: Names) -> usize {
    let path = extra::unicode_paths(extra, raw).map(|(_, path)| path.len()).max().unwrap_or(0);
    let plain = match (names.charset(), std::str::from_utf8(raw)) {
        (None, Ok(_)) | (Some(Charset::Utf8), _) => raw.len(),
        (None | Some(Charset::Cp437), _) => raw.iter().map(|&byte| code_page_437(byte).len_utf8()).sum(),
        // Characters of two bytes have three in UTF-8, and single ones up to three as well.
        (Some(_), _) if raw.is_ascii() => raw.len(),
        (Some(charset), _) => names.decode(charset, raw).map_or(3 * raw.len(), |name| name.len()),
    };
    plain.max(path)
}

/// A name as text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) name: String,
    /// Set if the name differs from the raw bytes as UTF-8.
    pub(crate) warning: Option<Warning>,
}

/// Decodes the name of a local or central header with its `flags` and `extra` field.
///
/// A name flagged as UTF-8 must be valid. Otherwise a Unicode Path field that belongs to this name wins. Otherwise the
/// name is unflagged UTF-8, as macOS and Info-ZIP write it, or else code page 437, which can decode any byte. A field
/// that renames the member is refused, because readers with and without support for it would see two names.
pub(crate) fn decode(raw: &[u8], flags: u16, extra: &[u8], names: Names) -> Result<Decoded, Error> {
    let utf8 = std::str::from_utf8(raw).ok();
    let is_flagged = flags & FLAG_UTF8 != 0;
    if is_flagged && utf8.is_none() {
        return Err(Format::BadName { name: shown(raw) }.into());
    }
    let other_name = || Format::UnsafeName { name: shown(raw), problem: "its Unicode path field gives another name" };
    let (mut seen, mut path) = (None, None);
    // libarchive and the zip crate use the field with any version. Of several fields, readers use the first or the
    // last.
    for (version, spelled) in extra::unicode_paths(extra, raw) {
        let spelled = std::str::from_utf8(spelled).map_err(|_| other_name())?;
        let is_this_name = if is_flagged { utf8 == Some(spelled) } else { may_spell(spelled, raw) };
        let is_same = |other: &str| slashed(other.as_bytes()) == slashed(spelled.as_bytes());
        if !is_this_name || !is_same(seen.get_or_insert(spelled)) {
            return Err(other_name().into());
        }
        if version == 1 {
            path = Some(spelled);
        }
    }
    if let Some(charset) = names.charset()
        && path.is_none()
        && !is_flagged
        && !raw.is_ascii()
    {
        return in_charset(raw, charset, names);
    }
    if let Some(name) = path.or(utf8) {
        let warning = (path.is_some() && path != utf8).then_some(Warning::NameFromUnicodeField);
        return Ok(Decoded { name: name.to_owned(), warning });
    }
    if raw.windows(2).any(|pair| pair[0] >= 0x81 && pair[1] == b'\\') {
        let problem = "a backslash follows a non-ASCII byte and may be half of a Japanese or Chinese character; set names \
                       to cp932, big5, gbk or cp437";
        return Err(Format::UnsafeName { name: shown(raw), problem }.into());
    }
    Ok(Decoded { name: from_code_page_437(raw), warning: Some(Warning::NameFromCodePage437) })
}

fn in_charset(raw: &[u8], charset: Charset, names: Names) -> Result<Decoded, Error> {
    let name = match charset {
        Charset::Cp437 => Ok(from_code_page_437(raw)),
        Charset::Utf8 => std::str::from_utf8(raw).map(str::to_owned).map_err(|_| "is not valid"),
        _ => names.decode(charset, raw),
    };
    let name = name.map_err(|problem| Format::NotInCharset { name: shown(raw), charset: charset.name(), problem })?;
    Ok(Decoded { name, warning: None })
}

fn from_code_page_437(raw: &[u8]) -> String {
    let length = raw.iter().map(|&byte| code_page_437(byte).len_utf8()).sum();
    let mut name = String::with_capacity(length);
    name.extend(raw.iter().map(|&byte| code_page_437(byte)));
    name
}

/// The start of a name, for an error that comes before it is decoded.
pub(crate) fn shown(raw: &[u8]) -> String {
    String::from_utf8_lossy(&raw[..raw.len().min(SHOWN)]).into_owned()
}

/// True if `raw` may be `path` in an encoding that lacks some of its characters. Readers that do not know the field see
/// `raw`, so all ASCII characters must be the same.
fn may_spell(path: &str, raw: &[u8]) -> bool {
    // WinZip writes slashes in the header and backslashes in the field.
    let (raw, path_bytes) = (slashed(raw), slashed(path.as_bytes()));
    let mut raw_bytes = raw.iter();
    let ascii_is_in_raw = path_bytes.iter().filter(|byte| byte.is_ascii()).all(|byte| raw_bytes.any(|raw| raw == byte));
    path_bytes == raw || !path.is_ascii() && ascii_is_in_raw
}

/// A name with slashes for separators. In a name that has both kinds, a backslash is not one.
fn slashed(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'\\') || name.contains(&b'/') {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect())
}

fn code_page_437(byte: u8) -> char {
    match byte {
        0..=0x7f => byte.into(),
        _ => UPPER_HALF[usize::from(byte) - 0x80],
    }
}

/// 0x80 to 0xff of code page 437 (APPNOTE appendix D.1).
#[rustfmt::skip]
const UPPER_HALF: [char; 128] = [
    'Ç', 'ü', 'é', 'â', 'ä', 'à', 'å', 'ç', 'ê', 'ë', 'è', 'ï', 'î', 'ì', 'Ä', 'Å',
    'É', 'æ', 'Æ', 'ô', 'ö', 'ò', 'û', 'ù', 'ÿ', 'Ö', 'Ü', '¢', '£', '¥', '₧', 'ƒ',
    'á', 'í', 'ó', 'ú', 'ñ', 'Ñ', 'ª', 'º', '¿', '⌐', '¬', '½', '¼', '¡', '«', '»',
    '░', '▒', '▓', '│', '┤', '╡', '╢', '╖', '╕', '╣', '║', '╗', '╝', '╜', '╛', '┐',
    '└', '┴', '┬', '├', '─', '┼', '╞', '╟', '╚', '╔', '╩', '╦', '╠', '═', '╬', '╧',
    '╨', '╤', '╥', '╙', '╘', '╒', '╓', '╫', '╪', '┘', '┌', '█', '▄', '▌', '▐', '▀',
    'α', 'ß', 'Γ', 'π', 'Σ', 'σ', 'µ', 'τ', 'Φ', 'Θ', 'Ω', 'δ', '∞', 'φ', 'ε', '∩',
    '≡', '±', '≥', '≤', '⌠', '⌡', '÷', '≈', '°', '∙', '·', '√', 'ⁿ', '²', '■', '\u{a0}',
];

/// The path that `name` means. A directory's ends in a slash.
pub(crate) fn safe_path(name: &str, names: Names) -> Result<String, Error> {
    let path = if names.is_plain() { safe(&plain(name)) } else { safe(name) };
    path.map_err(|problem| unsafe_name(name, problem).into())
}

/// `name` with `_` for everything that is unsafe in it.
fn plain(name: &str) -> String {
    let name = name.trim_end_matches('\0');
    let has_slash = name.contains('/');
    let replace = |char: char| match char {
        '\\' if has_slash => '_',
        '\\' => '/',
        _ if char.is_control() || is_directional(char) => '_',
        _ => char,
    };
    let mut name: String = name.chars().map(replace).collect();
    if !matches!(&*name, "/" | "./") {
        name = name.trim_start_matches('/').to_owned();
    }
    if let [letter, b':', ..] = name.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        name.replace_range(1..2, "_");
    }
    let components = name.split('/').map(|component| match component {
        _ if component.trim_end_matches(' ') == ".." => component.replace('.', "_"),
        _ => component.to_owned(),
    });
    let name = components.collect::<Vec<_>>().join("/");
    if matches!(&*name, "" | ".") { "_".to_owned() } else { name }
}

/// Embeddings, overrides and isolates, and the ends of them (Unicode UAX #9).
fn is_directional(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `name` without directional marks, if every component closes the embeddings and isolates that it opens. Overrides reorder
/// letters, so they deceive even if they are closed.
fn without_balanced_marks(name: &str) -> Option<Cow<'_, str>> {
    if !name.contains(is_directional) {
        return Some(Cow::Borrowed(name));
    }
    for component in name.split(['/', '\\']) {
        let mut open = Vec::new();
        for char in component.chars() {
            match char {
                '\u{202a}' | '\u{202b}' => open.push('\u{202c}'),
                '\u{2066}'..='\u{2068}' => open.push('\u{2069}'),
                '\u{202d}' | '\u{202e}' => return None,
                '\u{202c}' | '\u{2069}' if open.pop() != Some(char) => return None,
                _ => {}
            }
        }
        if !open.is_empty() {
            return None;
        }
    }
    Some(Cow::Owned(name.replace(is_directional, "")))
}

pub(crate) fn unsafe_name(name: &str, problem: &'static str) -> Format {
    Format::UnsafeName { name: name.to_owned(), problem }
}

fn safe(name: &str) -> Result<String, &'static str> {
    // Every reader ends a name at its first NUL, or fails.
    let name = name.trim_end_matches('\0');
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.chars().any(char::is_control) {
        return Err("it has control characters; names=plain replaces them by _");
    }
    let Some(name) = without_balanced_marks(name) else {
        return Err("it changes the direction of text; names=plain replaces the marks by _");
    };
    let name = &*name;
    if name.is_empty() {
        return Err("it is empty");
    }
    // Some Windows programs separate with backslashes. If a name has both, readers differ.
    let slashed = match (name.contains('\\'), name.contains('/')) {
        (true, true) => return Err("it has both slashes and backslashes; names=plain replaces the backslashes by _"),
        (true, false) => Cow::Owned(name.replace('\\', "/")),
        (false, _) => Cow::Borrowed(name),
    };
    // Dropbox's folder downloads begin with the folder itself, by this name.
    if name == "/" {
        return Ok("./".to_owned());
    }
    if slashed.starts_with('/') {
        return Err("it is absolute; names=plain makes it relative");
    }
    if let [letter, b':', ..] = slashed.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return Err("it starts with a drive; names=plain replaces the colon by _");
    }
    let mut path = String::with_capacity(slashed.len() + 1);
    for component in slashed.split('/') {
        match component {
            // Windows ignores trailing spaces.
            _ if component.trim_end_matches(' ') == ".." => {
                return Err("it leads upwards; names=plain replaces its dots by _");
            }
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
            ".. /a",
            "..  ",
            "a/./../b",
        ] {
            assert!(safe_path(name, Names::default()).is_err(), "{name:?}");
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
            ("/", "./"),
            (".//.", "./"),
            ("a\\b", "a/b"),
            ("a\\", "a/"),
            ("...", "..."),
            (".. .", ".. ."),
            ("a..b", "a..b"),
            (".hidden", ".hidden"),
            ("a.txt:stream", "a.txt:stream"),
            ("CON", "CON"),
            ("a.", "a."),
            ("1:a", "1:a"),
            ("日本/é", "日本/é"),
        ] {
            assert_eq!(safe_path(name, Names::default()).unwrap(), path, "{name:?}");
        }
    }

    #[test]
    fn final_nuls_and_balanced_marks_are_dropped() {
        for (name, path) in [
            ("a.txt\0", "a.txt"),
            ("d/\0\0", "d/"),
            ("a\u{202b}b\u{202c}.txt", "ab.txt"),
            ("\u{2067}a\u{2069}/b", "a/b"),
            ("\u{2068}\u{202a}a\u{202c}\u{2069}", "a"),
        ] {
            assert_eq!(safe_path(name, Names::default()).unwrap(), path, "{name:?}");
        }
        for name in
            ["\0", "\u{202a}\u{202c}", "\u{202e}a\u{202c}", "\u{202a}a\u{2069}", "\u{202a}a/b\u{202c}", "\u{202c}a"]
        {
            assert!(safe_path(name, Names::default()).is_err(), "{name:?}");
        }
    }

    #[test]
    fn plain_names_are_safe_and_safe_names_stay() {
        let plain = Names::new("plain", None).unwrap();
        for (name, path) in [
            ("../a", "__/a"),
            ("a/.. /b", "a/__ /b"),
            ("/a", "a"),
            ("//srv/x", "srv/x"),
            ("\\a", "a"),
            ("C:\\a", "C_/a"),
            ("A:B.txt", "A_B.txt"),
            ("Icon\r", "Icon_"),
            ("a\0b", "a_b"),
            ("a\u{202e}txt.exe", "a_txt.exe"),
            ("a/b\\c", "a/b_c"),
            ("", "_"),
            (".", "_"),
            ("..", "__"),
            ("/", "./"),
            ("/C:/a", "C_/a"),
            ("a/./b", "a/b"),
            ("a.txt:stream", "a.txt:stream"),
        ] {
            assert_eq!(safe_path(name, plain).unwrap(), path, "{name:?}");
            assert_eq!(safe_path(path, Names::default()).unwrap(), path, "{name:?} is safe then");
        }
    }

    #[test]
    fn a_backslash_that_may_be_half_a_character_needs_a_choice() {
        // "hyou" in code page 932 has a backslash for its second byte.
        let raw = b"\x95\x5c.txt";
        let refused = decode(raw, 0, &[], Names::default()).unwrap_err();
        assert!(refused.code() == "unsafe_name" && refused.to_string().contains("cp932"), "{refused}");
        let decoder: crate::names::Decode = |label, bytes| {
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
            encoding.decode_without_bom_handling(bytes).0.into_owned()
        };
        for (value, name) in [("cp932", "\u{8868}.txt"), ("cp437", "\u{f2}\\.txt")] {
            let names = Names::new(value, Some(decoder)).unwrap();
            assert_eq!(decode(raw, 0, &[], names).unwrap(), Decoded { name: name.into(), warning: None });
            assert!(decoded_length(raw, &[], names) >= name.len());
        }
        let utf8 = Names::new("utf-8", None).unwrap();
        assert_eq!(decode(raw, 0, &[], utf8).unwrap_err().code(), "bad_name");
        assert_eq!(decode(b"a\\b", 0, &[], utf8).unwrap().name, "a\\b");
    }

    #[test]
    fn bytes_outside_utf8_are_code_page_437() {
        let recoded = Some(Warning::NameFromCodePage437);
        for (raw, name, warning) in [
            (&b"caf\x82"[..], "café", recoded),
            (b"\xff\x80\xe1", "\u{a0}Çß", recoded),
            ("café".as_bytes(), "café", None),
        ] {
            assert_eq!(decode(raw, 0, &[], Names::default()).unwrap(), Decoded { name: name.into(), warning });
        }
        assert_eq!(decode(b"caf\x82", FLAG_UTF8, &[], Names::default()).unwrap_err().code(), "bad_name");
    }

    #[test]
    fn a_unicode_path_spells_the_name_and_does_not_change_it() {
        for raw in ["caf?.txt", "caf_.txt", "cafe.txt", "caf#U00e9.txt", "café.txt"] {
            assert!(may_spell("café.txt", raw.as_bytes()), "{raw}");
        }
        assert!(may_spell("café.txt", b"caf\x82.txt"));
        assert!(may_spell("a.txt", b"a.txt"));
        assert!(may_spell("\u{e4}\\x.txt", b"\x84/x.txt"));
        assert!(may_spell("a\\x.txt", b"a/x.txt") && may_spell("a/x.txt", b"a\\x.txt"));
        assert!(!may_spell("\u{e4}/b\\x.txt", b"\x84/b/x.txt"));
        for (path, raw) in [("b.txt", "a.txt"), ("a.txt", "ba.txt"), ("évil.txt", "good.txt"), ("d/é", "d?"), ("", "a")]
        {
            assert!(!may_spell(path, raw.as_bytes()), "{path}");
        }
    }
}
