//! Options: the given texts interpreted, with the installation's defaults for the rest.

use recompress::{Decode, Mode, Names, Parameters, Selection, When};

use crate::{
    given::{BadOption, Given},
    settings::Settings,
};

/// The options of one request.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) parameters: Parameters,
    pub(crate) selection: Selection,
    pub(crate) names: Names,
    pub(crate) directory: When,
    pub(crate) report: bool,
    pub(crate) name: Option<String>,
}

impl Options {
    pub(crate) fn read(given: &Given, settings: &Settings, decode: Option<Decode>) -> Result<Self, BadOption> {
        let given_quality = given.one("quality").map(|text| settings.quality(text)).transpose()?;
        let quality = given_quality.unwrap_or(settings.quality);
        let lgwin =
            given.one("lgwin").map_or_else(|| Ok(settings.usual_lgwin(quality)), |text| settings.lgwin(text))?;
        let mode = given.choice("mode", Mode::named, || "generic, text or font".to_owned())?.unwrap_or_default();
        let report = switch(given, "report")?.unwrap_or_default();
        let mut parameters = settings.parameters(quality, lgwin).with_mode(mode);
        if let Some(seekable) = switch(given, "seekable")? {
            parameters = parameters.with_index(seekable);
            if seekable && !parameters.can_have_index() {
                return Err(BadOption::NoSegments);
            }
        }
        Ok(Self {
            // Only a quality that the client asks for may fail for its CPU time.
            parameters: if given_quality.is_some() { parameters } else { parameters.or_lower() },
            selection: Selection::new(given.all("include"), given.all("exclude"), given.all("first"))?,
            names: names(given, decode)?,
            directory: given.choice("directory", When::named, || When::NAMES.to_owned())?.unwrap_or_default(),
            report,
            name: given.one("name").map(str::to_owned),
        })
    }
}

/// An option that is `0` or `1`.
pub(crate) fn switch(given: &Given, option: &'static str) -> Result<Option<bool>, BadOption> {
    let named = |text: &str| matches!(text, "0" | "1").then(|| text == "1");
    given.choice(option, named, || "0 or 1".to_owned())
}

/// How members' names are decoded.
pub(crate) fn names(given: &Given, decode: Option<Decode>) -> Result<Names, BadOption> {
    Ok(given.one("names").map_or(Ok(Names::default()), |value| Names::new(value, decode))?)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use recompress::Limits;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn read(query: &str, lines: &[(&'static str, &'static str)]) -> Result<Options, BadOption> {
        Options::read(
            &Given::by_head(query, &headers(lines))?,
            &Settings::new(Limits::WORKER),
            Some(|_, _| String::new()),
        )
    }

    #[test]
    fn options_within_their_ranges_are_taken() {
        for (query, quality, lgwin, name) in [
            ("", 9, 22, None),
            ("quality=0", 0, 22, None),
            ("quality=11", 11, 21, None),
            ("quality=10", 10, 21, None),
            ("quality=10&lgwin=22", 10, 22, None),
            ("lgwin=10", 9, 10, None),
            ("lgwin=24", 9, 24, None),
            ("lgwin=16&quality=5", 5, 16, None),
            ("&quality=5&", 5, 22, None),
            ("%71uality=%35", 5, 22, None),
            ("name=a+b%20c.zip", 9, 22, Some("a b c.zip")),
            ("name=d%C3%A9j%C3%A0.zip&quality=1", 1, 22, Some("déjà.zip")),
            ("name=", 9, 22, Some("")),
        ] {
            let options = read(query, &[]).unwrap_or_else(|refused| panic!("{query:?}: {refused}"));
            let fixed = Parameters::new(quality, lgwin).unwrap();
            let expected = if query.contains("uality=") { fixed } else { fixed.or_lower() };
            assert_eq!(options.parameters, expected, "{query:?}");
            assert_eq!(options.name.as_deref(), name, "{query:?}");
        }
    }

    #[test]
    fn what_is_automatic_is_asked_for_by_its_name() {
        for (query, expected) in [
            ("quality=auto", Parameters::auto(22).unwrap().with_auto_lgwin()),
            ("quality=auto&lgwin=22", Parameters::auto(22).unwrap()),
            ("lgwin=18&quality=auto", Parameters::auto(18).unwrap()),
            ("lgwin=auto", Parameters::default().or_lower().with_auto_lgwin()),
            ("lgwin=auto&quality=auto", Parameters::auto(22).unwrap().with_auto_lgwin()),
        ] {
            assert_eq!(read(query, &[]).unwrap().parameters, expected, "{query:?}");
        }
        let refused = read("quality=auto&lgwin=25", &[]).unwrap_err();
        assert_eq!(refused.to_string(), r#"lgwin is "25", it must be 10 to 24 or auto"#);
    }

    #[test]
    fn a_mode_a_choice_of_members_and_a_report_are_taken() {
        for mode in Mode::ALL {
            let options = read(&format!("mode={}", mode.name()), &[]).unwrap();
            assert_eq!(options.parameters, Parameters::default().or_lower().with_mode(mode));
        }
        for (query, report) in [("", false), ("report=0", false), ("report=1", true)] {
            assert_eq!(read(query, &[]).unwrap().report, report, "{query}");
        }
        for (query, directory) in [
            ("", When::Auto),
            ("directory=auto", When::Auto),
            ("directory=first", When::First),
            ("directory=last", When::Last),
        ] {
            assert_eq!(read(query, &[]).unwrap().directory, directory, "{query}");
        }
        for (query, parameters) in [
            ("seekable=1", Parameters::default().with_index(true).or_lower()),
            ("seekable=1&quality=5&lgwin=18", Parameters::new(5, 18).unwrap().with_index(true)),
            ("seekable=0&quality=2", Parameters::new(2, 22).unwrap().with_index(false)),
        ] {
            assert_eq!(read(query, &[]).unwrap().parameters, parameters, "{query}");
        }
        let expected = Selection::new(["a", "b/*"], ["c"], ["a", "b/d"]).unwrap();
        let by_query = "include=a&include=b/*&exclude=c&first=a&first=b/d";
        assert_eq!(read(by_query, &[]).unwrap().selection, expected);
        let by_header = [
            ("recompress-include", "a, b/*"),
            ("recompress-exclude", "c"),
            ("recompress-first", "a"),
            ("recompress-first", "b/d"),
        ];
        assert_eq!(read("", &by_header).unwrap().selection, expected);
        assert_eq!(
            read("include=a", &[("recompress-include", "b/*")]).unwrap().selection,
            Selection::new(["a", "b/*"], [], []).unwrap()
        );
        assert_eq!(
            read("include=a,b", &[]).unwrap().selection,
            Selection::new(["a,b"], [], []).unwrap(),
            "a comma parts headers alone"
        );
    }

    #[test]
    fn a_header_says_the_same_as_the_query() {
        let by_query = read("quality=5&lgwin=auto&name=a.zip", &[]).unwrap();
        let by_header =
            [("recompress-quality", "5"), ("recompress-lgwin", "auto"), ("recompress-name", "a.zip"), ("accept", "x")];
        assert_eq!(format!("{:?}", read("", &by_header).unwrap()), format!("{by_query:?}"));
        let again = read("lgwin=auto&name=a.zip", &by_header).unwrap();
        assert_eq!(format!("{again:?}"), format!("{by_query:?}"), "and may say it again");
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
            ("quality=%2B9", r#"quality is "+9", it must be 0 to 11 or auto"#),
            ("quality=9.5", r#"quality is "9.5", it must be 0 to 11 or auto"#),
            ("quality=Auto", r#"quality is "Auto", it must be 0 to 11 or auto"#),
            ("lgwin=9", r#"lgwin is "9", it must be 10 to 24 or auto"#),
            ("lgwin=25", r#"lgwin is "25", it must be 10 to 24 or auto"#),
            ("lgwin=22MB", r#"lgwin is "22MB", it must be 10 to 24 or auto"#),
            ("mode=Text", r#"mode is "Text", it must be generic, text or font"#),
            (
                "names=latin1",
                r#"names is "latin1", it must be cp437, utf-8, cp932, big5, gbk, euc-kr or plain, or one of them and plain with a comma"#,
            ),
            ("mode=", r#"mode is "", it must be generic, text or font"#),
            ("report=yes", r#"report is "yes", it must be 0 or 1"#),
            ("directory=front", r#"directory is "front", it must be auto, first or last"#),
            ("seekable=2", r#"seekable is "2", it must be 0 or 1"#),
            ("seekable=1&quality=4", r#"seekable is "1", it needs quality 5 or more and lgwin 18 or more"#),
            ("seekable=1&lgwin=17", r#"seekable is "1", it needs quality 5 or more and lgwin 18 or more"#),
            ("include=", r#"include is "": it is empty"#),
            ("exclude=a&exclude=../b", r#"exclude is "../b": no name has a component "." or "..""#),
            ("first=a&first=a", r#"first is "a": it is given twice"#),
            ("mode=text&mode=font", r#"mode is given twice, as "text" and as "font""#),
            (
                "level=9",
                r#"there is no option "level", only quality, lgwin, mode, include, exclude, first, names, directory, seekable, report, member, keys, narrow, encoding, select, lines, unknown, meta, expires and name"#,
            ),
            (
                "Quality=9",
                r#"there is no option "Quality", only quality, lgwin, mode, include, exclude, first, names, directory, seekable, report, member, keys, narrow, encoding, select, lines, unknown, meta, expires and name"#,
            ),
            (
                "=9",
                r#"there is no option "", only quality, lgwin, mode, include, exclude, first, names, directory, seekable, report, member, keys, narrow, encoding, select, lines, unknown, meta, expires and name"#,
            ),
            ("quality=5&quality=6", r#"quality is given twice, as "5" and as "6""#),
            ("lgwin=20&lgwin=20", r#"lgwin is given twice, as "20" and as "20""#),
            ("name=a&name=b", r#"name is given twice, as "a" and as "b""#),
        ] {
            assert_eq!(read(query, &[]).unwrap_err().to_string(), detail, "{query:?}");
        }
    }

    #[test]
    fn a_header_that_is_no_option_or_contradicts_the_query_is_refused() {
        for (query, lines, detail) in [
            (
                "",
                &[("recompress-level", "9")][..],
                r#"there is no option "level", only quality, lgwin, mode, include, exclude, first, names, directory, seekable, report, member, keys, narrow, encoding, select, lines, unknown, meta, expires and name"#,
            ),
            (
                "",
                &[("recompress-", "9")],
                r#"there is no option "", only quality, lgwin, mode, include, exclude, first, names, directory, seekable, report, member, keys, narrow, encoding, select, lines, unknown, meta, expires and name"#,
            ),
            ("", &[("recompress-quality", "12")], r#"quality is "12", it must be 0 to 11 or auto"#),
            (
                "",
                &[("recompress-quality", "5"), ("recompress-quality", "5")],
                r#"quality is "5, 5", it must be 0 to 11 or auto"#,
            ),
            ("quality=5", &[("recompress-quality", "6")], r#"quality is given twice, as "5" and as "6""#),
        ] {
            assert_eq!(read(query, lines).unwrap_err().to_string(), detail, "{query:?} {lines:?}");
        }
    }
}
