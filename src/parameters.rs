//! What a caller may choose of brotli: quality, window and mode.

use thiserror::Error as ThisError;

use crate::work;

/// How hard to compress: brotli quality and window size, both within their ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// `None` for the best that the work allows.
    quality: Option<u8>,
    lgwin: u8,
    mode: Mode,
    upload_bytes: Option<u64>,
}

/// What the encoder is told of the data. Every mode takes any data; a wrong one costs some size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    #[default]
    Generic,
    /// That it is text in UTF-8. Makes a difference at qualities 10 and 11.
    Text,
    /// That it is a font, of which distances are mostly multiples of two.
    Font,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Generic, Self::Text, Self::Font];

    /// By which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Text => "text",
            Self::Font => "font",
        }
    }

    /// The mode of this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
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
        Ok(Self { quality: None, lgwin: within("lgwin", lgwin, 10, 24)?, mode: Mode::Generic, upload_bytes: None })
    }

    /// Tells the encoder what the data is.
    pub fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// What the encoder is told of the data.
    pub fn mode(self) -> Mode {
        self.mode
    }

    /// Tells the size of the zip in bytes, as its sender declares it. Only [`Parameters::auto`] goes by it.
    pub fn expecting(self, upload_bytes: Option<u64>) -> Self {
        Self { upload_bytes, ..self }
    }

    /// 0 to 11; the highest that may be used, where it is chosen automatically.
    pub fn quality(self) -> u8 {
        self.quality.unwrap_or_else(|| work::highest_quality(self.lgwin, self.upload_bytes))
    }

    /// Whether the quality is chosen, and lowered, automatically.
    pub fn is_auto(self) -> bool {
        self.quality.is_none()
    }

    /// 10 to 24.
    pub fn lgwin(self) -> u8 {
        self.lgwin
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
        let window = 1_u64 << self.lgwin;
        let windows = match quality {
            0..=1 => 1,
            2..=9 => 2,
            _ => 10,
        };
        windows * window + (REST_MIB[usize::from(quality)][work::column(self.lgwin)] << 20)
    }
}

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
        Self { quality: Some(9), lgwin: 22, mode: Mode::Generic, upload_bytes: None }
    }
}
