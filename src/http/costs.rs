//! What each quality and window costs here, as JSON: the tables that conversions are admitted and counted by.

use serde::Serialize;

use super::share::Share;
use crate::{Limits, Parameters, Transcoder, work};

#[derive(Serialize)]
struct Document {
    default: Choice,
    /// The lgwin of each first row.
    least_lgwin: u8,
    limits: Bounds,
    /// By quality, and by lgwin.
    costs: Vec<Vec<Cost>>,
}

#[derive(Serialize)]
struct Choice {
    quality: u8,
    lgwin: u8,
}

/// As in [`Limits`].
#[derive(Serialize)]
struct Bounds {
    entries: u64,
    unpacked_bytes: u64,
    ratio: u64,
    ratio_grace: u64,
    held_bytes: u64,
    name_bytes: u64,
    memory_bytes: u64,
    cpu_ms: u64,
}

#[derive(Serialize)]
struct Cost {
    /// What a conversion takes that holds nothing back.
    memory_bytes: u64,
    /// Whether there is as much.
    fits: bool,
    /// Of CPU: for each byte of the tarball, for each that is neither copied nor noise, for each of the result.
    picoseconds: (u64, u64, u64),
}

pub(super) fn json(limits: Limits, budget: u64) -> String {
    let default = Parameters::default();
    let cost = |quality, lgwin| {
        let parameters = Parameters::new(quality, lgwin).expect("both are within their ranges");
        Cost {
            memory_bytes: Transcoder::peak_bytes(parameters, limits, Some(0)),
            fits: Share::of(parameters, limits, budget, None).is_ok(),
            picoseconds: work::picoseconds(quality, lgwin),
        }
    };
    let document = Document {
        default: Choice { quality: default.quality(), lgwin: default.lgwin() },
        least_lgwin: 10,
        limits: Bounds {
            entries: limits.entries,
            unpacked_bytes: limits.unpacked_bytes,
            ratio: limits.ratio,
            ratio_grace: Limits::RATIO_GRACE,
            held_bytes: limits.held_bytes,
            name_bytes: limits.name_bytes,
            memory_bytes: limits.memory_bytes,
            cpu_ms: limits.cpu_ms,
        },
        costs: (0..=11).map(|quality| (10..=24).map(|lgwin| cost(quality, lgwin)).collect()).collect(),
    };
    serde_json::to_string(&document).expect("numbers are always JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: u64 = 88 << 20;

    fn costs() -> serde_json::Value {
        serde_json::from_str(&json(Limits::WORKER, BUDGET)).unwrap()
    }

    #[test]
    fn every_quality_and_window_has_the_cost_that_it_is_admitted_by() {
        let costs = costs();
        for quality in 0..=11 {
            for lgwin in 10..=24 {
                let cost = &costs["costs"][usize::from(quality)][usize::from(lgwin - 10)];
                let parameters = Parameters::new(quality, lgwin).unwrap();
                assert_eq!(cost["memory_bytes"], Transcoder::peak_bytes(parameters, Limits::WORKER, Some(0)));
                let is_admitted = Share::of(parameters, Limits::WORKER, BUDGET, None).is_ok();
                assert_eq!(cost["fits"], is_admitted, "quality {quality}, lgwin {lgwin}");
            }
        }
        assert_eq!(costs["costs"][12], serde_json::Value::Null);
    }

    #[test]
    fn what_a_conversion_is_counted_at_can_be_reckoned_from_it() {
        let bytes = work::Bytes { taken: 50_000_000, given: 6_000_000 };
        let picoseconds = &costs()["costs"][9][22 - 10]["picoseconds"];
        let each = |column: usize, bytes: u64| picoseconds[column].as_u64().unwrap() * bytes;
        let reckoned = each(0, bytes.taken) + each(1, bytes.given) + each(2, bytes.given);
        assert_eq!(reckoned / 1000, work::compressing(9, 22, bytes));
    }
}
