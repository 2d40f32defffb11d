//! A member's contents: unpacked by its method, counted, and checked against a CRC-32.
//!
//! If you add a method, also add its cost to `cost/cpu.rs`, its codec to `fuzz/` and its rows to `tests/it/cases/methods.rs`.

mod buffered;
mod inflate;
mod lzma;
mod xz;
mod zstd;

pub(crate) use buffered::decoder_bytes;

use buffered::Buffered;
use inflate::Inflater;
use sha2::{Digest as _, Sha256};

use crate::{
    error::Error,
    limits::{Limits, Meter},
    member::Method,
};

/// CRC-32 and sizes of a member, as counted, and the digest of its contents if that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) crc32: u32,
    pub(crate) compressed_size: u64,
    pub(crate) size: u64,
    pub(crate) digest: Option<Digest>,
}

/// The digest of contents: 192 bits of SHA-256. Whoever writes a zip cannot make two contents with one digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 24]);

impl From<Sha256> for Digest {
    fn from(digest: Sha256) -> Self {
        Self(*digest.finalize().first_chunk().expect("a SHA-256 has 32 bytes"))
    }
}

/// The form of a member's data, as its local header gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coding {
    pub(crate) method: Method,
    /// The stream ends with a marker (APPNOTE §4.4.4 bit 1). Only lzma needs to know.
    pub(crate) has_end_marker: bool,
}

/// The result of one call of [`Contents::read`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unpacked {
    pub(crate) consumed: usize,
    pub(crate) produced: usize,
    /// True if the compressed stream has ended. A stored one has no end of its own.
    pub(crate) ended: bool,
    /// Set if the data cannot be unpacked any further.
    pub(crate) fault: Option<Fault>,
}

/// The reason why data cannot be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The data is not what its method writes.
    Invalid,
    /// It has a feature that the decoder lacks.
    Unsupported(&'static str),
}

/// The decoders of a conversion. Only one is in use at a time.
pub(crate) struct Decoder {
    inflater: Inflater,
    /// The decoder of a member with another method.
    other: Option<Box<Buffered>>,
    /// Largest window of such a decoder, in bytes.
    window_limit: u64,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decoder")
    }
}

impl Decoder {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { inflater: Inflater::new(), other: None, window_limit: limits.window_bytes }
    }

    /// Starts a member with this coding. `size` is the size of its contents, if known.
    fn start(&mut self, coding: Coding, size: Option<u64>, meter: &mut Meter) {
        self.drop_other(meter);
        match coding.method {
            Method::Stored => {}
            Method::Deflate => self.inflater.reset(),
            _ => self.other = Some(Box::new(Buffered::new(coding, size, self.window_limit))),
        }
    }

    fn read(&mut self, method: Method, input: &[u8], output: &mut [u8], meter: &mut Meter) -> Result<Unpacked, Error> {
        match method {
            Method::Stored => {
                let count = input.len().min(output.len());
                output[..count].copy_from_slice(&input[..count]);
                Ok(Unpacked { consumed: count, produced: count, ended: false, fault: None })
            }
            Method::Deflate => Ok(self.inflater.read(input, output)),
            _ => {
                let other = self.other.as_mut().expect("a member that was started is not over");
                let unpacked = other.read(input, output, meter)?;
                if unpacked.ended || unpacked.fault.is_some() {
                    self.drop_other(meter);
                }
                Ok(unpacked)
            }
        }
    }

    fn drop_other(&mut self, meter: &mut Meter) {
        if let Some(other) = self.other.take() {
            meter.release(other.charged());
        }
    }
}

/// The progress of unpacking one member.
#[derive(Debug)]
pub(crate) struct Contents {
    coding: Coding,
    crc32: crc32fast::Hasher,
    digest: Option<Sha256>,
    compressed_size: u64,
    size: u64,
}

impl Contents {
    /// Starts a member. `size` is the size of its contents, if known.
    pub(crate) fn new(coding: Coding, size: Option<u64>, decoder: &mut Decoder, meter: &mut Meter) -> Self {
        decoder.start(coding, size, meter);
        Self { coding, crc32: crc32fast::Hasher::default(), digest: None, compressed_size: 0, size: 0 }
    }

    /// Computes the digest of the contents, too.
    pub(crate) fn hashing(self) -> Self {
        Self { digest: Some(Sha256::new()), ..self }
    }

    /// The method of the data.
    pub(crate) fn method(&self) -> Method {
        self.coding.method
    }

    /// Reads the data as stored from here on.
    pub(crate) fn read_as_stored(&mut self) {
        self.coding.method = Method::Stored;
    }

    /// Unpacks from the front of `input` to the front of `output`.
    pub(crate) fn read(
        &mut self,
        decoder: &mut Decoder,
        meter: &mut Meter,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<Unpacked, Error> {
        let unpacked = decoder.read(self.coding.method, input, output, meter)?;
        self.crc32.update(&output[..unpacked.produced]);
        if let Some(digest) = &mut self.digest {
            digest.update(&output[..unpacked.produced]);
        }
        self.compressed_size += unpacked.consumed as u64;
        self.size += unpacked.produced as u64;
        Ok(unpacked)
    }

    /// Bytes taken so far.
    pub(crate) fn compressed_size(&self) -> u64 {
        self.compressed_size
    }

    /// Bytes unpacked so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// CRC-32, sizes and digest so far.
    pub(crate) fn measured(&self) -> Measured {
        let Self { compressed_size, size, .. } = *self;
        let digest = self.digest.clone().map(Digest::from);
        Measured { crc32: self.crc32.clone().finalize(), compressed_size, size, digest }
    }
}
