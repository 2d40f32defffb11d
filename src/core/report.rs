//! The report of a conversion, stored in the tarball itself.
//!
//! The Workers platform does not support HTTP trailers, so facts known only at the end must be at the end of the body.
//! The report is the comment of a pax global header after the two zero blocks that end a tarball; readers stop at those
//! blocks. Before them it would break Python's `tarfile`, which rejects a global header without a following member.

use sha2::{Digest, Sha256};

use crate::{
    archive::tar,
    seekable::block,
    summary::Summary,
    warning::{WarningCounts, Warnings},
};

/// Size of the record in bytes, padded with spaces. The fixed size lets a client find it: this many bytes and
/// [`tar::TRAILER`] before the end.
pub(crate) const RECORD: usize = 2 * tar::BLOCK;

/// The facts that the report will give.
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
    /// Bytes that [`Report::written`] appends to the tarball.
    pub(crate) const APPENDED: usize = tar::BLOCK + RECORD + tar::TRAILER;

    /// Counts and hashes bytes of the zip.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        self.zip.update(bytes);
        self.zip_bytes += bytes.len() as u64;
    }

    /// Counts and hashes bytes of the tarball.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.tar.update(bytes);
        self.tar_bytes += bytes.len() as u64;
    }

    /// Counts a written member.
    pub(crate) fn member(&mut self) {
        self.members += 1;
    }

    pub(crate) fn warn(&mut self, warnings: Warnings) {
        self.warnings.add(warnings);
    }

    /// The blocks to append to the tarball (a header, the record, and another end), and the end of the compressed stream,
    /// which repeats the record uncompressed. The qualities are the one at the start and the one at the end of the members.
    /// `directory` is `first` or `last`.
    pub(crate) fn written(self, quality: u8, quality_at_end: u8, directory: &str) -> (Vec<u8>, Vec<u8>) {
        let json = self.json(quality, quality_at_end, directory);
        let blocks = tar::global_comment(&json, RECORD);
        debug_assert_eq!(blocks.len(), Self::APPENDED);
        (blocks, block::ending(&json, RECORD))
    }

    /// The blocks of any report, with spaces where its text is.
    pub(crate) fn form() -> Vec<u8> {
        tar::global_comment("", RECORD)
    }

    /// SHA-256 of the tarball so far.
    pub(crate) fn tar_sha256(&self) -> [u8; 32] {
        self.tar.clone().finalize().into()
    }

    /// The facts for the caller, without those that the encoder knows.
    pub(crate) fn summary(&self) -> Summary {
        Summary {
            members: self.members,
            zip_bytes: self.zip_bytes,
            zip_sha256: self.zip.clone().finalize().into(),
            tar_bytes: self.tar_bytes,
            tar_sha256: self.tar_sha256(),
            quality: 0,
            quality_at_end: 0,
            lgwin: 0,
            warnings: self.warnings,
            save: None,
        }
    }

    /// The text needs no escaping: it holds only numbers and our own words.
    fn json(self, quality: u8, quality_at_end: u8, directory: &str) -> String {
        let Self { members, zip, zip_bytes, tar, tar_bytes, warnings } = self;
        let (zip_sha256, tar_sha256) = (hex(zip), hex(tar));
        format!(
            r#"{{"members":{members},"zip_bytes":{zip_bytes},"zip_sha256":"{zip_sha256}","tar_bytes":{tar_bytes},"tar_sha256":"{tar_sha256}","quality":{quality},"quality_at_end":{quality_at_end},"directory":"{directory}","warnings":{warnings}}}"#
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
        // Every count can have 20 digits; here each has one.
        let longest = report.json(11, 11, "first").len() + 19 * Warning::ALL.len();
        assert!(longest + "1024 comment=\n".len() <= RECORD, "{longest} bytes");
    }
}
