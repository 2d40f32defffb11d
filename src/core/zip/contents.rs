//! The contents of a whole archive as its central directory states them: bounds for the memory of a conversion.
//!
//! They only make a reservation smaller. The conversion still reads the archive front to back, checks all of it, and keeps
//! to the bounds.

use super::{
    format::record::{CENTRAL_HEADER, CentralHeader, IN_ZIP64, signature},
    indexed::{TAIL, directory_range},
};
use crate::{limits::Limits, transcoder::HELD_RATIO, zip::decoder::decoder_bytes};

/// Upper bounds for one archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// Bytes of the tarball.
    pub(crate) tarball_bytes: u64,
    /// Bytes that a reader holds of the archive: names, records, and members whose size comes after their data.
    held_bytes: u64,
    /// Whether each member is stored or deflated. Other methods need a window.
    is_plain: bool,
}

/// Tarball bytes of a member beside its contents and its name: headers, extended headers, padding.
const MEMBER_BYTES: u64 = 4 << 10;

/// Tarball bytes beside all members: the end and a report.
const ENDING_BYTES: u64 = 8 << 10;

/// Bytes that the reader holds of the smallest archives.
const SLACK_BYTES: u64 = 256 << 10;

/// Bytes that the reader may hold for each byte of the directory. Of a zip's records, it is at least a half.
const RECORDS_RATIO: u64 = 2 * HELD_RATIO;

impl Contents {
    /// Reads the directory of an archive of `length` bytes through `copy`, which fills its buffer from an offset. `None` if
    /// the directory is not plain: the conversion then needs as much as any archive.
    pub fn read(length: u64, copy: impl Fn(u64, &mut [u8])) -> Option<Self> {
        let start = length.saturating_sub(TAIL);
        let mut tail = vec![0; usize::try_from(length - start).ok()?];
        copy(start, &mut tail);
        let directory = directory_range(&tail, start)?;
        let mut contents = Self {
            tarball_bytes: ENDING_BYTES,
            // A spool that grows is there twice.
            held_bytes: SLACK_BYTES + 2 * length + RECORDS_RATIO * (directory.end - directory.start),
            is_plain: true,
        };
        let mut at = directory.start;
        while at < directory.end {
            let mut bytes = [0; CentralHeader::LENGTH];
            if at + bytes.len() as u64 > directory.end {
                return None;
            }
            copy(at, &mut bytes);
            let header = CentralHeader::parse(&bytes).filter(|_| signature(&bytes) == Some(CENTRAL_HEADER))?;
            if [header.size, header.compressed_size, header.offset].contains(&IN_ZIP64) {
                return None;
            }
            // A name of other charsets grows to three bytes of UTF-8 for each.
            contents.tarball_bytes += u64::from(header.size) + 3 * u64::from(header.name_length) + MEMBER_BYTES;
            contents.is_plain &= matches!(header.method, 0 | 8);
            at += header.whole_length() as u64;
        }
        Some(contents)
    }

    /// `limits` with no more memory than a reader needs for this archive.
    pub fn within(&self, limits: Limits) -> Limits {
        let window = if self.is_plain { 0 } else { decoder_bytes(limits.window_bytes) };
        Limits { memory_bytes: limits.memory_bytes.min(self.held_bytes + window), ..limits }
    }
}
