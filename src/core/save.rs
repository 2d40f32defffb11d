//! Saves of Paradox games as JSON.
//!
//! ```text
//! game       whose saves, in which encoding
//! options    what becomes of keys, numbers, unknown words
//! select     which parts are written, by their paths
//! scalar     bytes as JSON numbers and strings
//! blocks     a list that grows in blocks
//! group      equal keys brought together
//! json       the writer
//! frame      what the grammar remembers of an open brace
//! grammar    tokens in, JSON out; pairs.rs and list.rs are its halves
//! skip       the lexer of what is not selected
//! text       the lexer of text saves; parameter.rs is the part that scripts need
//! tokens     the words of binary saves
//! numbers    the numbers of binary saves
//! decode     the tokens of binary saves
//! binary     the lexer of binary saves
//! head       what the beginning says
//! converter  wires these
//! metadata   game, version, date, player, without the save
//! ```
//!
//! Imports point up this list.

mod binary;
mod blocks;
mod converter;
mod decode;
mod frame;
mod game;
mod grammar;
mod group;
mod head;
mod json;
mod list;
mod metadata;
mod numbers;
mod options;
mod pairs;
mod parameter;
mod scalar;
mod select;
mod skip;
mod text;
mod tokens;

pub use converter::Converter;
pub use decode::Words;
pub use game::Game;
pub use head::SavLine;
pub(crate) use head::{LENGTH as START_BYTES, is_plain};
pub use metadata::{Metadata, SaveForm};
pub use options::{Encoding, Keys, Narrow, Options, Unknown};
pub use select::{BadPath, Selection};
pub use tokens::{BadTokens, Lookups, Tokens};
