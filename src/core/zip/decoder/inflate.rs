//! Deflate (RFC 1951): the decoder that nearly every member needs.

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{Fault, Unpacked};

/// The only inflater of a conversion. Its window is allocated once and reused for every member.
pub(super) struct Inflater(Inflate);

impl Inflater {
    pub(super) fn new() -> Self {
        Self(Inflate::new(false, 15))
    }

    /// Starts a member.
    pub(super) fn reset(&mut self) {
        self.0.reset(false);
    }

    pub(super) fn read(&mut self, input: &[u8], output: &mut [u8]) -> Unpacked {
        let Self(inflate) = self;
        let (total_in, total_out) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(input, output, InflateFlush::NoFlush);
        // Both are bounded by the lengths of the slices.
        let consumed = (inflate.total_in() - total_in) as usize;
        let produced = (inflate.total_out() - total_out) as usize;
        Unpacked {
            consumed,
            produced,
            ended: status == Ok(Status::StreamEnd),
            fault: status.is_err().then_some(Fault::Invalid),
        }
    }
}
