//! The options that were given: each by the query, by a header, or by a field of a form; not understood yet.
//!
//! A new option is a row of [`TABLE`], a line in `Options::read`, rows in the tests, and a parameter in `openapi.json`.

use http::{HeaderMap, StatusCode};
use recompress::BadSelection;
use thiserror::Error as ThisError;

use crate::{headers::text, problem::Problem};

/// An option's name in the query and in a form. As a header it is `Recompress-` and the same.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OptionRow {
    pub(crate) name: &'static str,
    /// Whether it is a list: given several times, in whatever ways, it has all these values.
    pub(crate) repeats: bool,
}

/// Every option there is.
pub(crate) const TABLE: [OptionRow; 8] = [
    OptionRow { name: "quality", repeats: false },
    OptionRow { name: "lgwin", repeats: false },
    OptionRow { name: "mode", repeats: false },
    OptionRow { name: "include", repeats: true },
    OptionRow { name: "exclude", repeats: true },
    OptionRow { name: "first", repeats: true },
    OptionRow { name: "report", repeats: false },
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

/// What was given, by row of [`TABLE`], not understood yet.
#[derive(Debug, Default)]
pub(crate) struct Given(Vec<(&'static OptionRow, Place, String)>);

/// An option that cannot be honoured.
#[derive(Debug, PartialEq, Eq, ThisError)]
pub(crate) enum BadOption {
    #[error("there is no option {option:?}, only {}", names())]
    Unknown { option: String },
    #[error("{option} is given twice, as {first:?} and as {second:?}")]
    Twice { option: &'static str, first: String, second: String },
    #[error("{option} is {value:?}, it must be {range}")]
    OutOfRange { option: &'static str, value: String, range: String },
    #[error(transparent)]
    Selection(#[from] BadSelection),
    #[error("{option} has no meaning here")]
    Elsewhere { option: &'static str },
    #[error("{option} is missing")]
    Missing { option: &'static str },
}

fn names() -> String {
    let (last, others) = TABLE.split_last().expect("there are options");
    format!("{} and {}", others.iter().map(|row| row.name).collect::<Vec<_>>().join(", "), last.name)
}

impl Given {
    /// What the request's head asks for. Nothing is ignored: a misspelt option is an error.
    pub(crate) fn by_head(query: &str, headers: &HeaderMap) -> Result<Self, BadOption> {
        let mut given = Self::default();
        for (option, value) in form_urlencoded::parse(query.as_bytes()) {
            given.add(Place::Query, &option, value.into_owned())?;
        }
        for name in headers.keys() {
            let Some(option) = name.as_str().strip_prefix(HEADER_PREFIX) else { continue };
            // Several lines of a header mean the same as one with commas (RFC 9110 §5.3), and some servers make that of them.
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

    /// Adds one value. A second one of the same option is an error, unless the option is a list, or says in another place
    /// just what the first does.
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

    /// Refuses all options but those of `names`, where the others would change nothing.
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

    /// The value of an option that is no list.
    pub(crate) fn one(&self, option: &str) -> Option<&str> {
        self.all(option).next()
    }
}

fn row(option: &str) -> Result<&'static OptionRow, BadOption> {
    TABLE.iter().find(|row| row.name == option).ok_or_else(|| BadOption::Unknown { option: option.to_owned() })
}

/// A number from `least` to `most`, or `auto`, which is none.
pub(crate) fn number_or_auto(option: &'static str, text: &str, least: u8, most: u8) -> Result<Option<u8>, BadOption> {
    // `parse` alone takes `+9`.
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
