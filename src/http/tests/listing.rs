//! What is in a zip, asked for without a tarball.

use super::*;

const LINES: &[(&str, &str)] = &[("accept", "application/x-ndjson")];

/// Enough members that their lines fill more than one piece, and a mode that only the directory has.
fn many() -> Vec<u8> {
    many_and(0)
}

/// The same, and a last member of `more` bytes.
fn many_and(more: usize) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..1000 {
        let options = SimpleFileOptions::default().unix_permissions(if number == 7 { 0o755 } else { 0o644 });
        writer.start_file(format!("{number:03}.txt"), options).unwrap();
        writer.write_all(b"hello").unwrap();
    }
    if more > 0 {
        writer.start_file("noise", SimpleFileOptions::default()).unwrap();
        writer.write_all(&noise(more)).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn lines(text: &[u8]) -> Vec<serde_json::Value> {
    std::str::from_utf8(text).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_zip_is_listed_as_a_document_or_in_lines() {
    let upload = many();
    for (method, headers, content_type) in [
        ("POST", &[][..], "application/json"),
        ("PUT", &[("accept", "*/*")], "application/json"),
        ("POST", LINES, "application/x-ndjson"),
    ] {
        let response = answer(method, "/inspect?name=save.zip", headers, cut(&upload, 1000, &[Event::Pause]));
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], content_type);
        assert_eq!(response.headers()["vary"], "Accept");
        let text = bytes(response.into_body());
        let (members, totals) = if content_type == "application/json" {
            let mut document: serde_json::Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(document["warnings"][0]["name"], "007.txt");
            (document["members"].as_array().unwrap().len(), document["totals"].take())
        } else {
            let mut lines = lines(&text);
            (lines.iter().filter(|line| line["type"] == "member").count(), lines.pop().unwrap())
        };
        assert_eq!(members, 1000);
        assert_eq!((&totals["complete"], &totals["zip_bytes"]), (&true.into(), &upload.len().into()));
        assert_eq!(totals["warnings"]["mode_lost"], 1);
    }
}

#[test]
fn lines_come_while_the_upload_is_still_going_on() {
    let response = answer("POST", "/inspect", LINES, stalled_listing());
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.body().is_end_stream());
}

#[test]
fn a_listing_that_fails_early_is_a_problem_and_one_that_fails_late_ends_with_it() {
    for headers in [&[][..], LINES] {
        let refused = answer("POST", "/inspect", headers, whole(b"no zip"));
        assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(json(refused)["code"], "not_zip");
    }
    let small = many();
    let refused = answer("POST", "/inspect", LINES, whole(&small[..small.len() - 1]));
    assert_eq!((refused.status(), json(refused)["code"].take()), (StatusCode::BAD_REQUEST, "truncated".into()));
    let upload = many_and(8 << 20);
    for (ending, code) in [(None, "truncated"), (Some(Event::Break), "truncated")] {
        let late = || {
            let mut late = cut(&upload[..upload.len() - 1], 1000, &[Event::Pause]);
            late.0.extend(ending.clone());
            late
        };
        let response = answer("POST", "/inspect", LINES, late());
        assert_eq!(response.status(), StatusCode::OK);
        let lines = lines(&bytes(response.into_body()));
        assert_eq!(lines.iter().filter(|line| line["type"] == "member").count(), 1001, "nothing is held back");
        let last = lines.last().unwrap();
        assert_eq!((&last["code"], &last["status"]), (&code.into(), &400.into()));
        assert_eq!(last["type"], format!("urn:problem-type:recompress:{code}"));

        let (document, failure) = pieces(answer("POST", "/inspect", &[], late()).into_body());
        assert!(failure.is_some(), "a document breaks off");
        serde_json::from_slice::<serde_json::Value>(&document.concat()).unwrap_err();
    }
}

#[test]
fn the_metadata_of_a_save_comes_before_the_totals() {
    let meta = b"EU4txt\ndate=1444.11.11\nplayer=\"FRA\"\nsavegame_version={\n first=1 second=36 third=2 forth=0\n}\n";
    let upload = archive(&[("gamestate", b"EU4txt\ndate=1.1.1\nmod_enabled={ \"x\" }"), ("meta", meta)]);
    for uri in ["/inspect?meta=1", "/inspect?meta=1&name=a.eu4"] {
        let document = json(answer("POST", uri, &[], whole(&upload)));
        let save = &document["save"];
        assert_eq!((&save["game"], &save["form"]), (&"eu4".into(), &"text".into()));
        assert_eq!((&save["date"], &save["player"]), (&"1444.11.11".into(), &"FRA".into()), "meta counts first");
        assert_eq!((&save["version"], &save["mods"][0]), (&"1.36.2.0".into(), &"x".into()));
        let text = bytes(answer("POST", uri, LINES, whole(&upload)).into_body());
        let [.., line, totals] = &lines(&text)[..] else { panic!() };
        assert_eq!((&line["type"], &line["save"]), (&"save".into(), save));
        assert_eq!(totals["type"], "totals");
    }
    let none = json(answer("POST", "/inspect?meta=1", &[], whole(&archive(&[("meta", meta)]))));
    assert_eq!(none["save"], serde_json::Value::Null, "an archive without a save");
    let off = json(answer("POST", "/inspect?meta=0", &[], whole(&upload)));
    assert!(off.get("save").is_none());
}

#[test]
fn a_save_without_a_zip_has_metadata_and_no_members() {
    let upload = b"HOI4txt\nplayer=\"GER\"\ndate=\"1936.1.1.12\"\n";
    let document = json(answer("POST", "/inspect?meta=1", &[], whole(upload)));
    assert_eq!((&document["save"]["game"], &document["save"]["player"]), (&"hoi4".into(), &"GER".into()));
    assert_eq!((&document["members"], &document["totals"]["complete"]), (&serde_json::json!([]), &true.into()));
    let text = bytes(answer("POST", "/inspect?meta=1", LINES, whole(upload)).into_body());
    assert_eq!(lines(&text).iter().map(|line| line["type"].as_str().unwrap()).collect::<Vec<_>>(), ["save", "totals"]);
    for (uri, upload) in [("/inspect", &upload[..]), ("/inspect?meta=1", b"just words")] {
        assert_eq!(json(answer("POST", uri, &[], whole(upload)))["code"], "not_zip");
    }
}

#[test]
fn a_sav_line_tells_the_game_and_the_form() {
    let zip = archive(&[("gamestate", b"\x7e\x2d\x01\x00\x03\x00")]);
    let meta = b"meta_data={ version=\"1.3.1\" meta_date=867.1.1 meta_player_name=\"A\" }";
    let line = format!("SAV0103{:08x}{:08x}\n", 7, meta.len());
    let save = json(answer("POST", "/inspect?meta=1&name=a.ck3", &[], whole(&[line.as_bytes(), meta, &zip].concat())));
    assert_eq!((&save["save"]["game"], &save["save"]["form"]), (&"ck3".into(), &"binary".into()), "{save}");
}

#[test]
fn an_inspection_takes_no_option_of_a_tarball() {
    for (query, option) in [("quality=5", "quality"), ("include=a", "include"), ("name=a&report=1", "report")] {
        let refused = answer("POST", &format!("/inspect?{query}"), &[], Upload([Event::Break].into()));
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let problem = json(refused);
        assert_eq!(problem["code"], "bad_option");
        assert_eq!(problem["detail"], format!("{option} is not an option of this route"));
    }
}

#[test]
fn an_inspection_holds_memory_as_for_a_conversion_but_for_the_encoder() {
    let service = service();
    let response = block_on(service.serve(request("POST", "/inspect", &[], stalled_listing()), visit()));
    assert_eq!(response.status(), StatusCode::OK);
    let [without_encoder] = figures(&service, ["encoder_bytes"]);
    assert!(without_encoder < share(0, 10, None), "{without_encoder}");
    assert!(without_encoder > Limits::WORKER.memory_bytes);
    drop(response);
    assert_eq!(ledger(&service), [0; 3]);
}

/// Many lines, and then nothing.
fn stalled_listing() -> Upload {
    let upload = many_and(8 << 20);
    let mut upload = cut(&upload[..7 << 20], 64 << 10, &[]);
    upload.0.push_back(Event::Stall);
    upload
}

#[test]
fn an_inspection_that_finds_no_memory_is_told_how_much_it_needs() {
    let service = Service::new(Settings::new(Limits::WORKER), 45 << 20, impatient());
    let first = block_on(service.serve(request("POST", "/inspect", &[], stalled_listing()), visit()));
    let [reserved] = figures(&service, ["encoder_bytes"]);
    let second = block_on(service.serve(request("POST", "/inspect", &[], stalled_listing()), visit()));
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    let problem = json(second);
    assert_eq!(problem["code"], "busy");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with(&format!("an inspection needs {reserved} bytes of memory, ")), "{detail}");
    drop(first);
    assert_eq!(ledger(&service), [0; 3]);
}
