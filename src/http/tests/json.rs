//! Requests for the JSON of a save.

use super::*;

const BROTLI: &[(&str, &str)] = &[("accept-encoding", "gzip, br")];

/// A save with enough countries that its JSON fills several pieces.
fn text() -> Vec<u8> {
    let mut text = b"EU4txt\ndate=1444.11.11\ncountries={\n".to_vec();
    for country in 0..20_000 {
        writeln!(text, "\tC{country}={{ treasury={country}.500 capital=183 }}").unwrap();
    }
    text.extend_from_slice(b"}\n");
    text
}

fn save() -> Vec<u8> {
    archive(&[("meta", b"EU4txt\ndate=1444.11.11\n"), ("gamestate", &text())])
}

fn decoded(response: Response<Body<Upload>>) -> Vec<u8> {
    assert_eq!(response.headers()["content-encoding"], "br");
    let mut text = Vec::new();
    brotli::Decompressor::new(&bytes(response.into_body())[..], 4096).read_to_end(&mut text).unwrap();
    text
}

#[test]
fn a_save_is_the_same_json_however_it_is_sent_and_encoded() {
    let plain = answer("POST", "/json", &[], whole(&save()));
    assert_eq!(plain.status(), StatusCode::OK);
    assert_eq!(plain.headers()["content-type"], "application/json");
    assert_eq!(plain.headers()["vary"], "Accept-Encoding");
    assert!(!plain.headers().contains_key("content-encoding"));
    let expected = bytes(plain.into_body());
    let document: serde_json::Value = serde_json::from_slice(&expected).unwrap();
    assert_eq!(document["countries"]["C7"]["treasury"], 7.5);
    for (size, then) in [(1000, &[Event::Pause][..]), (70_000, &[]), (usize::MAX, &[Event::Trailers])] {
        let again = answer("PUT", "/json?name=a.eu4", &[], cut(&save(), size, then));
        assert_eq!(bytes(again.into_body()), expected, "{size}");
        let compressed = answer("POST", "/json", BROTLI, cut(&save(), size, then));
        assert_eq!(compressed.headers()["recompress-quality"], "5");
        assert_eq!(decoded(compressed), expected, "{size}");
    }
    assert_eq!(bytes(answer("POST", "/json?name=a.eu4", &[], whole(&text())).into_body()), expected, "without a zip");
}

#[test]
fn the_compressed_bytes_do_not_depend_on_the_cuts() {
    let compressed = |upload| bytes(answer("POST", "/json?quality=2", BROTLI, upload).into_body());
    let expected = compressed(whole(&save()));
    for size in [999, 65_536, 100_000] {
        assert_eq!(compressed(cut(&save(), size, &[Event::Pause])), expected, "{size}");
    }
}

#[test]
fn encoding_is_negotiated() {
    for (accepted, is_encoded) in [
        ("", false),
        ("gzip", false),
        ("identity", false),
        ("br", true),
        ("*", true),
        ("br;q=0", false),
        ("br;q=0.5, identity", false),
        ("br;q=0.5, identity;q=0.1", true),
    ] {
        let response = answer("POST", "/json", &[("accept-encoding", accepted)], whole(b"a=1"));
        assert_eq!(response.headers().contains_key("content-encoding"), is_encoded, "{accepted:?}");
    }
}

#[test]
fn options_come_from_the_query_a_header_or_a_form() {
    let form = "--b\r\nContent-Disposition: form-data; name=\"keys\"\r\n\r\ngroup\r\n--b\r\nContent-Disposition: form-data; \
                name=\"file\"; filename=\"a.eu4\"\r\n\r\na=1 a=2 b=3\r\n--b--\r\n";
    let multipart = [("content-type", "multipart/form-data; boundary=b")];
    for (uri, headers, upload, expected) in [
        ("/json?keys=group", &[][..], "a=1 a=2 b=3", r#"{"a":[1,2],"b":3}"#),
        ("/json", &[("recompress-keys", "group")], "a=1 a=2 b=3", r#"{"a":[1,2],"b":3}"#),
        ("/json", &multipart, form, r#"{"a":[1,2],"b":3}"#),
        ("/json?keys=pairs", &[], "a=1", r#"{"type":"obj","val":[["a",1]]}"#),
        ("/json?select=/b&select=/c/0", &[], "a=1 b=2 c={ 3 4 }", r#"{"b":2,"c":[3]}"#),
        ("/json", &[("recompress-select", "/b, /d")], "a=1 b=2 d=4", r#"{"b":2,"d":4}"#),
        ("/json?narrow=none", &[], "a=1", r#"{"a":"1"}"#),
        ("/json?narrow=all", &[], "a=\"1\"", r#"{"a":1}"#),
        ("/json?encoding=windows-1252", &[], "a=\u{e9}", "{\"a\":\"\u{c3}\u{a9}\"}"),
        ("/json?encoding=auto&name=x.eu4", &[], "a=\u{e9}", "{\"a\":\"\u{c3}\u{a9}\"}"),
        ("/json?encoding=utf-8&name=x.eu4", &[], "a=\u{e9}", "{\"a\":\"\u{e9}\"}"),
    ] {
        let response = answer("POST", uri, headers, whole(upload.as_bytes()));
        assert_eq!(response.status(), StatusCode::OK, "{uri}");
        assert_eq!(String::from_utf8(bytes(response.into_body())).unwrap(), expected, "{uri}");
    }
    let upload = archive(&[("gamestate", b"a=1"), ("ai", b"b=2")]);
    let other = answer("POST", "/json?member=ai", &[], whole(&upload));
    assert_eq!(bytes(other.into_body()), br#"{"b":2}"#);
}

#[test]
fn lines_are_ndjson_with_a_last_line_that_says_complete() {
    let response = answer("POST", "/json?lines=/countries", &[], whole(&save()));
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = String::from_utf8(bytes(response.into_body())).unwrap();
    assert_eq!(text.lines().count(), 20_001);
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["complete"], true);
}

#[test]
fn a_wrong_option_names_its_values() {
    for (uri, detail) in [
        ("/json?keys=both", r#"keys is "both", it must be preserve, pairs or group"#),
        ("/json?narrow=", r#"narrow is "", it must be unquoted, all or none"#),
        ("/json?encoding=latin1", r#"encoding is "latin1", it must be auto, utf-8 or windows-1252"#),
        ("/json?unknown=1", r#"unknown is "1", it must be name or refuse"#),
        ("/json?select=a", r#"the path "a" does not start with "/""#),
        ("/json?lines=//", r#"the path "//" has an empty name"#),
        ("/json?quality=12", r#"quality is "12", it must be 0 to 11 or auto"#),
        ("/json?lgwin=20", "lgwin is not an option of this route"),
        ("/?select=/a", "select is not an option of this route"),
        ("/inspect?keys=group", "keys is not an option of this route"),
    ] {
        let refused = answer("POST", uri, &[], Upload([Event::Break].into()));
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{uri}");
        assert_eq!(json(refused)["detail"], detail, "{uri}");
    }
}

#[test]
fn a_small_save_that_is_broken_has_a_true_status_however_it_arrives() {
    let text = b"a={ b=1 } c={ d={ e=2 ";
    for headers in [&[][..], BROTLI] {
        for size in [1, 5, 100] {
            let refused = answer("POST", "/json", headers, cut(text, size, &[Event::Pause]));
            assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{size}");
            assert_eq!(json(refused)["code"], "bad_text");
        }
    }
}

#[test]
fn what_fails_later_breaks_off_and_is_never_json() {
    let small = save();
    let refused = answer("POST", "/json", &[], whole(&small[..small.len() - 1]));
    assert_eq!((refused.status(), json(refused)["code"].take()), (StatusCode::BAD_REQUEST, "truncated".into()));
    let save = archive(&[("gamestate", &text()), ("noise", &noise(8 << 20))]);
    for ending in [None, Some(Event::Break)] {
        let mut late = cut(&save[..save.len() - 1], 64 << 10, &[]);
        late.0.extend(ending);
        let response = answer("POST", "/json", &[], late);
        assert_eq!(response.status(), StatusCode::OK);
        let (pieces, failure) = pieces(response.into_body());
        assert_eq!(failure.unwrap().code(), "truncated");
        let text = pieces.concat();
        assert!(text.len() > 500_000, "{}", text.len());
        serde_json::from_slice::<serde_json::Value>(&text).unwrap_err();
    }
}

#[test]
fn memory_is_held_for_the_conversion_alone_and_for_a_grouped_one_its_limit() {
    let service = service();
    let text = text().repeat(12);
    assert!(text.len() > 7 << 20);
    let held = |uri: &str, headers: &[(&str, &str)]| {
        let mut upload = cut(&text, 64 << 10, &[]);
        upload.0.push_back(Event::Stall);
        let mut answering = std::pin::pin!(service.serve(request("POST", uri, headers, upload), visit()));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut polled = answering.as_mut().poll(&mut cx);
        for _ in 0..100 {
            if polled.is_ready() {
                break;
            }
            polled = answering.as_mut().poll(&mut cx);
        }
        figures(&service, ["encoder_bytes"])[0]
    };
    let plain = held("/json", &[]);
    assert_eq!(ledger(&service), [0; 3], "it ends with the request");
    assert_eq!(held("/json?keys=group", &[]), plain + Limits::WORKER.memory_bytes);
    assert!(held("/json", BROTLI) > plain);
}

#[test]
fn a_conversion_to_json_needs_the_token_and_counts_for_the_rate() {
    let settings =
        Settings::from_variables(Limits::WORKER, [("RECOMPRESS_TOKEN".to_owned(), "secret".to_owned())]).unwrap();
    let service = Service::new(settings, BUDGET, Platform::default());
    let refused = block_on(service.serve(request("POST", "/json", &[], whole(b"a=1")), visit()));
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let limited = Visit { over_rate: ready(true), id: String::new(), storage: None };
    let with_token = [("authorization", "Bearer secret")];
    let refused = block_on(service.serve(request("POST", "/json", &with_token, whole(b"a=1")), limited));
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
}
