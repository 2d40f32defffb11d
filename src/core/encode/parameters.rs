//! Encoder parameters: quality, window and mode.

use thiserror::Error as ThisError;

use super::{brotli, segments};
use crate::cost::{
    cpu::{self, AUTO_WORK, Bytes},
    encoders::Ours,
    memory::{encoder_bytes, largest_lgwin},
};

/// Brotli quality, window size and mode, all within their ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// `None` for the best quality within the CPU budget, up to `most_quality`.
    quality: Option<u8>,
    /// True if a conversion may lower `quality` to stay within the CPU budget.
    may_lower: bool,
    most_quality: u8,
    /// `None` for a window to fit the upload, up to `most_lgwin`.
    lgwin: Option<u8>,
    most_lgwin: u8,
    mode: Mode,
    /// `None` where it costs little: at qualities 5 to 9.
    seekable: Option<bool>,
    upload_bytes: Option<u64>,
}

/// A hint about the data. Every mode accepts any data, and the differences are small.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// No hint.
    #[default]
    Generic,
    /// UTF-8 text. The encoder uses this hint for literal contexts at qualities 10 and 11, which are disabled here
    /// (`docs/encoder.md`). So the output equals [`Self::Generic`].
    Text,
    /// A font, where most distances are multiples of two. At qualities 4 to 7, fonts shrink by 0.1 to 0.2 %, programs by
    /// 1.2 % (0.3 % above quality 9), and saves grow by up to 0.6 %. Qualities 8 and 9 find such distances by themselves.
    Font,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Generic, Self::Text, Self::Font];

    /// The option's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Text => "text",
            Self::Font => "font",
        }
    }

    /// The mode with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// An option outside its range.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{option} is {value}, it must be {min} to {max}")]
pub struct OutOfRange {
    /// Name of the option.
    pub option: &'static str,
    /// The given value.
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
        Ok(Self { quality: Some(quality), may_lower: false, ..Self::auto(lgwin)? })
    }

    /// The highest quality that stays within 25 s of CPU (the Worker may use 30 s). It drops during the conversion if
    /// the archive costs more than expected. It depends on [`Parameters::expecting`] and on declared sizes, not on a
    /// clock: the same archive gives the same bytes.
    pub fn auto(lgwin: u8) -> Result<Self, OutOfRange> {
        let lgwin = Some(within("lgwin", lgwin, 10, 24)?);
        Ok(Self {
            quality: None,
            may_lower: true,
            most_quality: 11,
            lgwin,
            most_lgwin: 24,
            mode: Mode::Generic,
            seekable: None,
            upload_bytes: None,
        })
    }

    /// Lowers a fixed quality during the conversion where the archive would exceed the CPU budget otherwise. An archive
    /// that is well within the budget gives the same bytes as without this.
    pub fn or_lower(self) -> Self {
        Self { may_lower: true, ..self }
    }

    /// Sets the hint about the data.
    pub fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The hint about the data.
    pub fn mode(self) -> Mode {
        self.mode
    }

    /// Sets whether the file gets an index, so that a reader finds a member without decoding those before it (docs/format.md).
    /// Without this it gets one at qualities 5 to 9. Below quality 5 and below lgwin 18 no file gets one.
    pub fn with_index(self, seekable: bool) -> Self {
        Self { seekable: Some(seekable), ..self }
    }

    /// True if a file with this quality and window can have an index.
    pub fn can_have_index(self) -> bool {
        self.quality.is_none_or(segments::can_have_index) && self.lgwin() >= segments::LEAST_LGWIN
    }

    /// Whether the file gets an index; `None` if the quality decides.
    pub(crate) fn seekable(self) -> Option<bool> {
        self.seekable
    }

    /// Sets maximums for automatic choices. Explicit values are not changed.
    pub fn at_most(self, quality: u8, lgwin: u8) -> Self {
        Self { most_quality: quality, most_lgwin: lgwin, ..self }
    }

    /// Chooses the window: the smallest that holds eight times the size of [`Parameters::expecting`] (a typical
    /// unpacked size), up to 23 or the largest that needs no more memory than lgwin 22. Without a size it is 22.
    pub fn with_auto_lgwin(self) -> Self {
        Self { lgwin: None, ..self }
    }

    /// Sets the zip's size in bytes as its sender declares it. It only affects automatic choices.
    pub fn expecting(self, upload_bytes: Option<u64>) -> Self {
        Self { upload_bytes, ..self }
    }

    /// The quality, 0 to 11; the highest possible one if automatic.
    pub fn quality(self) -> u8 {
        self.quality
            .unwrap_or_else(|| highest_quality(self.ours(), self.lgwin(), self.upload_bytes).min(self.most_quality))
    }

    /// The maximum quality, regardless of memory.
    pub(crate) fn most_quality(self) -> u8 {
        self.quality.unwrap_or(self.most_quality)
    }

    /// True if the quality is automatic.
    pub fn is_auto(self) -> bool {
        self.quality.is_none()
    }

    /// True if the quality may drop during the conversion.
    pub(crate) fn may_lower(self) -> bool {
        self.may_lower
    }

    /// 10 to 24.
    pub fn lgwin(self) -> u8 {
        self.lgwin.unwrap_or_else(|| {
            let enough = |lgwin: &u8| self.upload_bytes.is_some_and(|bytes| bytes.saturating_mul(8) <= 1 << lgwin);
            // At 4 to 7 the tables for a window of 23 are smaller than those for 22, and at 8 and 9 both are small.
            let most = match (self.upload_bytes, self.quality) {
                (Some(_), Some(4..=9)) => 23,
                (_, Some(quality)) => largest_lgwin(quality).min(22),
                // A smaller window leaves memory for the highest qualities.
                (Some(bytes), None) if bytes <= SMALL_UPLOAD => largest_lgwin(11),
                _ => 22,
            };
            let most = most.min(self.most_lgwin);
            (LEAST_AUTO_LGWIN..most).find(enough).unwrap_or(most)
        })
    }

    /// The qualities that our encoder serves.
    pub(crate) fn ours(self) -> Ours {
        Ours::of(self.most_quality(), self.may_lower)
    }

    /// The zip's declared size in bytes.
    pub(crate) fn upload_bytes(self) -> Option<u64> {
        self.upload_bytes
    }

    /// Upper bound of the encoder's memory in bytes for any input. A conversion uses no quality that needs more.
    pub fn encoder_bytes(self) -> u64 {
        let most = self.quality();
        let first = encoder_bytes(self.ours(), most, self.lgwin());
        // An automatic quality rises where the tarball turns out to be small, with the window that it can use then.
        let small = self.lgwin().min(brotli::SMALL_LGWIN);
        let may_be_small = self.upload_bytes.is_none_or(|bytes| bytes <= SMALL_ZIP);
        let most_small = if may_be_small { self.most_quality() } else { most };
        let higher = (most + 1..=most_small).map(|quality| encoder_bytes(self.ours(), quality, small));
        higher.filter(|&bytes| bytes <= MOST_AUTOMATIC).fold(first, u64::max)
    }

    /// Upper bound of the memory of one segment that another thread encodes, without its encoder, in bytes: see
    /// [`crate::Transcoder::dividing`].
    pub fn segment_bytes(self) -> u64 {
        segments::segment_bytes(self.ours().serves(self.quality()), self.lgwin())
    }

    /// The same for a tarball that is gathered whole and compressed with this window. An automatic quality is then the
    /// highest with no more memory than [`Self::encoder_bytes`].
    pub(crate) fn gathered_bytes(self, lgwin: u8) -> u64 {
        let most = self.most_quality();
        let least = if self.may_lower { 0 } else { most };
        let bounded = (least..=most).map(|quality| encoder_bytes(self.ours(), quality, lgwin));
        bounded.filter(|bytes| *bytes <= self.encoder_bytes()).max().unwrap_or(self.encoder_bytes())
    }
}

/// The highest automatic quality for a zip of `upload_bytes`: it must finish in time if the contents are no larger than
/// the zip.
///
/// At most 9 if the size is unknown, or if a large window leaves an isolate too little memory to hold back such a zip.
fn highest_quality(ours: Ours, lgwin: u8, upload_bytes: Option<u64>) -> u8 {
    let Some(taken) = upload_bytes else { return 9 };
    let most = if lgwin <= 20 || taken <= SMALL_UPLOAD { 11 } else { 9 };
    cpu::best_quality(ours, most, lgwin, Bytes { taken, given: taken / 4 }, AUTO_WORK, MOST_AUTOMATIC)
}

/// The most memory for the encoder of an automatic quality, in bytes: an isolate has 5 MiB more for a conversion.
const MOST_AUTOMATIC: u64 = 79 << 20;

/// Size of a zip that can be held back whole beside the largest encoder, in bytes.
const SMALL_UPLOAD: u64 = 3 << 20;

/// Size of a zip whose tarball may have no more than 1 MiB, in bytes: a tar header is longer than a zip's, unless the zip has
/// comments or extra fields.
const SMALL_ZIP: u64 = brotli::SMALL as u64 / 4 * 5;

/// The window that a tarball of up to 1 MiB gets in any case.
const LEAST_AUTO_LGWIN: u8 = 18;

fn within(option: &'static str, value: u8, min: u8, max: u8) -> Result<u8, OutOfRange> {
    if (min..=max).contains(&value) { Ok(value) } else { Err(OutOfRange { option, value, min, max }) }
}

impl Default for Parameters {
    /// Quality 9, window 4 MiB.
    fn default() -> Self {
        Self::new(9, 22).expect("both within their ranges")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn auto(lgwin: u8, upload_bytes: u64) -> Parameters {
        Parameters::auto(lgwin).unwrap().expecting(Some(upload_bytes))
    }

    #[test]
    fn an_automatic_quality_fits_an_isolate() {
        for lgwin in 10..=24 {
            for upload_bytes in [0, MIB, SMALL_UPLOAD, SMALL_UPLOAD + 1, 100 * MIB] {
                let parameters = auto(lgwin, upload_bytes);
                let bytes = parameters.encoder_bytes();
                assert!(bytes <= MOST_AUTOMATIC, "{bytes} bytes for {parameters:?}");
            }
        }
    }

    #[test]
    fn an_automatic_quality_is_the_highest_there_is_room_for() {
        for (lgwin, highest) in [(18, 11), (21, 11), (22, 9), (24, 9)] {
            assert_eq!(auto(lgwin, MIB).quality(), highest, "lgwin {lgwin}");
        }
        assert_eq!(auto(22, SMALL_UPLOAD + 1).quality(), 9);
        assert_eq!(Parameters::auto(18).unwrap().quality(), 9);
    }

    #[test]
    fn the_memory_of_an_automatic_quality_covers_all_lower_ones() {
        for (lgwin, upload_bytes) in [(16, MIB), (18, MIB), (22, MIB), (24, MIB)] {
            let parameters = auto(lgwin, upload_bytes);
            // Where it may drop to: 3 and 2 are mbrotli's, and the least memory is always enough for them.
            for lower in (0..=3).chain(5..=parameters.quality()) {
                let bytes = encoder_bytes(parameters.ours(), lower, lgwin);
                assert!(bytes <= parameters.encoder_bytes(), "{lower} for {parameters:?}");
            }
        }
    }

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
    fn an_automatic_window_takes_little_more_memory_than_the_default_one() {
        for quality in 0..=11 {
            let fixed = Parameters::new(quality, 22).unwrap();
            for shift in 0..40 {
                let automatic = fixed.with_auto_lgwin().expecting(Some(1 << shift));
                let most = fixed.encoder_bytes().max(33 << 20);
                assert!(automatic.encoder_bytes() <= most, "quality {quality}, {automatic:?}");
            }
        }
    }

    #[test]
    fn the_default_takes_no_more_memory_because_it_may_drop() {
        for lgwin in 17..=24 {
            let fixed = Parameters::new(9, lgwin).unwrap();
            assert_eq!(fixed.or_lower().encoder_bytes(), fixed.encoder_bytes(), "lgwin {lgwin}");
        }
    }

    #[test]
    fn the_maximum_applies_to_automatic_qualities_only() {
        let small = Some(1000);
        assert_eq!(Parameters::auto(18).unwrap().expecting(small).quality(), 11);
        assert_eq!(Parameters::auto(18).unwrap().at_most(6, 24).expecting(small).quality(), 6);
        assert_eq!(Parameters::new(9, 18).unwrap().at_most(6, 24).expecting(small).quality(), 9);
    }
}
