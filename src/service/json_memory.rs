//! The memory share of a save's JSON.

use recompress::{
    CompressedJson, Limits, Parameters, SaveJson,
    save::{Keys, Options},
};

use crate::{
    admission::UPLOADS_LEAST,
    exchange::BUFFERS,
    job::Known,
    memory::{LEAST_HELD, Share, TooMuchMemory},
};

impl Share {
    /// The share of a save's JSON, compressed if there are `parameters`. Like [`Share::of`], the limits depend only on
    /// the options and the budget.
    ///
    /// # Errors
    ///
    /// `too_much_memory` if the budget does not hold it. The message has options that fit.
    pub fn of_json(
        options: &Options,
        parameters: Option<Parameters>,
        limits: Limits,
        budget: u64,
        known: Known,
    ) -> Result<Self, TooMuchMemory> {
        let fit = |options: &Options, parameters| {
            let fixed = peak(options, parameters, Limits { memory_bytes: 0, ..limits }, None);
            // The archive may hold this much, and so may the grouped document.
            let holders = if options.keys == Keys::Group { 2 } else { 1 };
            let left = budget.checked_sub(fixed + UPLOADS_LEAST)? / holders;
            let least = LEAST_HELD.min(limits.memory_bytes);
            let limits = Limits { memory_bytes: limits.memory_bytes.min(left), ..limits };
            (left >= least).then(|| Self { limits, bytes: peak(options, parameters, limits, known.upload_bytes) })
        };
        fit(options, parameters).ok_or_else(|| {
            let grouped = if options.keys == Keys::Group { "grouped " } else { "" };
            let compressed = parameters.map_or(String::new(), |parameters| {
                format!(" at quality {} with lgwin {}", parameters.quality(), parameters.lgwin())
            });
            let mut detail =
                format!("{grouped}JSON{compressed} does not fit the {budget} bytes of memory that there are");
            let streamed = Options { keys: Keys::Preserve, ..options.clone() };
            let smaller = [
                ("the same without compression", options, None),
                ("keys=preserve or keys=pairs", &streamed, parameters),
                ("keys=preserve or keys=pairs without compression", &streamed, None),
            ];
            if let Some((name, ..)) =
                smaller.iter().find(|(_, options, parameters)| fit(options, *parameters).is_some())
            {
                detail += &format!("; {name} would fit");
            }
            TooMuchMemory(detail)
        })
    }
}

fn peak(options: &Options, parameters: Option<Parameters>, limits: Limits, upload_bytes: Option<u64>) -> u64 {
    BUFFERS
        + match parameters {
            Some(parameters) => CompressedJson::peak_bytes(options, parameters, limits, upload_bytes),
            None => SaveJson::peak_bytes(options, limits, upload_bytes),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn of(keys: Keys, quality: Option<u8>, budget: u64, upload_bytes: Option<u64>) -> Result<Share, TooMuchMemory> {
        let options = Options { keys, ..Options::default() };
        let parameters = quality.map(|quality| Parameters::new(quality, 22).unwrap());
        let known = Known { upload_bytes, contents: None };
        Share::of_json(&options, parameters, Limits::WORKER, budget, known)
    }

    #[test]
    fn a_document_that_streams_needs_little_and_a_grouped_one_its_limit() {
        let small = Some(1000);
        let streamed = of(Keys::Preserve, None, 84 * MIB, small).unwrap();
        let grouped = of(Keys::Group, None, 84 * MIB, small).unwrap();
        assert!(streamed.bytes < 20 * MIB, "{}", streamed.bytes);
        assert_eq!(grouped.bytes, streamed.bytes + Limits::WORKER.memory_bytes);
        assert!(of(Keys::Preserve, Some(5), 84 * MIB, small).unwrap().bytes > streamed.bytes);
    }

    #[test]
    fn the_limit_shrinks_with_the_budget_down_to_the_least() {
        let fixed = of(Keys::Pairs, None, 84 * MIB, None).unwrap().bytes - Limits::WORKER.memory_bytes;
        for (keys, holders) in [(Keys::Pairs, 1), (Keys::Group, 2)] {
            let needed = fixed + holders * LEAST_HELD;
            let share = of(keys, None, needed + UPLOADS_LEAST, None).unwrap();
            assert_eq!((share.limits.memory_bytes, share.bytes), (LEAST_HELD, needed));
            of(keys, None, needed + UPLOADS_LEAST - 1, None).unwrap_err();
        }
    }

    #[test]
    fn a_refusal_says_what_would_fit() {
        let plain = of(Keys::Preserve, None, 84 * MIB, None).unwrap().bytes - Limits::WORKER.memory_bytes
            + LEAST_HELD
            + UPLOADS_LEAST;
        for (keys, quality, budget, end) in [
            (Keys::Group, Some(9), plain + LEAST_HELD, "; the same without compression would fit"),
            (Keys::Group, None, plain, "; keys=preserve or keys=pairs would fit"),
            (Keys::Group, Some(9), plain, "; keys=preserve or keys=pairs without compression would fit"),
            (Keys::Preserve, Some(9), plain - 1, "bytes of memory that there are"),
        ] {
            let refused = of(keys, quality, budget, None).unwrap_err().0;
            assert!(refused.ends_with(end), "{refused}");
        }
    }
}
