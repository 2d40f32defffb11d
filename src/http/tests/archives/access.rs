//! Access.

use super::*;

const BEARER: (&str, &str) = ("authorization", "Bearer secret");

fn site(variables: &[(&str, &str)]) -> Site {
    let mut all = vec![("RECOMPRESS_TOKEN", "secret"), ("RECOMPRESS_READ_TOKEN", "reader")];
    all.extend(variables);
    let site = Site::new(&all);
    let (zip, _) = sample();
    assert_eq!(site.code("PUT", "/archives/a", &[BEARER], whole(&zip)).0, 201);
    site
}

#[test]
fn without_a_token_archives_are_closed_unless_they_are_opened() {
    let mut site = Site::new(&[]);
    site.put("/archives/a", &archive(&[("a", b"")]));
    site.service = service();
    for (method, path) in [
        ("GET", "/archives"),
        ("PUT", "/archives/b"),
        ("GET", "/archives/a"),
        ("DELETE", "/archives/a"),
        ("GET", "/archives/a/members/a"),
    ] {
        assert_eq!(site.code(method, path, &[], whole(b"")), refusal(500, "misconfigured"), "{method} {path}");
    }
    let (status, code) = outcome(answer("GET", "/archives/a", &[], Upload::default()));
    assert_eq!((status, &*code), (404, "not_found"), "without a store");
}

#[test]
fn each_caller_may_do_what_its_token_says() {
    let ticket = |id, bytes, until| format!("Bearer {}", ticket("secret", id, bytes, until).unwrap());
    let (good, other, past) =
        (ticket("t", 1 << 20, BEGIN + 1), ticket("u", 1 << 20, BEGIN + 1), ticket("t", 1 << 20, BEGIN));
    let small = ticket("t", 10, BEGIN + 1);
    let existing = ticket("a", 1 << 20, BEGIN + 1);
    let mut forged = good.clone();
    forged.replace_range(forged.len() - 1.., if good.ends_with('A') { "B" } else { "A" });
    let altered = good.replace(".1048576.", ".9048576.");
    let zip = archive(&[("a", b"one")]);
    for (private, method, path, authorization, expected) in [
        ("0", "GET", "/archives/a", "", refusal(200, "")),
        ("0", "GET", "/archives/a/record", "", refusal(200, "")),
        ("0", "GET", "/archives", "", refusal(401, "unauthorized")),
        ("0", "GET", "/archives", "Bearer reader", refusal(200, "")),
        ("0", "GET", "/archives/a", "Bearer wrong", refusal(401, "unauthorized")),
        ("0", "GET", "/archives/a", "Basic secret", refusal(401, "unauthorized")),
        ("1", "GET", "/archives/a", "", refusal(401, "unauthorized")),
        ("1", "GET", "/archives/a/members/meta", "", refusal(401, "unauthorized")),
        ("1", "GET", "/archives/a", "Bearer reader", refusal(200, "")),
        ("1", "GET", "/archives/a", "Bearer secret", refusal(200, "")),
        ("0", "PUT", "/archives/t", "", refusal(401, "unauthorized")),
        ("0", "PUT", "/archives/t", "Bearer reader", refusal(403, "forbidden")),
        ("0", "POST", "/archives", "Bearer reader", refusal(403, "forbidden")),
        ("0", "DELETE", "/archives/a", "Bearer reader", refusal(403, "forbidden")),
        ("0", "DELETE", "/archives/a", "", refusal(401, "unauthorized")),
        ("0", "DELETE", "/archives/a", "Bearer secret", refusal(204, "")),
        ("0", "PUT", "/archives/t", "Bearer secret", refusal(201, "")),
        ("0", "PUT", "/archives/t", &good, refusal(201, "")),
        ("1", "PUT", "/archives/t", &good, refusal(201, "")),
        ("0", "PUT", "/archives/t", &other, refusal(403, "forbidden")),
        ("0", "PUT", "/archives/t", &past, refusal(401, "unauthorized")),
        ("0", "PUT", "/archives/t", &forged, refusal(401, "unauthorized")),
        ("0", "PUT", "/archives/t", &altered, refusal(401, "unauthorized")),
        ("0", "PUT", "/archives/t", &small, refusal(413, "too_large_to_store")),
        ("0", "PUT", "/archives/a", &existing, refusal(412, "exists")),
        ("0", "POST", "/archives", &good, refusal(403, "forbidden")),
        ("0", "DELETE", "/archives/t", &good, refusal(403, "forbidden")),
        ("0", "GET", "/archives/a", &good, refusal(403, "forbidden")),
        ("0", "GET", "/archives", &good, refusal(403, "forbidden")),
        ("0", "POST", "/", &good, refusal(401, "unauthorized")),
    ] {
        let site = site(&[("RECOMPRESS_PRIVATE", private)]);
        let headers: &[(&str, &str)] = if authorization.is_empty() { &[] } else { &[("authorization", authorization)] };
        let outcome = site.code(method, path, headers, whole(&zip));
        assert_eq!(outcome, expected, "{method} {path} {authorization} private={private}");
        site.is_idle();
    }
    let site = site(&[]);
    let etag = header(&site.get("/archives/a", &[]), "etag").to_owned();
    let replacing = [("authorization", &*existing), ("if-match", &*etag)];
    assert_eq!(site.code("PUT", "/archives/a", &replacing, whole(&zip)), refusal(403, "forbidden"));
}

#[test]
fn private_archives_are_not_for_shared_caches() {
    let site = site(&[("RECOMPRESS_PRIVATE", "1")]);
    assert_eq!(header(&site.get("/archives/a", &[BEARER]), "cache-control"), "private, no-cache, no-transform");
}

#[test]
fn a_page_of_another_site_may_not_write() {
    let zip = archive(&[("a", b"one")]);
    for (origins, origin, allowed) in [
        (None, "https://our.example", true),
        (None, "https://OUR.example", true),
        (None, "https://evil.example", false),
        (None, "https://our.example.evil.example", false),
        (None, "null", false),
        (Some("https://friend.example"), "https://friend.example", true),
        (Some("https://friend.example"), "https://evil.example", false),
        (Some("*"), "https://evil.example", true),
    ] {
        let variables: Vec<_> = origins.map(|origins| ("RECOMPRESS_ORIGINS", origins)).into_iter().collect();
        let site = Site::new(&variables);
        let headers = [("origin", origin), ("host", "our.example")];
        let expected = |status| if allowed { refusal(status, "") } else { refusal(403, "forbidden") };
        assert_eq!(site.code("PUT", "/archives/a", &headers, whole(&zip)), expected(201), "{origin}");
        assert_eq!(site.code("POST", "/archives", &headers, whole(&zip)), expected(201), "{origin}");
        assert_eq!(site.code("DELETE", "/archives/a", &headers, Upload::default()), expected(204), "{origin}");
        assert_eq!(site.code("GET", "/archives", &headers, Upload::default()).0, 200);
    }
}

#[test]
fn decoding_costs_a_token_or_counts_against_the_rate() {
    let large = text((8 << 20) + 1);
    let mut site = site(&[]);
    let zip = archive(&[("gamestate", &large), ("other", &large[..8 << 20]), ("meta", b"EU4txt\nx=1\n")]);
    assert_eq!(site.code("PUT", "/archives/l?quality=5", &[BEARER], whole(&zip)).0, 201);
    let br = ("accept-encoding", "br");
    let of = |site: &Site, path: &str, headers: &[(&str, &str)]| {
        site.code("GET", &format!("/archives/l/{path}"), headers, Upload::default())
    };
    assert_eq!(of(&site, "members/gamestate", &[]), refusal(406, "needs_br"));
    assert_eq!(of(&site, "json", &[br]), refusal(406, "needs_br"));
    assert_eq!(of(&site, "members/gamestate", &[br]).0, 200);
    assert_eq!(of(&site, "members/gamestate", &[BEARER]).0, 200);
    assert_eq!(of(&site, "members/other", &[]).0, 200);
    assert_eq!(of(&site, "json?member=meta", &[]).0, 200);
    site.over_rate = true;
    for path in ["members/meta", "json?member=meta", "record"] {
        assert_eq!(of(&site, path, &[]), refusal(429, "rate_limited"), "{path}");
        assert_eq!(of(&site, path, &[BEARER]).0, 200, "{path}");
    }
    assert_eq!(site.code("GET", "/archives/l", &[], Upload::default()).0, 200);
    assert_eq!(site.code("PUT", "/archives/m", &[BEARER], whole(&zip)), refusal(429, "rate_limited"));
}
