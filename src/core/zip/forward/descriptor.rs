//! Data descriptors: CRC-32 and sizes that follow a member's data (APPNOTE §4.3.9).
//!
//! A descriptor has four forms: with or without a signature, with sizes of 32 or 64 bits. No field tells the form. The
//! reader takes the form that matches the data; if two match, the longer.

use sha2::{Digest as _, Sha256};

use super::record;
use crate::{
    error::Error,
    limits::Meter,
    zip::{
        decoder::{Digest, Measured},
        spool::Spool,
    },
};

const LONGEST: usize = 24;
const SHORTEST: usize = 12;

impl Measured {
    /// The four forms, longest first.
    fn forms(&self) -> impl Iterator<Item = DescriptorForm> {
        [(true, true), (false, true), (true, false), (false, false)].into_iter().map(|(signed, wide)| {
            let mut form = DescriptorForm { bytes: [0; LONGEST], length: 0 };
            if signed {
                form.push(&record::DESCRIPTOR.to_le_bytes());
            }
            form.push(&self.crc32.to_le_bytes());
            for size in [self.compressed_size, self.size] {
                // Writers that did not expect 4 GiB or more store only the lower half of a size.
                form.push(&size.to_le_bytes()[..if wide { 8 } else { 4 }]);
            }
            form
        })
    }

    /// Checks if `bytes`, which follow the data, start with a matching descriptor.
    ///
    /// It never looks further than eight bytes after the descriptor, the first four of them zeros.
    pub(crate) fn descriptor(&self, bytes: &[u8]) -> Match {
        for form in self.forms() {
            if bytes.starts_with(form.as_bytes()) {
                return Match::Whole(form.length);
            }
            // A shorter form may already be complete. Ask for four bytes at a time, so that any surplus bytes are
            // zeros.
            if form.as_bytes().starts_with(bytes) {
                return Match::Open { wanted: (bytes.len() + 4).clamp(SHORTEST, form.length) };
            }
        }
        Match::None
    }
}

struct DescriptorForm {
    bytes: [u8; LONGEST],
    length: usize,
}

impl DescriptorForm {
    fn push(&mut self, part: &[u8]) {
        self.bytes[self.length..][..part.len()].copy_from_slice(part);
        self.length += part.len();
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The result of matching the bytes after a member's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// A descriptor of so many bytes.
    Whole(usize),
    /// Possibly the start of one: ask again with `wanted` bytes.
    Open { wanted: usize },
    /// No matching descriptor.
    None,
}

/// Finds the end of a stored member whose length only its descriptor states.
///
/// Contents may hold anything. An end is a whole descriptor that matches the CRC-32 and the length of the bytes before
/// it, followed by a record's signature. Even that can be planted, so the central directory must confirm it. Time is
/// linear: each byte is examined once for signatures and once for the CRC-32 and the digest, and a signature costs four
/// size comparisons.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The last four bytes seen.
    window: u32,
    /// CRC-32 of the first `crc_length` bytes.
    crc32: crc32fast::Hasher,
    crc_length: usize,
    /// The digest of the first `hashed` bytes, if it was asked for.
    digest: Option<Sha256>,
    hashed: usize,
    /// Bytes examined, copied or added to a CRC-32.
    #[cfg(test)]
    work: usize,
}

impl Scan {
    /// Computes the digest of the contents, too.
    pub(crate) fn hashing() -> Self {
        Self { digest: Some(Sha256::new()), ..Self::default() }
    }

    /// Moves bytes into `spool` until the member's end is found or `input` is used up. Returns the number taken.
    pub(crate) fn read(
        &mut self,
        input: &[u8],
        spool: &mut Spool,
        meter: &mut Meter,
    ) -> Result<(usize, Option<Measured>), Error> {
        let mut pushed = 0;
        for (at, &byte) in input.iter().enumerate() {
            self.count(1);
            self.window = self.window >> 8 | u32::from(byte) << 24;
            if matches!(self.window, record::LOCAL_HEADER | record::CENTRAL_HEADER | record::EXTRA_DATA) {
                spool.push(&input[pushed..=at], meter)?;
                pushed = at + 1;
                let signature_at = spool.len() - 4;
                if let Some(measured) = self.descriptor_before(signature_at, spool) {
                    self.hash(measured.size as usize, spool);
                    let digest = self.digest.take().map(Digest::from);
                    return Ok((pushed, Some(Measured { digest, ..measured })));
                }
            }
        }
        spool.push(&input[pushed..], meter)?;
        // The last bytes may be a descriptor, and the signature after it.
        self.hash(spool.len().saturating_sub(LONGEST + 4), spool);
        Ok((input.len(), None))
    }

    /// Hashes up to the first `end` bytes.
    fn hash(&mut self, end: usize, spool: &Spool) {
        if let Some(digest) = &mut self.digest
            && end > self.hashed
        {
            spool.range(self.hashed, end).for_each(|piece| digest.update(piece));
            self.hashed = end;
        }
    }

    /// Counts work, for the test that it is proportional to the input.
    fn count(&mut self, _work: usize) {
        #[cfg(test)]
        {
            self.work += _work;
        }
    }

    /// The signature after which the last call stopped.
    pub(crate) fn last_signature(&self) -> [u8; 4] {
        self.window.to_le_bytes()
    }

    /// The measurement, if a descriptor that ends at `end` matches the bytes before it.
    fn descriptor_before(&mut self, end: usize, spool: &Spool) -> Option<Measured> {
        let start = end.saturating_sub(LONGEST);
        let mut bytes = [0; LONGEST];
        let mut filled = 0;
        for piece in spool.range(start, end) {
            bytes[filled..][..piece.len()].copy_from_slice(piece);
            filled += piece.len();
        }
        // Signatures come in rising order, so every later one needs the CRC up to here too.
        for piece in spool.range(self.crc_length, start) {
            self.crc32.update(piece);
        }
        self.count(filled + start.saturating_sub(self.crc_length));
        self.crc_length = start.max(self.crc_length);

        for (signed, width, length) in [(true, 8, 24), (false, 8, 20), (true, 4, 16), (false, 4, 12)] {
            let Some(size) = end.checked_sub(length) else { continue };
            let sizes_agree = |bytes: &[u8]| {
                let expected = &(size as u64).to_le_bytes()[..width];
                bytes[..width] == *expected && bytes[width..2 * width] == *expected
            };
            let form = &bytes[filled - length..filled];
            self.count(length);
            let (signature, fields) = form.split_at(if signed { 4 } else { 0 });
            if !sizes_agree(&fields[4..]) || signed && signature != record::DESCRIPTOR.to_le_bytes() {
                continue;
            }
            let mut crc32 = self.crc32.clone();
            crc32.update(&bytes[..size - start]);
            self.count(size - start);
            let crc32 = crc32.finalize();
            if fields[..4] == crc32.to_le_bytes() {
                return Some(Measured { crc32, compressed_size: size as u64, size: size as u64, digest: None });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURED: Measured = Measured { crc32: 0x1234_5678, compressed_size: 90, size: 1000, digest: None };

    fn forms(measured: Measured) -> Vec<Vec<u8>> {
        measured.forms().map(|form| form.as_bytes().to_vec()).collect()
    }

    /// Feeds bytes as a reader would, four and more at a time.
    fn matched(measured: Measured, bytes: &[u8]) -> Match {
        let mut seen = 0;
        loop {
            match measured.descriptor(&bytes[..seen]) {
                Match::Open { wanted } => {
                    assert!(wanted > seen, "progress");
                    seen = wanted;
                }
                other => return other,
            }
        }
    }

    #[test]
    fn all_four_forms_are_recognised_and_the_longer_wins() {
        let empty = Measured { crc32: 0, compressed_size: 0, size: 0, digest: None };
        let wraps = Measured { crc32: record::DESCRIPTOR, compressed_size: 5 << 32 | 7, size: 9 << 32, digest: None };
        for measured in [MEASURED, empty, wraps] {
            for form in forms(measured) {
                let followed = [&form[..], b"PK\x01\x02 and more bytes"].concat();
                assert_eq!(matched(measured, &followed), Match::Whole(form.len()), "{measured:?} {form:?}");
            }
        }
    }

    #[test]
    fn a_descriptor_that_disagrees_in_any_byte_is_none() {
        for form in forms(MEASURED) {
            for at in 0..form.len() {
                let mut bytes = [&form[..], b"PK\x01\x02 and more bytes"].concat();
                bytes[at] ^= 1;
                assert_eq!(matched(MEASURED, &bytes), Match::None, "byte {at} of {form:?}");
            }
        }
    }

    fn scanned(bytes: &[u8], cut: usize) -> Option<(usize, Measured)> {
        let (mut scan, mut spool, mut meter) = (Scan::hashing(), Spool::default(), Meter::new(u64::MAX));
        let mut total = 0;
        for piece in bytes.chunks(cut) {
            let (taken, measured) = scan.read(piece, &mut spool, &mut meter).unwrap();
            total += taken;
            if let Some(measured) = measured {
                return Some((total, measured));
            }
        }
        None
    }

    fn proved_of(contents: &[u8]) -> Measured {
        let size = contents.len() as u64;
        let digest = Some(Sha256::new().chain_update(contents).into());
        Measured { crc32: crc32fast::hash(contents), compressed_size: size, size, digest }
    }

    #[test]
    fn the_end_of_a_stored_member_is_found_in_all_four_forms() {
        let contents = [b"PK\x03\x04 looks like a zip PK\x01\x02PK\x03\x04".repeat(9), vec![7; 70_000]].concat();
        for contents in [&contents[..], b"", b"x", b"PK\x03\x04", b"twelve bytes"] {
            let measured = proved_of(contents);
            for form in forms(measured) {
                let bytes = [contents, &form, b"PK\x03\x04", b"next"].concat();
                for cut in [1, 7, 64 << 10, 1 << 20] {
                    let end = bytes.len() - 4;
                    assert_eq!(scanned(&bytes, cut), Some((end, measured)), "{} bytes, cut {cut}", contents.len());
                }
            }
        }
    }

    #[test]
    fn near_descriptors_are_contents() {
        let contents = b"some contents".repeat(5);
        let measured = proved_of(&contents);
        for form in forms(measured) {
            for at in 0..form.len() {
                let mut near = form.clone();
                near[at] ^= 1;
                assert_eq!(scanned(&[&contents, &near[..], b"PK\x03\x04"].concat(), 1000), None);
            }
            assert_eq!(scanned(&[&contents, &form[..], b"PK\x07\x08"].concat(), 1000), None, "no record follows");
        }
    }

    /// Bytes to plant after contents with this CRC-32 and length.
    type Plant = fn(u32, u32) -> Vec<u8>;

    /// A MiB that is planted again and again.
    fn planted(plant: Plant) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut crc32 = crc32fast::Hasher::new();
        while bytes.len() < 1 << 20 {
            let planted = plant(crc32.clone().finalize(), bytes.len() as u32);
            crc32.update(&planted);
            bytes.extend(planted);
        }
        bytes
    }

    fn fields(fields: &[u32]) -> Vec<u8> {
        fields.iter().flat_map(|field| field.to_le_bytes()).collect()
    }

    #[test]
    fn a_scan_does_work_in_proportion_to_its_input_whatever_is_planted() {
        use record::{CENTRAL_HEADER, DESCRIPTOR, END, LOCAL_HEADER};
        let plants: [(&str, Plant); 9] = [
            ("nothing", |_, _| vec![7; 16]),
            ("records", |_, _| fields(&[LOCAL_HEADER])),
            ("descriptors and records", |_, _| fields(&[DESCRIPTOR, CENTRAL_HEADER])),
            ("the right crc-32, other sizes", |crc32, _| fields(&[DESCRIPTOR, crc32, 5, 5, LOCAL_HEADER])),
            ("the right sizes, another crc-32", |crc32, size| fields(&[DESCRIPTOR, !crc32, size, size, LOCAL_HEADER])),
            ("the right sizes without a signature", |crc32, size| fields(&[!crc32, size, size, LOCAL_HEADER])),
            ("wide sizes", |crc32, size| fields(&[DESCRIPTOR, !crc32, size, 0, size, 0, LOCAL_HEADER])),
            ("wide sizes without a signature", |crc32, size| fields(&[!crc32, size, 0, size, 0, LOCAL_HEADER])),
            ("descriptors that no record follows", |crc32, size| fields(&[DESCRIPTOR, crc32, size, size, END])),
        ];
        for (what, plant) in plants {
            let bytes = planted(plant);
            for cut in [1, 7, 4096, 1 << 20] {
                let (mut scan, mut spool, mut meter) = (Scan::hashing(), Spool::default(), Meter::new(u64::MAX));
                for piece in bytes.chunks(cut) {
                    let (taken, found) = scan.read(piece, &mut spool, &mut meter).unwrap();
                    assert_eq!((taken, found), (piece.len(), None), "{what}");
                    // A signature has four bytes and costs less than 128 units of work.
                    assert!(scan.work <= 34 * spool.len(), "{what}, cut {cut}: {} for {}", scan.work, spool.len());
                }
            }
        }
    }
}
