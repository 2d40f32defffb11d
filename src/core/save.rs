//! Saves of Paradox games as JSON.
//!
//! ```text
//! game       the games, and the encodings of their saves
//! options    the treatment of keys, numbers, unknown words
//! select     the parts to write, by their paths
//! float      the shortest text of a floating-point number
//! scalar     bytes to JSON numbers and strings
//! blocks     a list that grows in blocks
//! group      the values of equal keys, as one list
//! json       the JSON writer
//! frame      the grammar's state for an open brace
//! grammar    tokens in, JSON out; pairs.rs and list.rs are its halves
//! skip       the lexer of unselected parts
//! text       the lexer of text saves; parameter.rs reads the parameters of scripts
//! tokens     the words of binary saves
//! numbers    the numbers of binary saves
//! decode     the tokens of binary saves
//! binary     the lexer of binary saves
//! head       the first bytes of a save: game, form, version
//! converter  the parts above, connected
//! metadata   game, version, date, player, without a conversion of the save
//! ```
//!
//! Imports point up this list, with two exceptions: `game` names the encodings of `options`, and `skip` shares the rules of
//! `text`.

#[cfg(feature = "binary")]
mod binary;
mod blocks;
mod converter;
#[cfg(feature = "binary")]
mod decode;
mod float;
mod frame;
mod game;
mod grammar;
mod group;
mod head;
mod json;
mod list;
mod metadata;
#[cfg(feature = "binary")]
mod numbers;
mod options;
mod pairs;
mod parameter;
mod scalar;
mod select;
mod skip;
mod text;
#[cfg_attr(not(feature = "binary"), expect(dead_code, reason = "only binary saves look words up"))]
mod tokens;

pub use converter::Converter;
pub use game::Game;
pub(crate) use head::{LENGTH as START_BYTES, is_plain};
pub use metadata::{Metadata, SaveForm};
pub use options::{Encoding, Keys, Narrow, Options, Unknown};
pub use select::{BadPath, Selection};
pub use tokens::{BadTokens, Lookups, Tokens, Words};

pub use crate::zip::format::sav_header::SavLine;
