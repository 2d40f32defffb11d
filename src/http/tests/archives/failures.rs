//! Uploads and reads that fail, and stores that do. A reader never sees half an archive.

use recompress_service::store::{Condition, Store, StoreError};

use super::{stepping::stepping, *};

/// A store whose operation with this number, and all later ones, fail.
pub(super) fn failing(site: &Site, after: u64) -> Storage {
    stepping(site, after, Box::new(|| Err(StoreError::Failed("no disk".to_owned()))))
}

#[test]
fn an_upload_that_is_refused_leaves_nothing() {
    let (zip, _) = sample();
    let large = archive(&[("noise", &noise(8 << 20))]);
    let mut broken = large.clone();
    // The CRC-32 in the only record of the directory (APPNOTE §4.3.12), whose name has five bytes.
    let at = broken.len() - 22 - (46 + 5) + 16;
    broken[at] ^= 0xff;
    let ends = |bytes: &[u8], event: Event| {
        let mut upload = cut(bytes, 100_000, &[]);
        upload.0.push_back(event);
        upload
    };
    for (name, upload, status) in [
        ("no zip", whole(b"hello"), 415),
        ("cut early", whole(&zip[..1000]), 400),
        ("cut late", whole(&large[..large.len() - 10]), 400),
        ("broken at its end", whole(&broken), 400),
        ("lost early", ends(&zip[..1000], Event::Break), 400),
        ("lost late", ends(&large[..large.len() - 10], Event::Break), 400),
    ] {
        let site = Site::new(&[]);
        assert_eq!(site.code("PUT", "/archives/a?quality=5", &[], upload).0, status, "{name}");
        assert_eq!(site.store.keys(), [""; 0], "{name}");
        site.is_idle();
    }
}

#[test]
fn a_client_that_leaves_leaves_nothing() {
    let large = archive(&[("noise", &noise(8 << 20))]);
    let site = Site::new(&[]);
    let mut upload = cut(&large[..large.len() - 1000], 64 << 10, &[]);
    upload.0.push_back(Event::Stall);
    let visit = Visit { storage: Some(site.storage()), over_rate: ready(false), id: String::new() };
    let mut serving = Box::pin(site.service.serve(request("PUT", "/archives/a?quality=5", &[], upload), visit));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    // Far enough for all of the upload that comes.
    for _ in 0..2000 {
        assert!(serving.as_mut().poll(&mut cx).is_pending());
    }
    assert!(site.service.0.terms.admission.figures().buffers > 0, "it is being stored");
    drop(serving);
    assert_eq!(site.store.keys(), [""; 0]);
    site.is_idle();
}

#[test]
fn wherever_the_store_fails_an_archive_is_whole_or_absent_and_the_sweep_leaves_nothing() {
    let (zip, large) = sample();
    let mut outcomes = Vec::new();
    for replaces in [false, true] {
        for after in 0..20 {
            let mut site = Site::new(&[]);
            if replaces {
                site.put("/archives/a", &archive(&[("gamestate", b"before")]));
            }
            let headers: &[(&str, &str)] = if replaces { &[("if-match", "*")] } else { &[] };
            let response =
                site.ask_with(failing(&site, after), request("PUT", "/archives/a?quality=5", headers, whole(&zip)));
            let (status, code) = outcome(response);
            site.is_idle();
            let read = site.get("/archives/a/members/gamestate", &[]);
            match (status, read.status().as_u16(), replaces) {
                (200 | 201, 200, _) => assert!(bytes(read.into_body()) == large),
                (503, 404, false) => assert_eq!(code, "storage"),
                (503, 200, true) => assert_eq!(bytes(read.into_body()), b"before"),
                other => panic!("{other:?} after {after} operations"),
            }
            outcomes.push(status);
            site.at(BEGIN + 100_000);
            block_on(Sweep::default().run(&site.storage())).unwrap();
            let present = usize::from(replaces || status == 201);
            assert_eq!(site.store.keys().len(), 2 * present, "{:?}", site.store.keys());
        }
    }
    assert!(outcomes.contains(&503) && outcomes.contains(&201) && outcomes.contains(&200));
}

#[test]
fn of_two_uploads_of_one_id_one_wins_and_the_other_is_told() {
    let site = Site::new(&[]);
    let zips = [archive(&[("a", &noise(200_000))]), archive(&[("a", &noise(300_000))])];
    let requests = zips.iter().map(|zip| {
        let visit = Visit { storage: Some(site.storage()), over_rate: ready(false), id: String::new() };
        site.service.serve(request("PUT", "/archives/a", &[], cut(zip, 1000, &[Event::Pause])), visit)
    });
    let mut statuses: Vec<_> = block_on(futures::future::join_all(requests)).into_iter().map(outcome).collect();
    statuses.sort();
    assert_eq!(statuses, [refusal(201, ""), refusal(412, "exists")]);
    assert_eq!(site.store.keys().len(), 2);
}

#[test]
fn a_read_of_a_store_that_fails_is_told_and_one_of_a_damaged_archive_too() {
    let (zip, _) = sample();
    let site = Site::new(&[]);
    site.put("/archives/a", &zip);
    for path in ["", "/record", "/members/gamestate", "/members/meta", "/json"] {
        let uri = format!("/archives/a{path}");
        let mut statuses = Vec::new();
        for after in 0..6 {
            let response = site.ask_with(failing(&site, after), request("GET", &uri, &[], Upload::default()));
            statuses.push(outcome(response));
        }
        assert_eq!(statuses[0], refusal(503, "storage"), "{uri}");
        assert_eq!(statuses[5].0, 200, "{uri}");
        assert!(statuses.is_sorted_by_key(|(status, _)| *status == 200), "{uri} {statuses:?}");
    }
    let blob = site.store.keys().into_iter().find(|key| key.starts_with("blobs/")).unwrap();
    let whole = block_on(async {
        let object = site.store.get(&blob, None, None).await.unwrap();
        object.contents.try_collect::<Vec<Bytes>>().await.unwrap().concat()
    });
    let put = |bytes: Vec<u8>| block_on(site.store.put(&blob, bytes.into(), Condition::Always)).unwrap();
    // The end has the index, a middle the contents.
    for (at, path) in [(whole.len() - 40, "/members/meta"), (whole.len() - 40, "/record"), (5000, "/members/gamestate")]
    {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        put(damaged);
        let response = site.get(&format!("/archives/a{path}"), &[]);
        if response.status() == StatusCode::OK {
            let (_, failure) = pieces(response.into_body());
            assert_eq!(failure.unwrap().code(), "damaged", "{path}");
        } else {
            assert_eq!(outcome(response), refusal(500, "damaged"), "{path}");
        }
    }
    put(whole[..whole.len() / 2].to_vec());
    let (_, failure) = pieces(site.get("/archives/a", &[]).into_body());
    assert_eq!(failure.unwrap().code(), "storage");
    block_on(site.store.delete(&blob)).unwrap();
    assert_eq!(site.code("GET", "/archives/a", &[], Upload::default()), refusal(500, "damaged"));
    block_on(site.store.put("archives/a", Bytes::from_static(b"{}"), Condition::Always)).unwrap();
    assert_eq!(site.code("GET", "/archives/a", &[], Upload::default()), refusal(503, "storage"));
    site.is_idle();
}

#[test]
fn an_archive_without_an_index_is_read_whole() {
    // The CPU limit lowers the quality of a large archive below 5.
    let zip = archive(&[("a", &text(6 << 20)), ("b", &text(6 << 20))]);
    let lowered = |limit: &u32| {
        let site = Site::new(&[("RECOMPRESS_CPU_MS", &limit.to_string())]);
        let response = site.ask("PUT", "/archives/a", &[], whole(&zip));
        let is_lowered = response.status() == 201 && json(response)["quality_at_end"].as_u64().unwrap() < 5;
        is_lowered.then_some(site)
    };
    let site = [450, 500, 550, 600, 700, 800].iter().find_map(lowered).expect("one limit lowers it and is enough");
    assert_eq!(members(&bytes(site.get("/archives/a", &[]).into_body())).len(), 2);
    assert_eq!(site.code("GET", "/archives/a/members/a", &[], Upload::default()), refusal(409, "no_index"));
    assert!(json(site.get("/archives/a/record", &[]))["contents"].is_null());
}
