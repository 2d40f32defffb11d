//! Archives that are stored, replaced, listed, deleted, and that expire.

use super::*;

#[test]
fn what_is_stored_is_what_a_conversion_gives_and_the_record_says_so() {
    let site = Site::new(&[]);
    let (zip, _) = sample();
    let response =
        site.ask("PUT", "/archives/save-1?name=save.eu4&expires=60", &[], cut(&zip, 50_000, &[Event::Pause]));
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(header(&response, "location"), "/archives/save-1");
    let etag = header(&response, "etag").to_owned();
    let record = json(response);
    let converted = bytes(answer("POST", "/?seekable=1", &[], whole(&zip)).into_body());
    let tarball = inflated(&converted);
    let sha256 =
        |bytes: &[u8]| sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (key, expected) in [
        ("id", serde_json::Value::from("save-1")),
        ("name", "save.eu4".into()),
        ("created", BEGIN.into()),
        ("expires", (BEGIN + 60).into()),
        ("bytes", converted.len().into()),
        ("zip_bytes", zip.len().into()),
        ("zip_sha256", sha256(&zip).into()),
        ("tar_bytes", tarball.len().into()),
        ("tar_sha256", sha256(&tarball).into()),
        ("members", 4.into()),
        ("quality", 9.into()),
        ("quality_at_end", 9.into()),
        ("lgwin", 22.into()),
    ] {
        assert_eq!(record[key], expected, "{key}");
    }
    assert_eq!(etag, format!("\"{}\"", record["etag"].as_str().unwrap()));
    assert_eq!(record["save"]["game"], "eu4");
    assert_eq!(record["save"]["date"], "1444.11.11");
    assert_eq!(record["options"]["quality"], "9");
    assert!(record["warnings"].is_object());
    let stored = site.get("/archives/save-1", &[]);
    assert_eq!(stored.body().size_hint().exact(), Some(converted.len() as u64));
    assert!(bytes(stored.into_body()) == converted);
    site.is_idle();
}

#[test]
fn a_form_is_stored_and_an_id_of_ours_is_unguessable() {
    let site = Site::new(&[]);
    let zip = archive(&[("a.txt", b"hello")]);
    let form =
        [b"--b\r\nContent-Disposition: form-data; name=f; filename=\"x.zip\"\r\n\r\n", &zip[..], b"\r\n--b--\r\n"]
            .concat();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let headers = [("content-type", "multipart/form-data; boundary=b")];
        let response = site.ask("POST", "/archives", &headers, whole(&form));
        assert_eq!(response.status(), StatusCode::CREATED);
        let location = header(&response, "location").to_owned();
        assert_eq!(members(&bytes(site.get(&location, &[]).into_body())), [("a.txt".to_owned(), b"hello".to_vec())]);
        assert!(header(&site.get(&location, &[]), "content-disposition").contains("\"x.tar.br\""));
        ids.push(location);
    }
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| id.len() == "/archives/".len() + 22));
}

#[test]
fn an_archive_that_exists_is_replaced_only_by_its_etag() {
    let site = Site::new(&[]);
    let (first, second) = (archive(&[("a", b"one")]), archive(&[("a", b"two")]));
    let etag = format!("\"{}\"", site.put("/archives/a", &first)["etag"].as_str().unwrap());
    let put = |headers: &[(&str, &str)], zip: &[u8]| site.code("PUT", "/archives/a", headers, whole(zip));
    assert_eq!(put(&[], &second), refusal(412, "exists"));
    assert_eq!(put(&[("if-none-match", "*")], &second), refusal(412, "exists"));
    assert_eq!(put(&[("if-match", "\"another\"")], &second), refusal(412, "changed"));
    assert_eq!(put(&[("if-match", &format!("W/{etag}"))], &second), refusal(412, "changed"));
    assert_eq!(site.code("PUT", "/archives/b", &[("if-match", "*")], whole(&second)), refusal(412, "changed"));
    assert_eq!(members(&bytes(site.get("/archives/a", &[]).into_body()))[0].1, b"one");

    assert_eq!(put(&[("if-match", &format!("\"x\", {etag}"))], &second).0, 200);
    assert_eq!(members(&bytes(site.get("/archives/a", &[]).into_body()))[0].1, b"two");
    assert_eq!(put(&[("if-match", &etag)], &first), refusal(412, "changed"));
    assert_eq!(put(&[("if-match", "*")], &first).0, 200);
    assert_eq!(site.store.keys().len(), 2, "{:?}", site.store.keys());
}

#[test]
fn the_same_upload_with_its_digest_is_not_converted_again() {
    let site = Site::new(&[]);
    let zip = archive(&[("a", b"one")]);
    let digest = |bytes: &[u8]| format!("sha-256=:{}:", base64::padded(&sha2::Sha256::digest(bytes)));
    let (right, wrong) = (digest(&zip), digest(b"another"));
    let put = |uri: &str, digest: &str, zip: &[u8]| site.code("PUT", uri, &[("content-digest", digest)], whole(zip));
    assert_eq!(put("/archives/a", &wrong, &zip), refusal(400, "bad_digest"));
    assert_eq!(put("/archives/a", "sha-256=:AAAA:", &zip), refusal(400, "bad_digest"));
    assert_eq!(put("/archives/a", "sha-256=AAAA", &zip), refusal(400, "bad_digest"));
    assert_eq!(site.store.keys(), [""; 0]);
    assert_eq!(put("/archives/a", &format!("md5=:AAAA:, {right}"), &zip).0, 201);
    let keys = site.store.keys();
    // It would fail if the body were read.
    let broken = || Upload([Event::Break].into());
    let again = site.ask("PUT", "/archives/a?expires=5", &[("content-digest", &right)], broken());
    assert_eq!((again.status().as_u16(), header(&again, "location")), (200, "/archives/a"));
    assert_eq!(site.code("PUT", "/archives/a?quality=9&lgwin=22", &[("content-digest", &right)], broken()).0, 200);
    assert_eq!(put("/archives/a?quality=5", &right, &zip), refusal(412, "exists"));
    assert_eq!(put("/archives/a?names=cp437", &right, &zip), refusal(412, "exists"));
    assert_eq!(put("/archives/a", &wrong, &zip), refusal(412, "exists"));
    assert_eq!(site.store.keys(), keys);
    let form = [("content-type", "multipart/form-data; boundary=b"), ("content-digest", &*right)];
    let upload = b"--b\r\nContent-Disposition: form-data; name=f; filename=x.zip\r\n\r\nPK\r\n--b--\r\n";
    assert_eq!(site.code("POST", "/archives", &form, whole(upload)), refusal(400, "bad_digest"));
}

#[test]
fn deleting_succeeds_also_the_second_time() {
    let site = Site::new(&[]);
    site.put("/archives/a", &archive(&[("a", b"one")]));
    for _ in 0..2 {
        assert_eq!(site.ask("DELETE", "/archives/a", &[], Upload::default()).status(), StatusCode::NO_CONTENT);
        assert_eq!(site.code("GET", "/archives/a", &[], Upload::default()), refusal(404, "no_archive"));
    }
    assert_eq!(site.store.keys(), [""; 0]);
    site.put("/archives/a", &archive(&[("a", b"two")]));
}

#[test]
fn an_expired_archive_is_gone_at_once_and_its_id_is_free() {
    let mut site = Site::new(&[]);
    site.put("/archives/a?expires=100", &archive(&[("a", b"one")]));
    site.put("/archives/b", &archive(&[("a", b"one")]));
    site.at(BEGIN + 99);
    assert_eq!(site.get("/archives/a", &[]).status(), StatusCode::OK);
    site.at(BEGIN + 100);
    for path in ["", "/record", "/members/a", "/json"] {
        let uri = format!("/archives/a{path}");
        assert_eq!(site.code("GET", &uri, &[], Upload::default()), refusal(404, "no_archive"), "{uri}");
    }
    assert_eq!(json(site.get("/archives", &[]))["archives"].as_array().unwrap().len(), 1);
    assert_eq!(site.store.keys().len(), 4, "it is not swept");
    site.put("/archives/a", &archive(&[("a", b"two")]));
    assert_eq!(site.store.keys().len(), 4, "{:?}", site.store.keys());
    for (value, taken) in
        [("0", false), ("-1", false), ("+5", false), ("1d", false), ("3162240000", true), ("3162240001", false)]
    {
        let (status, code) =
            site.code("PUT", &format!("/archives/x{value}?expires={value}").replace('+', "%2B"), &[], whole(b""));
        assert_eq!(status != 400 || code != "bad_option", taken || code == "bad_id", "{value}: {status} {code}");
    }
}

#[test]
fn a_sweep_deletes_what_has_expired_and_what_no_record_names() {
    let mut site = Site::new(&[]);
    for number in 0..5 {
        site.put(&format!("/archives/kept-{number}"), &archive(&[("a", b"one")]));
        site.put(&format!("/archives/short-{number}?expires=10"), &archive(&[("a", b"one")]));
    }
    let kept: Vec<String> = site.store.keys().into_iter().filter(|key| key.contains("kept")).collect();
    let put = |key: &str| {
        block_on(recompress_service::store::Store::put(
            &site.store,
            key,
            Bytes::new(),
            recompress_service::store::Condition::Always,
        ))
        .unwrap()
    };
    // Left by uploads that ended between their blob and their record, or after their record was replaced.
    put("blobs/lost.AAAAAAAAAAAAAAAAAAAAAA");
    put("blobs/kept-1.AAAAAAAAAAAAAAAAAAAAAA");
    let sweep = |site: &Site, sweep: Sweep| block_on(sweep.run(&site.storage())).unwrap();
    site.at(BEGIN + 20);
    let swept = sweep(&site, Sweep::default());
    assert_eq!((swept.blobs, swept.expired, swept.orphans, swept.is_complete), (12, 5, 0, true));
    site.at(BEGIN + 86_399);
    assert_eq!(sweep(&site, Sweep::default()).orphans, 0);
    site.at(BEGIN + 86_400);
    // In small steps, each of which goes on where the last one ended.
    let (mut orphans, mut steps) = (0, 0);
    loop {
        let swept = sweep(&site, Sweep { most: 2, ..Sweep::default() });
        orphans += swept.orphans;
        steps += 1;
        if swept.is_complete {
            break;
        }
    }
    assert_eq!((orphans, steps), (2, 4));
    assert_eq!(site.store.keys(), kept);
}

#[test]
fn archives_are_listed_by_prefix_and_page() {
    let site = Site::new(&[]);
    for id in ["b", "a-2", "a-1", "a-3", "A"] {
        site.put(&format!("/archives/{id}"), &archive(&[(id, b"one")]));
    }
    let list = |query: &str| {
        let page = json(site.get(&format!("/archives{query}"), &[]));
        let ids: Vec<_> = page["archives"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["id"].as_str().unwrap().to_owned())
            .collect();
        (ids.join(" "), page["cursor"].as_str().map(str::to_owned))
    };
    assert_eq!(list(""), ("A a-1 a-2 a-3 b".to_owned(), None));
    assert_eq!(list("?prefix=a-"), ("a-1 a-2 a-3".to_owned(), None));
    let (ids, cursor) = list("?prefix=a&limit=2");
    assert_eq!(ids, "a-1 a-2");
    assert_eq!(list(&format!("?prefix=a&limit=2&cursor={}", cursor.unwrap())), ("a-3".to_owned(), None));
    for query in [
        "limit=0",
        "limit=101",
        "limit=%2B1",
        "limit=x",
        "prefix=../",
        "prefix=a/",
        "cursor=",
        "cursor=%00",
        "x=1",
        "limit=1&limit=2",
    ] {
        let uri = format!("/archives?{query}");
        assert_eq!(site.code("GET", &uri, &[], Upload::default()), refusal(400, "bad_option"), "{query}");
    }
}

#[test]
fn an_installation_limits_bytes_members_and_days() {
    let zip = archive(&[("a", &noise(30_000)), ("b", b"")]);
    let length = zip.len().to_string();
    let one = |variable: &str, value: &str, declared: bool| {
        let site = Site::new(&[(variable, value)]);
        let headers: &[(&str, &str)] = if declared { &[("content-length", &length)] } else { &[] };
        let outcome = site.code("PUT", "/archives/a", headers, whole(&zip));
        assert!(outcome.0 == 201 || site.store.keys().is_empty(), "{:?}", site.store.keys());
        site.is_idle();
        outcome
    };
    for declared in [true, false] {
        assert_eq!(one("RECOMPRESS_MAX_STORED_BYTES", "40000", declared).0, 201);
        let less = (zip.len() - 1).to_string();
        assert_eq!(one("RECOMPRESS_MAX_STORED_BYTES", &less, declared), refusal(413, "too_large_to_store"));
        assert_eq!(one("RECOMPRESS_MAX_STORED_MEMBERS", "2", declared).0, 201);
        assert_eq!(one("RECOMPRESS_MAX_STORED_MEMBERS", "1", declared), refusal(413, "too_many_entries"));
    }
    let day = (2 * zip.len()).to_string();
    let mut site = Site::new(&[("RECOMPRESS_DAY_BYTES", &day)]);
    let put = |site: &Site, id: &str| {
        site.code("PUT", &format!("/archives/{id}"), &[("content-length", &length)], whole(&zip))
    };
    assert_eq!([put(&site, "a").0, put(&site, "b").0], [201, 201]);
    assert_eq!(put(&site, "c"), refusal(429, "day_is_full"));
    site.at((BEGIN / 86_400 + 1) * 86_400);
    assert_eq!(put(&site, "c").0, 201);
    block_on(Sweep::default().run(&site.storage())).unwrap();
    assert_eq!(site.store.keys().iter().filter(|key| key.starts_with("days/")).count(), 1);
}

#[test]
fn a_quality_that_allows_no_index_is_refused() {
    let site = Site::new(&[]);
    for query in ["quality=4", "lgwin=17", "seekable=0", "report=1", "keys=group"] {
        let uri = format!("/archives/a?{query}");
        assert_eq!(site.code("PUT", &uri, &[], whole(&archive(&[("a", b"")]))), refusal(400, "bad_option"), "{query}");
    }
}
