//! Inspection: the listing of a zip, and the warnings about it.

use recompress::{Inspection, Limits, Listing, Selection};
use serde_json::{Value, json};

use crate::{
    cases::b,
    drivers::{Conversion, in_every_way, select_in_every_way},
    extra_field::{extended_timestamp, unicode_path},
    tarball::{self, MTIME},
    zip_writer::{Archive, Descriptor, MADE_BY_DOS, Member, UTF8, archive, deflate, deflated, folder, stored},
};

fn listed(zip: &[u8], listing: Listing, limits: Limits) -> Conversion {
    in_every_way(zip, || Inspection::new(listing, limits))
}

fn lines(output: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(output).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

/// The lines of a whole listing, in every way the same, and in the document the same as in lines.
fn inspect(zip: &[u8]) -> Vec<Value> {
    let as_lines = listed(zip, Listing::Lines, Limits::WORKER);
    as_lines.result.expect("a good archive");
    let lines = lines(&as_lines.output);
    let document = listed(zip, Listing::Json, Limits::WORKER);
    let mut document: Value = serde_json::from_slice(&document.output).expect("one JSON document");
    let mut items = Vec::new();
    for part in ["members", "warnings"] {
        let Value::Array(part) = document[part].take() else { panic!("no list of {part}") };
        items.extend(part);
    }
    items.push(document["totals"].take());
    assert_eq!(items, lines);
    lines
}

#[test]
fn every_member_is_listed_with_its_verified_facts() {
    let behind = Member { descriptor: Descriptor::Signed32, ..deflated(b"d/behind", &[7; 4000]) };
    let compressed = deflate(&[7; 4000]).len();
    let zip = archive([folder(b"d/"), behind, stored(b"a", b"hello")]).bytes();
    let found = inspect(&zip);
    let member = |name, kind, size, compressed, ratio: Value, method, crc32: u32, mode| {
        json!({
            "type": "member", "name": name, "kind": kind, "size": size, "compressed_size": compressed, "ratio": ratio,
            "method": method, "crc32": format!("{crc32:08x}"), "mode": mode, "mtime": MTIME,
            "warnings": ["time_without_zone"],
        })
    };
    let ratio = (4000.0 / compressed as f64 * 100.0).round() / 100.0;
    let all_ratio = (4005.0 / (compressed + 5) as f64 * 100.0).round() / 100.0;
    let expected = [
        member("d/", "directory", 0, 0, Value::Null, "stored", 0, "0755"),
        member("d/behind", "file", 4000, compressed, json!(ratio), "deflate", crc32fast::hash(&[7; 4000]), "0644"),
        member("a", "file", 5, 5, json!(1.0), "stored", crc32fast::hash(b"hello"), "0644"),
        json!({
            "type": "totals", "complete": true, "members": 3, "files": 2, "directories": 1, "size": 4005,
            "compressed_size": compressed + 5, "ratio": all_ratio,
            "zip_bytes": zip.len(), "warnings": { "time_without_zone": 3 },
        }),
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_empty_archive_has_a_listing_of_nothing() {
    let found = inspect(&archive([]).bytes());
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0]["complete"], &found[0]["members"], &found[0]["ratio"]),
        (&json!(true), &json!(0), &Value::Null)
    );
}

#[test]
fn each_loss_is_reported_once() {
    let with = |change: fn(&mut Member<'static>)| {
        let mut member = Member { extra: extended_timestamp(1, &[5]), ..b() };
        change(&mut member);
        archive([member])
    };
    let member = || Member { extra: extended_timestamp(1, &[5]), ..b() };
    let twice = archive([member(), member()]);
    for (zip, warning, name) in [
        (with(|member| member.name = b"caf\x82"), "name_from_cp437", "café"),
        (
            with(|member| {
                member.name = b"caf_";
                let field = unicode_path(1, crc32fast::hash(b"caf_"), "café");
                member.extra.extend(&field);
                member.directory_extra = field;
            }),
            "name_from_unicode_field",
            "café",
        ),
        (with(|member| member.name = b"d\\.\\a"), "name_changed", "d/a"),
        (with(|member| member.extra.clear()), "time_without_zone", "b.bin"),
        (
            with(|member| {
                member.extra.clear();
                member.modified = (0, 0);
            }),
            "time_unknown",
            "b.bin",
        ),
        (with(|member| member.external_attributes = 0o100755 << 16), "mode_lost", "b.bin"),
        (with(|member| member.external_attributes = 0o120777 << 16), "symlink_as_file", "b.bin"),
        (with(|member| member.external_attributes = 0o010644 << 16), "special_as_file", "b.bin"),
        (with(|member| member.comment = b"a comment"), "comment_lost", "b.bin"),
        (twice, "duplicate_dropped", "b.bin"),
    ] {
        let found = inspect(&zip.bytes());
        let (totals, items) = found.split_last().unwrap();
        assert_eq!(totals["warnings"], json!({ warning: 1 }));
        let of_members =
            items.iter().filter(|item| item["warnings"] == json!([warning]) && item["name"] == name).count();
        let of_directory = items.iter().filter(|item| item["warning"] == warning && item["name"] == name).count();
        assert_eq!(of_members + of_directory, 1, "{warning}: {items:#?}");
    }
}

#[test]
fn nothing_is_told_where_nothing_is_lost() {
    let plain = Member { extra: extended_timestamp(1, &[5]), ..b() };
    for zip in [
        archive([plain.clone()]),
        archive([Member { made_by: MADE_BY_DOS, external_attributes: 0x20, ..plain.clone() }]),
        archive([Member { external_attributes: 0, ..plain }]),
        archive([Member { extra: extended_timestamp(1, &[5]), ..folder(b"d/") }]),
    ] {
        assert_eq!(inspect(&zip.bytes()).last().unwrap()["warnings"], json!({}));
    }
}

#[test]
fn a_name_of_any_characters_is_json() {
    for name in ["a\"b", "\"", "\"\"\"", "日本/\u{2028}é", "a'b&<c>"] {
        let member = Member { flags: UTF8, name: name.as_bytes(), external_attributes: 0o100755 << 16, ..b() };
        let found = inspect(&archive([member]).bytes());
        assert_eq!((&found[0]["name"], &found[1]["name"]), (&name.into(), &name.into()));
    }
}

#[test]
fn an_archives_own_comment_and_its_leading_data_are_told() {
    let line = b"SAV0102a40f789f00000008\nmetadata";
    let found = inspect(&Archive { prefix: line, comment: b"a comment", ..archive([]) }.bytes());
    assert_eq!(found[0]["name"], "__leading_data");
    assert_eq!(found[0]["warnings"], json!(["leading_data"]));
    assert_eq!(found[0]["crc32"], format!("{:08x}", crc32fast::hash(line)));
    assert_eq!(found[1], json!({ "type": "warning", "warning": "comment_lost", "name": null }));
    assert_eq!(found[2]["warnings"], json!({ "leading_data": 1, "comment_lost": 1 }));
}

#[test]
fn a_listing_is_cut_where_a_conversion_is_refused() {
    let mut broken = b();
    broken.directory.crc32 = Some(7);
    let whole = archive([stored(b"a", b"1"), b()]).bytes();
    for zip in [archive([stored(b"a", b"1"), broken]).bytes(), whole[..whole.len() - 1].to_vec(), b"no zip".to_vec()] {
        let converted = select_in_every_way(&zip, Limits::WORKER, &Selection::default(), false);
        let as_lines = listed(&zip, Listing::Lines, Limits::WORKER);
        assert_eq!(as_lines.result, converted.result);
        assert!(lines(&as_lines.output).iter().all(|line| line["type"] != "totals"));
        let document = listed(&zip, Listing::Json, Limits::WORKER);
        assert_eq!(document.result, converted.result);
        serde_json::from_slice::<Value>(&document.output).expect_err("a document that is cut");
    }
}

#[test]
fn the_work_of_unpacking_is_bounded() {
    let zeros = vec![0; 4 << 20];
    let zip = archive([deflated(b"z", &zeros)]).bytes();
    let limits = |cpu_ms| Limits { cpu_ms, ..Limits::WORKER };
    assert_eq!(listed(&zip, Listing::Lines, limits(5)).result.unwrap_err().code(), "cpu_budget");
    assert_eq!(listed(&zip, Listing::Lines, limits(100)).result, Ok(()));
}

#[test]
fn the_listing_agrees_with_the_tarball() {
    let zip = archive([folder(b"d/"), deflated(b"d/a", &[7; 4000]), b()]).bytes();
    let converted = select_in_every_way(&zip, Limits::WORKER, &Selection::default(), false);
    let found = inspect(&zip);
    for member in tarball::read(&converted.output).unwrap() {
        let item = found.iter().find(|item| item["name"] == member.name.as_str()).expect("it is listed");
        assert_eq!(item["mtime"], member.mtime);
        assert_eq!(item["mode"], format!("{:04o}", member.mode));
        assert_eq!(item["crc32"], format!("{:08x}", crc32fast::hash(&member.contents)));
    }
}
