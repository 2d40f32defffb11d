//! A file whose segments the caller encodes.

use std::num::NonZeroUsize;

use super::{
    FileWriter, Stage,
    cuts::Cut,
    division::{Division, EncodedSegment, SegmentJob, Written},
};
use crate::{encode::brotli::Encoded, error::Error};

/// A longer segment is encoded here, when those before it are written: it would take too much memory to hold.
pub(super) const MOST_HELD: u64 = 32 << 20;

impl FileWriter {
    /// Leaves the encoding of segments to the caller, if there will be segments: at most `most` of those that are not in the file.
    /// The quality must not change.
    pub(crate) fn divide(&mut self, most: NonZeroUsize) {
        self.divides = Some(most);
    }

    /// The next segment that the caller is to encode.
    pub(crate) fn take_segment(&mut self) -> Option<SegmentJob> {
        self.division.as_mut()?.take()
    }

    /// Takes a segment that the caller has encoded.
    pub(crate) fn put_segment(&mut self, segment: EncodedSegment) {
        self.division.as_mut().expect("it gave segments").put(segment);
    }

    /// True if nothing goes on before the caller puts a segment back.
    pub(crate) fn waits_for_segment(&self) -> bool {
        self.division.as_ref().is_some_and(|division| division.waits())
    }

    /// True if the caller encodes the present segment.
    pub(super) fn is_dividing(&self) -> bool {
        self.division.is_some() && !self.is_alone
    }

    /// Starts to hand out segments; the first begins with the bytes that are gathered.
    pub(super) fn begin_division(&mut self, most: NonZeroUsize) {
        let (quality, _) = self.in_use();
        self.first_quality = Some(quality);
        self.division = Some(Box::new(Division::after(&self.encoder.take_gathered(), most)));
    }

    /// Goes on after a segment that was encoded here.
    pub(super) fn resume_division(&mut self) {
        self.is_alone = false;
        self.division.as_mut().expect("it is divided").skip_to(self.tar_bytes);
    }

    /// Gathers bytes before the next cut for the caller, or ends a segment there. Takes none while a segment waits for the
    /// caller, or is put into the file.
    pub(super) fn gather(&mut self, input: &[u8]) -> Result<Encoded, Error> {
        if self.write_next() {
            return Ok(Encoded::default());
        }
        let primes = self.encoder.will_prime();
        let cut = self.cuts.next();
        let length = match cut {
            Some(Cut { within: true, .. }) if !primes => self.cuts.end().map(|end| end - self.tar_bytes),
            cut => cut.map(|cut| cut.at - self.tar_bytes),
        };
        let division = self.division.as_mut().expect("it is divided");
        if division.is_full() {
            return Ok(Encoded::default());
        }
        if let Some(Cut { within, .. }) = cut.filter(|_| input.is_empty()) {
            self.cuts.pass();
            if within && !primes {
                return Ok(Encoded::default());
            }
            division.cut(self.encoder.segment_task(self.expected), within);
            if !within {
                self.expected = self.cuts.end().map(|end| end - self.tar_bytes);
            }
            return Ok(Encoded::default());
        }
        if !division.has_bytes() && length.is_some_and(|length| length > MOST_HELD) {
            if division.settle() {
                self.encoder.begin_segment(self.tar_bytes, self.expected)?;
                self.is_alone = true;
            }
            return Ok(Encoded::default());
        }
        division.gather(input);
        self.tar_bytes += input.len() as u64;
        Ok(Encoded { consumed: input.len(), ..Encoded::default() })
    }

    /// Ends the last segment, and goes on when all are written.
    pub(super) fn finish_division(&mut self) -> Result<(), Error> {
        if self.write_next() {
            return Ok(());
        }
        let division = self.division.as_mut().expect("it is divided");
        if division.is_full() {
            return Ok(());
        }
        if division.has_bytes() {
            division.cut(self.encoder.segment_task(self.expected), false);
        } else if division.settle() {
            self.end_segments()?;
        }
        Ok(())
    }

    /// Puts the next segment into the file, if the caller has encoded it.
    fn write_next(&mut self) -> bool {
        debug_assert!(matches!(self.stage, Stage::Segments));
        let division = self.division.as_mut().expect("it is divided");
        if let Some(bytes) = division.leaves() {
            self.waiting = bytes;
            return true;
        }
        let Some(Written { file_bytes, tar_bytes, continues }) = division.next() else { return false };
        self.file_bytes += file_bytes;
        self.start = (self.file_bytes, self.start.1 + tar_bytes);
        if let Some(index) = &mut self.index {
            index.segment(file_bytes, tar_bytes, continues);
        }
        true
    }
}
