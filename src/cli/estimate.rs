//! Estimates: a table for people, or JSON as the core writes it.

use clap::error::ErrorKind;
use indicatif::DecimalBytes;
use recompress::{Estimate, Names, When};

use crate::{CommandError, arguments::Foresee, listing, misuse, print, pump::Input};

/// Prints the estimate for a zip, or for sizes alone. The sizes are those of its directory; a zip without one at hand is read.
pub fn estimate(foresee: &Foresee) -> Result<(), CommandError> {
    let [zip_bytes, unpacked_bytes, members] = sizes(foresee)?;
    let estimate = foresee.estimate(zip_bytes, unpacked_bytes, members);
    if foresee.json { print(estimate) } else { print(table(&estimate, zip_bytes, unpacked_bytes, members)) }
}

/// Bytes of the zip, bytes of its contents, and the number of members.
fn sizes(foresee: &Foresee) -> Result<[u64; 3], CommandError> {
    let Some(unpacked_bytes) = foresee.unpacked_bytes else {
        let limits = (&foresee.limits).into();
        let mut input = Input::open(&foresee.zip)?;
        if let (Some(size), Some(directory)) = (input.size, input.directory(When::Auto, limits, Names::default())?) {
            return Ok([size, directory.contents_bytes(), directory.members()]);
        }
        let totals = listing::totals(input, limits)?;
        return Ok([totals.zip_bytes, totals.size, totals.members]);
    };
    let zip_bytes = foresee.zip.to_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        misuse(ErrorKind::ValueValidation, format!("{} is not a number of bytes", foresee.zip.display()))
    });
    Ok([zip_bytes, unpacked_bytes, foresee.members])
}

fn table(estimate: &Estimate, zip_bytes: u64, unpacked_bytes: u64, members: u64) -> String {
    let &Estimate { quality, quality_at_end, lgwin, output_bytes, output_range, cpu_ms, memory_bytes, refusal } =
        estimate;
    let [zip, unpacked] = [zip_bytes, unpacked_bytes].map(DecimalBytes);
    let [output, lowest, highest] = [output_bytes, output_range.0, output_range.1].map(DecimalBytes);
    let lowered = if quality_at_end < quality { format!(", {quality_at_end} at the end") } else { String::new() };
    let refused = refusal.map_or_else(String::new, |code| format!("\nrefused   {code}"));
    format!(
        "zip       {zip}, {unpacked} unpacked, {members} members\n\
         result    {output}, most likely {lowest} to {highest}\n\
         quality   {quality}{lowered}, window of {} bytes (lgwin {lgwin})\n\
         CPU       {:.1} s in a Worker\n\
         memory    {} at most{refused}",
        (1_u64 << lgwin) - 16,
        cpu_ms as f64 / 1000.0,
        DecimalBytes(memory_bytes),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_every_field_of_an_estimate() {
        let estimate = Estimate {
            quality: 9,
            quality_at_end: 6,
            lgwin: 22,
            output_bytes: 1_000_000,
            output_range: (800_000, 1_200_000),
            cpu_ms: 840,
            memory_bytes: 51_200_000,
            refusal: Some("cpu_budget"),
        };
        assert_eq!(
            table(&estimate, 2_000_000, 9_000_000, 3),
            "zip       2.00 MB, 9.00 MB unpacked, 3 members\n\
             result    1.00 MB, most likely 800.00 kB to 1.20 MB\n\
             quality   9, 6 at the end, window of 4194288 bytes (lgwin 22)\n\
             CPU       0.8 s in a Worker\n\
             memory    51.20 MB at most\n\
             refused   cpu_budget"
        );
        assert!(!table(&Estimate { quality_at_end: 9, refusal: None, ..estimate }, 1, 1, 1).contains("refused"));
    }
}
