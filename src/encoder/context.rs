//! Contexts of literals: classes of a literal by the two bytes before it (RFC 7932 §7.1).

/// The four modes, by their number in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Lsb6 = 0,
    Msb6 = 1,
    Utf8 = 2,
    Signed = 3,
}

/// Contexts by mode.
pub(crate) const CONTEXTS: usize = 64;

/// Contexts of distances, by the length of the copy (RFC 7932 §7.2).
pub(crate) const DISTANCE_CONTEXTS: usize = 4;

/// A context is `last[b1] | second[b2]`, `b1` the byte before, `b2` the one before that.
#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) last: [u8; 256],
    pub(crate) second: [u8; 256],
}

impl Lookup {
    #[inline(always)]
    pub(crate) fn context(&self, last: u8, second: u8) -> usize {
        usize::from((self.last[usize::from(last)] | self.second[usize::from(second)]) & 63)
    }

    pub(crate) fn new(mode: Mode) -> Self {
        let mut lookup = Self { last: [0; 256], second: [0; 256] };
        for byte in 0..=255_u8 {
            let at = usize::from(byte);
            (lookup.last[at], lookup.second[at]) = match mode {
                Mode::Lsb6 => (byte & 63, 0),
                Mode::Msb6 => (byte >> 2, 0),
                Mode::Utf8 => (utf8_last(byte), utf8_second(byte)),
                Mode::Signed => (magnitude(byte) << 3, magnitude(byte)),
            };
        }
        lookup
    }
}

/// Lut0 of the RFC.
fn utf8_last(byte: u8) -> u8 {
    match byte {
        b'\t' | b'\n' | b'\r' => 4,
        0..=31 | 127 => 0,
        b' ' => 8,
        b'"' | b'\'' => 16,
        b'%' => 20,
        b'(' | b'<' | b'[' | b'{' => 24,
        b')' | b'>' | b']' | b'}' => 28,
        b',' | b':' | b';' => 32,
        b'.' => 36,
        b'=' => 40,
        b'0'..=b'9' => 44,
        b'A' | b'E' | b'I' | b'O' | b'U' => 48,
        b'A'..=b'Z' => 52,
        b'a' | b'e' | b'i' | b'o' | b'u' => 56,
        b'a'..=b'z' => 60,
        0..=127 => 12,
        128..=191 => byte & 1,
        192..=255 => 2 | byte & 1,
    }
}

/// Lut1.
fn utf8_second(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 3,
        b'0'..=b'9' | b'A'..=b'Z' | 224..=255 => 2,
        33..=126 => 1,
        _ => 0,
    }
}

/// Lut2.
fn magnitude(byte: u8) -> u8 {
    match byte {
        0 => 0,
        1..=15 => 1,
        16..=63 => 2,
        64..=127 => 3,
        128..=191 => 4,
        192..=239 => 5,
        240..=254 => 6,
        255 => 7,
    }
}
