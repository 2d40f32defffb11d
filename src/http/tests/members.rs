//! Requests that choose members, put them first, and ask for a report.

use super::*;

fn upload() -> Vec<u8> {
    archive(&[("gamestate", b"large"), ("logs/a.log", b"1"), ("meta", b"small")])
}

fn names(uri: &str, headers: &[(&str, &str)]) -> Vec<String> {
    let response = answer("POST", uri, headers, whole(&upload()));
    assert_eq!(response.status(), StatusCode::OK, "{uri}");
    members(&bytes(response.into_body())).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn members_are_chosen_and_put_first() {
    for (uri, expected) in [
        ("/?include=meta&include=logs", &["logs/a.log", "meta"][..]),
        ("/?exclude=**/*.log", &["gamestate", "meta"]),
        ("/?first=meta", &["meta", "gamestate", "logs/a.log"]),
        ("/?first=meta&exclude=gamestate&first=logs/a.log", &["meta", "logs/a.log"]),
    ] {
        assert_eq!(names(uri, &[]), expected, "{uri}");
    }
    assert_eq!(names("/", &[("recompress-first", "meta"), ("recompress-exclude", "logs, x")]), ["meta", "gamestate"]);
}

#[test]
fn a_choice_that_the_archive_cannot_meet_is_a_422() {
    for (uri, code, detail) in [
        ("/?include=nope", "nothing_selected", "none of the 3 members is selected: check include and exclude"),
        ("/?first=nope", "first_missing", r#""nope" must come first, but no member has that name"#),
    ] {
        let refused = answer("POST", uri, &[], whole(&upload()));
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let problem = json(refused);
        assert_eq!((problem["code"].as_str(), problem["detail"].as_str()), (Some(code), Some(detail)));
    }
}

#[test]
fn what_stands_too_far_before_who_comes_first_is_a_413() {
    let large = noise(400_000);
    let upload = archive(&[("large", &large), ("meta", b"1")]);
    let limits = Limits { memory_bytes: 300_000, ..Limits::WORKER };
    let service = Service::new(Settings::new(limits), BUDGET, Platform::default());
    let refused = block_on(service.serve(request("POST", "/?first=meta", &[], whole(&upload)), visit()));
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(json(refused)["code"], "first_too_late");
}

#[test]
fn the_mode_is_said_in_the_answer() {
    for mode in ["generic", "text", "font"] {
        let response = answer("POST", &format!("/?mode={mode}"), &[], whole(&upload()));
        assert_eq!(response.headers()["recompress-mode"], mode);
    }
}

#[test]
fn a_report_stands_behind_the_tarball_where_it_is_asked_for() {
    let tar = |uri| {
        let mut tar = Vec::new();
        let compressed = bytes(answer("POST", uri, &[], whole(&upload())).into_body());
        brotli::Decompressor::new(&compressed[..], 4096).read_to_end(&mut tar).unwrap();
        tar
    };
    let (plain, with_report) = (tar("/?report=0"), tar("/?report=1"));
    assert!(tar("/") == plain && with_report.starts_with(&plain));
    let record = String::from_utf8(with_report[with_report.len() - 2048..][..1024].to_vec()).unwrap();
    assert!(record.starts_with(r#"1024 comment={"members":3,"#), "{record}");
}
