//! The encoders of a conversion: which of the two serves a quality.

/// The qualities that our encoder serves. mbrotli serves all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ours {
    least: u8,
}

impl Ours {
    const MOST: u8 = 9;

    /// For a quality that stays. At 5 to 7 mbrotli takes less time than ours, and at 10 and 11 it is smaller.
    pub(crate) const STAYING: Self = Self { least: 8 };

    /// For a quality that may drop. Ours goes down to 5 with the memory and the window that it has at 9; mbrotli would take
    /// more memory and start with an empty window.
    pub(crate) const DROPPING: Self = Self { least: 5 };

    /// True if our encoder serves this quality.
    pub(crate) fn serves(self, quality: u8) -> bool {
        (self.least..=Self::MOST).contains(&quality)
    }

    /// True if our encoder can go on at this quality once it has begun.
    pub(crate) fn can_continue(quality: u8) -> bool {
        Self::DROPPING.serves(quality)
    }

    /// The qualities of a conversion that starts with `quality` at most, and may drop if `drops`.
    pub(crate) fn of(quality: u8, drops: bool) -> Self {
        if drops && quality >= Self::STAYING.least { Self::DROPPING } else { Self::STAYING }
    }
}
