//! Numbers in as few bytes as they need: seven bits a byte, the lowest first; the highest bit says that more follow (LEB128).

/// Bytes of the longest number.
const LONGEST: u32 = 10;

pub(crate) fn write(mut number: u64, bytes: &mut Vec<u8>) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Bytes that [`write`] appends.
pub(crate) fn length(number: u64) -> u64 {
    u64::from(u64::BITS - (number | 1).leading_zeros()).div_ceil(7)
}

/// Takes a number from the front of `bytes`. `None` if there is none, or it has more bytes than it needs.
pub(crate) fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for at in 0..LONGEST {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        number |= bits << (7 * at);
        if number >> (7 * at) != bits {
            return None;
        }
        if byte < 0x80 {
            return (byte > 0 || at == 0).then_some(number);
        }
    }
    None
}

/// A signed number near zero as a small unsigned one.
pub(crate) fn fold(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

/// The inverse of [`fold`].
pub(crate) fn unfold(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_back_and_has_one_form() {
        for number in (0..70_000).chain((0..64).flat_map(|bit| [1 << bit, (1 << bit) - 1, !(1 << bit)])) {
            let mut bytes = Vec::new();
            write(number, &mut bytes);
            assert_eq!(length(number), bytes.len() as u64);
            bytes.push(7);
            let mut rest = &bytes[..];
            assert_eq!(read(&mut rest), Some(number));
            assert_eq!(rest, [7]);
            assert_eq!(fold(unfold(number)), number);
        }
        for bad in
            [&[][..], &[0x80], &[0x80, 0], &[0xff; 10], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]]
        {
            assert_eq!(read(&mut &bad[..]), None, "{bad:x?}");
        }
        assert_eq!([-2, -1, 0, 1, 2].map(fold), [3, 1, 0, 2, 4]);
    }
}
