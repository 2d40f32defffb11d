//! Requests and the answers they must get.

use std::{
    cell::Cell,
    collections::VecDeque,
    future::{poll_fn, ready},
    io::{Cursor, Read, Write},
    pin::Pin,
    task::{Context, Poll},
};

use async_compression::futures::bufread::BrotliDecoder;
use futures::{AsyncReadExt, TryStreamExt, executor::block_on};
use http::HeaderMap;
use http_body::{Body as _, Frame};
use recompress::{Limits, Parameters};
use recompress_service::{Known, Share, Timer};
use zip::write::SimpleFileOptions;

use super::*;

mod archives;
mod directory;
mod estimate;
mod json;
mod listing;
mod members;

/// An upload that arrives as the test says.
#[derive(Debug, Default)]
struct Upload(VecDeque<Event>);

#[derive(Debug, Clone)]
enum Event {
    Data(Bytes),
    Trailers,
    /// Not now, but soon.
    Pause,
    /// Not until somebody says so.
    Stall,
    Break,
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.0.pop_front() {
            Some(Event::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Event::Trailers) => Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new())))),
            Some(Event::Pause) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Event::Stall) => {
                self.0.push_front(Event::Stall);
                Poll::Pending
            }
            Some(Event::Break) => Poll::Ready(Some(Err("reset by peer"))),
            None => Poll::Ready(None),
        }
    }
}

fn whole(bytes: &[u8]) -> Upload {
    Upload([Event::Data(Bytes::copy_from_slice(bytes))].into())
}

/// `bytes` in pieces of `size`, each followed by `then`.
fn cut(bytes: &[u8], size: usize, then: &[Event]) -> Upload {
    let data = |piece| std::iter::once(Event::Data(Bytes::copy_from_slice(piece))).chain(then.iter().cloned());
    Upload(bytes.chunks(size).flat_map(data).collect())
}

const BUDGET: u64 = 84 << 20;

fn service() -> Service {
    Service::new(Settings::new(Limits::WORKER), BUDGET, Platform::default())
}

/// A request below the rate limit.
fn visit() -> Visit<impl Future<Output = bool>> {
    Visit { id: "the-platform-s-word".to_owned(), over_rate: ready(false), storage: None }
}

fn request(method: &str, uri: &str, headers: &[(&str, &str)], upload: Upload) -> Request<Upload> {
    let builder = Request::builder().method(method).uri(uri);
    headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(upload).unwrap()
}

fn answer(method: &str, uri: &str, headers: &[(&str, &str)], upload: Upload) -> Response<Body<Upload>> {
    block_on(service().serve(request(method, uri, headers, upload), visit()))
}

/// The body's pieces up to its end or its error.
fn pieces(body: Body<Upload>) -> (Vec<Bytes>, Option<Failure>) {
    let mut body = body;
    let mut pieces = Vec::new();
    loop {
        match block_on(poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))) {
            Some(Ok(frame)) => pieces.push(frame.into_data().unwrap()),
            Some(Err(failure)) => {
                assert!(block_on(poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).is_none(), "an error is the end");
                return (pieces, Some(failure));
            }
            None => return (pieces, None),
        }
    }
}

fn bytes(body: Body<Upload>) -> Vec<u8> {
    let (pieces, failure) = pieces(body);
    assert!(failure.is_none(), "{failure:?}");
    pieces.concat()
}

fn json(response: Response<Body<Upload>>) -> serde_json::Value {
    serde_json::from_slice(&bytes(response.into_body())).unwrap()
}

/// Bytes that do not compress, so that output is due soon.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(contents).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn members(tar_br: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut tarball = tar::Archive::new(brotli::Decompressor::new(tar_br, 4096));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), contents)
    };
    tarball.entries().unwrap().map(read).collect()
}

#[test]
fn a_zip_becomes_a_tarball() {
    let noise = noise(300_000);
    let upload = archive(&[("a.txt", b"hello"), ("dir/noise", &noise)]);
    for (method, uri) in [("POST", "/"), ("PUT", "/"), ("PUT", "/save.zip"), ("POST", "/?quality=2&lgwin=18")] {
        let response = answer(method, uri, &[], whole(&upload));
        assert_eq!(response.status(), StatusCode::OK, "{method} {uri}");
        let expected = [("a.txt".to_owned(), b"hello".to_vec()), ("dir/noise".to_owned(), noise.clone())];
        assert_eq!(members(&bytes(response.into_body())), expected, "{method} {uri}");
    }
}

#[test]
fn how_the_upload_arrives_changes_no_byte() {
    let upload = archive(&[("a.txt", b"hello"), ("noise", &noise(150_000))]);
    let expected = bytes(answer("POST", "/", &[], whole(&upload)).into_body());
    let empty = Event::Data(Bytes::new());
    for (drive, upload) in [
        ("one byte at a time", cut(&upload, 1, &[])),
        ("pauses", cut(&upload, 1000, &[Event::Pause])),
        ("empty frames", cut(&upload, 1000, &[empty.clone(), empty])),
        ("trailers", cut(&upload, 1 << 20, &[Event::Trailers])),
    ] {
        assert!(bytes(answer("POST", "/", &[], upload).into_body()) == expected, "{drive}");
    }
}

#[test]
fn no_piece_is_empty_or_larger_than_its_room_and_all_but_the_last_are_full() {
    let upload = archive(&[("noise", &noise(1 << 20))]);
    let (pieces, failure) = pieces(answer("POST", "/?quality=2", &[], whole(&upload)).into_body());
    assert!(failure.is_none());
    let (last, full) = pieces.split_last().unwrap();
    assert!(full.len() >= 15 && full.iter().all(|piece| piece.len() == 64 << 10));
    assert!((1..=64 << 10).contains(&last.len()));
}

#[test]
fn the_answer_begins_before_the_upload_ends() {
    let upload = archive(&[("noise", &noise(8 << 20))]);
    let mut upload = cut(&upload[..upload.len() - 1000], 64 << 10, &[]);
    upload.0.push_back(Event::Stall);
    let response = answer("POST", "/?quality=2", &[], upload);
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.body().is_end_stream());

    // Everything there is comes out while the upload stalls, and no end.
    let mut body = response.into_body();
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut received = 0;
    let mut patience = 10_000;
    while patience > 0 {
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Ready(frame) => received += frame.expect("no end").expect("no error").into_data().unwrap().len(),
            Poll::Pending => patience -= 1,
        }
    }
    assert!(received > 1 << 20, "{received} bytes");
}

#[test]
fn a_client_can_decode_what_has_arrived() {
    let contents = noise(9 << 20);
    let upload = archive(&[("noise", &contents)]);
    let mut upload = cut(&upload[..upload.len() - 1000], 64 << 10, &[]);
    upload.0.push_back(Event::Break);
    let body = answer("POST", "/?quality=2", &[], upload).into_body();
    let frames = futures::stream::unfold(body, |mut body| async {
        let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await?;
        Some((frame.map(|frame| frame.into_data().unwrap()).map_err(std::io::Error::other), body))
    });
    let mut decoder = BrotliDecoder::new(Box::pin(frames).into_async_read());

    let mut tar = Vec::new();
    block_on(decoder.read_to_end(&mut tar)).unwrap_err();
    assert!(tar.len() > 3 << 20, "{} bytes", tar.len());
    assert!(tar[512..] == contents[..tar.len() - 512], "a member's contents stand behind its header");
}

#[test]
fn the_headers_say_what_it_is() {
    let upload = archive(&[("a.txt", b"hello")]);
    let fixed = [
        ("cache-control", "no-store, no-transform"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("request-id", "the-platform-s-word"),
        ("x-content-type-options", "nosniff"),
        ("vary", "Accept, Accept-Encoding"),
        ("recompress-quality", "5"),
        ("recompress-lgwin", "18"),
        ("recompress-directory", "first"),
        ("recompress-mode", "generic"),
    ];
    let compressed = [
        ("content-type", "application/x-brotli-compressed-tar"),
        ("content-disposition", r#"attachment; filename="save.tar.br""#),
    ];
    let encoded = [
        ("content-type", "application/x-tar"),
        ("content-disposition", r#"attachment; filename="save.tar""#),
        ("content-encoding", "br"),
    ];
    let tar_please: &[(&str, &str)] = &[("accept", "application/x-tar"), ("accept-encoding", "gzip, br")];
    for (headers, expected) in [(&[][..], &compressed[..]), (tar_please, &encoded[..])] {
        let response = answer("PUT", "/save.zip?quality=5&lgwin=18", headers, whole(&upload));
        let found: Vec<_> = response.headers().iter().map(|(k, v)| (k.as_str(), v.to_str().unwrap())).collect();
        let mut expected = [expected, &fixed].concat();
        let mut sorted = found.clone();
        sorted.sort_unstable();
        expected.sort_unstable();
        assert_eq!(sorted, expected);
        assert_eq!(members(&bytes(response.into_body())).len(), 1, "the bytes are brotli in both");
    }
}

#[test]
fn the_query_names_the_answer_before_the_path_and_the_path_before_the_header() {
    let upload = archive(&[]);
    let header: &[(&str, &str)] = &[("content-disposition", "attachment; filename=header.zip")];
    for (uri, headers, expected) in [
        ("/path.zip?name=query.zip", header, "query.tar.br"),
        ("/path.zip", header, "path.tar.br"),
        ("/", header, "header.tar.br"),
        ("/", &[], "archive.tar.br"),
        ("/?name=", header, "archive.tar.br"),
        ("/d%C3%A9j%C3%A0.zip", &[], "d_j_.tar.br\"; filename*=UTF-8''d%C3%A9j%C3%A0.tar.br"),
    ] {
        let response = answer("PUT", uri, headers, whole(&upload));
        let expected = format!("attachment; filename=\"{expected}");
        let found = response.headers()["content-disposition"].to_str().unwrap();
        assert_eq!(found.trim_end_matches('"'), expected, "{uri}");
    }
}

#[test]
fn a_refusal_of_a_named_upload_is_saved_beside_it_by_curl() {
    for (method, uri, expected) in [
        ("PUT", "/save.zip", Some("inline; filename=\"save.problem.json\"")),
        ("PUT", "/", None),
        ("POST", "/", None),
        ("GET", "/nothing/here", None),
    ] {
        let response = answer(method, uri, &[], whole(b"no zip"));
        assert!(response.status().is_client_error(), "{method} {uri}");
        let found = response.headers().get("content-disposition").map(|value| value.to_str().unwrap());
        assert_eq!(found, expected, "{method} {uri}");
    }
}

#[test]
fn every_refusal_has_its_status_and_code() {
    let good = archive(&[("a.txt", b"hello")]);
    let two = archive(&[("a.txt", b"hello"), ("b.txt", b"hello")]);
    let flipped = |offset: usize, mask: u8| {
        let mut bytes = good.clone();
        bytes[offset] ^= mask;
        bytes
    };
    let encrypted = flipped(6, 1);
    let crc = flipped(14, 1);
    let identity: &[(&str, &str)] = &[("content-encoding", "identity")];
    let gzip: &[(&str, &str)] = &[("content-encoding", "gzip")];
    let limits = Limits { entries: 1, ..Limits::WORKER };
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);
    let rows: &[Row<'_>] = &[
        ("POST", "/", &[], b"", 415, "not_zip"),
        ("POST", "/", &[], b"not a zip at all", 415, "not_zip"),
        ("POST", "/", identity, b"not a zip at all", 415, "not_zip"),
        ("POST", "/", gzip, &good, 415, "content_encoding"),
        ("POST", "/", &[], &crc, 400, "crc_mismatch"),
        ("POST", "/", &[], &good[..good.len() - 1], 400, "truncated"),
        ("POST", "/", &[], &good[..20], 400, "truncated"),
        ("POST", "/", &[], &encrypted, 422, "encrypted"),
        ("POST", "/", &[], &two, 413, "too_many_entries"),
        ("POST", "/?quality=12", &[], &good, 400, "bad_option"),
        ("POST", "/?quality=11&lgwin=24", &[], &good, 422, "too_much_memory"),
        ("PUT", "/a.zip?level=9", &[], &good, 400, "bad_option"),
        ("GET", "/a.zip", &[], b"", 404, "not_found"),
        ("GET", "/health/", &[], b"", 404, "not_found"),
        ("PUT", "/a/b.zip", &[], &good, 404, "not_found"),
        ("DELETE", "/", &[], b"", 405, "method_not_allowed"),
        ("POST", "/health", &[], b"", 405, "method_not_allowed"),
        ("POST", "/a.zip", &[], &good, 405, "method_not_allowed"),
    ];
    for (method, uri, headers, upload, status, code) in rows {
        let service = Service::new(Settings::new(limits), BUDGET, Platform::default());
        let response = block_on(service.serve(request(method, uri, headers, whole(upload)), visit()));
        assert_eq!(response.status(), *status, "{method} {uri} {code}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{code}");
        for (name, value) in &headers::every_answer("the-platform-s-word") {
            assert_eq!(response.headers()[name], value, "{code}");
        }
        let problem = json(response);
        assert_eq!(problem["code"], *code, "{method} {uri}");
        assert_eq!(problem["status"], *status, "{code}");
        assert_eq!(problem["type"], format!("urn:problem-type:recompress:{code}"));
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{code} {member}");
        }
        assert_eq!(problem.as_object().unwrap().len(), 5, "{code}");
    }
}

#[test]
fn an_empty_body_is_said_to_be_empty() {
    let problem = json(answer("POST", "/", &[], whole(b"")));
    assert_eq!(problem["detail"], "the request body is empty: send the zip in it");
}

#[test]
fn a_refusal_says_what_would_have_been_taken() {
    for (method, uri, headers, name, value) in [
        ("DELETE", "/", &[][..], "allow", "GET, HEAD, OPTIONS, POST, PUT"),
        ("PUT", "/health", &[], "allow", "GET, HEAD, OPTIONS"),
        ("POST", "/a.zip", &[], "allow", "OPTIONS, PUT"),
        ("POST", "/", &[("content-encoding", "br")], "accept-encoding", "identity"),
    ] {
        assert_eq!(answer(method, uri, headers, whole(b"")).headers()[name], value, "{method} {uri}");
    }
    let problem = json(answer("POST", "/?lgwin=25", &[], whole(b"")));
    assert_eq!(problem["detail"], r#"lgwin is "25", it must be 10 to 24 or auto"#);
}

#[test]
fn a_zip_damaged_by_curl_d_gets_a_hint() {
    let mut damaged = archive(&[("a.txt", b"hello")]);
    damaged[14] ^= 1;
    let detail = |content_type| {
        let problem = json(answer("POST", "/", &[("content-type", content_type)], whole(&damaged)));
        problem["detail"].as_str().unwrap().to_owned()
    };
    assert!(detail("application/x-www-form-urlencoded").contains("--data-binary"));
    assert!(!detail("application/zip").contains("--data-binary"));
}

#[test]
fn an_upload_that_breaks_off_before_the_first_piece_is_a_400() {
    let good = archive(&[("a.txt", b"hello")]);
    let mut upload = whole(&good[..40]);
    upload.0.push_back(Event::Break);
    let response = answer("POST", "/", &[], upload);
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let problem = json(response);
    assert_eq!(problem["code"], "truncated");
    assert_eq!(problem["detail"], "the upload broke off after 40 bytes: reset by peer");
}

#[test]
fn what_fails_after_the_first_piece_is_an_error_in_the_body() {
    let good = archive(&[("noise", &noise(8 << 20))]);
    let mut broken_off = whole(&good[..good.len() - 1000]);
    broken_off.0.push_back(Event::Break);
    let mut wrong_directory = good.clone();
    let last_name = good.windows(5).rposition(|window| window == b"noise").unwrap();
    wrong_directory[last_name] = b'N';
    for (case, upload, expected) in [
        ("broken off", broken_off, "the upload broke off after"),
        ("cut", whole(&good[..good.len() - 1]), "the zip is cut: it ends after"),
        ("wrong directory", whole(&wrong_directory), "the central directory does not match"),
    ] {
        let response = answer("POST", "/?quality=2", &[], upload);
        assert_eq!(response.status(), StatusCode::OK, "{case}");
        let (pieces, failure) = pieces(response.into_body());
        assert!(!pieces.is_empty(), "{case}");
        let failure = failure.expect(case).to_string();
        assert!(failure.starts_with(expected), "{case}: {failure}");
        let mut decoded = Vec::new();
        let decoding = brotli::Decompressor::new(&*pieces.concat(), 4096).read_to_end(&mut decoded);
        assert!(decoding.is_err(), "{case}: what was received must not decode as whole");
    }
}

#[test]
fn a_conversion_ends_before_the_platform_ends_it() {
    let platform = Platform { near_cpu_limit: Some(|| true), ..Platform::default() };
    let service = Service::new(Settings::new(Limits::WORKER), BUDGET, platform);
    let upload = whole(&archive(&[("a.txt", b"hello")]));
    let response = block_on(service.serve(request("POST", "/", &[], upload), visit()));
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(json(response)["code"], "cpu_budget");
}

#[test]
fn the_work_that_is_counted_has_a_limit() {
    let limits = Limits { cpu_ms: 1, ..Limits::WORKER };
    let service = Service::new(Settings::new(limits), BUDGET, Platform::default());
    let upload = whole(&archive(&[("zeros", &vec![0; 3 << 20])]));
    let response = block_on(service.serve(request("POST", "/?quality=5", &[], upload), visit()));
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(json(response)["code"], "cpu_budget");
}

#[test]
fn an_automatic_quality_is_said_in_the_answer() {
    let upload = archive(&[("a.txt", b"hello")]);
    for length in [Some(upload.len().to_string()), None] {
        let headers: Vec<_> = length.iter().map(|length| ("content-length", &**length)).collect();
        let response = answer("POST", "/?quality=auto", &headers, whole(&upload));
        assert_eq!(response.headers()["recompress-quality"], "11", "for a tarball this small");
        assert_eq!(response.headers()["recompress-lgwin"], "18", "as much as it can use");
        assert_eq!(members(&bytes(response.into_body())).len(), 1);
    }
}

#[test]
fn the_page_teaches_its_own_address() {
    for (uri, headers, origin) in [
        ("https://convert.example/", &[][..], "https://convert.example/"),
        ("/", &[("host", "localhost:8787")], "http://localhost:8787/"),
        ("/", &[], "http://localhost/"),
    ] {
        let response = answer("GET", uri, headers, whole(b""));
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        let text = String::from_utf8(bytes(response.into_body())).unwrap();
        assert!(text.contains(&format!("curl --fail-with-body -OJ -T save.zip {origin}")), "{text}");
    }
}

#[test]
fn a_head_request_gets_the_headers_alone() {
    for uri in ["/", "/health", "/nowhere"] {
        let get = answer("GET", uri, &[], whole(b""));
        let head = answer("HEAD", uri, &[], whole(b""));
        assert_eq!(head.status(), get.status());
        assert_eq!(head.headers(), get.headers());
        assert!(head.body().is_end_stream() && !get.body().is_end_stream());
    }
}

#[test]
fn health_is_json() {
    let response = answer("GET", "/health", &[], whole(b""));
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    let idle = serde_json::json!({
        "status": "ok", "budget_bytes": BUDGET, "reserved_bytes": 0,
        "encoder_bytes": 0, "upload_bytes": 0, "result_bytes": 0, "buffer_bytes": 0,
        "active": 0, "receiving": 0, "waiting": 0, "converting": 0, "sending": 0
    });
    assert_eq!(json(response), idle);
    let wasm = Service::new(
        Settings::new(Limits::WORKER),
        BUDGET,
        Platform { wasm_memory: Some(|| 17 << 16), ..Platform::default() },
    );
    assert_eq!(health(&wasm)["wasm_memory_bytes"], 17 << 16);
}

#[test]
fn an_answer_of_known_length_says_so() {
    let page = answer("GET", "/", &[], whole(b""));
    assert_eq!(
        page.body().size_hint().exact(),
        Some(bytes(answer("GET", "/", &[], whole(b"")).into_body()).len() as u64)
    );
    let small = answer("POST", "/", &[], whole(&archive(&[("a.txt", b"hello")])));
    assert!(small.body().size_hint().exact().is_some_and(|length| length > 0));
}

fn health(service: &Service) -> serde_json::Value {
    json(block_on(service.serve(request("GET", "/health", &[], whole(b"")), visit())))
}

/// Reserved bytes, requests that hold some, requests that wait.
fn ledger(service: &Service) -> [u64; 3] {
    figures(service, ["reserved_bytes", "active", "waiting"])
}

fn figures<const N: usize>(service: &Service, names: [&str; N]) -> [u64; N] {
    let health = health(service);
    names.map(|name| health[name].as_u64().unwrap())
}

/// The share of a conversion with an upload of `upload_bytes`.
fn share(quality: u8, lgwin: u8, upload_bytes: Option<u64>) -> u64 {
    let known = Known { upload_bytes, contents: None };
    Share::of(Parameters::new(quality, lgwin).unwrap(), Limits::WORKER, BUDGET, known).unwrap().bytes
}

fn convert(upload: Upload) -> Request<Upload> {
    request("POST", "/?quality=2&lgwin=18", &[], upload)
}

/// The result of a future that is polled once.
fn poll_once<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(std::task::Waker::noop()))
}

/// Takes the pieces that are there. Returns their bytes.
fn drained(body: &mut Body<Upload>) -> usize {
    let mut length = 0;
    let mut cx = Context::from_waker(std::task::Waker::noop());
    // A poll that is pending has done some steps, or waits for the upload.
    for _ in 0..10_000 {
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(&mut cx) {
            length += frame.expect("no end").expect("no error").into_data().unwrap().len();
        }
    }
    length
}

/// An upload that stalls after the first pieces of the answer.
fn stalled() -> Upload {
    let upload = archive(&[("noise", &noise(8 << 20))]);
    let mut upload = cut(&upload[..upload.len() - 1000], 64 << 10, &[]);
    upload.0.push_back(Event::Stall);
    upload
}

#[test]
fn an_encoder_is_held_only_while_it_computes() {
    let service = service();
    let upload = archive(&[("noise", &noise(1 << 20))]);
    let names = ["encoder_bytes", "upload_bytes", "converting", "sending"];
    let response = block_on(service.serve(convert(whole(&upload)), visit()));
    assert_eq!(figures(&service, names), [0, 0, 0, 1], "a small archive is converted before its answer begins");
    let length = response.body().size_hint().exact().unwrap();
    assert_eq!(figures(&service, ["result_bytes"]), [length]);
    let mut body = response.into_body();
    while ledger(&service)[1] == 1 {
        block_on(poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).expect("a last piece").unwrap();
    }
    assert_eq!(ledger(&service), [0; 3]);
    assert!(body.is_end_stream());

    let response = block_on(service.serve(convert(stalled()), visit()));
    assert_eq!(figures(&service, ["encoder_bytes", "converting"]), [share(2, 18, None), 1], "a larger one streams");
    drop(response);
    assert_eq!(ledger(&service), [0; 3]);
}

#[test]
fn an_upload_is_charged_as_it_comes() {
    let service = service();
    let upload = archive(&[("noise", &noise(300 << 10))]);
    let length = upload.len().to_string();
    let mut part = cut(&upload[..100 << 10], 1000, &[]);
    part.0.push_back(Event::Stall);
    let sized = request("POST", "/", &[("content-length", &length)], part);
    let mut answer = Box::pin(service.serve(sized, visit()));
    assert!(poll_once(answer.as_mut()).is_pending());
    // Seven blocks, and the buffer of 64 KiB that they are read into.
    assert_eq!(figures(&service, ["reserved_bytes", "upload_bytes", "receiving"]), [176 << 10, 176 << 10, 1]);
}

#[test]
fn a_known_archive_takes_only_what_it_needs() {
    let service = service();
    // No two encoders of this kind fit, unless one is of the window that a small archive needs.
    let mut first = block_on(service.serve(request("POST", "/?quality=5&lgwin=22", &[], stalled()), visit()));
    drained(first.body_mut());
    let small = archive(&[("a.txt", b"hello")]);
    for uri in ["/?quality=5&lgwin=22", "/?quality=4&lgwin=24"] {
        let response = block_on(service.serve(request("POST", uri, &[], whole(&small)), visit()));
        assert_eq!(response.status(), StatusCode::OK, "{uri}");
    }
}

#[test]
fn the_conversion_goes_on_without_a_reader_if_a_shell_takes_its_job() {
    let service = service();
    let upload = archive(&[("noise", &noise(9 << 20))]);
    let expected = bytes(answer("POST", "/?quality=2", &[], whole(&upload)).into_body());
    let request = request("POST", "/?quality=2", &[], cut(&upload, 64 << 10, &[]));
    let mut response = block_on(service.serve(request, visit()));
    let mut job = Box::pin(response.body_mut().take_job().expect("a streaming answer has a job"));
    assert!(response.body_mut().take_job().is_none());
    while figures(&service, ["converting"]) == [1] {
        assert!(poll_once(job.as_mut()).is_pending(), "it watches the reader");
    }
    assert_eq!(figures(&service, ["result_bytes", "sending"]), [expected.len() as u64, 1]);
    assert!(bytes(response.into_body()) == expected);
    assert!(poll_once(job.as_mut()).is_ready());
    drop(job);
    assert_eq!(ledger(&service), [0; 3]);
}

#[test]
fn a_job_that_is_dropped_breaks_its_answer() {
    let service = service();
    let mut response = block_on(service.serve(convert(stalled()), visit()));
    drop(response.body_mut().take_job());
    let (_, failure) = pieces(response.into_body());
    assert_eq!(failure.unwrap().code(), "stopped");
    assert_eq!(ledger(&service), [0; 3]);
}

#[test]
fn whatever_ends_a_conversion_gives_its_memory_back() {
    let good = archive(&[("a.txt", b"hello")]);
    let mut broken_off = whole(&good[..20]);
    broken_off.0.push_back(Event::Break);
    let late = archive(&[("noise", &noise(8 << 20))]);
    let service = service();
    for (case, upload) in [
        ("whole", whole(&good)),
        ("empty", whole(b"")),
        ("not a zip", whole(b"not a zip")),
        ("cut", whole(&good[..20])),
        ("broken off", broken_off),
    ] {
        drop(block_on(service.serve(convert(upload), visit())));
        assert_eq!(ledger(&service), [0; 3], "{case}");
    }

    let response = block_on(service.serve(convert(whole(&late[..late.len() - 1])), visit()));
    assert_eq!(ledger(&service)[1], 1);
    let mut body = response.into_body();
    while let Some(Ok(_)) = block_on(poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))) {}
    assert_eq!(ledger(&service), [0; 3], "an error in the middle of the body");

    let response = block_on(service.serve(convert(stalled()), visit()));
    assert_eq!(ledger(&service)[1], 1);
    drop(response);
    assert_eq!(ledger(&service), [0; 3], "a client that leaves during the answer");

    let mut early = Box::pin(service.serve(convert(Upload([Event::Stall].into())), visit()));
    assert!(poll_once(early.as_mut()).is_pending());
    assert_eq!(ledger(&service)[1], 1);
    drop(early);
    assert_eq!(ledger(&service), [0; 3], "a client that leaves before the answer");
}

#[test]
fn who_finds_no_encoder_waits_for_it_with_its_upload_received() {
    // The least with which this encoder can be lent.
    let budget = share(2, 18, None) + (4 << 20) + (16 << 10);
    let service = Service::new(Settings::new(Limits::WORKER), budget, Platform::default());
    let good = archive(&[("a.txt", b"hello")]);
    let mut first = block_on(service.serve(convert(stalled()), visit()));
    drained(first.body_mut());
    let mut second = Box::pin(service.serve(convert(whole(&good)), visit()));
    let mut third = Box::pin(service.serve(convert(whole(&good)), visit()));
    assert!(poll_once(second.as_mut()).is_pending() && poll_once(third.as_mut()).is_pending());
    assert_eq!(figures(&service, ["converting", "waiting", "upload_bytes"]), [1, 2, 32 << 10]);
    drop(third);
    assert_eq!(ledger(&service)[1..], [1, 1], "a client that leaves the queue");
    drop(first);
    assert_eq!(block_on(second).status(), StatusCode::OK);
}

/// A platform whose every wait is over at once.
fn impatient() -> Platform {
    Platform { sleep: Some(|_| Box::pin(ready(()))), ..Platform::default() }
}

#[test]
fn who_has_waited_long_enough_is_told_what_would_fit_and_when_to_come_back() {
    let service = Service::new(Settings::new(Limits::WORKER), BUDGET, impatient());
    let _first = block_on(service.serve(request("POST", "/?quality=2&lgwin=20", &[], stalled()), visit()));
    let wanted = share(9, 22, None);
    let upload = whole(&archive(&[("noise", &noise(30 << 20))]));
    let response = block_on(service.serve(request("POST", "/", &[], upload), visit()));
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "4", "one converts, and one waits");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem = json(response);
    assert_eq!(problem["code"], "busy");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with(&format!("quality 9 with lgwin 22 needs {wanted} bytes of memory, ")), "{detail}");
    assert!(detail.contains(&format!(" of {BUDGET} are free now and 1 requests wait; retry in 4 s; ")), "{detail}");
}

thread_local! {
    /// Whether every wait is over, for the platform of [`by_hand`].
    static OVER: Cell<bool> = const { Cell::new(false) };
}

/// A platform whose waits are over when the test says so.
fn by_hand() -> Platform {
    OVER.set(false);
    let sleep = |_| -> Timer { Box::pin(poll_fn(|_| if OVER.get() { Poll::Ready(()) } else { Poll::Pending })) };
    Platform { sleep: Some(sleep), ..Platform::default() }
}

/// A conversion of which no two fit at once, of an archive that is not small.
fn convert_large(upload: Upload) -> Request<Upload> {
    request("POST", "/?quality=5&lgwin=22", &[], upload)
}

#[test]
fn an_upload_slower_than_the_floor_ends_only_while_others_wait() {
    let service = Service::new(Settings::new(Limits::WORKER), BUDGET, by_hand());
    let mut converting = block_on(service.serve(convert_large(stalled()), visit())).into_body();
    drained(&mut converting);
    let mut receiving = Box::pin(service.serve(convert(Upload([Event::Stall].into())), visit()));
    OVER.set(true);
    assert_eq!(drained(&mut converting), 0, "alone it may be as slow as it likes");
    assert!((0..10).all(|_| poll_once(receiving.as_mut()).is_pending()));

    OVER.set(false);
    let whole = whole(&archive(&[("noise", &noise(5 << 20))]));
    let mut other = Box::pin(service.serve(convert_large(whole), visit()));
    assert!(poll_once(other.as_mut()).is_pending());
    assert_eq!(figures(&service, ["waiting"]), [1]);
    OVER.set(true);
    // A period without others is forgiven, and the next is not.
    assert!(poll_once(receiving.as_mut()).is_pending());
    let refused = block_on(receiving);
    assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
    let problem = json(refused);
    assert_eq!(problem["code"], "too_slow");
    let detail = "the upload was slower than 8192 bytes a second for 10 s, after 0 bytes, and other requests wait";
    assert!(problem["detail"].as_str().unwrap().starts_with(detail), "{problem}");
    let (_, failure) = pieces(converting);
    assert_eq!(failure.unwrap().code(), "too_slow");
    OVER.set(false);
    assert_eq!(block_on(other).status(), StatusCode::OK);
}

#[test]
fn an_answer_read_slower_than_the_floor_ends_only_while_others_wait() {
    let service = Service::new(Settings::new(Limits::WORKER), BUDGET, by_hand());
    let small = archive(&[("noise", &noise(1 << 20))]);
    let mut unread = block_on(service.serve(convert(whole(&small)), visit()));
    let mut job = Box::pin(unread.body_mut().take_job().unwrap());
    OVER.set(true);
    assert!((0..10).all(|_| poll_once(job.as_mut()).is_pending()), "alone it may be as slow as it likes");

    OVER.set(false);
    let _converting = block_on(service.serve(convert_large(stalled()), visit()));
    let upload = archive(&[("noise", &noise(5 << 20))]);
    let mut other = Box::pin(service.serve(convert_large(whole(&upload)), visit()));
    assert!(poll_once(other.as_mut()).is_pending());
    OVER.set(true);
    while poll_once(job.as_mut()).is_pending() {}
    assert!(figures(&service, ["result_bytes"])[0] < 1 << 20, "its memory is free");
    let (_, failure) = pieces(unread.into_body());
    let failure = failure.unwrap();
    assert_eq!(failure.code(), "too_slow");
    assert!(failure.to_string().starts_with("the answer was read slower than "), "{failure}");
}

#[test]
fn a_client_that_sends_on_and_reads_nothing_ends_after_both_have_stopped() {
    let settings = Settings::new(Limits::WORKER).with_most_unread(1 << 20);
    let service = Service::new(settings, BUDGET, by_hand());
    let upload = archive(&[("noise", &noise(20 << 20))]);
    let mut response = block_on(service.serve(convert(cut(&upload, 64 << 10, &[])), visit()));
    let mut job = Box::pin(response.body_mut().take_job().unwrap());
    assert!((0..1000).all(|_| poll_once(job.as_mut()).is_pending()), "it waits for its reader");
    let [waiting] = figures(&service, ["result_bytes"]);
    assert!((900 << 10..=1 << 20).contains(&waiting), "{waiting}");
    OVER.set(true);
    while poll_once(job.as_mut()).is_pending() {}
    assert_eq!(ledger(&service)[0], 0, "its memory is free");
    let (_, failure) = pieces(response.into_body());
    let failure = failure.unwrap();
    assert_eq!(failure.code(), "answer_unread");
    assert!(failure.to_string().contains("no client need do so for an answer of up to 1048576 bytes"), "{failure}");
}

#[test]
fn an_upload_that_is_longer_than_it_says_is_refused() {
    let good = archive(&[("a.txt", b"hello")]);
    for (length, status) in [(good.len() - 1, 400), (good.len(), 200), (good.len() + 1, 200)] {
        let headers: &[(&str, &str)] = &[("content-length", &length.to_string())];
        let response = answer("POST", "/", headers, cut(&good, 10, &[]));
        assert_eq!(response.status(), status, "{length}");
        if status == 400 {
            assert_eq!(json(response)["code"], "truncated");
        }
    }
}

/// A part of a form: the field name, the file name if it is a file, and the contents.
type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, filename, contents) in parts {
        let filename = filename.map_or(String::new(), |filename| format!("; filename=\"{filename}\""));
        write!(bytes, "--limit\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\n\r\n").unwrap();
        bytes.extend_from_slice(contents);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"--limit--\r\n");
    bytes
}

const FORM: &[(&str, &str)] = &[("content-type", "multipart/form-data; boundary=limit")];

#[test]
fn the_file_of_a_form_is_converted_with_the_options_before_it() {
    // The stored member contains a sequence like a boundary.
    let upload = archive(&[("a.txt", b"hello"), ("noise", &noise(150_000))]);
    let expected = bytes(answer("POST", "/?quality=2&lgwin=18", &[], whole(&upload)).into_body());
    let fields = form(&[("quality", None, b"2"), ("lgwin", None, b"18"), ("file", Some("save.zip"), &upload)]);
    for (how, body) in [
        ("whole", whole(&fields)),
        ("one byte at a time", cut(&fields, 1, &[])),
        ("with pauses", cut(&fields, 7, &[Event::Pause])),
    ] {
        let response = answer("POST", "/", FORM, body);
        assert_eq!(response.status(), StatusCode::OK, "{how}");
        assert_eq!(response.headers()["recompress-quality"], "2");
        assert_eq!(response.headers()["content-disposition"], r#"attachment; filename="save.tar.br""#);
        assert!(bytes(response.into_body()) == expected, "{how}");
    }
    let plain = form(&[("anything", Some("save.zip"), &upload)]);
    for (uri, expected_name) in [("/?quality=2&lgwin=18", "save"), ("/?quality=2&lgwin=18&name=x", "x")] {
        let response = answer("POST", uri, FORM, whole(&plain));
        let expected_name = format!("attachment; filename=\"{expected_name}.tar.br\"");
        assert_eq!(response.headers()["content-disposition"], expected_name);
        assert!(bytes(response.into_body()) == expected);
    }
}

#[test]
fn a_file_of_a_form_that_holds_almost_its_boundary_is_whole() {
    let contents = b"\r\n--limi\r\n--limiX\r\r\n--\r\n-\r\n--LIMIT--\r\n".repeat(300);
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("a", stored).unwrap();
    writer.write_all(&contents).unwrap();
    let fields = form(&[("file", Some("a.zip"), &writer.finish().unwrap().into_inner())]);
    for size in [1, 2, 3, 5, 11, 1000] {
        let found = members(&bytes(answer("POST", "/", FORM, cut(&fields, size, &[])).into_body()));
        assert!(found == [("a".to_owned(), contents.clone())], "in pieces of {size}");
    }
}

#[test]
fn forms_of_browsers_and_frameworks_are_accepted() {
    let upload = archive(&[("a.txt", b"hello"), ("noise", &noise(50_000))]);
    let expected = bytes(answer("POST", "/?quality=2", &[], whole(&upload)).into_body());
    let file: Part<'_> = ("file", Some("save.zip"), &upload);
    let quality: Part<'_> = ("quality", None, b"2");
    for (case, parts) in [
        ("a token and a button", vec![("_token", None, &b"x"[..]), quality, file, ("submit", None, b"Convert")]),
        ("a name like an archive's start", vec![("name", None, &b"PK2"[..]), quality, file]),
        ("an empty input first", vec![quality, ("cover", Some(""), b""), file]),
        ("an empty input last", vec![quality, file, ("cover", Some(""), b"")]),
        ("no filename", vec![quality, ("file", None, &upload)]),
        ("an empty filename", vec![quality, ("file", Some(""), &upload)]),
        ("a field that is not text", vec![("blob", None, b"\xff"), quality, file]),
        ("a field near an option of four letters", vec![("game", None, b"eu4"), quality, file]),
    ] {
        let form = form(&parts);
        for body in [whole(&form), cut(&form, 1, &[]), cut(&form, 700, &[Event::Pause])] {
            let response = answer("POST", "/", FORM, body);
            assert_eq!(response.status(), StatusCode::OK, "{case}");
            assert!(bytes(response.into_body()) == expected, "{case}");
        }
    }
    let named = form(&[quality, ("file", Some("a%22b.zip"), &upload)]);
    let response = answer("POST", "/", FORM, whole(&named));
    assert_eq!(
        response.headers()["content-disposition"],
        r#"attachment; filename="a_b.tar.br"; filename*=UTF-8''a%22b.tar.br"#
    );
}

#[test]
fn boundaries_are_read_as_others_write_them() {
    let upload = archive(&[("a.txt", b"hello")]);
    for (value, boundary) in [
        ("boundary=a=b(c),d?e:f/g", "a=b(c),d?e:f/g"),
        ("boundary = limit", "limit"),
        ("charset=utf-8; Boundary=\"x y\"", "x y"),
    ] {
        let content_type = format!("multipart/form-data; {value}");
        let delimiter = format!("--{boundary}");
        // The first one, and the last.
        let body = (0..2).fold(form(&[("file", Some("a.zip"), &upload)]), |form, _| {
            replaced(&form, b"--limit", delimiter.as_bytes())
        });
        let response = answer("POST", "/", &[("content-type", &content_type)], whole(&body));
        assert_eq!(response.status(), StatusCode::OK, "{value}");
        assert_eq!(members(&bytes(response.into_body())), [("a.txt".to_owned(), b"hello".to_vec())], "{value}");
    }
}

#[test]
fn a_form_that_is_not_one_file_with_options_before_it_is_refused() {
    let zip = archive(&[("a.txt", b"hello")]);
    let file: Part<'_> = ("file", Some("a.zip"), &zip);
    let long = vec![b'x'; 40_000];
    let good = form(&[file]);
    let no_boundary: &[(&str, &str)] = &[("content-type", "multipart/form-data")];
    for (case, headers, body, code, detail) in [
        ("empty", FORM, form(&[]), "bad_form", "the form has no file: a field with a filename"),
        ("fields alone", FORM, form(&[("quality", None, b"5")]), "bad_form", "the form has no file"),
        ("two files", FORM, form(&[file, file]), "bad_form", r#"field "file" is a second file"#),
        (
            "a second file without a name",
            FORM,
            form(&[file, ("other", Some(""), b"x")]),
            "bad_form",
            r#"field "other" is a second file"#,
        ),
        (
            "an option in capitals behind",
            FORM,
            form(&[file, ("Mode", None, b"x")]),
            "bad_form",
            r#"field "Mode" comes after"#,
        ),
        ("a long field behind", FORM, form(&[file, ("_token", None, &long)]), "bad_form", "more than 16384 bytes"),
        (
            "an input without a file alone",
            FORM,
            form(&[("file", Some(""), b"")]),
            "bad_form",
            "write -F file=@save.zip",
        ),
        ("a field behind", FORM, form(&[file, ("quality", None, b"5")]), "bad_form", r#"field "quality" comes after"#),
        (
            "too long a field",
            FORM,
            form(&[("name", None, &long), file]),
            "bad_form",
            "more than 16384 bytes of the form",
        ),
        ("not text", FORM, form(&[("name", None, b"\xff"), file]), "bad_form", r#"field "name" is not UTF-8"#),
        ("no boundary", no_boundary, good.clone(), "bad_form", "the content type of a form must say its boundary"),
        (
            "broken",
            FORM,
            replaced(&good, b"Content-Disposition: form", b"Content-Dis\0osition: form"),
            "bad_form",
            "the form is broken: ",
        ),
        ("a slip", FORM, form(&[("qualty", None, b"5"), file]), "bad_option", r#"there is no option "qualty""#),
        ("out of range", FORM, form(&[("quality", None, b"12"), file]), "bad_option", r#"quality is "12""#),
        (
            "twice",
            FORM,
            form(&[("lgwin", None, b"20"), ("lgwin", None, b"20"), file]),
            "bad_option",
            "lgwin is given twice",
        ),
        ("cut in the file", FORM, good[..good.len() - 40].to_vec(), "truncated", "the upload broke off after "),
        ("cut in the end", FORM, good[..good.len() - 5].to_vec(), "truncated", ": the form has no end"),
        ("cut before the file", FORM, good[..30].to_vec(), "truncated", ": the form has no end"),
        ("not a zip", FORM, form(&[("file", Some("a.zip"), b"not a zip")]), "not_zip", "not a zip"),
    ] {
        let response = answer("POST", "/", headers, cut(&body, 1000, &[]));
        let status = if code == "not_zip" { 415 } else { 400 };
        assert_eq!(response.status(), status, "{case}");
        let problem = json(response);
        assert_eq!(problem["code"], code, "{case}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{case}: {problem}");
    }
}

#[test]
fn a_form_s_fields_are_read_before_it_has_a_place() {
    let service = service();
    let mut fields = form(&[("quality", None, b"2"), ("lgwin", None, b"18"), ("file", Some("a.zip"), b"PK")]);
    fields.truncate(fields.len() - 12);
    let length = fields.len().to_string();
    let headers = [FORM, &[("content-length", &*length)]].concat();
    let mut upload = cut(&fields, 10, &[]);
    upload.0.push_back(Event::Stall);
    let mut answer = Box::pin(service.serve(request("POST", "/", &headers, upload), visit()));
    assert!(poll_once(answer.as_mut()).is_pending());
    assert_eq!(figures(&service, ["upload_bytes", "receiving"]), [16 << 10, 1]);
}

/// `bytes` with the first `from` replaced.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}
