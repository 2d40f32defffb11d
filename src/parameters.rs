//! What a caller may choose: brotli quality and window.

use thiserror::Error as ThisError;

use crate::work;

/// How hard to compress: brotli quality and window size, both within their ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// `None` for the best that the work allows, up to `most_quality`.
    quality: Option<u8>,
    most_quality: u8,
    /// `None` for one that the upload can use, up to `most_lgwin`.
    lgwin: Option<u8>,
    most_lgwin: u8,
    upload_bytes: Option<u64>,
}

/// An option outside its range.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{option} is {value}, it must be {min} to {max}")]
pub struct OutOfRange {
    /// Which option.
    pub option: &'static str,
    /// What was asked for.
    pub value: u8,
    /// The least it may be.
    pub min: u8,
    /// The most it may be.
    pub max: u8,
}

impl Parameters {
    /// `quality` is 0 (fast) to 11 (small); `lgwin` is the base-2 logarithm of the window in bytes, 10 to 24 (RFC 7932 §9.1).
    pub fn new(quality: u8, lgwin: u8) -> Result<Self, OutOfRange> {
        within("quality", quality, 0, 11)?;
        Ok(Self { quality: Some(quality), ..Self::auto(lgwin)? })
    }

    /// The highest quality that stays within 25 s of CPU, as the Worker is allowed 30; lowered on the way where the
    /// archive turns out to cost more. It goes by [`Parameters::expecting`] and by what the archive says of itself, not by
    /// a clock: the same archive gives the same bytes.
    pub fn auto(lgwin: u8) -> Result<Self, OutOfRange> {
        let lgwin = Some(within("lgwin", lgwin, 10, 24)?);
        Ok(Self { quality: None, most_quality: 11, lgwin, most_lgwin: 24, upload_bytes: None })
    }

    /// Bounds what is chosen automatically. A quality or window that is given stays what it is.
    pub fn at_most(self, quality: u8, lgwin: u8) -> Self {
        Self { most_quality: quality, most_lgwin: lgwin, ..self }
    }

    /// The smallest window that holds what a zip of [`Parameters::expecting`] mostly unpacks to, eight times as much, of
    /// those that take no more memory than 22; 22 itself where no size is known.
    pub fn with_auto_lgwin(self) -> Self {
        Self { lgwin: None, ..self }
    }

    /// Tells the size of the zip in bytes, as its sender declares it. Only what is automatic goes by it.
    pub fn expecting(self, upload_bytes: Option<u64>) -> Self {
        Self { upload_bytes, ..self }
    }

    /// 0 to 11; the highest that may be used, where it is chosen automatically.
    pub fn quality(self) -> u8 {
        self.quality.unwrap_or_else(|| work::highest_quality(self.lgwin(), self.upload_bytes).min(self.most_quality))
    }

    /// Whether the quality is chosen, and lowered, automatically.
    pub fn is_auto(self) -> bool {
        self.quality.is_none()
    }

    /// 10 to 24.
    pub fn lgwin(self) -> u8 {
        self.lgwin.unwrap_or_else(|| {
            let enough = |lgwin: &u8| self.upload_bytes.is_some_and(|bytes| bytes.saturating_mul(8) <= 1 << lgwin);
            // At these qualities the tables beside a window of 23 are smaller than beside one of 22.
            let most = match (self.upload_bytes, self.quality) {
                (Some(_), Some(4..=9)) => 23,
                _ => 22,
            };
            let most = most.min(self.most_lgwin);
            (LEAST_AUTO_LGWIN..most).find(enough).unwrap_or(most)
        })
    }

    /// The zip's size in bytes, if that was told.
    pub(crate) fn upload_bytes(self) -> Option<u64> {
        self.upload_bytes
    }

    /// The most memory that the encoder takes with these, in bytes, whatever it is given.
    ///
    /// The window is held twice, and at qualities 10 and 11 each of its positions is in a tree of two numbers. The rest are
    /// hash tables and what is kept of a meta-block until its end. Measured with data made to need much, a tenth added;
    /// a test holds the encoder to it.
    pub fn encoder_bytes(self) -> u64 {
        let quality = self.quality();
        let lgwin = self.lgwin();
        let window = 1_u64 << lgwin;
        let windows = match quality {
            0..=1 => 1,
            2..=9 => 2,
            _ => 10,
        };
        windows * window + (REST_MIB[usize::from(quality)][work::column(lgwin)] << 20)
    }
}

/// What a tarball of up to 1 MiB gets in any case.
const LEAST_AUTO_LGWIN: u8 = 18;

/// Memory beside the window in MiB, by quality and by lgwin up to 16, 18, 20, 22 and 24.
const REST_MIB: [[u64; 5]; 12] = [
    [1, 2, 5, 11, 11],
    [2, 3, 6, 12, 12],
    [1, 2, 4, 4, 3],
    [1, 2, 4, 4, 3],
    [6, 9, 21, 30, 18],
    [3, 8, 23, 28, 18],
    [3, 9, 27, 31, 20],
    [3, 15, 29, 34, 23],
    [3, 23, 37, 42, 31],
    [4, 42, 54, 59, 47],
    [8, 24, 42, 33, 33],
    [12, 32, 52, 43, 43],
];

fn within(option: &'static str, value: u8, min: u8, max: u8) -> Result<u8, OutOfRange> {
    if (min..=max).contains(&value) { Ok(value) } else { Err(OutOfRange { option, value, min, max }) }
}

impl Default for Parameters {
    /// Quality 9, window 4 MiB.
    fn default() -> Self {
        Self { quality: Some(9), most_quality: 11, lgwin: Some(22), most_lgwin: 24, upload_bytes: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_automatic_window_is_as_large_as_the_upload_can_use() {
        let default = Parameters::default().with_auto_lgwin();
        for (upload_bytes, lgwin) in [
            (None, 22),
            (Some(0), 18),
            (Some(32 << 10), 18),
            ((Some((32 << 10) + 1)), 19),
            (Some(512 << 10), 22),
            (Some((512 << 10) + 1), 23),
            (Some(u64::MAX), 23),
        ] {
            assert_eq!(default.expecting(upload_bytes).lgwin(), lgwin, "{upload_bytes:?}");
        }
        assert_eq!(default.at_most(11, 20).expecting(Some(u64::MAX)).lgwin(), 20);
        assert_eq!(default.at_most(11, 16).expecting(Some(0)).lgwin(), 16);
    }

    #[test]
    fn an_automatic_window_takes_no_more_memory_than_the_default_one() {
        for quality in 0..=11 {
            let fixed = Parameters::new(quality, 22).unwrap();
            for shift in 0..40 {
                let automatic = fixed.with_auto_lgwin().expecting(Some(1 << shift));
                assert!(automatic.encoder_bytes() <= fixed.encoder_bytes(), "quality {quality}, {automatic:?}");
            }
        }
    }

    #[test]
    fn an_automatic_quality_stays_below_its_bound_and_a_given_one_does_not() {
        let small = Some(1000);
        assert_eq!(Parameters::auto(18).unwrap().expecting(small).quality(), 11);
        assert_eq!(Parameters::auto(18).unwrap().at_most(6, 24).expecting(small).quality(), 6);
        assert_eq!(Parameters::new(9, 18).unwrap().at_most(6, 24).expecting(small).quality(), 9);
    }
}
