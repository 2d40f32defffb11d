//! Estimates of a conversion from sizes alone.

use std::fmt;

use crate::{
    archive::tar,
    budget::{Budget, scale},
    cost::{
        cpu::{self, Bytes, LEAST_CONTINUING, MetaBlock, NANOSECONDS_PER_MS},
        size::{self, ZipTotals},
    },
    encode::{brotli::SMALL, engine::meta_block, incompressible::is_wasted, parameters::Parameters},
    limits::Limits,
    member::Method,
    transcoder::Transcoder,
};

/// An estimate of a conversion. `docs/estimate.md` gives its accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Brotli quality at the start, as chosen if automatic.
    pub quality: u8,
    /// Brotli quality at the end. It is lower if the CPU budget demands it.
    pub quality_at_end: u8,
    /// Base-2 logarithm of the window in bytes.
    pub lgwin: u8,
    /// Bytes of the `.tar.br`.
    pub output_bytes: u64,
    /// Bytes of the `.tar.br` that it comes to at least and at most, for nine of ten zips.
    pub output_range: (u64, u64),
    /// Milliseconds of CPU in the Worker.
    pub cpu_ms: u64,
    /// Upper bound of the memory in bytes (not an estimate).
    pub memory_bytes: u64,
    /// The error code of the limit that it would exceed, as far as the sizes tell.
    pub refusal: Option<&'static str>,
}

impl Estimate {
    /// Estimates a zip of `zip_bytes` with `members` members and `unpacked_bytes` of contents in total.
    pub fn new(parameters: Parameters, limits: Limits, zip_bytes: u64, unpacked_bytes: u64, members: u64) -> Self {
        let parameters = parameters.expecting(Some(zip_bytes));
        let tarball = tar::likely_bytes(unpacked_bytes, members);
        let mut budget = Budget::new(parameters, limits.cpu_ms);
        budget.member(Method::Deflate, tarball, 0, Some(zip_bytes));
        let lgwin = parameters.lgwin();
        let quality = if tarball <= SMALL as u64 { budget.whole(tarball, lgwin) } else { budget.first_quality() };
        let sizes = ZipTotals { zip: zip_bytes, unpacked: unpacked_bytes, members };
        // The first member is counted already.
        budget.spend(cpu::member(Method::Deflate, 0).saturating_mul(members.saturating_sub(1)));
        let Course { quality_at_end, output_bytes, work, exceeded } =
            Course::of(budget, parameters, quality, tarball, sizes);
        let output_range = size::range(output_bytes, sizes);
        let cpu_ms = work / NANOSECONDS_PER_MS;
        let refusal = match () {
            () if members > limits.entries => Some("too_many_entries"),
            () if unpacked_bytes > limits.unpacked_bytes => Some("output_limit"),
            () if unpacked_bytes > Limits::RATIO_GRACE && unpacked_bytes / limits.ratio > zip_bytes => {
                Some("ratio_limit")
            }
            () if exceeded => Some("cpu_budget"),
            () => None,
        };
        let memory_bytes = Transcoder::peak_bytes(parameters, limits, Some(zip_bytes));
        Self { quality, quality_at_end, lgwin, output_bytes, output_range, cpu_ms, memory_bytes, refusal }
    }
}

/// The course of a conversion: its meta-blocks all shrink alike, at one quality and the next.
struct Course {
    quality_at_end: u8,
    output_bytes: u64,
    /// Nanoseconds.
    work: u64,
    /// True if the budget does not suffice for the whole.
    exceeded: bool,
}

impl Course {
    /// Most meta-blocks that are counted one by one. In a tarball of more than this many they are longer.
    const MOST_BLOCKS: u64 = 2048;

    fn of(mut budget: Budget, parameters: Parameters, mut quality: u8, tarball: u64, sizes: ZipTotals) -> Self {
        let lgwin = parameters.lgwin();
        let length = meta_block(parameters.ours(), quality, lgwin).max(tarball / Self::MOST_BLOCKS);
        let mut whole = size::output(quality, lgwin, sizes);
        let (mut taken, mut output, mut exceeded) = (0, 0, false);
        // Each round takes a block or more.
        loop {
            // The rest at this quality.
            let left = Bytes { taken: tarball - taken, given: scale(tarball - taken, whole, tarball.max(1)) };
            let block = |bytes| MetaBlock { bytes, copied: quality >= LEAST_CONTINUING && is_wasted(bytes) };
            if exceeded || left.taken <= length {
                let (output_bytes, last) = (output + left.given, budget.writing(block(left)));
                return Self {
                    quality_at_end: quality,
                    output_bytes,
                    work: budget.spent().saturating_add(last),
                    exceeded,
                };
            }
            let bytes = Bytes { taken: length, given: scale(length, whole, tarball) };
            taken += length;
            output += bytes.given;
            match budget.meta_block(block(bytes)) {
                Ok(same) if same == quality => {}
                Ok(lower) => {
                    quality = lower;
                    whole = size::output(quality, lgwin, sizes);
                }
                Err(_) => exceeded = true,
            }
        }
    }
}

impl fmt::Display for Estimate {
    /// As a JSON object.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quality, quality_at_end, lgwin, output_bytes, cpu_ms, memory_bytes, refusal, .. } = self;
        let (lowest, highest) = self.output_range;
        write!(f, r#"{{"quality":{quality},"quality_at_end":{quality_at_end},"lgwin":{lgwin},"#)?;
        write!(f, r#""output_bytes":{output_bytes},"output_bytes_lowest":{lowest},"output_bytes_highest":{highest},"#)?;
        write!(f, r#""cpu_ms":{cpu_ms},"memory_bytes":{memory_bytes},"refusal":"#)?;
        match refusal {
            Some(code) => write!(f, "\"{code}\"}}"),
            None => f.write_str("null}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn estimate(parameters: Parameters, zip_bytes: u64, unpacked_bytes: u64, members: u64) -> Estimate {
        Estimate::new(parameters, Limits::WORKER, zip_bytes, unpacked_bytes, members)
    }

    fn at(quality: u8, lgwin: u8) -> Parameters {
        Parameters::new(quality, lgwin).unwrap()
    }

    #[test]
    fn compressed_data_does_not_shrink() {
        for (quality, lgwin) in [(0, 10), (5, 22), (9, 24), (11, 18)] {
            let Estimate { output_bytes, .. } = estimate(at(quality, lgwin), MIB, MIB, 1);
            assert!((MIB / 100 * 98..=MIB).contains(&output_bytes), "{output_bytes} at quality {quality}");
        }
    }

    #[test]
    fn a_higher_quality_costs_more_and_gives_less() {
        let of = |quality| estimate(at(quality, 22), 4 * MIB, 20 * MIB, 3);
        assert!(of(9).output_bytes < of(5).output_bytes && of(5).output_bytes < of(1).output_bytes);
        assert!(of(9).cpu_ms > of(5).cpu_ms && of(5).cpu_ms > of(1).cpu_ms);
    }

    #[test]
    fn many_small_members_gain_more_than_one_large() {
        assert!(
            estimate(at(9, 22), 4 * MIB, 8 * MIB, 10_000).output_bytes
                < estimate(at(9, 22), 4 * MIB, 8 * MIB, 1).output_bytes
        );
    }

    #[test]
    fn a_limit_that_would_be_exceeded_is_reported() {
        for (zip_bytes, unpacked_bytes, members, refusal) in [
            (MIB, 5 * MIB, 3, None),
            (1000 * MIB, 5 * MIB, Limits::WORKER.entries + 1, Some("too_many_entries")),
            (1000 * MIB, Limits::WORKER.unpacked_bytes + 1, 1, Some("output_limit")),
            (MIB, 251 * MIB, 1, Some("ratio_limit")),
            (MIB, 250 * MIB, 1, None),
            (400 * MIB, 2000 * MIB, 1, Some("cpu_budget")),
        ] {
            assert_eq!(estimate(at(9, 22), zip_bytes, unpacked_bytes, members).refusal, refusal, "{unpacked_bytes}");
        }
    }

    #[test]
    fn a_quality_that_drops_is_counted_on() {
        // A zip of text that takes four times the budget at quality 9. Its tarball is larger at a lower quality.
        let of = |parameters| estimate(parameters, 169_000_000, 420_000_000, 1);
        let fixed = of(at(9, 22));
        assert_eq!((fixed.refusal, fixed.quality_at_end), (Some("cpu_budget"), 9));
        for parameters in [at(9, 22).or_lower(), Parameters::auto(22).unwrap()] {
            let lowered = of(parameters);
            assert_eq!(lowered.refusal, None, "{lowered}");
            assert!(lowered.quality_at_end < 9 && lowered.output_bytes > fixed.output_bytes, "{lowered}");
            assert!(lowered.cpu_ms <= Limits::WORKER.cpu_ms, "{lowered}");
            // The real result has 166 MB.
            assert!(lowered.output_range.0 < 166_000_000 && lowered.output_range.1 > 166_000_000, "{lowered}");
        }
        // Nothing is quick enough for so much.
        assert_eq!(estimate(Parameters::auto(22).unwrap(), 1500 * MIB, 4000 * MIB, 1).refusal, Some("cpu_budget"));
    }

    #[test]
    fn incompressible_data_is_copied_and_lowers_nothing() {
        let images = estimate(at(9, 22).or_lower(), 2000 * MIB, 2000 * MIB, 100);
        assert_eq!((images.refusal, images.quality_at_end), (None, 9), "{images}");
    }

    #[test]
    fn a_range_is_as_wide_as_the_zip_is_uncertain() {
        let width = |unpacked, members| {
            let Estimate { output_bytes, output_range: (lowest, highest), .. } =
                estimate(at(9, 22), MIB, unpacked, members);
            assert!((lowest..=highest).contains(&output_bytes));
            highest - lowest
        };
        assert_eq!(width(MIB - 1000, 1), 0);
        assert!(width(MIB + MIB / 4, 1) < width(2 * MIB, 1));
        assert!(width(MIB - 1000, 1) < width(MIB, 1000));
    }

    #[test]
    fn an_automatic_quality_stays_within_the_budget() {
        let of = |zip_bytes| estimate(Parameters::auto(22).unwrap(), zip_bytes, zip_bytes * 6, 3);
        assert!(of(MIB / 10).quality > of(50 * MIB).quality);
        assert_eq!(of(100 * MIB).refusal, None);
    }

    #[test]
    fn no_numbers_are_too_large() {
        for number in [0, 1, u64::MAX] {
            for other in [0, 1, u64::MAX] {
                estimate(at(9, 22), number, other, number);
                estimate(Parameters::auto(22).unwrap(), other, number, other);
            }
        }
    }
}
