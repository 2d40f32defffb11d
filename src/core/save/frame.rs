//! The grammar's state: the expected tokens, and a record of each open brace.

use super::select::Reach;

/// The position of the grammar between two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A key or the end of an object comes next.
    Key,
    /// `{` came instead of a key. It opens the value of a header, or an empty pair without a meaning.
    KeyBrace,
    /// A key is held. Its operator comes next.
    AfterKey,
    /// The value of a pair comes next.
    Value,
    /// The first token inside a brace comes next.
    Open,
    /// `{` came as the first token in a brace. It begins a list of lists, or an empty pair without a meaning.
    OpenBrace,
    /// The first word in a brace is held. If an operator follows, the brace is an object.
    First,
    /// An element comes next, in a list or in an object's rest.
    List,
}

/// The kind of the next token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Open,
    Close,
    /// `]`, which also closes objects.
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

/// The closing marks to write after a value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Closers {
    /// The number of braces around the value: for its operator, for its header, for the pair that makes it an element.
    pub(super) braces: u8,
    /// A bracket, if pairs are lists.
    pub(super) bracket: bool,
    /// The end of a line.
    pub(super) line: bool,
}

/// An open brace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) is_list: bool,
    /// Whether the list continues as a list of mixed content after an inner brace closes.
    pub(super) is_mixed: bool,
    pub(super) is_empty: bool,
    /// The offset in the text where the rest of an object began. `None` before the rest.
    pub(super) rest: Option<usize>,
    pub(super) rest_is_empty: bool,
    pub(super) closers: Closers,
    /// Whether the brace is the value of a pair that is an element of a list.
    pub(super) in_pair: bool,
    pub(super) reach: Reach,
    /// Elements so far.
    pub(super) elements: u64,
}

/// An open brace that may still become an object or a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    pub(super) closers: Closers,
    pub(super) in_pair: bool,
    pub(super) reach: Reach,
}
