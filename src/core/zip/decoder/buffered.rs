//! The rarer methods: decoders with a common buffer, so that cuts in the input or the output make no difference.
//!
//! Deflate64, bzip2 and xz get their input one byte at a time. Their libraries read ahead and drop the output of a
//! call that fails. With single bytes the end of the stream is exact, and an error comes after the same contents however
//! the upload is cut.

use deflate64::InflaterManaged;

use super::{
    Coding, Fault, Unpacked,
    lzma::{self, Lzma},
    xz::{self, Xz},
    zstd::Zstd,
};
use crate::{
    error::{Error, Limit},
    limits::Meter,
    member::Method,
};

/// Output of one call of a decoder, in bytes.
const BUFFER: usize = 16 << 10;

/// Memory of each decoder beside its window, with the buffer and a margin, in bytes. bzip2 has no window but a block of up
/// to 900 kB with 32-bit links.
const DEFLATE64: u64 = 512 << 10;
const BZIP2: u64 = 4 << 20;

/// Upper bound of the charge of a decoder with this window, in bytes.
pub(crate) fn decoder_bytes(window: u64) -> u64 {
    [
        BZIP2,
        xz::charge(window).saturating_add(BUFFER as u64),
        lzma::charge(window).saturating_add(BUFFER as u64),
        super::zstd::charge(window).saturating_add(BUFFER as u64),
    ]
    .into_iter()
    .max()
    .expect("four decoders")
}

/// A decoder and the output that it gave and the caller has not taken.
pub(super) struct Buffered {
    codec: Codec,
    size: Option<u64>,
    window_limit: u64,
    charged: u64,
    output: Box<[u8]>,
    taken: usize,
    given: usize,
    /// The last call filled the buffer, so the codec may give more without input.
    may_give_more: bool,
    ended: bool,
}

enum Codec {
    /// Nothing was read yet.
    New(Coding),
    Deflate64(Box<InflaterManaged>),
    Bzip2(bzip2::Decompress),
    Lzma(Lzma),
    Xz(Xz),
    Zstd(Box<Zstd>),
}

/// The result of one call of a codec.
pub(super) struct Decoded {
    pub(super) consumed: usize,
    pub(super) produced: usize,
    pub(super) ended: bool,
}

/// The reason why a codec stops.
pub(super) enum DecodeFailure {
    /// The data is invalid.
    Broken,
    Unsupported(&'static str),
    Refused(Error),
}

impl From<Error> for DecodeFailure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Buffered {
    pub(super) fn new(coding: Coding, size: Option<u64>, window_limit: u64) -> Self {
        let codec = Codec::New(coding);
        let (taken, given, may_give_more, ended) = (0, 0, false, false);
        Self { codec, size, window_limit, charged: 0, output: Box::default(), taken, given, may_give_more, ended }
    }

    /// Bytes charged to the meter.
    pub(super) fn charged(&self) -> u64 {
        self.charged
    }

    pub(super) fn read(&mut self, input: &[u8], output: &mut [u8], meter: &mut Meter) -> Result<Unpacked, Error> {
        let (mut consumed, mut produced) = (0, 0);
        let mut fault = None;
        // Every round takes input, gives output, or leaves.
        loop {
            let count = (self.given - self.taken).min(output.len() - produced);
            output[produced..produced + count].copy_from_slice(&self.output[self.taken..self.taken + count]);
            self.taken += count;
            produced += count;
            let is_full = self.taken < self.given;
            let needs_input = !self.may_give_more && consumed == input.len();
            if is_full || self.ended || needs_input {
                break;
            }
            let offered = if self.may_give_more { &[][..] } else { &input[consumed..] };
            match self.step(offered, meter) {
                Ok(Decoded { consumed: 0, produced: 0, ended: false }) if !self.may_give_more => {
                    fault = Some(Fault::Invalid);
                    break;
                }
                Ok(step) => {
                    consumed += step.consumed;
                    (self.taken, self.given) = (0, step.produced);
                    let has_filled = step.produced == self.output.len() && step.produced > 0;
                    self.may_give_more = has_filled || matches!(&self.codec, Codec::Zstd(zstd) if zstd.has_output());
                    self.ended = step.ended;
                }
                Err(DecodeFailure::Broken) => {
                    fault = Some(Fault::Invalid);
                    break;
                }
                Err(DecodeFailure::Unsupported(what)) => {
                    fault = Some(Fault::Unsupported(what));
                    break;
                }
                Err(DecodeFailure::Refused(error)) => return Err(error),
            }
        }
        let ended = self.ended && self.taken == self.given;
        Ok(Unpacked { consumed, produced, ended, fault })
    }

    /// Calls the codec once.
    fn step(&mut self, input: &[u8], meter: &mut Meter) -> Result<Decoded, DecodeFailure> {
        let byte = &input[..input.len().min(1)];
        let output = &mut self.output;
        match &mut self.codec {
            Codec::New(coding) => {
                let coding = *coding;
                self.start(coding, meter)?;
                // Not a call of the codec: it gives nothing and is called again.
                self.step(input, meter)
            }
            Codec::Deflate64(inflater) => {
                let result = inflater.inflate(byte, output);
                if result.data_error {
                    return Err(DecodeFailure::Broken);
                }
                let (consumed, produced) = (result.bytes_consumed, result.bytes_written);
                Ok(Decoded { consumed, produced, ended: inflater.finished() })
            }
            Codec::Bzip2(decompress) => {
                let (total_in, total_out) = (decompress.total_in(), decompress.total_out());
                let status = decompress.decompress(byte, output);
                // Both are bounded by the lengths of the slices.
                let consumed = (decompress.total_in() - total_in) as usize;
                let produced = (decompress.total_out() - total_out) as usize;
                match status {
                    Ok(bzip2::Status::StreamEnd) => Ok(Decoded { consumed, produced, ended: true }),
                    Ok(bzip2::Status::MemNeeded) => Err(no_memory(BZIP2).into()),
                    Ok(_) => Ok(Decoded { consumed, produced, ended: false }),
                    Err(_) => Err(DecodeFailure::Broken),
                }
            }
            Codec::Lzma(lzma) => lzma.step(input, output, &mut |bytes| {
                meter.charge(bytes)?;
                self.charged += bytes;
                Ok(())
            }),
            Codec::Xz(xz) => xz.step(byte, output, &mut |bytes| {
                meter.charge(bytes)?;
                self.charged += bytes;
                Ok(())
            }),
            Codec::Zstd(zstd) => zstd.step(input, output, &mut |bytes| {
                meter.charge(bytes)?;
                self.charged += bytes;
                Ok(())
            }),
        }
    }

    /// Makes the codec. Its memory is charged first.
    fn start(&mut self, coding: Coding, meter: &mut Meter) -> Result<(), Error> {
        let memory = match coding.method {
            Method::Deflate64 => DEFLATE64,
            Method::Bzip2 => BZIP2,
            // The window's size is in the data.
            Method::Lzma | Method::Xz | Method::Zstd => BUFFER as u64,
            Method::Stored | Method::Deflate => unreachable!("these need no buffer"),
        };
        self.charge(memory, meter)?;
        self.output = vec![0; BUFFER].into_boxed_slice();
        self.codec = match coding.method {
            Method::Deflate64 => Codec::Deflate64(Box::new(InflaterManaged::new())),
            Method::Bzip2 => Codec::Bzip2(bzip2::Decompress::new(false)),
            Method::Lzma => Codec::Lzma(Lzma::new(coding.has_end_marker, self.size, self.window_limit)),
            Method::Xz => Codec::Xz(Xz::new(self.window_limit)),
            Method::Zstd => Codec::Zstd(Box::new(Zstd::new(self.size, self.window_limit))),
            Method::Stored | Method::Deflate => unreachable!("as above"),
        };
        Ok(())
    }

    fn charge(&mut self, bytes: u64, meter: &mut Meter) -> Result<(), Error> {
        meter.charge(bytes)?;
        self.charged += bytes;
        Ok(())
    }
}

fn no_memory(wanted: u64) -> Error {
    Limit::Memory { wanted, limit: 0 }.into()
}
