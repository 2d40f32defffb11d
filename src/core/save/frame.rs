//! The grammar's state: what may come next, and what is remembered of an open brace.

use super::select::Reach;

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A key, or the end of an object.
    Key,
    /// `{` came instead of a key: a header's, or of an empty pair that means nothing.
    KeyBrace,
    /// An operator: the key is held.
    AfterKey,
    /// The value of a pair.
    Value,
    /// The first token inside a brace.
    Open,
    /// `{` came there: a list of lists, or an empty pair that means nothing.
    OpenBrace,
    /// An operator, if the brace is an object: its first word is held.
    First,
    /// An element of a list, or of an object's rest.
    List,
}

/// What comes next, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Open,
    Close,
    /// `]`, which closes objects too.
    Bracket,
    Operator,
    Other,
    /// Not known yet.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    NotEqual,
    Exact,
    Equal,
    Exists,
}

impl Operator {
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Less => b"LESS_THAN",
            Self::LessEqual => b"LESS_THAN_EQUAL",
            Self::Greater => b"GREATER_THAN",
            Self::GreaterEqual => b"GREATER_THAN_EQUAL",
            Self::NotEqual => b"NOT_EQUAL",
            Self::Exact => b"EXACT",
            Self::Equal => b"EQUAL",
            Self::Exists => b"EXISTS",
        }
    }

    pub(super) fn symbol(self) -> &'static [u8] {
        match self {
            Self::Less => b"<",
            Self::LessEqual => b"<=",
            Self::Greater => b">",
            Self::GreaterEqual => b">=",
            Self::NotEqual => b"!=",
            Self::Exact => b"==",
            Self::Equal => b"=",
            Self::Exists => b"?=",
        }
    }
}

/// What is written after a value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Closers {
    /// Braces around it: of its operator, its header, the pair that it is an element of.
    pub(super) braces: u8,
    /// The bracket of a pair, where pairs are lists.
    pub(super) bracket: bool,
    /// The end of a line.
    pub(super) line: bool,
}

/// An open brace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) is_list: bool,
    /// Whether it goes on as a list after a brace inside it closes.
    pub(super) is_mixed: bool,
    pub(super) is_empty: bool,
    /// Whether the rest of an object has begun, and where in the text.
    pub(super) rest: Option<usize>,
    pub(super) rest_is_empty: bool,
    pub(super) closers: Closers,
    /// Whether it is the value of a pair that is an element of a list.
    pub(super) in_pair: bool,
    pub(super) reach: Reach,
    /// Elements so far.
    pub(super) elements: u64,
}

/// A brace that is open, and may still be an object or a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    pub(super) closers: Closers,
    pub(super) in_pair: bool,
    pub(super) reach: Reach,
}
