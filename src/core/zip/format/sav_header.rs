//! Save headers: the line that Paradox games write before the zip of a save. This is the only reading of it, for the zip
//! reader and for the save parser.
//!
//! Version 01 has 24 bytes: `SAV`, two digits of version, two hexadecimal digits of kind, eight random ones, eight that give
//! the length of the metadata between the line and the zip, and the line end. Version 02 (Europa Universalis V since patch
//! 1.0.8) has eight more digits before the line end. The facts are from rakaly/jomini, `src/envelope/`.

/// Length of the shortest line.
pub(crate) const LENGTH: usize = 24;

/// Digits that version 02 adds.
const ADDED: usize = 8;

/// The first line of saves from newer games.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavLine {
    /// The version of the line: 1 or 2.
    pub version: u8,
    /// The kind. 0 and 1: a save without a zip. 2 and 3: metadata, then a zip. 4 and 5: a zip with the metadata inside.
    /// Odd kinds are binary.
    pub kind: u8,
    /// Bytes of metadata after the line.
    pub metadata: u64,
    /// Bytes of the line, including its end.
    pub length: usize,
}

impl SavLine {
    /// Parses the line at the start of `bytes`. `None` if there is no line of a known version, or only a part of one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes.starts_with(b"SAV").then(|| parse(bytes))? {
            Parsed::Whole(line) => Some(line),
            Parsed::Open { .. } | Parsed::Unknown(_) => None,
        }
    }

    /// Whether the save is binary.
    pub fn is_binary(self) -> bool {
        self.kind % 2 == 1
    }
}

/// The result of parsing the start of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parsed {
    Whole(SavLine),
    /// More bytes are needed, this many in all.
    Open {
        wanted: usize,
    },
    /// No known header, with the reason.
    Unknown(String),
}

/// True if a file that starts like this has a save header.
pub(crate) fn is_save(start: &[u8; 4]) -> bool {
    matches!(start, [b'S', b'A', b'V', b'0'..=b'9'])
}

/// Parses the line at the start of `file`.
pub(crate) fn parse(file: &[u8]) -> Parsed {
    let Some(line) = file.first_chunk::<LENGTH>() else { return Parsed::Open { wanted: LENGTH } };
    let hex = |digits: &[u8]| {
        let all_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let text = all_hex.then(|| std::str::from_utf8(digits).ok()).flatten()?;
        u64::from_str_radix(text, 16).ok()
    };
    let damaged = || Parsed::Unknown(format!("the save's header line \"{}\" is damaged", line.escape_ascii()));
    let (version, kind) = (&line[3..5], hex(&line[5..7]));
    if !matches!(version, b"01" | b"02") {
        let version = version.escape_ascii();
        return Parsed::Unknown(format!("the save's header has version {version}, known are 01 and 02"));
    }
    let (Some(kind), Some(_), Some(metadata)) = (kind, hex(&line[7..15]), hex(&line[15..23])) else {
        return damaged();
    };
    let mut end = LENGTH - 1;
    if version == b"02" && hex(&line[end..]).is_some() {
        end += ADDED;
        let Some(added) = file.get(LENGTH - 1..end) else { return Parsed::Open { wanted: end + 1 } };
        if hex(added).is_none() {
            return damaged();
        }
    }
    let length = match file.get(end..) {
        None | Some([]) => return Parsed::Open { wanted: end + 1 },
        Some([b'\n', ..]) => end + 1,
        Some([b'\r']) => return Parsed::Open { wanted: end + 2 },
        Some([b'\r', b'\n', ..]) => end + 2,
        Some(_) => return damaged(),
    };
    // Two hexadecimal digits.
    Parsed::Whole(SavLine { version: version[1] - b'0', kind: kind as u8, metadata, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a line as a reader would, with no more bytes than were asked for.
    fn parsed(line: &[u8]) -> Option<(usize, u64, u8)> {
        let mut seen = 4;
        loop {
            match parse(&line[..seen.min(line.len())]) {
                Parsed::Open { wanted } if wanted <= line.len() => {
                    assert!(wanted > seen, "progress");
                    seen = wanted;
                }
                Parsed::Whole(SavLine { length, metadata, kind, .. }) => return Some((length, metadata, kind)),
                _ => return None,
            }
        }
    }

    #[test]
    fn a_line_gives_the_length_of_the_data_before_the_zip() {
        assert_eq!(parsed(b"SAV0102a40f789f000067c4\n"), Some((24, 26_564, 2)));
        assert_eq!(parsed(b"SAV0102a40f789f000067c4\r\n"), Some((25, 26_564, 2)));
        assert_eq!(parsed(b"SAV010580b859da00000000\n"), Some((24, 0, 5)));
        assert_eq!(parsed(b"SAV0203fbf95f030006353800000000\n"), Some((32, 406_840, 3)));
        assert_eq!(parsed(b"SAV0203fbf95f030006353800000000\r\n"), Some((33, 406_840, 3)));
        assert_eq!(parsed(b"SAV0203fbf95f0300063538\n"), Some((24, 406_840, 3)));
        for bad in [
            &b"SAV0102a40f789f00006+c4\n"[..],
            b"SAV0102a40f789f000067c40",
            b"SAV0102a40f789f000067c4\rx",
            b"SAV0203fbf95f030006353800000000x",
            b"SAV0203fbf95f03000635380000000x\n",
            b"SAV0302a40f789f000067c4\n",
            b"SAV0102a40f789f000067c4",
        ] {
            assert_eq!(parsed(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn an_unknown_version_is_named() {
        let Parsed::Unknown(why) = parse(b"SAV0702a40f789f000067c4\n") else { panic!("version 07") };
        assert!(why.contains("version 07"), "{why}");
    }
}
