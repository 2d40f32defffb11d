//! The report of a run: what was read and written, told in the tarball itself.
//!
//! HTTP answers of the platform have no trailers, so what is known only at the end stands at the end of what is delivered.
//! It is the comment of a pax global header, behind the two zero blocks that end a tarball: readers stop there. In front
//! of them Python's `tarfile` takes a global header that no member follows for a broken archive.

use sha2::{Digest, Sha256};

use crate::{
    archive::tar,
    encode::metadata,
    warning::{WarningCounts, Warnings},
};

/// Bytes of the record, filled up with spaces: who looks for it finds it so far from the end, and [`tar::TRAILER`].
const RECORD: usize = 2 * tar::BLOCK;

/// What is to be told.
#[derive(Debug, Default)]
pub(crate) struct Report {
    members: u64,
    zip: Sha256,
    zip_bytes: u64,
    tar: Sha256,
    tar_bytes: u64,
    warnings: WarningCounts,
}

impl Report {
    /// Bytes of the zip were taken.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        self.zip.update(bytes);
        self.zip_bytes += bytes.len() as u64;
    }

    /// Bytes of the tarball are written.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.tar.update(bytes);
        self.tar_bytes += bytes.len() as u64;
    }

    /// A member is written.
    pub(crate) fn member(&mut self) {
        self.members += 1;
    }

    pub(crate) fn warn(&mut self, warnings: Warnings) {
        self.warnings.add(warnings);
    }

    /// The blocks after the tarball (a header, the record, and another end), and the end of the compressed stream, which has
    /// the same record as it is.
    pub(crate) fn written(self) -> (Vec<u8>, Vec<u8>) {
        let json = self.json();
        (tar::global_comment(&json, RECORD), metadata::ending(&json, RECORD))
    }

    /// All of it is numbers and words of ours, so nothing needs to be escaped.
    fn json(self) -> String {
        let Self { members, zip, zip_bytes, tar, tar_bytes, warnings } = self;
        let (zip_sha256, tar_sha256) = (hex(zip), hex(tar));
        format!(
            r#"{{"members":{members},"zip_bytes":{zip_bytes},"zip_sha256":"{zip_sha256}","tar_bytes":{tar_bytes},"tar_sha256":"{tar_sha256}","warnings":{warnings}}}"#
        )
    }
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warning::Warning;

    #[test]
    fn the_longest_report_fits_its_record() {
        let mut report = Report { members: u64::MAX, zip_bytes: u64::MAX, tar_bytes: u64::MAX, ..Report::default() };
        let mut all = Warnings::default();
        Warning::ALL.into_iter().for_each(|warning| all.insert(warning));
        report.warn(all);
        // Counts of 20 digits where these have one.
        let longest = report.json().len() + 19 * Warning::ALL.len();
        assert!(longest + "1024 comment=\n".len() <= RECORD, "{longest} bytes");
    }
}
