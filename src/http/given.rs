//! The options of a request as text, from the query, a header or a form field; `options.rs` interprets them.
//!
//! If you add an option: a row of [`TABLE`], a line in the handlers that take it, rows in the tests, a parameter in `openapi.json`.

use std::mem;

use http::{HeaderMap, StatusCode};
use recompress::{BadNames, BadSelection, save::BadPath};
use thiserror::Error as ThisError;

use crate::{headers::text, problem::Problem};

/// An option's name in the query and in a form. The header has the prefix `Recompress-`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OptionRow {
    pub(crate) name: &'static str,
    /// Whether it is a list: the values of all places together.
    pub(crate) repeats: bool,
}

/// Every option.
pub(crate) const TABLE: [OptionRow; 20] = [
    OptionRow { name: "quality", repeats: false },
    OptionRow { name: "lgwin", repeats: false },
    OptionRow { name: "mode", repeats: false },
    OptionRow { name: "include", repeats: true },
    OptionRow { name: "exclude", repeats: true },
    OptionRow { name: "first", repeats: true },
    OptionRow { name: "names", repeats: false },
    OptionRow { name: "directory", repeats: false },
    OptionRow { name: "seekable", repeats: false },
    OptionRow { name: "report", repeats: false },
    OptionRow { name: "member", repeats: false },
    OptionRow { name: "keys", repeats: false },
    OptionRow { name: "narrow", repeats: false },
    OptionRow { name: "encoding", repeats: false },
    OptionRow { name: "select", repeats: true },
    OptionRow { name: "lines", repeats: false },
    OptionRow { name: "unknown", repeats: false },
    OptionRow { name: "meta", repeats: false },
    OptionRow { name: "expires", repeats: false },
    OptionRow { name: "name", repeats: false },
];

const HEADER_PREFIX: &str = "recompress-";

/// Where an option was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Query,
    Header,
    Form,
}

/// The given values, by row of [`TABLE`].
#[derive(Debug, Default)]
pub(crate) struct Given(Vec<(&'static OptionRow, Place, String)>);

/// An option that cannot be honoured.
#[derive(Debug, PartialEq, Eq, ThisError)]
pub(crate) enum BadOption {
    #[error("there is no option {option:?}, only {}", names())]
    Unknown { option: String },
    #[error("there is no option {option:?} here, only {known}")]
    NoSuchQuery { option: String, known: &'static str },
    #[error("{option} is given twice, as {first:?} and as {second:?}")]
    Twice { option: &'static str, first: String, second: String },
    #[error("{option} is {value:?}, it must be {range}")]
    OutOfRange { option: &'static str, value: String, range: String },
    #[error(transparent)]
    Selection(#[from] BadSelection),
    #[error(transparent)]
    Names(#[from] BadNames),
    #[error(transparent)]
    Path(#[from] BadPath),
    #[error("{option} is not an option of this route")]
    Elsewhere { option: &'static str },
    #[error("seekable is \"1\", it needs quality 5 or more and lgwin 18 or more")]
    NoSegments,
    #[error("{option} is missing")]
    Missing { option: &'static str },
}

fn names() -> String {
    let (last, others) = TABLE.split_last().expect("there are options");
    format!("{} and {}", others.iter().map(|row| row.name).collect::<Vec<_>>().join(", "), last.name)
}

impl Given {
    /// The options in the request's head. A misspelt option is an error, never ignored.
    pub(crate) fn by_head(query: &str, headers: &HeaderMap) -> Result<Self, BadOption> {
        let mut given = Self::default();
        for (option, value) in form_urlencoded::parse(query.as_bytes()) {
            given.add(Place::Query, &option, value.into_owned())?;
        }
        for name in headers.keys() {
            let Some(option) = name.as_str().strip_prefix(HEADER_PREFIX) else { continue };
            // Several lines of a header mean the same as one line with commas (RFC 9110 §5.3), and some servers join them.
            let lines: Vec<_> = headers.get_all(name).iter().map(text).collect();
            let value = lines.join(", ");
            match row(option)? {
                OptionRow { repeats: true, .. } => {
                    for member in value.split(',').map(str::trim).filter(|member| !member.is_empty()) {
                        given.add(Place::Header, option, member.to_owned())?;
                    }
                }
                _ => given.add(Place::Header, option, value)?,
            }
        }
        Ok(given)
    }

    /// Adds one value. A second value of the same option is an error, unless the option is a list or another place repeats
    /// the same value.
    pub(crate) fn add(&mut self, place: Place, option: &str, value: String) -> Result<(), BadOption> {
        let row = row(option)?;
        if !row.repeats
            && let Some((_, first_place, first)) = self.0.iter().find(|(given, ..)| *given == row)
        {
            if *first_place == place || *first != value {
                return Err(BadOption::Twice { option: row.name, first: first.clone(), second: value });
            }
            return Ok(());
        }
        self.0.push((row, place, value));
        Ok(())
    }

    /// Refuses every option that is not in `names`, because it would have no effect on this path.
    pub(crate) fn expect_only(&self, names: &[&str]) -> Result<(), BadOption> {
        match self.0.iter().find(|(row, ..)| !names.contains(&row.name)) {
            Some((row, ..)) => Err(BadOption::Elsewhere { option: row.name }),
            None => Ok(()),
        }
    }

    /// All values of an option, the query's first.
    pub(crate) fn all(&self, option: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(row, ..)| row.name == option).map(|(.., value)| value.as_str())
    }

    /// The value of an option that is not a list.
    pub(crate) fn one(&self, option: &str) -> Option<&str> {
        self.all(option).next()
    }

    /// The value of an option that is one of several words. `range` lists them for the error.
    pub(crate) fn choice<T>(
        &self,
        option: &'static str,
        named: impl Fn(&str) -> Option<T>,
        range: impl Fn() -> String,
    ) -> Result<Option<T>, BadOption> {
        let Some(text) = self.one(option) else { return Ok(None) };
        let out_of_range = || BadOption::OutOfRange { option, value: text.to_owned(), range: range() };
        named(text).map(Some).ok_or_else(out_of_range)
    }
}

fn row(option: &str) -> Result<&'static OptionRow, BadOption> {
    TABLE.iter().find(|row| row.name == option).ok_or_else(|| BadOption::Unknown { option: option.to_owned() })
}

/// Whether a form's field is an option, or probably was meant as one.
pub(crate) fn resembles_option(field: &str) -> bool {
    let plain: String = field.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let plain = plain.strip_prefix("recompress").unwrap_or(&plain);
    // Names of four letters have too many neighbours that mean something else, like "game" and "name".
    let slips = |option: &str| option.len().saturating_sub(4).min(2);
    TABLE.iter().any(|row| distance(plain, row.name) <= slips(row.name))
}

/// Letters to insert, remove or replace to turn one word into the other (Levenshtein distance).
pub(crate) fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().take(32).enumerate() {
        let mut corner = mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let replaced = corner + usize::from(a != b);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

/// A number from `least` to `most`; `None` for `auto`.
pub(crate) fn number_or_auto(option: &'static str, text: &str, least: u8, most: u8) -> Result<Option<u8>, BadOption> {
    // `parse` alone would accept `+9`.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits && (least..=most).contains(&number) => Ok(Some(number)),
        _ if text == "auto" => Ok(None),
        _ => {
            let range = format!("{least} to {most} or auto");
            Err(BadOption::OutOfRange { option, value: text.to_owned(), range })
        }
    }
}

impl From<BadOption> for Problem {
    fn from(option: BadOption) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "bad_option",
            title: "an option is not valid",
            detail: option.to_string(),
            header: None,
        }
    }
}
