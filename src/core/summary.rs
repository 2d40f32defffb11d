//! The summary of a conversion: what is known at its end and is not part of the result.

use crate::{save::Metadata, warning::WarningCounts};

/// Facts about a conversion that has ended.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Members written.
    pub members: u64,
    /// Bytes of the zip.
    pub zip_bytes: u64,
    /// SHA-256 of the zip.
    pub zip_sha256: [u8; 32],
    /// Bytes of the tarball.
    pub tar_bytes: u64,
    /// SHA-256 of the tarball.
    pub tar_sha256: [u8; 32],
    /// Brotli quality at the start and at the end, and window.
    pub quality: u8,
    /// See `quality`.
    pub quality_at_end: u8,
    /// See `quality`.
    pub lgwin: u8,
    /// A count for each warning.
    pub warnings: WarningCounts,
    /// The metadata of a save, if the archive is one.
    pub save: Option<Metadata>,
}
