//! The settings of a parse, by quality.

/// The settings of one quality.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Candidates of the long table that are looked at for a place, and for one that is tried ahead.
    pub(crate) depth: usize,
    pub(crate) ahead_depth: usize,
    /// Places ahead that are tried before a copy is taken.
    pub(crate) delays: u32,
    /// No short copies are looked for where one of this length is found.
    pub(crate) enough: usize,
    /// Of a copy longer than `long` only `edge` places at both ends are stored, and each of `step` between: those it was copied
    /// from are in the tables. At quality 9 five files took an eighth less time than with all places, for 0.1 % of size.
    pub(crate) long: usize,
    pub(crate) edge: usize,
    pub(crate) step: usize,
    /// Last distances near which others are tried, beside all four of them.
    pub(crate) near: usize,
    /// Candidates for a short copy, 8 at most.
    pub(crate) short: usize,
}

impl Effort {
    pub(crate) fn of(quality: u8) -> Self {
        let best =
            Self { depth: 64, ahead_depth: 32, delays: 4, enough: 16, long: 64, edge: 16, step: 4, near: 2, short: 8 };
        match quality {
            0..=5 => {
                Self { depth: 6, ahead_depth: 2, delays: 1, enough: 8, edge: 8, step: 8, near: 1, short: 2, ..best }
            }
            6 => Self { depth: 8, ahead_depth: 4, delays: 2, enough: 8, edge: 8, step: 8, near: 1, short: 4, ..best },
            7 => Self { depth: 16, ahead_depth: 8, delays: 3, enough: 12, ..best },
            8 => Self { depth: 24, ahead_depth: 8, ..best },
            _ => best,
        }
    }
}
