//! The decoding of members' names: the caller's choice for names that are not flagged as UTF-8.

use thiserror::Error as ThisError;

/// An encoding of names. If you add one, prove that all shells decode it alike: for Big5, GBK and EUC-KR the decoders of
/// workerd and of `encoding_rs` differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Charset {
    /// Code page 437, MS-DOS.
    Cp437,
    /// UTF-8.
    Utf8,
    /// Shift-JIS with Windows' additions, Japanese.
    Cp932,
}

impl Charset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cp437, Self::Utf8, Self::Cp932];

    /// The option's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cp437 => "cp437",
            Self::Utf8 => "utf-8",
            Self::Cp932 => "cp932",
        }
    }

    /// The label in the Encoding standard (encoding.spec.whatwg.org), by which a [`Decode`] finds it. Code page 437 has none.
    pub fn label(self) -> &'static str {
        match self {
            Self::Cp932 => "shift_jis",
            other => other.name(),
        }
    }
}

/// A shell's decoder for the charsets that the core has no table of, by [`Charset::label`]. It follows the Encoding standard,
/// removes no byte order mark, and returns `None` for invalid bytes.
pub type Decode = fn(label: &'static str, bytes: &[u8]) -> Option<String>;

/// How names are read that are not flagged as UTF-8. By default they are UTF-8 if they are valid, and else code page 437.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names {
    charset: Option<Charset>,
    plain: bool,
    decode: Option<Decode>,
}

/// An invalid choice.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("names is {value:?}, it must be cp437, utf-8, cp932 or plain, or one of them and plain with a comma")]
pub struct BadNames {
    /// The given value.
    pub value: String,
}

impl Names {
    /// Parses `value`: a charset's name, `plain`, or both with a comma. `plain` replaces unsafe characters by `_`.
    ///
    /// # Errors
    ///
    /// Another value, or a charset that needs a decoder where there is none.
    pub fn new(value: &str, decode: Option<Decode>) -> Result<Self, BadNames> {
        let bad = || BadNames { value: value.to_owned() };
        let mut names = Self { decode, ..Self::default() };
        for part in value.split(',').map(str::trim) {
            match Charset::ALL.into_iter().find(|charset| charset.name() == part) {
                Some(charset) if names.charset.is_none() => names.charset = Some(charset),
                None if part == "plain" && !names.plain => names.plain = true,
                _ => return Err(bad()),
            }
        }
        let needs_decoder = !matches!(names.charset, None | Some(Charset::Cp437 | Charset::Utf8));
        if needs_decoder && decode.is_none() { Err(bad()) } else { Ok(names) }
    }

    /// The chosen charset.
    pub(crate) fn charset(&self) -> Option<Charset> {
        self.charset
    }

    /// True if unsafe characters are replaced.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Decodes `bytes` by the shell's decoder. Characters for private use count as invalid: for the codes F940 to F9FC of
    /// Shift-JIS, workerd finds no character and `encoding_rs` finds one of these.
    pub(crate) fn decode(&self, charset: Charset, bytes: &[u8]) -> Option<String> {
        let name = self.decode.and_then(|decode| decode(charset.label(), bytes))?;
        (!name.contains(|char| matches!(char, '\u{e000}'..='\u{f8ff}'))).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charset_and_plain_are_taken_once_each() {
        let none: Decode = |_, _| None;
        for (value, charset, plain) in [
            ("cp932", Some(Charset::Cp932), false),
            ("plain", None, true),
            ("cp932,plain", Some(Charset::Cp932), true),
            ("plain, utf-8", Some(Charset::Utf8), true),
        ] {
            let names = Names::new(value, Some(none)).unwrap();
            assert_eq!((names.charset, names.plain), (charset, plain), "{value}");
        }
        for value in ["", "CP932", "cp932,utf-8", "plain,plain", "latin1", "cp932,"] {
            assert!(Names::new(value, Some(none)).is_err(), "{value:?}");
        }
        assert!(Names::new("cp932", None).is_err() && Names::new("cp437,plain", None).is_ok());
    }
}
