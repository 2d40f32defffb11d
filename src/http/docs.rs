//! The API description: an OpenAPI document for programs, a page for people.

/// OpenAPI 3.1.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");

/// The same content as an HTML page that loads no other file.
pub(crate) const PAGE: &str = include_str!("docs.html");

/// The policy of that page, which has one style and loads nothing.
pub(crate) const POLICY: &str =
    "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-EO60Uo0uQo7gAKMvEKk/4zfEqtSmQq/CQ81E0dBbT2I='";

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use http::Method;
    use recompress::{Absent, Error, Format, Limit, Limits, Mode, Rule, SaveError, StoredError, Unsupported};

    use recompress_service::{Busy, Failure, TooMuchMemory};
    use serde_json::Value;
    use sha2::Digest;

    use super::*;
    use crate::{
        archives, base64, convert,
        form::BadForm,
        given::{self, BadOption},
        inspect, json,
        problem::Problem,
        route::PATHS,
        settings::Settings,
    };

    /// One error of each variant. If a new variant is missing here, the comparison of codes fails.
    fn errors() -> Vec<Error> {
        let [entry, name, problem, found] = [const { String::new() }; 4];
        let (what, place, limit) = ("", String::new(), 0);
        let format: Vec<Format> = vec![
            Format::NotZip { found },
            Format::UnexpectedRecord { offset: 0, found: 0 },
            Format::BadData { entry: entry.clone(), problem: what },
            Format::CrcMismatch { entry: entry.clone(), computed: 0, declared: 0 },
            Format::SizeMismatch { entry: entry.clone(), what, computed: 0, declared: 0 },
            Format::BadDescriptor { entry: entry.clone(), crc32: 0, compressed_size: 0, size: 0 },
            Format::StoredWithDescriptor { entry: entry.clone(), problem: problem.clone() },
            Format::BadZip64 { entry: entry.clone(), lacks: what },
            Format::DirectoryMismatch { problem },
            Format::BadEndRecord { field: what, declared: 0, actual: 0 },
            Format::ZipInComment { place },
            Format::TrailingData { offset: 0 },
            Format::PlaceholderSizes { entry: entry.clone() },
            Format::BadName { name: name.clone() },
            Format::NotInCharset { name: name.clone(), charset: what, problem: what },
            Format::UnsafeName { name: name.clone(), problem: what },
            Format::DuplicateName { name: name.clone(), problem: "their contents differ" },
            Format::NameConflict { name: name.clone() },
            Format::DirectoryWithData { entry: entry.clone() },
            Format::UnsafeLink { entry: entry.clone(), problem: what },
        ];
        let unsupported = vec![
            Unsupported::Encrypted { entry: entry.clone() },
            Unsupported::Method { entry: entry.clone(), method: 0, name: what },
            Unsupported::Stream { entry: entry.clone(), what },
            Unsupported::Flag { entry: entry.clone(), flags: 0 },
            Unsupported::MultiDisk,
            Unsupported::Prefixed { what: what.to_owned() },
        ];
        let limits = vec![
            Limit::NameTooLong { name: name.clone(), length: 0, limit },
            Limit::TooManyEntries { limit },
            Limit::Output { entry: entry.clone(), limit },
            Limit::Ratio { entry: entry.clone(), unpacked: 0, received: 0, limit },
            Limit::EntryTooLargeWithoutSize { entry, limit },
            Limit::FirstTooLate { first: name.clone(), limit },
            Limit::DirectoryNotAtHand { limit },
            Limit::Cpu { tarball: 0, quality: 0, limit_ms: 0 },
            Limit::CpuUnpacking { unpacked: 0, limit_ms: 0 },
            Limit::CpuSave { limit_ms: 0 },
            Limit::Memory { wanted: 0, limit },
            Limit::Window { wanted: 0, limit },
        ];
        let absent = vec![
            Absent::Selected { members: 0 },
            Absent::Save { name: name.clone(), members: 0 },
            Absent::First { name },
        ];
        let saves = vec![
            SaveError::Bad { rule: Rule::Ended, offset: 0 },
            SaveError::ScalarTooLong { offset: 0, limit: 0 },
            SaveError::TooDeep { offset: 0, limit: 0 },
            SaveError::Memory { limit: 0 },
            SaveError::BinarySave { game: what },
            SaveError::UnknownToken { token: 0, lookup: false, offset: 0 },
        ];
        let truncated = Error::Truncated { received: 0, inside: what };
        format
            .into_iter()
            .map(Error::from)
            .chain(unsupported.into_iter().map(Error::from))
            .chain(limits.into_iter().map(Error::from))
            .chain(absent.into_iter().map(Error::from))
            .chain(saves.into_iter().map(Error::from))
            .chain([truncated, StoredError::NoIndex.into()])
            .collect()
    }

    /// Status and code of every problem there is.
    fn problems() -> BTreeSet<(u64, String)> {
        let wrong = Settings::from_variables(Limits::WORKER, [("RECOMPRESS_X".to_owned(), String::new())]);
        let floor = Settings::new(Limits::WORKER).floor;
        let ours = [
            BadOption::Missing { option: "" }.into(),
            BadForm::NoFile.into(),
            Problem::not_found(""),
            Problem::method_not_allowed(&Method::GET, ""),
            Problem::content_encoding(&http::HeaderValue::from_static("gzip")),
            Problem::unauthorized(""),
            Problem::rate_limited(),
            Busy { detail: String::new(), retry_after: 1 }.into(),
            Failure::SlowUpload { received: 0, floor }.into(),
            Failure::SlowDownload { taken: 0, floor }.into(),
            Failure::AnswerUnread { received: 0, unread: 0, most: 0 }.into(),
            Failure::Stopped.into(),
            TooMuchMemory(String::new()).into(),
            (&wrong.unwrap_err()).into(),
        ];
        let document = |problem: Problem| {
            let document: Value = serde_json::from_slice(&problem.line()).unwrap();
            (document["status"].as_u64().unwrap(), document["code"].as_str().unwrap().to_owned())
        };
        let ours = ours.into_iter().chain(archives::refusal::all());
        ours.chain(errors().into_iter().map(Problem::from)).map(document).collect()
    }

    #[test]
    fn every_code_in_the_source_is_that_of_a_problem() {
        let quoted = |line: &'static str, before: &str| {
            let (_, rest) = line.trim().split_once(before)?;
            // The messages of rules have spaces.
            rest.split_once('"').map(|(code, _)| code).filter(|code| !code.contains(' '))
        };
        let refusals = include_str!("archives/refusal.rs").split("StatusCode::").skip(1);
        let refusals = refusals.filter_map(|rest| Some(rest.split_once('"')?.1.split_once('"')?.0));
        let in_source = [
            include_str!("../core/error.rs"),
            include_str!("../core/error/save.rs"),
            include_str!("../service/failure.rs"),
            include_str!("given.rs"),
            include_str!("problem.rs"),
            include_str!("settings.rs"),
        ]
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| quoted(line, "=> \"").or_else(|| quoted(line, "code: \"")))
        .chain(refusals)
        .map(str::to_owned)
        .collect::<BTreeSet<_>>();
        assert!(in_source.len() > 40, "{in_source:?}");
        assert_eq!(in_source, problems().into_iter().map(|(_, code)| code).collect());
    }

    fn openapi() -> Value {
        serde_json::from_str(OPENAPI).unwrap()
    }

    #[test]
    fn every_problem_is_described_under_its_status() {
        let mut described = BTreeSet::new();
        let openapi = openapi();
        for response in openapi["components"]["responses"].as_object().unwrap().values() {
            let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
            let Some(schema) = schema.as_str().and_then(|path| openapi.pointer(&path[1..])) else { continue };
            let status = schema["properties"]["status"]["enum"][0].as_u64().unwrap();
            let codes = schema["properties"]["code"]["enum"].as_array().unwrap();
            described.extend(codes.iter().map(|code| (status, code.as_str().unwrap().to_owned())));
        }
        assert_eq!(described, problems());
    }

    #[test]
    fn every_response_and_parameter_that_an_operation_names_is_there() {
        let openapi = openapi();
        let mut references = 0;
        fn walk<'a>(value: &'a Value, found: &mut impl FnMut(&'a str)) {
            match value {
                Value::Object(members) => {
                    if let Some(reference) = members.get("$ref") {
                        found(reference.as_str().unwrap());
                    }
                    members.values().for_each(|member| walk(member, found));
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
                _ => {}
            }
        }
        walk(&openapi, &mut |reference| {
            references += 1;
            assert!(openapi.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
        });
        assert!(references > 50);
    }

    #[test]
    fn every_path_and_method_is_described_and_no_other() {
        let openapi = openapi();
        let described = openapi["paths"].as_object().unwrap();
        let paths = PATHS.into_iter().chain(archives::PATHS);
        assert_eq!(described.len(), paths.clone().count());
        for (path, allow) in paths {
            // Every path answers these two in the same way, which the description says in words.
            let methods: BTreeSet<_> =
                allow.split(", ").filter(|method| !["HEAD", "OPTIONS"].contains(method)).collect();
            let operations = described[path].as_object().unwrap().keys().map(|method| method.to_uppercase());
            assert_eq!(operations.collect::<BTreeSet<_>>(), methods.iter().map(|&method| method.to_owned()).collect());
            for method in methods {
                let rows = PAGE.lines().filter(|line| line.contains(&format!("<td>{path}<td>")));
                assert!(rows.into_iter().any(|row| row.contains(method)), "{method} {path} on the page");
            }
        }
    }

    #[test]
    fn every_option_is_described_with_its_range() {
        let openapi = openapi();
        let parameters = openapi["components"]["parameters"].as_object().unwrap();
        let operations = [
            ("/", "post", &convert::OPTIONS[..]),
            ("/inspect", "post", &inspect::OPTIONS),
            ("/json", "post", &json::OPTIONS),
            ("/archives", "post", &archives::put::OPTIONS),
            ("/archives/{id}", "put", &archives::put::OPTIONS),
            ("/archives/{id}/json", "get", &archives::JSON_OPTIONS),
        ];
        for row in &given::TABLE {
            let header = format!("Recompress-{}{}", row.name[..1].to_uppercase(), &row.name[1..]);
            for (name, place) in [(row.name, "query"), (&header, "header")] {
                assert_eq!(parameters[name]["in"], place, "{name}");
                let taken = |reference: &Value| reference["$ref"] == format!("#/components/parameters/{name}");
                for (path, method, options) in operations {
                    let parameters = openapi["paths"][path][method]["parameters"].as_array().unwrap();
                    let is_described = parameters.iter().any(taken);
                    assert_eq!(is_described, options.contains(&row.name), "{name} of {path}");
                }
            }
            assert_eq!(parameters[row.name]["schema"]["type"] == "array", row.repeats, "{}", row.name);
            assert!(PAGE.contains(&format!("<td>{}<td>", row.name)), "{} on the page", row.name);
        }
        let settings = Settings::new(Limits::WORKER);
        for (option, read, default) in [
            (
                "quality",
                (|settings, text| Settings::quality(settings, text)) as fn(&Settings, &str) -> _,
                settings.quality,
            ),
            ("lgwin", |settings, text| Settings::lgwin(settings, text), settings.lgwin),
        ] {
            // Strings, not numbers or a word: generators make one type of that. No default: a client would send it, and the
            // same option in another place would be given twice.
            let schema = &parameters[option]["schema"];
            assert_eq!((&schema["type"], schema.get("default")), (&"string".into(), None), "{option}");
            let listed: Vec<&str> =
                schema["enum"].as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect();
            let all = (0..=30).map(|number: u8| number.to_string()).chain(["auto".to_owned()]);
            for value in all {
                assert_eq!(read(&settings, &value).is_ok(), listed.contains(&value.as_str()), "{option} {value}");
            }
            let default = format!("Default: {}.", default.unwrap());
            assert!(parameters[option]["description"].as_str().unwrap().contains(&default), "{option}: {default}");
        }
        let modes = parameters["mode"]["schema"]["enum"].as_array().unwrap();
        assert!(modes.iter().all(|mode| Mode::named(mode.as_str().unwrap()).is_some()) && modes.len() == 3);
    }

    #[test]
    fn the_policy_of_the_page_allows_its_style_alone() {
        let (_, style) = PAGE.split_once("<style>").unwrap();
        let (style, rest) = style.split_once("</style>").unwrap();
        let digest = base64::padded(&sha2::Sha256::digest(style));
        assert!(POLICY.ends_with(&format!("'sha256-{digest}'")), "{digest}");
        assert!(!["<style", "style=", "<script", "src="].iter().any(|other| rest.contains(other)));
    }

    #[test]
    fn the_page_has_every_problem() {
        let mut shown = BTreeSet::new();
        let table = PAGE.split_once("<tr><th>status<th>code").unwrap().1;
        for row in table.split("<tr><td>").skip(1) {
            let [status, code, meaning] = row.split("<td>").collect::<Vec<_>>()[..] else { panic!("{row}") };
            assert!(meaning.trim_end().ends_with('.') || meaning.contains("</table>"), "{row}");
            shown.insert((status.parse().unwrap(), code.to_owned()));
        }
        assert_eq!(shown, problems());
    }

    #[test]
    fn the_table_of_answers_has_every_problem_with_a_test_that_is_there() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut listed = BTreeSet::new();
        for row in read("docs/answers.md").lines().filter(|line| line.starts_with("| ") && line.contains("| `")) {
            let [_, status, code, _, proof, _] = row.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
                panic!("{row}")
            };
            let code = code.trim_matches('`');
            let (path, test) = proof.trim_start_matches('`').split_once("`: ").unwrap();
            let source = read(path);
            assert!(source.contains(test) && source.contains(&format!("\"{code}\"")), "{row}");
            assert!(listed.insert((status.parse().unwrap(), code.to_owned())), "{code} twice");
        }
        assert_eq!(listed, problems());
    }
}
