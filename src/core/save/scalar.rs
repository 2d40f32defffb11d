//! The JSON form of a scalar: numbers, truth values and strings.

use super::{float::float, options::Encoding};

/// Appends a word as a number, a truth value or a string.
pub(super) fn narrowed(out: &mut Vec<u8>, bytes: &[u8], encoding: Encoding) {
    match bytes {
        [b'0'..=b'9' | b'-' | b'+' | b'.', ..] => {
            if !number(out, bytes) {
                text(out, bytes, encoding);
            }
        }
        b"yes" => out.extend_from_slice(b"true"),
        b"no" => out.extend_from_slice(b"false"),
        _ => text(out, bytes, encoding),
    }
}

/// 2^53 − 1. Many JSON readers cannot hold larger numbers exactly, so these stay strings.
const SAFE: u64 = (1 << 53) - 1;

/// The powers of ten that are exact as `f64`. A word with more digits after its point is not a number.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Appends a number: sign, digits, at most one point, at most one `f` at the end. Returns false if JSON cannot keep the
/// number.
fn number(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    let whole_length = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(whole_length);
    match rest {
        [] => integer(out, negative, whole),
        [b'f'] => match value(whole, &[]) {
            Some(value) if value <= SAFE => {
                // A whole number with `f` has no negative zero.
                decimal(out, negative && value != 0, value, 0);
                true
            }
            _ => false,
        },
        [b'.', fraction @ ..] => {
            let fraction = fraction.strip_suffix(b"f").unwrap_or(fraction);
            fraction.iter().all(u8::is_ascii_digit) && with_point(out, negative, whole, fraction)
        }
        _ => false,
    }
}

fn integer(out: &mut Vec<u8>, negative: bool, whole: &[u8]) -> bool {
    let significant = without_zeros(whole);
    if significant.len() > 16 {
        return false;
    }
    if significant.len() == 16 && value(significant, &[]).is_none_or(|value| value > SAFE) {
        return false;
    }
    if significant.is_empty() {
        out.push(b'0');
        return true;
    }
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(significant);
    true
}

fn with_point(out: &mut Vec<u8>, negative: bool, whole: &[u8], fraction: &[u8]) -> bool {
    if fraction.len() >= POWERS.len() {
        return false;
    }
    let significant = without_zeros(whole);
    let kept = fraction.iter().rposition(|&b| b != b'0').map_or(0, |last| last + 1);
    // A decimal of up to 15 digits is the shortest form of its nearest `f64`. Below 0.00001 serializers write an
    // exponent.
    let tiny = significant.is_empty() && kept > 5 && fraction[..5] == *b"00000";
    if tiny || significant.len() + fraction.len() > 15 {
        let Some(value) = value(whole, fraction) else { return false };
        decimal(out, negative, value, fraction.len());
        return true;
    }
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(if significant.is_empty() { b"0" } else { significant });
    out.push(b'.');
    out.extend_from_slice(if kept == 0 { b"0" } else { &fraction[..kept] });
    true
}

/// The digits as one number. `None` beyond 64 bits.
fn value(whole: &[u8], fraction: &[u8]) -> Option<u64> {
    let mut value: u64 = 0;
    for digit in whole.iter().chain(fraction) {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    Some(value)
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().position(|&b| b != b'0').unwrap_or(digits.len())..]
}

/// Appends `value` divided by ten to the power of `places`.
fn decimal(out: &mut Vec<u8>, negative: bool, value: u64, places: usize) {
    // Other readers of this format do the same: they round both numbers to `f64` and then divide.
    #[allow(clippy::cast_precision_loss)]
    let number = value as f64 / POWERS[places];
    float(out, if negative { -number } else { number });
}

/// Appends a JSON string (RFC 8259 §7). White space at the end and backslashes are dropped.
pub(super) fn text(out: &mut Vec<u8>, bytes: &[u8], encoding: Encoding) {
    out.push(b'"');
    inner(out, bytes, encoding);
    out.push(b'"');
}

/// Appends the content of the JSON string that [`text`] writes, without quotation marks.
pub(super) fn inner(out: &mut Vec<u8>, bytes: &[u8], encoding: Encoding) {
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        unplain(out, bytes, encoding);
    }
}

/// Whether a text is the same in JSON.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|&b| PLAIN[usize::from(b)]) && bytes.last() != Some(&b' ')
}

/// Appends the content of a JSON string, for a text from outside the save. Nothing is dropped.
pub(super) fn quoted_inner(out: &mut Vec<u8>, text: &str) {
    for &byte in text.as_bytes() {
        escaped(out, byte);
    }
}

/// Bytes that are the same in JSON: ASCII without controls, quotation marks and backslashes.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0x20;
    while byte < 0x80 {
        plain[byte] = byte != b'"' as usize && byte != b'\\' as usize;
        byte += 1;
    }
    plain
};

#[cold]
fn unplain(out: &mut Vec<u8>, bytes: &[u8], encoding: Encoding) {
    quoted_inner(out, &decode(bytes, encoding));
}

/// The text of a scalar, without white space at its end and without backslashes.
pub(super) fn decode(bytes: &[u8], encoding: Encoding) -> String {
    let bytes = bytes.trim_ascii_end().iter().copied().filter(|&b| b != b'\\');
    match encoding {
        Encoding::Windows1252 => bytes.map(|b| if b < 0x80 { char::from(b) } else { windows_1252(b) }).collect(),
        Encoding::Utf8 => String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned(),
    }
}

/// Appends one byte of a JSON string's content.
pub(super) fn escaped(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x09 => out.extend_from_slice(b"\\t"),
        0x0a => out.extend_from_slice(b"\\n"),
        0x0c => out.extend_from_slice(b"\\f"),
        0x0d => out.extend_from_slice(b"\\r"),
        0x00..0x20 => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
        _ => out.push(byte),
    }
}

/// The upper half of windows-1252 by the WHATWG encoding standard. The five undefined bytes are C1 controls.
fn windows_1252(byte: u8) -> char {
    const FROM_80: [u16; 32] = [
        0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,
        0x017d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a,
        0x0153, 0x9d, 0x017e, 0x0178,
    ];
    match byte {
        0x80..0xa0 => char::from_u32(FROM_80[usize::from(byte - 0x80)].into()).expect("the table has only characters"),
        _ => char::from(byte),
    }
}
