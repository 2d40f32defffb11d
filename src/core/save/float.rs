//! The shortest text of a floating-point number.
//!
//! The standard library's formatter is much larger: it takes any number to any precision, with tables. This one takes
//! numbers from 1e-22 to 2^64, without tables (Steele and White, "How to Print Floating-Point Numbers Accurately", 1990).

/// Appends a number with a point or an exponent: the shortest digits that read back as the same number, and of these the
/// nearest. Of two that are equally near, the even one. `number` is 0, or its size is between 1e-22 and 2^64.
pub(super) fn float(out: &mut Vec<u8>, number: f64) {
    if number.is_sign_negative() {
        out.push(b'-');
    }
    let (digits, exponent) = digits(number.abs());
    match exponent {
        // Other serializers write an exponent in these ranges.
        ..-5 | 16.. => {
            point(out, &digits, 1);
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            out.extend_from_slice(exponent.unsigned_abs().to_string().as_bytes());
        }
        ..0 => {
            out.extend_from_slice(b"0.0000".split_at(1 + exponent.unsigned_abs() as usize).0);
            out.extend_from_slice(&digits);
        }
        _ => {
            let before = exponent.unsigned_abs() as usize + 1;
            point(out, &digits, before);
            if digits.len() <= before {
                out.resize(out.len() + before - digits.len(), b'0');
                out.extend_from_slice(b".0");
            }
        }
    }
}

/// Appends digits with a point after the first `before` of them, if more follow.
fn point(out: &mut Vec<u8>, digits: &[u8], before: usize) {
    let (whole, fraction) = digits.split_at(before.min(digits.len()));
    out.extend_from_slice(whole);
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

/// The digits of a positive number, or of 0, and the power of ten of the first digit.
fn digits(number: f64) -> (Vec<u8>, i32) {
    if number == 0.0 {
        return (b"0".to_vec(), 0);
    }
    let bits = number.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let mantissa = u128::from(fraction | 1 << 52);
    let exponent = (bits >> 52) as i32 - 1075;
    // At a power of two, the number below is half as far away as the number above.
    let uneven = u32::from(fraction == 0);
    // The number is `rest / unit`. Half of the distance to the number above is `above / unit`, to the one below
    // `below / unit`.
    let shift = 1 + uneven;
    let (scale, unit) =
        if exponent < 0 { (0, shift + exponent.unsigned_abs()) } else { (exponent.unsigned_abs(), shift) };
    let mut unit = 1u128 << unit;
    let mut rest = mantissa << (scale + shift);
    let mut below = 1u128 << scale;
    let mut above = below << uneven;
    // A text in the middle between two numbers reads back as the even one.
    let is_even = mantissa % 2 == 0;
    let reaches = |sum: u128, unit: u128| if is_even { sum >= unit } else { sum > unit };
    let mut power = -1;
    while reaches(rest + above, unit) {
        unit *= 10;
        power += 1;
    }
    let mut text = Vec::new();
    // The loop ends because 17 digits tell any two numbers apart. `unit` has enough factors of two for them.
    loop {
        // Times ten.
        unit /= 2;
        (rest, above, below) = (rest * 5, above * 5, below * 5);
        if text.is_empty() && !reaches(rest + above, unit) {
            power -= 1;
            continue;
        }
        let mut digit = b'0';
        while rest >= unit {
            rest -= unit;
            digit += 1;
        }
        let is_low = reaches(below, rest);
        let is_high = reaches(rest + above, unit);
        let is_odd = digit % 2 == 1;
        let is_up = if is_low && is_high { rest * 2 > unit || rest * 2 == unit && is_odd } else { is_high };
        text.push(digit + u8::from(is_up));
        if is_low || is_high {
            return (text, power);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: f64) -> String {
        let mut out = Vec::new();
        float(&mut out, number);
        String::from_utf8(out).unwrap()
    }

    /// The serializer's text, with its exponents.
    fn serialized(number: f64) -> String {
        let text = serde_json::to_string(&number).unwrap();
        match text.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with(['-', '+']) => format!("{mantissa}e+{exponent}"),
            _ => text,
        }
    }

    #[test]
    fn a_number_has_the_text_of_another_serializer() {
        for (number, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (0.1, "0.1"),
            (0.000_01, "0.00001"),
            (0.000_001, "1e-6"),
            (1e-22, "1e-22"),
            (1_234_567_890_123_456.0, "1234567890123456.0"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (12_345_678_901_234_567.0, "1.2345678901234568e+16"),
            (18_446_744_073_709_551_615.0, "1.8446744073709552e+19"),
        ] {
            assert_eq!(text(number), expected);
            assert_eq!(serialized(number), expected);
        }
    }

    #[test]
    fn every_number_reads_back_and_has_the_serializers_text() {
        let mut state = 1u64;
        let mut numbers: Vec<f64> = (-73..64).map(|power| f64::powi(2.0, power)).collect();
        let near: Vec<f64> = numbers.iter().flat_map(|n| [n.next_up(), n.next_down()]).collect();
        numbers.extend(near);
        for _ in 0..300_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (value, places) = (state >> (state & 63), (state >> 20) % 23);
            numbers.push(value as f64 / 10f64.powi(places as i32));
        }
        for number in numbers.into_iter().filter(|&n| n == 0.0 || n >= 1e-22) {
            assert_eq!(text(number), serialized(number), "{number:e}");
            assert_eq!(text(number).parse(), Ok(number));
        }
    }
}
