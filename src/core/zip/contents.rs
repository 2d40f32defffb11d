//! The contents of a whole archive as its central directory states them: bounds for the memory of a conversion.
//!
//! They only make a reservation smaller. The conversion itself still reads the archive front to back and checks all of it.

use super::format::record::{CENTRAL_HEADER, CentralHeader, END, End, IN_ZIP64, signature};

/// Upper bounds for one archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// Bytes of the tarball.
    pub tarball_bytes: u64,
    /// Bytes that a conversion holds of the archive: names, records, and members whose size comes after their data.
    pub held_bytes: u64,
    /// Whether each member is stored or deflated. Other methods need a window.
    pub is_plain: bool,
}

/// Tarball bytes of a member beside its contents and its name: headers, extended headers, padding.
const MEMBER_BYTES: u64 = 4 << 10;

/// Tarball bytes beside all members: the end and a report.
const ENDING_BYTES: u64 = 8 << 10;

/// Bytes that the reader holds of the smallest archives.
const SLACK_BYTES: u64 = 256 << 10;

/// Bytes that the reader may hold for each byte of the directory (`HELD_RATIO` of the transcoder).
const RECORDS_RATIO: u64 = 25;

impl Contents {
    /// Reads the directory of an archive of `length` bytes through `copy`, which fills its buffer from an offset. None if
    /// the directory is not plain: the conversion then needs as much as any archive.
    pub fn read(length: u64, copy: impl Fn(u64, &mut [u8])) -> Option<Self> {
        let (start, entries) = directory(length, &copy)?;
        let mut contents = Self {
            tarball_bytes: ENDING_BYTES,
            held_bytes: SLACK_BYTES + length.checked_mul(2)? + RECORDS_RATIO * (length - start),
            is_plain: true,
        };
        let mut at = start;
        for _ in 0..entries {
            let mut bytes = [0; CentralHeader::LENGTH];
            if at + bytes.len() as u64 > length {
                return None;
            }
            copy(at, &mut bytes);
            let header = CentralHeader::parse(&bytes).filter(|_| signature(&bytes) == Some(CENTRAL_HEADER))?;
            if [header.size, header.compressed_size, header.offset].contains(&IN_ZIP64) {
                return None;
            }
            contents.tarball_bytes += u64::from(header.size) + 3 * u64::from(header.name_length) + MEMBER_BYTES;
            contents.is_plain &= matches!(header.method, 0 | 8);
            at += header.whole_length() as u64;
        }
        Some(contents)
    }
}

/// The offset of the directory, and the number of its entries.
fn directory(length: u64, copy: &impl Fn(u64, &mut [u8])) -> Option<(u64, u64)> {
    // The longest comment has 65,535 bytes (APPNOTE §4.3.16).
    let tail = length.min((End::LENGTH + usize::from(u16::MAX)) as u64);
    let mut bytes = vec![0; usize::try_from(tail).ok()?];
    copy(length - tail, &mut bytes);
    let at = bytes.windows(4).rposition(|window| signature(window) == Some(END))?;
    let end = End::parse(bytes.get(at..).filter(|record| record.len() >= End::LENGTH)?)?;
    let start = u64::from(end.directory_offset);
    (start < length).then_some((start, u64::from(end.entries)))
}
