//! The options of a conversion.

use super::select::Selection;

/// What becomes of a key that an object has more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keys {
    /// It is written more than once. Readers of JSON differ in which they keep.
    #[default]
    Preserve,
    /// Objects are `{"type":"obj","val":[[key,value],…]}`, lists are `{"type":"array","val":[…]}`.
    Pairs,
    /// It is written once, with a list of its values. Holds the whole document back.
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

/// Which scalars may become numbers and truth values.
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
    /// UTF-8; bytes that are none become U+FFFD.
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

/// What becomes of numbers in a binary save that the token list has no name for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// They are written as `__unknown_0x1234`, those of the save's own strings as `__id_0x12`.
    #[default]
    Name,
    /// The save is refused.
    Refuse,
}

/// How a save is converted.
#[derive(Debug, Clone)]
pub struct Options {
    /// Keys that come more than once.
    pub keys: Keys,
    /// Numbers and truth values.
    pub narrow: Narrow,
    /// None goes by the game.
    pub encoding: Option<Encoding>,
    /// Which parts are written, and in which form.
    pub selection: Selection,
    /// Numbers without a name, in binary saves.
    pub unknown: Unknown,
    /// Bytes of memory that [`Keys::Group`] may take.
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
