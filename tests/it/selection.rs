//! Members that are selected, and members that come first.

use recompress::{Limits, Selection};

use crate::{
    drivers::{Conversion, cannot_pass_for_whole, least_memory_for, select, select_in_every_way},
    tarball::{self, TarMember},
    zip_writer::{Archive, Descriptor, Member, archive, deflate, deflated, folder, stored},
};

const NONE: &[&str] = &[];

fn selection(include: &[&str], exclude: &[&str], first: &[&str]) -> Selection {
    Selection::new(include, exclude, first).expect("a choice that can be made")
}

/// One of every way to say, or not to say, a size; a directory, and an empty file.
fn members() -> Vec<Member<'static>> {
    let behind = |member| Member { descriptor: Descriptor::Signed32, ..member };
    vec![
        deflated(b"d/deflated", &[7; 3000]),
        stored(b"d/stored", b"some contents"),
        behind(deflated(b"d/deflated-behind", b"held until its size is known")),
        behind(stored(b"d/stored-behind", b"found by its descriptor")),
        folder(b"d/e/"),
        stored(b"empty", b""),
        behind(deflated(b"meta", b"what a game reads first")),
        deflated(b"last", b"the last one"),
    ]
}

fn names(conversion: &Conversion) -> Vec<String> {
    conversion.result.as_ref().expect("a good archive");
    tarball::read(&conversion.output).expect("a tarball").into_iter().map(|member| member.name).collect()
}

fn convert(zip: &[u8], selection: &Selection) -> Conversion {
    select_in_every_way(zip, Limits::WORKER, selection, false)
}

fn code(zip: &[u8], limits: Limits, selection: &Selection) -> &'static str {
    let conversion = select_in_every_way(zip, limits, selection, false);
    cannot_pass_for_whole(&conversion.output).expect("no end to what failed");
    conversion.result.expect_err("a refusal").code()
}

#[test]
fn only_the_members_that_are_selected_are_written() {
    let zip = archive(members()).bytes();
    for (include, exclude, expected) in [
        (&["meta"][..], NONE, &["meta"][..]),
        (&["last", "m*"], NONE, &["meta", "last"]),
        (NONE, &["d"], &["empty", "meta", "last"]),
        (&["d"], &["**/*behind", "d/e/"], &["d/deflated", "d/stored"]),
        (&["**/*-behind"], NONE, &["d/deflated-behind", "d/stored-behind"]),
    ] {
        assert_eq!(names(&convert(&zip, &selection(include, exclude, NONE))), expected, "{include:?} {exclude:?}");
    }
}

#[test]
fn a_selection_that_selects_all_changes_no_byte() {
    let zip = archive(members()).bytes();
    let all = convert(&zip, &Selection::default());
    assert!(convert(&zip, &selection(&["**"], &["no such name"], &["d/deflated"])).output == all.output);
}

#[test]
fn members_that_are_not_selected_are_verified_all_the_same() {
    let mut broken = members();
    broken[0].data = Some(deflate(&[8; 3000]));
    let only_meta = selection(&["meta"], NONE, NONE);
    assert_eq!(code(&archive(broken).bytes(), Limits::WORKER, &only_meta), "crc_mismatch");
    let duplicate = [members(), vec![stored(b"empty", b"x")]].concat();
    assert_eq!(code(&archive(duplicate).bytes(), Limits::WORKER, &only_meta), "duplicate_name");
}

#[test]
fn a_selection_that_selects_nothing_is_an_error() {
    let refused = convert(&archive(members()).bytes(), &selection(&["no such name"], NONE, NONE));
    assert_eq!(refused.result.unwrap_err().to_string(), "none of the 8 members is selected: check include and exclude");
    assert!(refused.output.is_empty());
    assert_eq!(code(&archive([]).bytes(), Limits::WORKER, &selection(NONE, &["**"], NONE)), "nothing_selected");
    assert_eq!(names(&convert(&archive([]).bytes(), &Selection::default())), [""; 0], "an empty zip is fine");
}

#[test]
fn skipped_members_count_as_work() {
    let zeros = vec![0; 2 << 20];
    let zip = archive([deflated(b"large", &zeros), stored(b"small", b"1")]).bytes();
    let only_small = selection(&["small"], NONE, NONE);
    let limits = |cpu_ms| Limits { cpu_ms, ..Limits::WORKER };
    assert_eq!(code(&zip, limits(3), &only_small), "cpu_budget");
    assert!(select_in_every_way(&zip, limits(100), &only_small, false).result.is_ok());
}

#[test]
fn members_that_come_first_come_in_their_order_and_the_others_in_the_zips() {
    let zip = archive(members()).bytes();
    let contents_of = |conversion: &Conversion| {
        let mut members = tarball::read(&conversion.output).expect("a tarball");
        members.sort_by(|a, b| a.name.cmp(&b.name));
        members
    };
    let all = convert(&zip, &Selection::default());
    let order = names(&all);
    for first in [
        &["meta"][..],
        &["last", "meta"],
        &["meta", "d/stored-behind", "empty", "d/deflated"],
        &["d/e/"],
        &["d/deflated"],
        &["empty", "d/deflated", "last"],
    ] {
        let conversion = convert(&zip, &selection(NONE, NONE, first));
        let others = order.iter().map(String::as_str).filter(|name| !first.contains(name));
        let expected: Vec<_> = first.iter().copied().chain(others).collect();
        assert_eq!(names(&conversion), expected);
        let members: Vec<TarMember> = contents_of(&conversion);
        assert!(members == contents_of(&all), "the same members as ever");
    }
}

#[test]
fn unselected_members_are_not_held_while_waiting_for_the_first() {
    let noise: Vec<u8> = (0..400_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let zip = archive([stored(b"large", &noise), stored(b"small", b"1"), stored(b"meta", b"2")]).bytes();
    let limits = Limits { memory_bytes: 300_000, ..Limits::WORKER };
    assert_eq!(code(&zip, limits, &selection(NONE, NONE, &["meta"])), "first_too_late");
    let without_large = selection(NONE, &["large"], &["meta"]);
    assert_eq!(names(&select_in_every_way(&zip, limits, &without_large, false)), ["meta", "small"]);
}

#[test]
fn leading_data_waits_like_any_member_and_can_come_first_itself() {
    let line = b"SAV0102a40f789f00000008\nmetadata";
    let zip = Archive { prefix: line, ..archive([stored(b"a", b"1"), stored(b"meta", b"2")]) }.bytes();
    for (first, expected) in [
        (&["meta"][..], ["meta", "__leading_data", "a"]),
        (&["__leading_data", "meta"], ["__leading_data", "meta", "a"]),
        (&["meta", "__leading_data"], ["meta", "__leading_data", "a"]),
    ] {
        let conversion = convert(&zip, &selection(NONE, NONE, first));
        assert_eq!(names(&conversion), expected);
        let members = tarball::read(&conversion.output).unwrap();
        assert!(members.iter().any(|member| member.contents == line));
    }
}

#[test]
fn a_member_that_is_to_come_first_and_never_comes_is_an_error() {
    let zip = archive(members()).bytes();
    for first in ["no such name", "d/e", "*"] {
        let refused = convert(&zip, &selection(NONE, NONE, &[first])).result.unwrap_err();
        assert_eq!(refused.code(), "first_missing", "{first}");
        assert!(refused.to_string().contains(&format!("{first:?}")), "{refused}");
    }
    assert_eq!(code(&archive([]).bytes(), Limits::WORKER, &selection(NONE, NONE, &["meta"])), "first_missing");
}

#[test]
fn waiting_members_are_held_up_to_the_limit() {
    for before in [
        vec![stored(b"large", &[7; 100_000])],
        vec![Member { descriptor: Descriptor::Signed32, ..stored(b"large", &[7; 100_000]) }],
        vec![Member { descriptor: Descriptor::Signed32, data: Some(deflate(&[7; 9])), ..deflated(b"tiny", &[7; 9]) }],
    ] {
        let zip = archive([before, vec![stored(b"meta", b"2")]].concat()).bytes();
        let first = selection(NONE, NONE, &["meta"]);
        let limits = |memory_bytes| Limits { memory_bytes, ..Limits::WORKER };
        let fits = |memory_bytes: u64| select(&zip, limits(memory_bytes), &first).result.is_ok();
        let (mut too_little, mut enough) = (least_memory_for(&zip) / 4, 1 << 20);
        while enough - too_little > 1 {
            let middle = too_little.midpoint(enough);
            *(if fits(middle) { &mut enough } else { &mut too_little }) = middle;
        }
        assert!(select_in_every_way(&zip, limits(enough), &first, false).result.is_ok());
        let short = select_in_every_way(&zip, limits(enough - 1), &first, false).result.unwrap_err();
        assert_eq!(short.code(), "first_too_late");
        let message = format!("\"meta\" must come first, but the members before it exceed the {} bytes", enough - 1);
        assert!(short.to_string().starts_with(&message), "{short}");
    }
}

#[test]
fn every_prefix_of_an_archive_fails_for_every_selection() {
    let zip = archive(members()).bytes();
    let chosen = selection(&["meta", "d"], NONE, &["meta"]);
    for length in 0..zip.len() {
        let conversion = select(&zip[..length], Limits::WORKER, &chosen);
        assert!(conversion.result.is_err(), "{length}");
        cannot_pass_for_whole(&conversion.output).expect("no end to what failed");
    }
}
