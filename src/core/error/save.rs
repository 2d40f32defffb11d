//! The reason for the refusal of a save: the rule, the byte, the remedy.

use thiserror::Error;

/// The reason why a save could not be converted. The first error is the only one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The text or the tokens break the format.
    #[error("the save breaks a rule at byte {offset}: {}", rule.message())]
    Bad {
        /// The broken rule.
        rule: Rule,
        /// Bytes from the start of the member.
        offset: u64,
    },
    /// A key, a word or a quoted text is too long.
    #[error("the text that ends after byte {offset} is longer than {limit} bytes")]
    ScalarTooLong {
        /// Bytes from the start of the member.
        offset: u64,
        /// Bytes.
        limit: usize,
    },
    /// Too many open braces.
    #[error("more than {limit} braces are open at byte {offset}")]
    TooDeep {
        /// Bytes from the start of the member.
        offset: u64,
        /// Levels.
        limit: usize,
    },
    /// The grouping of keys holds the whole document back, and the document exceeds the memory limit.
    #[error(
        "grouping the keys of this save takes more than the {limit} bytes of memory it may have; keys=preserve and keys=pairs take none, select= takes less"
    )]
    Memory {
        /// Bytes.
        limit: usize,
    },
    /// The save is binary, and its token list is missing.
    #[error(
        "this {} save is binary, and its keys are numbers: bring the game's token list (a text file of lines like \"0x1234 name\"), or convert the save to text first",
        game
    )]
    BinarySave {
        /// The game's name, from the header.
        game: &'static str,
    },
    /// A number has no word in the token list, and the options make that an error.
    #[error("the token list has no name for {} 0x{token:04x} at byte {offset}", if *lookup { "lookup" } else { "token" })]
    UnknownToken {
        /// The number.
        token: u32,
        /// Whether the number refers to the save's own table of strings.
        lookup: bool,
        /// Bytes from the start of the member.
        offset: u64,
    },
}

/// A rule of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The text ended inside a value, or inside more than one open brace.
    Ended,
    /// A closing brace where a value belongs.
    ValueMissing,
    /// A brace that belongs to no key.
    Header,
    /// A closing brace that closes nothing.
    NothingOpen,
    /// `[` that does not start a parameter.
    Parameter,
    /// A parameter's name that does not end in `]`.
    ParameterName,
    /// A parameter inside a list of mixed content.
    ParameterInList,
    /// An operator after a brace.
    Operator,
    /// `!` without `=`.
    UnknownOperator,
    /// A number where a colour belongs.
    Colour,
}

impl Rule {
    fn message(self) -> &'static str {
        match self {
            Self::Ended => "it ends inside a value or an open brace",
            Self::ValueMissing => "a closing brace instead of a value",
            Self::Header => "an opening brace that belongs to no key",
            Self::NothingOpen => "a closing brace that closes nothing",
            Self::Parameter => "a bracket that starts no parameter",
            Self::ParameterName => "the name of a parameter that does not end in a bracket",
            Self::ParameterInList => "a parameter inside a list of mixed content",
            Self::Operator => "an operator that follows no word",
            Self::UnknownOperator => "an exclamation mark that is no operator",
            Self::Colour => "a colour that has not three or four numbers",
        }
    }
}

impl SaveError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bad { .. } => "bad_text",
            Self::ScalarTooLong { .. } => "scalar_too_long",
            Self::TooDeep { .. } => "too_deep",
            Self::Memory { .. } => "memory_limit",
            Self::BinarySave { .. } => "binary_save",
            Self::UnknownToken { .. } => "unknown_token",
        }
    }
}
