//! Estimates of a conversion from sizes alone.

use std::fmt;

use crate::{
    budget::Budget,
    cost::{
        cpu::{self, Bytes, NANOSECONDS_PER_MS},
        size::{self, ZipTotals},
    },
    encode::{brotli::SMALL, parameters::Parameters},
    limits::Limits,
    member::Method,
    transcoder::Transcoder,
};

/// An estimate of a conversion. `docs/estimate.md` gives its accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Brotli quality, as chosen if automatic.
    pub quality: u8,
    /// Base-2 logarithm of the window in bytes.
    pub lgwin: u8,
    /// Bytes of the `.tar.br`.
    pub output_bytes: u64,
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
        let tarball = unpacked_bytes.saturating_add(members.saturating_mul(TAR_HEADER));
        let mut budget = Budget::new(parameters, limits.cpu_ms);
        budget.member(Method::Deflate, tarball, 0, Some(zip_bytes));
        let lgwin = parameters.lgwin();
        let quality = if tarball <= SMALL as u64 { budget.whole(tarball, lgwin) } else { budget.first_quality() };
        let output = size::output(quality, lgwin, ZipTotals { zip: zip_bytes, unpacked: unpacked_bytes, members });
        let work = cpu::compressing(quality, lgwin, Bytes { taken: tarball, given: output });
        let cpu_ms = work.saturating_add(cpu::member(Method::Deflate, 0).saturating_mul(members)) / NANOSECONDS_PER_MS;
        let refusal = match () {
            () if members > limits.entries => Some("too_many_entries"),
            () if unpacked_bytes > limits.unpacked_bytes => Some("output_limit"),
            () if unpacked_bytes > Limits::RATIO_GRACE && unpacked_bytes / limits.ratio > zip_bytes => {
                Some("ratio_limit")
            }
            () if cpu_ms > limits.cpu_ms => Some("cpu_budget"),
            () => None,
        };
        let memory_bytes = Transcoder::peak_bytes(parameters, limits, Some(zip_bytes));
        Self { quality, lgwin, output_bytes: output, cpu_ms, memory_bytes, refusal }
    }
}

impl fmt::Display for Estimate {
    /// As a JSON object.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quality, lgwin, output_bytes, cpu_ms, memory_bytes, refusal } = self;
        write!(f, r#"{{"quality":{quality},"lgwin":{lgwin},"output_bytes":{output_bytes},"cpu_ms":{cpu_ms},"#)?;
        write!(f, r#""memory_bytes":{memory_bytes},"refusal":"#)?;
        match refusal {
            Some(code) => write!(f, "\"{code}\"}}"),
            None => f.write_str("null}"),
        }
    }
}

/// Tarball bytes per member beside its contents: a header, and half a block of padding on average.
const TAR_HEADER: u64 = 768;

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
