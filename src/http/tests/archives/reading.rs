//! Archives that are read: whole, by range, by member, as JSON.

use super::*;

const BR: (&str, &str) = ("accept-encoding", "gzip, br");

#[test]
fn an_archive_has_two_labels_and_a_tag_for_each() {
    let site = Site::new(&[]);
    let (zip, _) = sample();
    let record = site.put("/archives/a", &zip);
    let etag = record["etag"].as_str().unwrap();
    let file = site.get("/archives/a", &[]);
    assert_eq!(header(&file, "content-type"), "application/x-brotli-compressed-tar");
    assert_eq!(header(&file, "etag"), format!("\"{etag}\""));
    assert_eq!(header(&file, "cache-control"), "public, no-cache, no-transform");
    assert_eq!(header(&file, "content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(header(&file, "x-content-type-options"), "nosniff");
    assert_eq!(header(&file, "content-disposition"), "attachment; filename=\"a.tar.br\"");
    let encoded = site.get("/archives/a", &[("accept", "application/x-tar"), BR]);
    assert_eq!(header(&encoded, "content-type"), "application/x-tar");
    assert_eq!(header(&encoded, "content-encoding"), "br");
    assert_eq!(header(&encoded, "etag"), format!("\"{etag}-tar\""));
    assert_eq!(header(&encoded, "vary"), "Accept, Accept-Encoding");
    assert!(bytes(file.into_body()) == bytes(encoded.into_body()));
    let head = site.ask("HEAD", "/archives/a", &[("range", "bytes=0-0")], Upload::default());
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, &*record["bytes"].to_string()));
    assert!(bytes(head.into_body()).is_empty());
}

#[test]
fn a_client_that_has_the_archive_gets_a_304_and_parts_by_range() {
    let site = Site::new(&[]);
    let (zip, _) = sample();
    let etag = format!("\"{}\"", site.put("/archives/a", &zip)["etag"].as_str().unwrap());
    let all = bytes(site.get("/archives/a", &[]).into_body());
    for (line, status) in
        [(etag.clone(), 304), (format!("W/{etag}"), 304), ("*".to_owned(), 304), ("\"x\"".to_owned(), 200)]
    {
        let response = site.get("/archives/a", &[("if-none-match", &line)]);
        assert_eq!((response.status().as_u16(), header(&response, "etag")), (status, &*etag), "{line}");
    }
    assert_eq!(site.code("GET", "/archives/a", &[("if-match", "\"x\"")], Upload::default()), refusal(412, "changed"));
    let length = all.len();
    for (range, expected) in [
        ("bytes=0-9".to_owned(), 0..10),
        (format!("bytes={}-", length - 5), length - 5..length),
        ("bytes=-3".to_owned(), length - 3..length),
        ("bytes=100-99999999".to_owned(), 100..length),
    ] {
        let response = site.get("/archives/a", &[("range", &range), ("if-range", &etag)]);
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        let line = format!("bytes {}-{}/{length}", expected.start, expected.end - 1);
        assert_eq!(
            (header(&response, "content-range"), header(&response, "content-length")),
            (&*line, &*expected.len().to_string())
        );
        assert!(bytes(response.into_body()) == all[expected], "{range}");
    }
    let response = site.get("/archives/a", &[("range", "bytes=0-9"), ("if-range", "\"x\"")]);
    assert_eq!(response.status(), StatusCode::OK);
    let response = site.get("/archives/a", &[("range", &format!("bytes={length}-"))]);
    assert_eq!(header(&response, "content-range"), format!("bytes */{length}"));
    assert_eq!(outcome(response), refusal(416, "bad_range"));
}

#[test]
fn a_large_member_goes_out_as_it_is_stored_and_a_small_one_is_decoded() {
    let site = Site::new(&[]);
    let (zip, large) = sample();
    let etag = site.put("/archives/a", &zip)["etag"].as_str().unwrap().to_owned();
    let stored = site.get("/archives/a/members/gamestate", &[BR]);
    assert_eq!(header(&stored, "content-encoding"), "br");
    assert_eq!(header(&stored, "etag"), format!("\"{etag}.1-br\""));
    assert_eq!(header(&stored, "content-type"), "application/octet-stream");
    assert_eq!(header(&stored, "content-disposition"), "attachment; filename=\"gamestate\"");
    assert_eq!(stored.body().size_hint().exact().unwrap().to_string(), header(&stored, "content-length"));
    assert!(!stored.body().holds_memory());
    let br = bytes(stored.into_body());
    assert_eq!(br[..2], [0x6b, 0]);
    assert!(inflated(&br) == large);
    let decoded = site.get("/archives/a/members/gamestate", &[]);
    assert_eq!(header(&decoded, "content-encoding"), "");
    assert_eq!(header(&decoded, "content-length"), large.len().to_string());
    assert_eq!(header(&decoded, "etag"), format!("\"{etag}.1\""));
    assert!(bytes(decoded.into_body()) == large);
    for (name, contents, content_type) in [
        ("meta", &b"date=1444.11.11\n"[..], "application/octet-stream"),
        ("dir/read%20me.TXT", b"hello", "text/plain; charset=utf-8"),
        ("dir%2Fread%20me.TXT", b"hello", "text/plain; charset=utf-8"),
        ("a.html", b"<script>", "application/octet-stream"),
    ] {
        let response = site.get(&format!("/archives/a/members/{name}"), &[BR]);
        assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, content_type), "{name}");
        assert_eq!(header(&response, "content-security-policy"), "sandbox; default-src 'none'");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(bytes(response.into_body()), contents, "{name}");
    }
    for (headers, status) in [(&[][..], 200), (&[BR], 200), (&[("if-none-match", &*format!("\"{etag}.1\""))], 304)] {
        let head = site.ask("HEAD", "/archives/a/members/gamestate", headers, Upload::default());
        assert_eq!(head.status().as_u16(), status);
        assert!(bytes(head.into_body()).is_empty());
    }
    site.is_idle();
}

#[test]
fn every_member_of_many_is_read_right() {
    let site = Site::new(&[]);
    let contents: Vec<Vec<u8>> = (0..40)
        .map(|number| text(number * 3_000))
        .chain([noise(5 << 20), Vec::new(), text(4 << 20), text(1 << 20)])
        .collect();
    let names: Vec<String> = (0..contents.len()).map(|number| format!("d{}/m{number}", number % 3)).collect();
    let list: Vec<(&str, &[u8])> =
        names.iter().zip(&contents).map(|(name, contents)| (name.as_str(), &contents[..])).collect();
    for query in ["", "?quality=5&lgwin=18"] {
        let id = format!("a{}", query.len());
        site.put(&format!("/archives/{id}{query}"), &archive(&list));
        for (name, expected) in &list {
            let plain = site.get(&format!("/archives/{id}/members/{name}"), &[]);
            assert!(bytes(plain.into_body()) == *expected, "{query} {name}");
            let response = site.get(&format!("/archives/{id}/members/{name}"), &[BR]);
            let is_br = header(&response, "content-encoding") == "br";
            assert_eq!(is_br, expected.len() >= 4 << 20, "{name}");
            let body = bytes(response.into_body());
            assert!(if is_br { inflated(&body) } else { body } == *expected, "{query} {name}");
        }
    }
    site.is_idle();
}

#[test]
fn a_member_that_is_not_there_is_refused_with_what_is_close() {
    let site = Site::new(&[]);
    site.put("/archives/a", &archive(&[("meta", b""), ("dir/gamestate", b""), ("Readme.txt", b"")]));
    for (name, close) in [
        ("META", "it has \"meta\""),
        ("gamestate", "it has \"dir/gamestate\""),
        ("other/gamestate", "it has \"dir/gamestate\""),
        ("mets", "it has \"meta\""),
        ("readme.txt", "it has \"Readme.txt\""),
    ] {
        let problem = json(site.get(&format!("/archives/a/members/{name}"), &[]));
        assert_eq!(problem["code"], "no_member");
        assert!(problem["detail"].as_str().unwrap().ends_with(close), "{problem}");
    }
    let problem = json(site.get("/archives/a/members/nothing-like-it", &[]));
    assert_eq!(problem["detail"], "the archive has no file \"nothing-like-it\"");
}

#[test]
fn hostile_paths_reach_nothing() {
    let site = Site::new(&[]);
    site.put("/archives/a", &archive(&[("meta", b"m"), ("%2e%2e", b"odd"), ("d/e", b"")]));
    let long = "x".repeat(60_000);
    for (path, expected) in [
        ("/archives/a/members/", refusal(404, "no_member")),
        ("/archives/a/members/..", refusal(404, "not_found")),
        ("/archives/a/members/../record", refusal(200, "")),
        ("/archives/a/members/%2e%2e/%2e%2e/b", refusal(404, "no_archive")),
        ("/archives/a/members/%252e%252e", refusal(200, "")),
        ("/archives/a/members/..%2f..%2fetc%2fpasswd", refusal(404, "no_member")),
        ("/archives/a/members//meta", refusal(404, "no_member")),
        ("/archives/a/members/meta/", refusal(404, "no_member")),
        ("/archives/a/members/d", refusal(404, "no_member")),
        ("/archives/a/members/d/", refusal(404, "no_member")),
        ("/archives/a/members\\meta", refusal(200, "")),
        ("/archives/a/members/x%5c..%5cmeta", refusal(404, "no_member")),
        ("/archives/a/members/meta%00", refusal(404, "no_member")),
        ("/archives/a/members/%ff", refusal(404, "not_found")),
        ("/archives/a/members", refusal(404, "not_found")),
        ("/archives/a/", refusal(404, "not_found")),
        ("/archives/", refusal(400, "bad_id")),
        ("/archives//a", refusal(404, "not_found")),
        ("/archives/a%2frecord", refusal(400, "bad_id")),
        ("/archives/..%2f..%2fblobs", refusal(400, "bad_id")),
        ("/archives/a.b", refusal(400, "bad_id")),
        ("/archives/%00", refusal(400, "bad_id")),
        (&format!("/archives/{long}"), refusal(400, "bad_id")),
        (&format!("/archives/a/members/{long}"), refusal(404, "no_member")),
    ] {
        let outcome = site.code("GET", path, &[], Upload::default());
        assert_eq!(outcome, expected, "{}", &path[..path.len().min(60)]);
    }
    for path in ["/archives/..%2fx", "/archives/", "/archives/a.b", "/archives/%2e"] {
        let (status, _) = site.code("PUT", path, &[], whole(&archive(&[("a", b"")])));
        assert!(matches!(status, 400 | 404 | 405), "{path}: {status}");
    }
    assert_eq!(site.store.keys().len(), 2);
}

#[test]
fn a_record_lists_the_members() {
    let site = Site::new(&[]);
    let (zip, large) = sample();
    let put = site.put("/archives/a", &zip);
    let response = site.get("/archives/a/record", &[]);
    let etag = header(&response, "etag").to_owned();
    let record = json(response);
    for (key, value) in put.as_object().unwrap() {
        assert_eq!(record[key], *value);
    }
    let contents = record["contents"].as_array().unwrap();
    let names: Vec<_> = contents.iter().map(|member| member["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["meta", "gamestate", "dir/read me.TXT", "a.html"]);
    assert_eq!((&contents[1]["size"], &contents[1]["kind"]), (&large.len().into(), &"file".into()));
    assert_eq!(site.get("/archives/a/record", &[("if-none-match", &etag)]).status(), StatusCode::NOT_MODIFIED);
    let many: Vec<String> = (0..10_000).map(|number| format!("a-long-name-for-a-member-{number}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    site.put("/archives/many?quality=5", &archive(&many));
    let record = json(site.get("/archives/many/record", &[]));
    assert!(record["contents"].is_null() && record["members"] == 10_000);
    assert_eq!(bytes(site.get("/archives/many/members/a-long-name-for-a-member-9999", &[]).into_body()), b"");
    site.is_idle();
}

#[test]
fn a_stored_save_is_json_or_a_part_of_it() {
    let site = Site::new(&[]);
    let save = b"EU4txt\ndate=1444.11.11\ncountries={ SWE={ treasury=100.5 } FRA={ treasury=7 } }\n";
    let zip = archive(&[("meta", b"EU4txt\n"), ("gamestate", save), ("old.eu4", b"EU4txt\nx=1\n")]);
    site.put("/archives/a?name=x.eu4", &zip);
    let direct = bytes(answer("POST", "/json", &[], whole(&zip)).into_body());
    assert_eq!(bytes(site.get("/archives/a/json", &[]).into_body()), direct);
    let part = bytes(site.get("/archives/a/json?select=/countries/SWE/treasury", &[]).into_body());
    assert_eq!(
        String::from_utf8(part).unwrap().split_whitespace().collect::<String>(),
        r#"{"countries":{"SWE":{"treasury":100.5}}}"#
    );
    let response = site.get("/archives/a/json?member=old.eu4", &[BR]);
    assert_eq!((header(&response, "content-encoding"), header(&response, "content-type")), ("br", "application/json"));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&inflated(&bytes(response.into_body()))).unwrap()["x"], 1);
    let lines = site.get("/archives/a/json?lines=/countries", &[]);
    assert_eq!(header(&lines, "content-type"), "application/x-ndjson");
    let lines = String::from_utf8(bytes(lines.into_body())).unwrap();
    assert!(lines.lines().last().unwrap().contains("\"complete\":true"), "{lines}");
    for (query, expected) in [
        ("?member=nothing", refusal(404, "no_member")),
        ("?select=x", refusal(400, "bad_option")),
        ("?report=1", refusal(400, "bad_option")),
        ("?quality=12", refusal(400, "bad_option")),
    ] {
        assert_eq!(site.code("GET", &format!("/archives/a/json{query}"), &[], Upload::default()), expected, "{query}");
    }
    site.put("/archives/b", &archive(&[("a.txt", b"hello")]));
    assert_eq!(site.code("GET", "/archives/b/json", &[], Upload::default()), refusal(422, "save_missing"));
    site.is_idle();
}
