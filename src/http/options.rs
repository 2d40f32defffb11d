//! The query's options: quality, window and the upload's name.

use thiserror::Error as ThisError;

use crate::{OutOfRange, Parameters};

/// What the query asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) parameters: Parameters,
    pub(super) name: Option<String>,
}

/// An option that cannot be honoured.
#[derive(Debug, PartialEq, Eq, ThisError)]
pub(super) enum BadOption {
    #[error("there is no option {option:?}, only quality, lgwin and name")]
    Unknown { option: String },
    #[error("{option} is given twice, first as {first:?} and then as {second:?}")]
    Twice { option: String, first: String, second: String },
    #[error("{option} is {value:?}, it must be {range}")]
    OutOfRange { option: &'static str, value: String, range: String },
}

impl Options {
    /// Reads `query` as a form does (`+` is a space). Nothing is ignored: a misspelt option is an error.
    pub(super) fn parse(query: &str) -> Result<Self, BadOption> {
        let [mut quality, mut lgwin, mut name] = [const { None::<String> }; 3];
        for (option, value) in form_urlencoded::parse(query.as_bytes()) {
            let slot = match &*option {
                "quality" => &mut quality,
                "lgwin" => &mut lgwin,
                "name" => &mut name,
                _ => return Err(BadOption::Unknown { option: option.into_owned() }),
            };
            if let Some(first) = slot.take() {
                return Err(BadOption::Twice { option: option.into_owned(), first, second: value.into_owned() });
            }
            *slot = Some(value.into_owned());
        }

        let default = Parameters::default();
        // What is no number of 8 bits is as much out of range as 255 is, for both options.
        let number =
            |text: &Option<String>, default| text.as_ref().map_or(default, |text| text.parse().unwrap_or(u8::MAX));
        let lgwin_number = number(&lgwin, default.lgwin());
        let parameters = match quality.as_deref() {
            Some("auto") => Parameters::auto(lgwin_number),
            _ => Parameters::new(number(&quality, default.quality()), lgwin_number),
        };
        let parameters = parameters.map_err(|OutOfRange { option, min, max, .. }| {
            let (value, also) = if option == "quality" { (quality, " or auto") } else { (lgwin, "") };
            let value = value.expect("the defaults are in range");
            BadOption::OutOfRange { option, value, range: format!("{min} to {max}{also}") }
        })?;
        Ok(Self { parameters, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_within_their_ranges_are_taken() {
        for (query, quality, lgwin, name) in [
            ("", 9, 22, None),
            ("quality=0", 0, 22, None),
            ("quality=11", 11, 22, None),
            ("lgwin=10", 9, 10, None),
            ("lgwin=24", 9, 24, None),
            ("lgwin=16&quality=5", 5, 16, None),
            ("&quality=5&", 5, 22, None),
            ("%71uality=%35", 5, 22, None),
            ("name=a+b%20c.zip", 9, 22, Some("a b c.zip")),
            ("name=d%C3%A9j%C3%A0.zip&quality=1", 1, 22, Some("déjà.zip")),
            ("name=", 9, 22, Some("")),
        ] {
            let options = Options::parse(query).unwrap_or_else(|refused| panic!("{query:?}: {refused}"));
            assert_eq!(options.parameters, Parameters::new(quality, lgwin).unwrap(), "{query:?}");
            assert_eq!(options.name.as_deref(), name, "{query:?}");
        }
    }

    #[test]
    fn an_automatic_quality_is_asked_for_by_its_name() {
        for (query, lgwin) in [("quality=auto", 22), ("lgwin=18&quality=auto", 18)] {
            assert_eq!(Options::parse(query).unwrap().parameters, Parameters::auto(lgwin).unwrap(), "{query:?}");
        }
        let refused = Options::parse("quality=auto&lgwin=25").unwrap_err();
        assert_eq!(refused.to_string(), r#"lgwin is "25", it must be 10 to 24"#);
    }

    #[test]
    fn any_other_option_is_refused_with_its_name_value_and_range() {
        for (query, detail) in [
            ("quality=12", r#"quality is "12", it must be 0 to 11 or auto"#),
            ("quality=-1", r#"quality is "-1", it must be 0 to 11 or auto"#),
            ("quality=300", r#"quality is "300", it must be 0 to 11 or auto"#),
            ("quality=", r#"quality is "", it must be 0 to 11 or auto"#),
            ("quality", r#"quality is "", it must be 0 to 11 or auto"#),
            ("quality=+9", r#"quality is " 9", it must be 0 to 11 or auto"#),
            ("quality=9.5", r#"quality is "9.5", it must be 0 to 11 or auto"#),
            ("quality=best", r#"quality is "best", it must be 0 to 11 or auto"#),
            ("lgwin=9", r#"lgwin is "9", it must be 10 to 24"#),
            ("lgwin=25", r#"lgwin is "25", it must be 10 to 24"#),
            ("lgwin=22MB", r#"lgwin is "22MB", it must be 10 to 24"#),
            ("level=9", r#"there is no option "level", only quality, lgwin and name"#),
            ("Quality=9", r#"there is no option "Quality", only quality, lgwin and name"#),
            ("=9", r#"there is no option "", only quality, lgwin and name"#),
            ("quality=5&quality=6", r#"quality is given twice, first as "5" and then as "6""#),
            ("lgwin=20&lgwin=20", r#"lgwin is given twice, first as "20" and then as "20""#),
            ("name=a&name=b", r#"name is given twice, first as "a" and then as "b""#),
        ] {
            assert_eq!(Options::parse(query).unwrap_err().to_string(), detail, "{query:?}");
        }
    }
}
