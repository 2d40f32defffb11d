//! Memory shares: how much a request may hold and reserve, by its parameters.

use std::fmt::Write;

use recompress::{Inspection, Limits, Parameters, Transcoder};
use thiserror::Error as ThisError;

use crate::{
    admission::{Figures, UPLOADS_LEAST},
    exchange::BUFFERS,
    job::{Known, Order},
};

/// The least memory that an encoder must leave for the held parts of an archive, in bytes. Parameters that leave less are
/// refused: archives with ten thousand members, or with a member of a few MiB and its size after its data, would only fail
/// later.
pub(crate) const LEAST_HELD: u64 = 3 << 20;

/// The limits of one request and the bytes that it reserves.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// Limits that keep the request within its share.
    pub limits: Limits,
    /// Bytes to reserve.
    pub bytes: u64,
}

/// Parameters that need more memory than the whole pool. The message has the numbers and smaller parameters that fit.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{0}")]
pub struct TooMuchMemory(pub String);

/// Memory that other requests hold now. The message has the numbers.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{detail}")]
pub struct Busy {
    /// The message.
    pub detail: String,
    /// Seconds after which to try again.
    pub retry_after: u64,
}

impl Share {
    /// A large encoder leaves less for the held parts of an archive. The limit depends only on the parameters and the budget,
    /// never on load or on the way the upload arrives: the same archive is always converted or never. A known upload size
    /// only makes the reservation smaller.
    ///
    /// # Errors
    ///
    /// `too_much_memory` if the budget does not hold it.
    pub fn of(parameters: Parameters, limits: Limits, budget: u64, known: Known) -> Result<Self, TooMuchMemory> {
        Self::fit(parameters, limits, budget, known).ok_or_else(|| {
            let wanted = fixed(parameters, limits) + least_held(limits) + UPLOADS_LEAST;
            let mut detail = format!("{} needs {wanted} bytes of memory, there are {budget} in all", named(parameters));
            suggest(&mut detail, parameters, |smaller| Self::fit(smaller, limits, budget, known).is_some());
            TooMuchMemory(detail)
        })
    }

    /// The share of an inspection, which has no encoder.
    pub fn of_inspection(limits: Limits, budget: u64, known: Known) -> Self {
        let fixed = Inspection::peak_bytes(Limits { memory_bytes: 0, ..limits }, None) + BUFFERS;
        let lendable = budget.saturating_sub(UPLOADS_LEAST);
        let limits = Limits { memory_bytes: limits.memory_bytes.min(lendable.saturating_sub(fixed)), ..limits };
        let bytes = Inspection::peak_bytes(limits, known.upload_bytes) + BUFFERS;
        Self { limits, bytes: bytes.min(lendable) }
    }

    /// The share of reading a stored member, which takes `bytes`.
    ///
    /// # Errors
    ///
    /// `too_much_memory` if the budget does not hold it.
    pub fn of_stored(bytes: u64, limits: Limits, budget: u64) -> Result<Self, TooMuchMemory> {
        let bytes = bytes + BUFFERS;
        if bytes + UPLOADS_LEAST <= budget {
            return Ok(Self { limits, bytes });
        }
        Err(TooMuchMemory(format!("reading this member needs {bytes} bytes of memory, there are {budget} in all")))
    }

    /// The same share and `bytes` more.
    pub(crate) fn with(self, bytes: u64) -> Self {
        Self { bytes: self.bytes + bytes, ..self }
    }

    fn fit(parameters: Parameters, limits: Limits, budget: u64, known: Known) -> Option<Self> {
        let left = budget.checked_sub(fixed(parameters, limits) + UPLOADS_LEAST);
        let left = left.filter(|left| *left >= least_held(limits))?;
        let limits = Limits { memory_bytes: limits.memory_bytes.min(left), ..limits };
        let (limits, bytes) = match &known.contents {
            Some(contents) => {
                let limits = contents.within(limits);
                (limits, Transcoder::peak_bytes_of(parameters, limits, contents))
            }
            None => (limits, Transcoder::peak_bytes(parameters, limits, known.upload_bytes)),
        };
        Some(Self { limits, bytes: bytes + BUFFERS })
    }

    /// The refusal of a request that found no memory, with smaller parameters that fit now.
    pub fn busy(&self, order: &Order, limits: Limits, figures: Figures, known: Known) -> Busy {
        let Figures { budget, waiting, .. } = figures;
        let (wanted, free, retry_after) = (self.bytes, figures.free(), figures.retry_after());
        let job = match order {
            Order::Convert { parameters, .. } => named(*parameters),
            Order::Inspect { .. } => "an inspection".to_owned(),
            Order::Json { .. } | Order::MemberJson { .. } => "the JSON of a save".to_owned(),
            Order::Member(_) => "reading a member".to_owned(),
        };
        let mut detail = format!(
            "{job} needs {wanted} bytes of memory, {free} of {budget} are free now and {waiting} requests wait; retry in {retry_after} s"
        );
        if let Order::Convert { parameters, .. } = order {
            suggest(&mut detail, *parameters, |smaller| {
                Self::fit(smaller, limits, budget, known).is_some_and(|share| share.bytes <= free)
            });
        }
        Busy { detail, retry_after }
    }
}

/// The memory of a conversion that holds no part of its archive.
fn fixed(parameters: Parameters, limits: Limits) -> u64 {
    Transcoder::peak_bytes(parameters, Limits { memory_bytes: 0, ..limits }, None) + BUFFERS
}

fn least_held(limits: Limits) -> u64 {
    LEAST_HELD.min(limits.memory_bytes)
}

/// Adds smaller parameters that fit: the largest window of the same quality, the highest quality of the same window.
fn suggest(detail: &mut String, parameters: Parameters, fits: impl Fn(Parameters) -> bool) {
    let smaller_window = (10..parameters.lgwin()).rev().map(|lgwin| (parameters.quality(), lgwin));
    let lower_quality = (0..parameters.quality()).rev().map(|quality| (quality, parameters.lgwin()));
    let first_to_fit = |candidates: &mut dyn Iterator<Item = (u8, u8)>| {
        let in_range = |(quality, lgwin)| Parameters::new(quality, lgwin).expect("smaller than valid parameters");
        candidates.map(in_range).find(|smaller| fits(*smaller))
    };
    let fitting: Vec<_> = [first_to_fit(&mut { smaller_window }), first_to_fit(&mut { lower_quality })]
        .into_iter()
        .flatten()
        .map(named)
        .collect();
    if !fitting.is_empty() {
        write!(detail, "; {} would fit", fitting.join(" or ")).expect("writing to a string never fails");
    }
}

fn named(parameters: Parameters) -> String {
    format!("quality {} with lgwin {}", parameters.quality(), parameters.lgwin())
}

#[cfg(test)]
mod tests {
    use recompress::{Names, Selection, When};

    use super::*;

    const MIB: u64 = 1 << 20;

    fn of(quality: u8, lgwin: u8, budget: u64, upload_bytes: Option<u64>) -> Result<Share, TooMuchMemory> {
        Share::of(Parameters::new(quality, lgwin).unwrap(), Limits::WORKER, budget, known(upload_bytes))
    }

    fn known(upload_bytes: Option<u64>) -> Known {
        Known { upload_bytes, contents: None }
    }

    fn empty(quality: u8, lgwin: u8) -> u64 {
        fixed(Parameters::new(quality, lgwin).unwrap(), Limits::WORKER)
    }

    #[test]
    fn a_large_encoder_leaves_less_for_what_is_held() {
        let needs = empty(9, 22);
        for (left, held) in [
            (1024 * MIB, Limits::WORKER.memory_bytes),
            (Limits::WORKER.memory_bytes, Limits::WORKER.memory_bytes),
            (Limits::WORKER.memory_bytes - 1, Limits::WORKER.memory_bytes - 1),
            (LEAST_HELD, LEAST_HELD),
        ] {
            let share = of(9, 22, needs + left + UPLOADS_LEAST, None).unwrap();
            assert_eq!(share.limits, Limits { memory_bytes: held, ..Limits::WORKER }, "{left}");
            assert_eq!(share.bytes, needs + held);
        }
    }

    #[test]
    fn what_may_be_held_does_not_depend_on_how_the_upload_is_sent_and_what_is_reserved_does() {
        let budget = empty(9, 22) + 20 * MIB + UPLOADS_LEAST;
        let unknown = of(9, 22, budget, None).unwrap();
        let small = of(9, 22, budget, Some(1000)).unwrap();
        assert_eq!(unknown.limits, small.limits);
        assert_eq!(unknown.bytes, budget - UPLOADS_LEAST);
        // A few bytes of zstd can fill a window, which is held twice.
        assert!((empty(9, 22)..empty(9, 22) + 17 * MIB).contains(&small.bytes), "{}", small.bytes);
    }

    #[test]
    fn parameters_that_leave_too_little_are_refused_with_those_that_do_not() {
        let least = empty(11, 20) + LEAST_HELD + UPLOADS_LEAST;
        of(11, 20, least, None).unwrap();
        let refused = format!("{:?}", of(11, 20, least - 1, Some(1000)).unwrap_err());
        let numbers = format!("quality 11 with lgwin 20 needs {least} bytes of memory, there are {} in all", least - 1);
        assert!(refused.contains(&numbers), "{refused}");
        assert!(refused.contains("; quality 11 with lgwin 19 or quality "), "{refused}");
        assert!(refused.contains(" with lgwin 20 would fit"), "{refused}");
    }

    #[test]
    fn where_nothing_smaller_fits_nothing_is_suggested() {
        let refused = format!("{:?}", of(11, 24, MIB, None).unwrap_err());
        assert!(!refused.contains("would fit"), "{refused}");
    }

    #[test]
    fn what_is_chosen_automatically_is_never_refused() {
        for upload_bytes in [None, Some(0), Some(1000), Some(MIB), Some(3 * MIB), Some(4 * MIB), Some(1 << 40)] {
            let fit = |parameters: Parameters| {
                let parameters = parameters.expecting(upload_bytes);
                Share::of(parameters, Limits::WORKER, 84 * MIB, known(upload_bytes))
                    .unwrap_or_else(|refused| panic!("{parameters:?}: {refused:?}"));
            };
            for lgwin in 10..=24 {
                fit(Parameters::auto(lgwin).unwrap());
            }
            for quality in 0..=11 {
                fit(Parameters::new(quality, 24).unwrap().with_auto_lgwin());
            }
            fit(Parameters::auto(24).unwrap().with_auto_lgwin());
        }
    }

    #[test]
    fn a_busy_ledger_is_told_with_what_would_fit_now() {
        let share = of(9, 22, 84 * MIB, None).unwrap();
        let free = of(5, 18, 84 * MIB, None).unwrap().bytes;
        let figures =
            Figures { budget: 84 * MIB, encoders: 84 * MIB - free, converting: 1, waiting: 3, ..Figures::default() };
        let told = |quality, lgwin| {
            let order = Order::Convert {
                parameters: Parameters::new(quality, lgwin).unwrap(),
                selection: Selection::default(),
                names: Names::default(),
                directory: When::Auto,
                report: false,
                summary: None,
            };
            format!("{:?}", share.busy(&order, Limits::WORKER, figures, known(None)))
        };
        assert!(told(5, 22).contains("of 88080384 are free now and 3 requests wait"), "{}", told(5, 22));
        assert!(told(5, 22).contains("; quality 5 with lgwin 18 "), "{}", told(5, 22));
        assert!(told(6, 18).contains(" quality 5 with lgwin 18 would fit"), "{}", told(6, 18));
    }
}
