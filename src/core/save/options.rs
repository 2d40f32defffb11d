//! The options of a conversion.

use super::select::Selection;

/// The treatment of a key that an object has more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keys {
    /// The key is written more than once. Readers of JSON differ in the one they keep.
    #[default]
    Preserve,
    /// Objects are `{"type":"obj","val":[[key,value],…]}`, lists are `{"type":"array","val":[…]}`.
    Pairs,
    /// The key is written once, with a list of its values. This holds the whole document back.
    Group,
}

impl Keys {
    /// The names, for a message.
    pub const NAMES: &'static str = "preserve, pairs or group";

    /// The value with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "preserve" => Self::Preserve,
            "pairs" => Self::Pairs,
            "group" => Self::Group,
            _ => return None,
        })
    }
}

/// The scalars that may become numbers and truth values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Narrow {
    /// Words without quotation marks.
    #[default]
    Unquoted,
    /// Quoted text as well.
    All,
    /// None: every scalar is a string.
    None,
}

impl Narrow {
    /// The names, for a message.
    pub const NAMES: &'static str = "unquoted, all or none";

    /// The value with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "unquoted" => Self::Unquoted,
            "all" => Self::All,
            "none" => Self::None,
            _ => return None,
        })
    }
}

/// The encoding of a save's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8. Invalid bytes become U+FFFD.
    Utf8,
    /// windows-1252.
    Windows1252,
}

impl Encoding {
    /// The names, for a message.
    pub const NAMES: &'static str = "utf-8 or windows-1252";

    /// The value with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "utf-8" => Self::Utf8,
            "windows-1252" => Self::Windows1252,
            _ => return None,
        })
    }
}

/// The treatment of numbers in a binary save that have no name in the token list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// The number is written as `__unknown_0x1234`, or as `__id_0x12` if it refers to the save's own strings.
    #[default]
    Name,
    /// The save is refused.
    Refuse,
}

impl Unknown {
    /// The names, for a message.
    pub const NAMES: &'static str = "name or refuse";

    /// The value with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "name" => Self::Name,
            "refuse" => Self::Refuse,
            _ => return None,
        })
    }
}

/// The options of a conversion.
#[derive(Debug, Clone)]
pub struct Options {
    /// The treatment of repeated keys.
    pub keys: Keys,
    /// The scalars that become numbers and truth values.
    pub narrow: Narrow,
    /// The encoding. `None` uses the game's encoding.
    pub encoding: Option<Encoding>,
    /// The parts to write, and their form.
    pub selection: Selection,
    /// The treatment of numbers without a name, in binary saves.
    pub unknown: Unknown,
    /// The most bytes of memory that [`Keys::Group`] may take.
    pub group_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keys: Keys::default(),
            narrow: Narrow::default(),
            encoding: None,
            selection: Selection::default(),
            unknown: Unknown::default(),
            group_bytes: 64 << 20,
        }
    }
}
