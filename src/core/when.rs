//! The rule that decides whether an archive's directory is read before its members. Every shell asks it.

use crate::{
    error::{Error, Limit},
    limits::SMALL_ARCHIVE_BYTES,
};

/// When an archive's directory is read. Only a directory that is read first gives permissions and symbolic links.
///
/// The output depends on this choice, so it must not depend on load, timing or the platform: [`When::Auto`] looks at nothing but
/// the kind of the source and the archive's length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// First if the archive is at hand, else last.
    #[default]
    Auto,
    /// Before the members. An archive that is not at hand is refused.
    First,
    /// After the members, in its place at the end.
    Last,
}

impl When {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Auto, Self::First, Self::Last];

    /// The names of the values, for messages.
    pub const NAMES: &str = "auto, first or last";

    /// The value with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|when| when.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::First => "first",
            Self::Last => "last",
        }
    }

    /// Whether the directory is read first. An archive is at hand if it is a file, a Blob or a stored object of any length, or
    /// if it has at most [`SMALL_ARCHIVE_BYTES`], however it arrives.
    ///
    /// # Errors
    ///
    /// `directory_not_at_hand` if it must be first and the archive is not at hand.
    pub fn reads_first(self, is_at_hand: bool) -> Result<bool, Error> {
        match self {
            Self::Auto => Ok(is_at_hand),
            Self::First if is_at_hand => Ok(true),
            Self::First => Err(Limit::DirectoryNotAtHand { limit: SMALL_ARCHIVE_BYTES }.into()),
            Self::Last => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_at_hand_is_read_from_its_end() {
        for (when, at_hand, not_at_hand) in [
            (When::Auto, Ok(true), Ok(false)),
            (When::First, Ok(true), Err("directory_not_at_hand")),
            (When::Last, Ok(false), Ok(false)),
        ] {
            let said = |is_at_hand| when.reads_first(is_at_hand).map_err(|error| error.code());
            assert_eq!((said(true), said(false)), (at_hand, not_at_hand), "{when:?}");
            assert_eq!(When::named(when.name()), Some(when));
        }
        assert_eq!(When::named("First"), None);
    }
}
