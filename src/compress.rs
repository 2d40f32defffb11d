//! The brotli encoder: the one file that knows which it is.

use thiserror::Error as ThisError;

/// How hard to compress: brotli quality and window size, both within their ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    quality: u8,
    lgwin: u8,
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
        let within = |option, value, min, max| {
            if (min..=max).contains(&value) { Ok(value) } else { Err(OutOfRange { option, value, min, max }) }
        };
        Ok(Self { quality: within("quality", quality, 0, 11)?, lgwin: within("lgwin", lgwin, 10, 24)? })
    }

    /// 0 to 11.
    pub fn quality(self) -> u8 {
        self.quality
    }

    /// 10 to 24.
    pub fn lgwin(self) -> u8 {
        self.lgwin
    }
}

impl Default for Parameters {
    /// Quality 9, window 4 MiB.
    fn default() -> Self {
        Self { quality: 9, lgwin: 22 }
    }
}
