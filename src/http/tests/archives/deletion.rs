//! Deletions, and what comes between their steps.

use std::{sync::Mutex, thread};

use recompress_service::store::{Id, find};

use super::{failures::failing, stepping::stepping, *};

type Deed = Box<dyn FnOnce() + Send>;

const OLD: &[u8] = b"old";
const NEW: &[u8] = b"new";

/// Status and code.
type Outcome = (u16, String);

/// Runs `work` on a site, with `deed` between two steps of it, in every place: after each, `check` gets the results of both. They
/// know the ETag that the archive had.
fn between<T>(
    begin: fn() -> Site,
    deed: fn(&Site, &str) -> Outcome,
    work: impl Fn(&Site, Storage, &str) -> T,
    mut check: impl FnMut(&Site, T, Outcome),
) {
    for number in 0.. {
        let site = begin();
        let record = block_on(find(&site.store, &Id::parse("a").unwrap())).unwrap().unwrap().record;
        let tag = format!("\"{}\"", record.etag);
        let other =
            Site { service: Site::new(&[]).service, store: site.store.clone(), now: site.now, over_rate: false };
        let told = Arc::new(Mutex::new(None));
        let deed: Deed = {
            let (told, tag) = (Arc::clone(&told), tag.clone());
            Box::new(move || *told.lock().unwrap() = Some(deed(&other, &tag)))
        };
        let deed = Mutex::new(Some(deed));
        let before = move || {
            // On a thread of its own, for an executor does not run within another.
            if let Some(deed) = deed.lock().unwrap().take() {
                thread::spawn(deed).join().unwrap();
            }
            Ok(())
        };
        let done = work(&site, stepping(&site, number, Box::new(before)), &tag);
        let Some(told) = told.lock().unwrap().take() else {
            assert!(number >= 3, "{number} operations");
            return;
        };
        check(&site, done, told);
    }
}

fn put(site: &Site, headers: &[(&str, &str)]) -> Outcome {
    site.code("PUT", "/archives/a", headers, whole(&archive(&[("a", NEW)])))
}

fn live() -> Site {
    let site = Site::new(&[]);
    site.put("/archives/a", &archive(&[("a", OLD)]));
    site
}

fn expired() -> Site {
    let mut site = Site::new(&[]);
    site.put("/archives/a?expires=10", &archive(&[("a", OLD)]));
    site.at(BEGIN + 10);
    site
}

/// The contents of the archive, if it is there. It is there with its blob, or neither is.
fn contents(site: &Site) -> Option<Vec<u8>> {
    let answer = site.get("/archives/a/members/a", &[]);
    let contents = (answer.status() == StatusCode::OK).then(|| bytes(answer.into_body()));
    let keys = site.store.keys();
    assert_eq!(keys.len(), if contents.is_some() { 2 } else { 0 }, "{keys:?}");
    contents
}

#[test]
fn a_sweep_of_an_expired_archive_never_takes_a_newer_one_with_it() {
    let mut refused = 0;
    let sweep = |_: &Site, storage: Storage, _: &str| block_on(Sweep::default().run(&storage)).unwrap();
    between(
        expired,
        |site, _| put(site, &[]),
        sweep,
        |site, swept, put| {
            if put.0 == 201 {
                assert_eq!(contents(site).unwrap(), NEW);
            } else {
                // While the tombstone is there.
                assert_eq!((put, swept.expired), (refusal(412, "exists"), 1));
                assert_eq!(contents(site), None);
                refused += 1;
            }
        },
    );
    assert_eq!(refused, 1);
}

#[test]
fn a_deletion_takes_the_archive_that_is_there_with_all_of_it() {
    let delete = |site: &Site, storage: Storage, _: &str| {
        outcome(site.ask_with(storage, request("DELETE", "/archives/a", &[], Upload::default())))
    };
    between(
        live,
        |site, _| put(site, &[("if-match", "*")]),
        delete,
        |site, deleted, put| {
            assert_eq!(deleted.0, 204);
            assert!([refusal(200, ""), refusal(412, "changed")].contains(&put), "{put:?}");
            assert_eq!(contents(site), None);
        },
    );
    between(
        live,
        |site, _| put(site, &[]),
        delete,
        |site, deleted, put| {
            assert_eq!(deleted.0, 204);
            assert_eq!(contents(site).as_deref(), (put.0 == 201).then_some(NEW));
        },
    );
}

#[test]
fn a_deletion_of_one_version_and_its_replacement_exclude_each_other() {
    let (mut replaced, mut gone) = (0, 0);
    let delete = |site: &Site, storage: Storage, tag: &str| {
        outcome(site.ask_with(storage, request("DELETE", "/archives/a", &[("if-match", tag)], Upload::default())))
    };
    between(
        live,
        |site, tag| put(site, &[("if-match", tag)]),
        delete,
        |site, deleted, put| {
            if put.0 == 200 {
                assert_eq!((deleted, contents(site).as_deref()), (refusal(412, "changed"), Some(NEW)));
                replaced += 1;
            } else {
                assert_eq!((deleted.0, put), (204, refusal(412, "changed")));
                assert_eq!(contents(site), None);
                gone += 1;
            }
        },
    );
    assert!(replaced > 0 && gone > 0, "{replaced} {gone}");
    let site = live();
    for tag in ["\"another\"", "W/\"x\""] {
        assert_eq!(
            site.code("DELETE", "/archives/a", &[("if-match", tag)], Upload::default()),
            refusal(412, "changed")
        );
    }
    assert_eq!(site.code("DELETE", "/archives/b", &[("if-match", "*")], Upload::default()), refusal(412, "changed"));
    assert_eq!(site.code("DELETE", "/archives/a", &[("if-match", "*")], Upload::default()).0, 204);
}

#[test]
fn a_deletion_that_was_killed_in_between_is_one_for_readers_and_frees_its_id_later() {
    let zip = archive(&[("a", NEW)]);
    for waits_for_the_sweep in [false, true] {
        let mut site = live();
        // It reads the record, and writes the tombstone.
        let killed = site.ask_with(failing(&site, 2), request("DELETE", "/archives/a", &[], Upload::default()));
        assert_eq!(outcome(killed), refusal(503, "storage"));
        assert_eq!(site.store.keys().len(), 2);
        assert_eq!(site.code("GET", "/archives/a", &[], Upload::default()), refusal(404, "no_archive"));
        assert_eq!(json(site.get("/archives", &[]))["archives"], serde_json::json!([]));
        assert_eq!(site.code("DELETE", "/archives/a", &[], Upload::default()).0, 204);
        site.at(BEGIN + 599);
        assert_eq!(site.code("PUT", "/archives/a", &[], whole(&zip)), refusal(412, "exists"));
        if waits_for_the_sweep {
            site.at(BEGIN + 86_400);
            assert_eq!(block_on(Sweep::default().run(&site.storage())).unwrap().orphans, 1);
            assert_eq!(site.store.keys(), [""; 0]);
        } else {
            site.at(BEGIN + 600);
            site.put("/archives/a", &zip);
            site.at(BEGIN + 86_400);
            block_on(Sweep::default().run(&site.storage())).unwrap();
            assert_eq!(contents(&site).unwrap(), NEW);
        }
    }
}
