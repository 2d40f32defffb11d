//! The download's name, taken from the upload's.
//!
//! In order: `?name=`, the path of a `PUT`, the request's `Content-Disposition`; `archive` if none of them says.

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::headers;

/// Room for an extension in the 255 bytes that file systems allow.
const STEM_BYTES: usize = 240;

/// Everything but `attr-char` (RFC 8187 §3.2.1).
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The name in a path's only segment.
pub(crate) fn from_path(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// The name in a request's `Content-Disposition`; `filename*` wins over `filename` (RFC 6266 §4.3).
pub(crate) fn from_content_disposition(header: &HeaderValue) -> Option<String> {
    let text = headers::text(header);
    let parameters: Vec<_> = parameters(&text);
    let value = |wanted: &str| parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, v)| v);
    value("filename*").and_then(|value| from_ext_value(value)).or_else(|| value("filename").cloned())
}

/// The answer's `Content-Disposition` (RFC 6266) for an upload of this name.
pub(crate) fn content_disposition(name: Option<&str>, extension: &str) -> HeaderValue {
    disposition("attachment", name, extension)
}

/// The same for a member of a stored archive, which keeps its own extension.
pub(crate) fn content_disposition_of(member: &str) -> HeaderValue {
    let name = shown(member);
    let name = &name[..name.floor_char_boundary(STEM_BYTES)];
    quoted("attachment", if name.trim_matches('.').is_empty() { "member" } else { name })
}

/// The same for a problem. `curl -OJT save.zip` would otherwise write the problem to `save.zip`, which exists, so curl
/// refuses and the reason is lost. Browsers still show it.
pub(crate) fn problem_disposition(name: &str) -> HeaderValue {
    disposition("inline", Some(name), ".problem.json")
}

fn disposition(kind: &str, name: Option<&str>, extension: &str) -> HeaderValue {
    quoted(kind, &format!("{}{extension}", stem(name.unwrap_or_default())))
}

fn quoted(kind: &str, name: &str) -> HeaderValue {
    // Only `filename*` carries characters that a quoted string must escape, and `%`, which some clients decode (RFC 6266
    // appendix D).
    let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%');
    let fallback: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let mut value = format!("{kind}; filename=\"{fallback}\"");
    if fallback != name {
        value += "; filename*=UTF-8''";
        value.extend(utf8_percent_encode(name, NOT_ATTR_CHAR));
    }
    HeaderValue::try_from(value).expect("it is printable ASCII")
}

/// The last component of `name`, without characters that could deceive a reader.
fn shown(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|&c| !c.is_control() && !is_invisible(c)).collect();
    shown.trim().to_owned()
}

/// The same without `.zip`, and short enough for an extension to follow.
fn stem(name: &str) -> String {
    let shown = shown(name);
    let mut stem = shown.as_str();
    if let Some((start, extension)) = stem.rsplit_once('.')
        && extension.eq_ignore_ascii_case("zip")
    {
        stem = start.trim();
    }
    let stem = &stem[..stem.floor_char_boundary(STEM_BYTES)];
    if stem.trim_matches('.').is_empty() { "archive".to_owned() } else { stem.to_owned() }
}

/// Line separators, and characters that change the direction of writing (Unicode UAX #9).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The parameters after the first `;`, unquoted (RFC 9110 §5.6.6). A malformed parameter ends the list.
fn parameters(text: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut rest = text.split_once(';').map_or("", |(_, rest)| rest);
    while let Some((name, value)) = rest.split_once('=') {
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => value
                .split_once(';')
                .map_or((value.trim_end().to_owned(), ""), |(v, after)| (v.trim().to_owned(), after)),
        };
        found.push((name.trim_matches([' ', '\t', ';']), value));
        rest = after;
    }
    found
}

/// A quoted string's value, and the text after it.
fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => break,
            '\\' => value.extend(characters.next()),
            c => value.push(c),
        }
    }
    (value, characters.as_str())
}

/// `UTF-8'language'percent-encoded` (RFC 8187 §3.2).
fn from_ext_value(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let is_utf8 = parts.next()?.eq_ignore_ascii_case("utf-8");
    let encoded = parts.nth(1)?;
    if is_utf8 { percent_decode_str(encoded).decode_utf8().ok().map(Into::into) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_named_after_the_upload() {
        for (name, expected) in [
            ("save.zip", r#"attachment; filename="save.tar.br""#),
            ("SAVE.ZIP", r#"attachment; filename="SAVE.tar.br""#),
            ("save.eu4", r#"attachment; filename="save.eu4.tar.br""#),
            ("save", r#"attachment; filename="save.tar.br""#),
            ("a.zip.zip", r#"attachment; filename="a.zip.tar.br""#),
            ("dir/save.zip", r#"attachment; filename="save.tar.br""#),
            (r"C:\saves\save.zip", r#"attachment; filename="save.tar.br""#),
            ("../../etc/passwd", r#"attachment; filename="passwd.tar.br""#),
            ("my save (2).zip", r#"attachment; filename="my save (2).tar.br""#),
            ("  save.zip ", r#"attachment; filename="save.tar.br""#),
            ("a\r\nSet-Cookie: b.zip", r#"attachment; filename="aSet-Cookie: b.tar.br""#),
            ("a\u{0}\u{7f}\u{85}b.zip", r#"attachment; filename="ab.tar.br""#),
            ("\u{202e}piz.exe", r#"attachment; filename="piz.exe.tar.br""#),
            ("", r#"attachment; filename="archive.tar.br""#),
            (".zip", r#"attachment; filename="archive.tar.br""#),
            ("..", r#"attachment; filename="archive.tar.br""#),
            ("dir/", r#"attachment; filename="archive.tar.br""#),
            (".hidden.zip", r#"attachment; filename=".hidden.tar.br""#),
            ("déjà.zip", r#"attachment; filename="d_j_.tar.br"; filename*=UTF-8''d%C3%A9j%C3%A0.tar.br"#),
            ("存档.zip", r#"attachment; filename="__.tar.br"; filename*=UTF-8''%E5%AD%98%E6%A1%A3.tar.br"#),
            ("a\"b.zip", r#"attachment; filename="a_b.tar.br"; filename*=UTF-8''a%22b.tar.br"#),
            ("100%25.zip", r#"attachment; filename="100_25.tar.br"; filename*=UTF-8''100%2525.tar.br"#),
        ] {
            assert_eq!(content_disposition(Some(name), ".tar.br"), expected, "{name:?}");
        }
        assert_eq!(content_disposition(None, ".tar"), r#"attachment; filename="archive.tar""#);
    }

    #[test]
    fn a_long_name_is_cut_between_two_characters() {
        assert_eq!(stem(&"é".repeat(300)), "é".repeat(120));
        assert_eq!(stem(&"x".repeat(240)).len(), 240);
        assert_eq!(stem(&"x".repeat(241)).len(), 240);
    }

    #[test]
    fn a_name_is_read_from_a_content_disposition() {
        for (header, expected) in [
            (&b"attachment; filename=save.zip"[..], Some("save.zip")),
            (b"attachment;filename=save.zip;foo=bar", Some("save.zip")),
            (br#"attachment; filename="my save.zip""#, Some("my save.zip")),
            (br#"form-data; name="file"; filename="a;b=\"c\".zip""#, Some(r#"a;b="c".zip"#)),
            (b"attachment; FileName = save.zip ", Some("save.zip")),
            (b"attachment; filename*=UTF-8''d%C3%A9j%C3%A0.zip", Some("déjà.zip")),
            (b"attachment; filename=a.zip; filename*=utf-8'fr'b.zip", Some("b.zip")),
            (b"attachment; filename*=UTF-8''b.zip; filename=\"a.zip\"", Some("b.zip")),
            (b"attachment; filename*=ISO-8859-1''%e9.zip; filename=a.zip", Some("a.zip")),
            (b"attachment; filename*=UTF-8''%ff.zip; filename=a.zip", Some("a.zip")),
            (b"attachment; filename*=nonsense; filename=a.zip", Some("a.zip")),
            ("attachment; filename=\"déjà.zip\"".as_bytes(), Some("déjà.zip")),
            (b"attachment; filename=\"d\xe9j\xe0.zip\"", Some("déjà.zip")),
            (b"attachment; filename=\"unfinished", Some("unfinished")),
            (b"attachment", None),
            (b"filename=save.zip", None),
            (b"attachment; filename", None),
            (b"", None),
        ] {
            let value = HeaderValue::from_bytes(header).unwrap();
            assert_eq!(from_content_disposition(&value).as_deref(), expected, "{value:?}");
        }
    }

    #[test]
    fn a_name_is_read_from_a_path() {
        for (segment, expected) in [
            ("save.zip", "save.zip"),
            ("d%C3%A9j%C3%A0+1.zip", "déjà+1.zip"),
            ("%ff.zip", "\u{fffd}.zip"),
            ("50%", "50%"),
        ] {
            assert_eq!(from_path(segment), expected);
        }
    }
}
