//! The games with saves in this format, and their encodings.

use super::options::Encoding;

/// A game, or a group of games that look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Game {
    /// Europa Universalis IV.
    Eu4,
    /// Europa Universalis V.
    Eu5,
    /// Crusader Kings II.
    Ck2,
    /// Crusader Kings III.
    Ck3,
    /// Hearts of Iron IV.
    Hoi4,
    /// Imperator: Rome.
    Imperator,
    /// Stellaris.
    Stellaris,
    /// Victoria 3.
    Vic3,
    /// One of the games with a SAV line.
    Jomini,
    /// An unknown game: its saves have no header, like older saves.
    #[default]
    Unknown,
}

impl Game {
    /// The full name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eu4 => "Europa Universalis IV",
            Self::Eu5 => "Europa Universalis V",
            Self::Ck2 => "Crusader Kings II",
            Self::Ck3 => "Crusader Kings III",
            Self::Hoi4 => "Hearts of Iron IV",
            Self::Imperator => "Imperator: Rome",
            Self::Stellaris => "Stellaris",
            Self::Vic3 => "Victoria 3",
            Self::Jomini => "Crusader Kings III, Victoria 3, Imperator: Rome or Europa Universalis V",
            Self::Unknown => "Paradox",
        }
    }

    /// A word for programs. `None` if the game is not known.
    pub fn code(self) -> Option<&'static str> {
        Some(match self {
            Self::Eu4 => "eu4",
            Self::Eu5 => "eu5",
            Self::Ck2 => "ck2",
            Self::Ck3 => "ck3",
            Self::Hoi4 => "hoi4",
            Self::Imperator => "imperator",
            Self::Stellaris => "stellaris",
            Self::Vic3 => "vic3",
            Self::Jomini | Self::Unknown => return None,
        })
    }

    /// Finds the game by the extension of a save's file name. The extension has no leading dot.
    pub fn by_extension(extension: &str) -> Option<Self> {
        Some(match extension.to_ascii_lowercase().as_str() {
            "eu4" => Self::Eu4,
            "eu5" => Self::Eu5,
            "ck2" => Self::Ck2,
            "ck3" => Self::Ck3,
            "hoi4" => Self::Hoi4,
            "rome" => Self::Imperator,
            "v3" => Self::Vic3,
            _ => return None,
        })
    }

    /// The encoding of the game's text.
    pub fn encoding(self) -> Encoding {
        match self {
            Self::Eu4 | Self::Ck2 | Self::Unknown => Encoding::Windows1252,
            _ => Encoding::Utf8,
        }
    }
}
