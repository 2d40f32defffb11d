//! Settings of an installation, from variables named `RECOMPRESS_*`.
//!
//! A new variable is a line in [`Settings::from_variables`], rows in the tests, and a row in the table of docs/operating.md.

use std::time::Duration;

use http::StatusCode;
use recompress::{Limits, Parameters, largest_lgwin};
use recompress_service::Floor;
use thiserror::Error as ThisError;

use crate::{
    given::{BadOption, number_or_auto},
    origins::Origins,
    problem::Problem,
    token::Token,
};

/// The common prefix. An unknown variable with this prefix is an error: a misspelt name must not mean the default.
pub const VARIABLE_PREFIX: &str = "RECOMPRESS_";

/// An installation's settings; [`Settings::new`] has the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub(crate) limits: Limits,
    /// The default of requests that set none; `None` is automatic.
    pub(crate) quality: Option<u8>,
    pub(crate) lgwin: Option<u8>,
    /// The maximum, for requests and for the automatic choice.
    max_quality: u8,
    max_lgwin: u8,
    pub(crate) origins: Origins,
    /// Without a token, anyone may convert.
    pub(crate) token: Option<Token>,
    /// Access to stored archives, and their limits.
    pub(crate) archives: Archives,
    /// How long a request waits for memory while the queue does not move.
    pub(crate) wait: Duration,
    /// The slowest that a client may be while others wait.
    pub(crate) floor: Floor,
    /// Most bytes of one answer that wait for its reader.
    pub(crate) most_unread: u64,
}

/// Access to stored archives, and their limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archives {
    /// A token that may read, and list, and nothing else.
    pub(crate) read_token: Option<Token>,
    /// Without a token, anyone may do everything.
    pub(crate) open: bool,
    /// Reading needs a token too.
    pub(crate) private: bool,
    /// Most bytes of a stored archive, as a zip and as a tarball.
    pub(crate) most_bytes: u64,
    /// Most members of one.
    pub(crate) most_members: u64,
    /// Most bytes that are stored in a day, counted from midnight UTC.
    pub(crate) day_bytes: u64,
}

impl Default for Archives {
    fn default() -> Self {
        Self {
            read_token: None,
            open: false,
            private: false,
            most_bytes: 1 << 30,
            most_members: u64::MAX,
            day_bytes: u64::MAX,
        }
    }
}

/// Longer than a conversion that computes for as long as it may.
const WAIT: Duration = Duration::from_secs(30);

/// A fifth of what a phone on a train has.
const FLOOR: Floor = Floor { bytes: 8 << 10, period: Duration::from_secs(10) };

/// Enough for the answers of most clients that send everything before they read.
const MOST_UNREAD: u64 = 16 << 20;

/// A variable with an invalid name or value. The message hides secret values.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{variable} is {value}, it must be {range}")]
pub struct BadVariable {
    variable: String,
    value: String,
    range: String,
}

impl Settings {
    /// The defaults.
    pub fn new(limits: Limits) -> Self {
        let default = Parameters::default();
        let (quality, lgwin) = (Some(default.quality()), Some(default.lgwin()));
        Self {
            limits,
            quality,
            lgwin,
            max_quality: 11,
            max_lgwin: 24,
            origins: Origins::default(),
            token: None,
            archives: Archives::default(),
            wait: WAIT,
            floor: FLOOR,
            most_unread: MOST_UNREAD,
        }
    }

    /// Sets the most bytes of one answer that wait for its reader.
    pub fn with_most_unread(self, most_unread: u64) -> Self {
        Self { most_unread, ..self }
    }

    /// Reads those of `variables` whose names start with [`VARIABLE_PREFIX`].
    ///
    /// # Errors
    ///
    /// The variable that is unknown or has an invalid value.
    pub fn from_variables(
        limits: Limits,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, BadVariable> {
        let mut settings = Self::new(limits);
        let (mut quality, mut lgwin) = (None, None);
        for (variable, value) in variables {
            let Some(name) = variable.strip_prefix(VARIABLE_PREFIX) else { continue };
            let wrong = |range: &str| {
                let (variable, value) = (variable.clone(), format!("{value:?}"));
                BadVariable { variable, value, range: range.to_owned() }
            };
            let number = |least: u8, most: u8| match value.parse() {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(wrong(&format!("{least} to {most}"))),
            };
            let seconds = || match value.parse() {
                Ok(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
                _ => Err(wrong("1 to 3600 seconds")),
            };
            match name {
                "CPU_MS" => match value.parse() {
                    Ok(milliseconds) if milliseconds > 0 => settings.limits.cpu_ms = milliseconds,
                    _ => return Err(wrong("a number of milliseconds")),
                },
                "WAIT_S" => settings.wait = seconds()?,
                "FLOOR_S" => settings.floor.period = seconds()?,
                "FLOOR_BYTES_S" => {
                    settings.floor.bytes = value.parse().map_err(|_| wrong("a number of bytes, 0 for no floor"))?;
                }
                "QUALITY" => quality = Some((variable, value)),
                "LGWIN" => lgwin = Some((variable, value)),
                "MAX_QUALITY" => settings.max_quality = number(0, 11)?,
                "MAX_LGWIN" => settings.max_lgwin = number(10, 24)?,
                "ORIGINS" => {
                    let range = "* or origins like https://example.com";
                    settings.origins = Origins::parse(&value).ok_or_else(|| wrong(range))?;
                }
                "TOKEN" | "READ_TOKEN" => {
                    let refuse = || BadVariable {
                        value: "no token".to_owned(),
                        ..wrong("letters, digits and -._~+/ with = at the end")
                    };
                    let token = Some(Token::parse(&value).ok_or_else(refuse)?);
                    *(if name == "TOKEN" { &mut settings.token } else { &mut settings.archives.read_token }) = token;
                }
                "OPEN" | "PRIVATE" => {
                    let on = match &*value {
                        "0" => false,
                        "1" => true,
                        _ => return Err(wrong("0 or 1")),
                    };
                    let archives = &mut settings.archives;
                    *(if name == "OPEN" { &mut archives.open } else { &mut archives.private }) = on;
                }
                "MAX_STORED_BYTES" | "MAX_STORED_MEMBERS" | "DAY_BYTES" => {
                    let number =
                        value.parse().ok().filter(|&number: &u64| number > 0).ok_or_else(|| wrong("a number"))?;
                    let archives = &mut settings.archives;
                    *match name {
                        "MAX_STORED_BYTES" => &mut archives.most_bytes,
                        "MAX_STORED_MEMBERS" => &mut archives.most_members,
                        _ => &mut archives.day_bytes,
                    } = number;
                }
                _ => return Err(wrong("the name of a known variable")),
            }
        }
        // Configured defaults are checked against the maximums; built-in defaults are lowered to fit.
        settings.quality = settings.quality.map(|quality| quality.min(settings.max_quality));
        settings.lgwin = settings.lgwin.map(|lgwin| lgwin.min(settings.max_lgwin));
        if let Some((variable, value)) = quality {
            settings.quality = settings.quality(&value).map_err(|refused| BadVariable::from(variable, refused))?;
        }
        if let Some((variable, value)) = lgwin {
            settings.lgwin = settings.lgwin(&value).map_err(|refused| BadVariable::from(variable, refused))?;
        }
        Ok(settings)
    }

    pub(crate) fn quality(&self, text: &str) -> Result<Option<u8>, BadOption> {
        number_or_auto("quality", text, 0, self.max_quality)
    }

    /// `quality`, lowered to the maximum.
    pub(crate) fn at_most(&self, quality: u8) -> u8 {
        quality.min(self.max_quality)
    }

    pub(crate) fn lgwin(&self, text: &str) -> Result<Option<u8>, BadOption> {
        number_or_auto("lgwin", text, 10, self.max_lgwin)
    }

    /// The window of a request that sets none: the default, lowered where the quality needs a smaller one. With automatic
    /// quality the window is automatic too.
    pub(crate) fn usual_lgwin(&self, quality: Option<u8>) -> Option<u8> {
        match quality {
            Some(quality) => self.lgwin.map(|lgwin| lgwin.min(largest_lgwin(quality))),
            None if self.lgwin == Some(Parameters::default().lgwin()) => None,
            None => self.lgwin,
        }
    }

    /// Parameters from the values of [`Settings::quality`] and [`Settings::lgwin`].
    pub(crate) fn parameters(&self, quality: Option<u8>, lgwin: Option<u8>) -> Parameters {
        let window = lgwin.unwrap_or(self.max_lgwin);
        let parameters = match quality {
            Some(quality) => Parameters::new(quality, window),
            None => Parameters::auto(window),
        };
        let parameters = parameters.expect("the ranges were checked").at_most(self.max_quality, self.max_lgwin);
        if lgwin.is_some() { parameters } else { parameters.with_auto_lgwin() }
    }
}

impl From<&BadVariable> for Problem {
    fn from(variable: &BadVariable) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "misconfigured",
            title: "the installation is not configured right",
            detail: variable.to_string(),
            header: None,
        }
    }
}

impl BadVariable {
    fn from(variable: String, refused: BadOption) -> Self {
        match refused {
            BadOption::OutOfRange { value, range, .. } => Self { variable, value: format!("{value:?}"), range },
            other => unreachable!("one value is neither unknown nor twice: {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, BadVariable> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::from_variables(Limits::WORKER, owned)
    }

    #[test]
    fn variables_are_defaults_and_bounds() {
        let defaults = Settings::new(Limits::WORKER);
        assert_eq!(read(&[]).unwrap(), defaults);
        assert_eq!(read(&[("PATH", "x"), ("recompress_quality", "x")]).unwrap(), defaults, "not ours");
        for (variables, expected) in [
            (&[("RECOMPRESS_QUALITY", "5")][..], Settings { quality: Some(5), ..defaults.clone() }),
            (&[("RECOMPRESS_QUALITY", "auto")], Settings { quality: None, ..defaults.clone() }),
            (&[("RECOMPRESS_LGWIN", "auto")], Settings { lgwin: None, ..defaults.clone() }),
            (
                &[("RECOMPRESS_MAX_QUALITY", "5"), ("RECOMPRESS_MAX_LGWIN", "20")],
                Settings { quality: Some(5), lgwin: Some(20), max_quality: 5, max_lgwin: 20, ..defaults.clone() },
            ),
            (
                &[("RECOMPRESS_QUALITY", "4"), ("RECOMPRESS_MAX_QUALITY", "6")],
                Settings { quality: Some(4), max_quality: 6, ..defaults.clone() },
            ),
            (&[("RECOMPRESS_WAIT_S", "5")], Settings { wait: Duration::from_secs(5), ..defaults.clone() }),
            (
                &[("RECOMPRESS_FLOOR_S", "3600"), ("RECOMPRESS_FLOOR_BYTES_S", "0")],
                Settings { floor: Floor { bytes: 0, period: Duration::from_secs(3600) }, ..defaults.clone() },
            ),
            (
                &[("RECOMPRESS_CPU_MS", "1")],
                Settings { limits: Limits { cpu_ms: 1, ..Limits::WORKER }, ..defaults.clone() },
            ),
        ] {
            assert_eq!(read(variables).unwrap(), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_variable_that_is_wrong_does_not_pass_for_the_default() {
        for (variables, message) in [
            (&[("RECOMPRESS_QUALTY", "5")][..], r#"RECOMPRESS_QUALTY is "5", it must be the name of a known variable"#),
            (&[("RECOMPRESS_QUALITY", "12")], r#"RECOMPRESS_QUALITY is "12", it must be 0 to 11 or auto"#),
            (&[("RECOMPRESS_QUALITY", "")], r#"RECOMPRESS_QUALITY is "", it must be 0 to 11 or auto"#),
            (
                &[("RECOMPRESS_QUALITY", "9"), ("RECOMPRESS_MAX_QUALITY", "8")],
                r#"RECOMPRESS_QUALITY is "9", it must be 0 to 8 or auto"#,
            ),
            (&[("RECOMPRESS_LGWIN", "9")], r#"RECOMPRESS_LGWIN is "9", it must be 10 to 24 or auto"#),
            (&[("RECOMPRESS_MAX_LGWIN", "25")], r#"RECOMPRESS_MAX_LGWIN is "25", it must be 10 to 24"#),
            (&[("RECOMPRESS_MAX_QUALITY", "auto")], r#"RECOMPRESS_MAX_QUALITY is "auto", it must be 0 to 11"#),
            (&[("RECOMPRESS_WAIT_S", "1m")], r#"RECOMPRESS_WAIT_S is "1m", it must be 1 to 3600 seconds"#),
            (&[("RECOMPRESS_FLOOR_S", "0")], r#"RECOMPRESS_FLOOR_S is "0", it must be 1 to 3600 seconds"#),
            (
                &[("RECOMPRESS_FLOOR_BYTES_S", "8k")],
                r#"RECOMPRESS_FLOOR_BYTES_S is "8k", it must be a number of bytes, 0 for no floor"#,
            ),
            (&[("RECOMPRESS_CPU_MS", "25s")], r#"RECOMPRESS_CPU_MS is "25s", it must be a number of milliseconds"#),
            (
                &[("RECOMPRESS_ORIGINS", "a.example")],
                r#"RECOMPRESS_ORIGINS is "a.example", it must be * or origins like https://example.com"#,
            ),
            (
                &[("RECOMPRESS_TOKEN", "not this")],
                "RECOMPRESS_TOKEN is no token, it must be letters, digits and -._~+/ with = at the end",
            ),
            (&[("RECOMPRESS_CPU_MS", "0")], r#"RECOMPRESS_CPU_MS is "0", it must be a number of milliseconds"#),
        ] {
            assert_eq!(read(variables).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn what_is_chosen_automatically_stays_within_the_bounds() {
        let settings = read(&[("RECOMPRESS_MAX_QUALITY", "6"), ("RECOMPRESS_MAX_LGWIN", "19")]).unwrap();
        let chosen = settings.parameters(None, None).expecting(Some(1 << 20));
        assert_eq!((chosen.quality(), chosen.lgwin()), (6, 19));
        assert_eq!(settings.quality("7").unwrap_err().to_string(), r#"quality is "7", it must be 0 to 6 or auto"#);
    }
}
