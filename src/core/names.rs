//! The decoding of members' names: the caller's choice for names that are not flagged as UTF-8.

use thiserror::Error as ThisError;

/// An encoding of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Charset {
    /// Code page 437, MS-DOS.
    Cp437,
    /// UTF-8.
    Utf8,
    /// Shift-JIS with Windows' additions, Japanese.
    Cp932,
    /// Big5, traditional Chinese.
    Big5,
    /// GBK, simplified Chinese.
    Gbk,
    /// EUC-KR with Windows' additions, Korean.
    EucKr,
}

impl Charset {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Cp437, Self::Utf8, Self::Cp932, Self::Big5, Self::Gbk, Self::EucKr];

    /// The option's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cp437 => "cp437",
            Self::Utf8 => "utf-8",
            Self::Cp932 => "cp932",
            Self::Big5 => "big5",
            Self::Gbk => "gbk",
            Self::EucKr => "euc-kr",
        }
    }

    /// The label in the Encoding standard (encoding.spec.whatwg.org), by which a [`Decode`] finds it. Code page 437 has none.
    pub fn label(self) -> &'static str {
        match self {
            Self::Cp932 => "shift_jis",
            other => other.name(),
        }
    }

    /// CRC-32 of the table that the decoders of all shells must have: see [`table`]. `None` if the core needs no decoder.
    fn table_crc32(self) -> Option<u32> {
        match self {
            Self::Cp437 | Self::Utf8 => None,
            Self::Cp932 => Some(0x1af3_27ca),
            Self::Big5 => Some(0xcf85_f18d),
            Self::Gbk => Some(0xd705_5be8),
            Self::EucKr => Some(0xa03f_17b4),
        }
    }

    /// Codes of two bytes that good decoders read in different ways.
    fn disputed(self) -> &'static [u16] {
        match self {
            // Two characters each by the standard. Chromium 156 gives others.
            Self::Big5 => &[0x8862, 0x8864, 0x88a3, 0x88a5],
            // GB 18030-2022 moved them from the characters for private use to others.
            Self::Gbk => &[
                0xa6d9, 0xa6da, 0xa6db, 0xa6dc, 0xa6dd, 0xa6de, 0xa6df, 0xa6ec, 0xa6ed, 0xa6f3, 0xfe59, 0xfe61, 0xfe66,
                0xfe67, 0xfe6d, 0xfe7e, 0xfe90, 0xfea0,
            ],
            Self::Cp437 | Self::Utf8 | Self::Cp932 | Self::EucKr => &[],
        }
    }

    /// True if `bytes` begin with a code of two bytes.
    fn is_pair(self, bytes: &[u8]) -> bool {
        let first = bytes.first().copied().unwrap_or_default();
        match self {
            Self::Cp437 | Self::Utf8 => false,
            Self::Cp932 => matches!(first, 0x81..=0x9f | 0xe0..=0xfc),
            Self::Big5 | Self::Gbk | Self::EucKr => matches!(first, 0x81..=0xfe),
        }
    }
}

/// A shell's decoder for the charsets that the core has no table of, by [`Charset::label`]. It follows the Encoding standard,
/// removes no byte order mark, and replaces invalid bytes by U+FFFD.
pub type Decode = fn(label: &'static str, bytes: &[u8]) -> String;

/// How names are read that are not flagged as UTF-8. By default they are UTF-8 if they are valid, and else code page 437.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names {
    charset: Option<Charset>,
    plain: bool,
    decode: Option<Decode>,
}

/// An invalid choice.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("names is {value:?}, {problem}")]
pub struct BadNames {
    /// The given value.
    pub value: String,
    /// The reason.
    pub problem: &'static str,
}

impl Names {
    /// Parses `value`: a charset's name, `plain`, or both with a comma. `plain` replaces unsafe characters by `_`.
    ///
    /// # Errors
    ///
    /// Another value, or a charset whose decoder is missing or has another table than those of the other platforms. So two
    /// platforms never give one zip different names.
    pub fn new(value: &str, decode: Option<Decode>) -> Result<Self, BadNames> {
        let bad = |problem| BadNames { value: value.to_owned(), problem };
        let unknown =
            "it must be cp437, utf-8, cp932, big5, gbk, euc-kr or plain, or one of them and plain with a comma";
        let mut names = Self { decode, ..Self::default() };
        for part in value.split(',').map(str::trim) {
            match Charset::ALL.into_iter().find(|charset| charset.name() == part) {
                Some(charset) if names.charset.is_none() => names.charset = Some(charset),
                None if part == "plain" && !names.plain => names.plain = true,
                _ => return Err(bad(unknown)),
            }
        }
        match names.charset.and_then(|charset| Some((charset, charset.table_crc32()?))) {
            None => Ok(names),
            Some((charset, crc32)) if decode.is_some_and(|decode| table(charset, decode) == crc32) => Ok(names),
            Some(_) if decode.is_some() => {
                Err(bad("and the decoder of this runtime has another table than the Encoding standard"))
            }
            Some(_) => Err(bad("and this runtime has no decoder for it")),
        }
    }

    /// The chosen charset.
    pub(crate) fn charset(&self) -> Option<Charset> {
        self.charset
    }

    /// True if unsafe characters are replaced.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Decodes `bytes` by the shell's decoder, or says what is wrong with them.
    ///
    /// Characters for private use count as invalid: for the codes F940 to F9FC of Shift-JIS, some decoders find none and others
    /// find one of these.
    pub(crate) fn decode(&self, charset: Charset, bytes: &[u8]) -> Result<String, &'static str> {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let is_pair = charset.is_pair(rest);
            if let (true, Some(&second)) = (is_pair, rest.get(1)) {
                if charset.disputed().contains(&u16::from_be_bytes([first, second])) {
                    return Err("has a code that programs read in different ways");
                }
                // Four bytes that begin like this are a character of GB 18030.
                if charset == Charset::Gbk && second.is_ascii_digit() {
                    return Err(INVALID);
                }
            }
            rest = &rest[(1 + usize::from(is_pair)).min(rest.len())..];
        }
        let name = self.decode.map(|decode| decode(charset.label(), bytes)).ok_or(INVALID)?;
        if name.contains(is_no_character) { Err(INVALID) } else { Ok(name) }
    }
}

const INVALID: &str = "is not valid";

fn is_no_character(char: char) -> bool {
    matches!(char, char::REPLACEMENT_CHARACTER | '\u{e000}'..='\u{f8ff}')
}

/// CRC-32 of what `decode` makes of every code of one or two bytes that is not [disputed](Charset::disputed), a line each.
/// Lines with characters that a name may not have are empty.
fn table(charset: Charset, decode: Decode) -> u32 {
    let codes = (0x80..=0xff_u8).flat_map(|lead| (0x2f..=0xff_u8).map(move |trail| [lead, trail]));
    let codes = codes.filter(|code| !charset.disputed().contains(&u16::from_be_bytes(*code)));
    // No code of two bytes ends in a slash or a line feed.
    let lines: Vec<u8> = codes.flat_map(|[lead, trail]| [lead, trail, b'\n']).collect();
    let mut crc32 = crc32fast::Hasher::new();
    for line in decode(charset.label(), &lines).split_inclusive('\n') {
        crc32.update(if line.contains(is_no_character) { b"\n" } else { line.as_bytes() });
    }
    crc32.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charset_and_plain_are_taken_once_each() {
        for (value, charset, plain) in [
            ("utf-8", Some(Charset::Utf8), false),
            ("plain", None, true),
            ("cp437,plain", Some(Charset::Cp437), true),
            ("plain, utf-8", Some(Charset::Utf8), true),
        ] {
            let names = Names::new(value, None).unwrap();
            assert_eq!((names.charset, names.plain), (charset, plain), "{value}");
        }
        for value in ["", "CP932", "cp437,utf-8", "plain,plain", "latin1", "cp437,"] {
            assert!(Names::new(value, None).is_err(), "{value:?}");
        }
    }

    #[test]
    fn a_charset_of_another_table_is_refused() {
        let decode: Decode = |_, bytes| String::from_utf8_lossy(bytes).into_owned();
        for value in ["cp932", "big5", "gbk", "euc-kr", "gbk,plain"] {
            let problem = |decode| Names::new(value, decode).unwrap_err().problem;
            assert!(problem(Some(decode)).contains("another table"), "{value}");
            assert!(problem(None).contains("no decoder"), "{value}");
        }
    }
}
