//! One member's contents: unpacked, counted and checked against a CRC-32.

use zlib_rs::{Inflate, InflateFlush, Status};

use crate::member::Method;

/// The only inflater of a conversion. Its window is allocated once and reused for every member.
pub(crate) struct Inflater(Inflate);

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inflater")
    }
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self(Inflate::new(false, 15))
    }
}

/// CRC-32 and sizes of a member, as counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) crc32: u32,
    pub(crate) compressed_size: u64,
    pub(crate) size: u64,
}

/// The progress of unpacking one member.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    crc32: crc32fast::Hasher,
    compressed_size: u64,
    size: u64,
}

/// The result of one call of [`Contents::read`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unpacked {
    pub(crate) consumed: usize,
    pub(crate) produced: usize,
    /// True if the compressed stream has ended. A stored one has no end of its own.
    pub(crate) ended: bool,
    /// True if the data is invalid.
    pub(crate) broken: bool,
}

impl Contents {
    /// Starts a member.
    pub(crate) fn new(method: Method, inflater: &mut Inflater) -> Self {
        if method == Method::Deflate {
            inflater.0.reset(false);
        }
        Self::default()
    }

    /// Unpacks from the front of `input` to the front of `output`.
    pub(crate) fn read(
        &mut self,
        method: Method,
        inflater: &mut Inflater,
        input: &[u8],
        output: &mut [u8],
    ) -> Unpacked {
        let unpacked = match method {
            Method::Stored => {
                let count = input.len().min(output.len());
                output[..count].copy_from_slice(&input[..count]);
                Unpacked { consumed: count, produced: count, ended: false, broken: false }
            }
            Method::Deflate => inflater.read(input, output),
        };
        self.crc32.update(&output[..unpacked.produced]);
        self.compressed_size += unpacked.consumed as u64;
        self.size += unpacked.produced as u64;
        unpacked
    }

    /// Bytes taken so far.
    pub(crate) fn compressed_size(&self) -> u64 {
        self.compressed_size
    }

    /// Bytes unpacked so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// CRC-32 and sizes so far.
    pub(crate) fn measured(&self) -> Measured {
        Measured { crc32: self.crc32.clone().finalize(), compressed_size: self.compressed_size, size: self.size }
    }
}

impl Inflater {
    fn read(&mut self, input: &[u8], output: &mut [u8]) -> Unpacked {
        let Self(inflate) = self;
        let (total_in, total_out) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(input, output, InflateFlush::NoFlush);
        // Both are bounded by the lengths of the slices.
        let consumed = (inflate.total_in() - total_in) as usize;
        let produced = (inflate.total_out() - total_out) as usize;
        Unpacked { consumed, produced, ended: status == Ok(Status::StreamEnd), broken: status.is_err() }
    }
}
