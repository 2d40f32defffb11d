//! The directory read first: permissions, links and sizes that only it has.

use recompress::{Directory, Limits, Names, Selection};

use crate::{
    cases::{self, Expected},
    drivers::{self, Conversion},
    extra_field::asi_unix,
    tarball::{self, Kind, TarMember, directory, file},
    zip_writer::{Archive, Descriptor, MADE_BY_DOS, Member, Origin, Zip64, archive, deflated, folder, stored},
};

const TEXT: &[u8] = b"some text, some text";

fn convert(zip: &[u8], limits: Limits, selection: &Selection) -> Conversion {
    let directory = || Directory::of(zip, limits, Names::default()).unwrap().expect("a directory");
    drivers::in_every_way(zip, || {
        let transcoder = drivers::transcoder(limits).expect("memory for an encoder").selecting(selection.clone());
        transcoder.knowing(directory()).expect("memory for the directory")
    })
}

fn members(zip: &[u8]) -> Vec<TarMember> {
    let conversion = convert(zip, Limits::default(), &Selection::default());
    conversion.result.unwrap();
    tarball::read(&conversion.output).unwrap()
}

fn code(zip: &[u8]) -> &'static str {
    let conversion = convert(zip, Limits::default(), &Selection::default());
    drivers::cannot_pass_for_whole(&conversion.output).unwrap();
    conversion.result.unwrap_err().code()
}

fn with_mode(member: Member<'static>, mode: u32) -> Member<'static> {
    Member { external_attributes: mode << 16, ..member }
}

fn link(name: &'static [u8], target: &'static [u8]) -> Member<'static> {
    with_mode(stored(name, target), 0o120777)
}

fn link_out(name: &str, target: &str) -> TarMember {
    TarMember { kind: Kind::Link, mode: 0o777, ..file(name, target.as_bytes()) }
}

#[test]
fn permissions_are_those_of_the_directory_without_bits_that_change_the_user() {
    for (attributes, mode) in [
        (0o100755, 0o755),
        (0o100600, 0o600),
        (0o100000, 0o000),
        (0o104755, 0o755),
        (0o107777, 0o777),
        (0o000640, 0o640),
        (0, 0o644),
        (0o010600, 0o644),
    ] {
        let zip = archive([with_mode(deflated(b"a", TEXT), attributes)]).bytes();
        assert_eq!(members(&zip), [TarMember { mode, ..file("a", TEXT) }], "{attributes:o}");
    }
    let zip = archive([with_mode(folder(b"d/"), 0o040700)]).bytes();
    assert_eq!(members(&zip), [TarMember { mode: 0o700, ..directory("d/") }]);
    let dos = Member { made_by: MADE_BY_DOS, external_attributes: 0o100755 << 16, ..deflated(b"a", TEXT) };
    assert_eq!(members(&archive([dos]).bytes()), [file("a", TEXT)], "DOS has no permissions");
    let both = Member { extra: asi_unix(0o100711), ..with_mode(deflated(b"a", TEXT), 0o100750) };
    assert_eq!(
        members(&archive([both]).bytes()),
        [TarMember { mode: 0o750, ..file("a", TEXT) }],
        "the directory counts"
    );
}

#[test]
fn a_zip64_end_record_is_found_by_its_length_wherever_offsets_count_from() {
    // Found by fuzzing: the directory was looked for elsewhere, and then its modes seemed to have changed.
    let save = b"SAV0102a40f789f00000000\n";
    let long = vec![7; 64 << 10];
    for (prefix, origin) in [(&b""[..], Origin::File), (save, Origin::File), (save, Origin::Zip)] {
        for extensible_data in [&b""[..], b"1", &long] {
            let members_in = [with_mode(deflated(b"a", TEXT), 0o100755)];
            let zip = Archive { prefix, origin, zip64: Zip64::Needed, extensible_data, ..archive(members_in) }.bytes();
            let found = members(&zip);
            let expected = TarMember { mode: 0o755, ..file("a", TEXT) };
            assert_eq!(found.last(), Some(&expected), "{} {origin:?} {}", prefix.len(), extensible_data.len());
        }
    }
}

#[test]
fn a_link_whose_size_comes_after_it_has_a_target() {
    // Found by fuzzing: if the directory gave no size either, the data was passed on as the contents of a link without a target.
    for target in [&b""[..], b"a"] {
        let streamed = |member| Member { descriptor: Descriptor::Signed32, ..member };
        let zip = archive([deflated(b"a", TEXT), streamed(link(b"l", target))]).bytes();
        if target.is_empty() {
            assert_eq!(code(&zip), "unsafe_link");
        } else {
            assert_eq!(members(&zip), [file("a", TEXT), link_out("l", "a")]);
        }
    }
}

#[test]
fn links_are_links() {
    let long = [b'x'; 300];
    let zip = archive([
        link(b"up/l", b"../a"),
        deflated(b"a", TEXT),
        link(b"deep/x/y", b"../../a"),
        Member { data: None, ..with_mode(deflated(b"z", b"a"), 0o120777) },
        link(b"long", Box::leak(Box::new(long))),
        link("é".as_bytes().to_vec().leak(), b"a"),
    ])
    .bytes();
    // A link whose name is not ASCII forbids links that lead up.
    assert_eq!(code(&zip), "unsafe_link");
    let zip = archive([
        link(b"up/l", b"../a"),
        deflated(b"a", TEXT),
        link(b"deep/x/y", b"../../a"),
        with_mode(deflated(b"z", b"a"), 0o120777),
        link(b"long", Box::leak(Box::new(long))),
        link(b"other", "é".as_bytes()),
    ])
    .bytes();
    assert_eq!(
        members(&zip),
        [
            link_out("up/l", "../a"),
            file("a", TEXT),
            link_out("deep/x/y", "../../a"),
            link_out("z", "a"),
            link_out("long", &"x".repeat(300)),
            link_out("other", "é"),
        ]
    );
}

#[test]
fn a_name_that_ends_in_a_slash_is_a_directory_whatever_its_type() {
    for (name, mode) in [(&b"d/"[..], 0o120777), (b"d\\", 0o120777), (b"d/", 0o100600)] {
        let zip = archive([with_mode(stored(name, b""), mode)]).bytes();
        assert_eq!(members(&zip), [directory("d/")]);
    }
}

#[test]
fn links_that_could_leave_the_root_are_refused() {
    let through = |name| archive([link(b"l", b"."), deflated(name, TEXT)]).bytes();
    for (zip, problem) in [
        (archive([link(b"l", b"../x")]).bytes(), "above the root"),
        (archive([link(b"l", b"/etc/passwd")]).bytes(), "absolute"),
        (archive([link(b"l", b"."), link(b"y", b"l/..")]).bytes(), "up after a link"),
        (archive([link(b"l", b"."), link(b"d/y", b"../l/x")]).bytes(), "through a link"),
        (archive([link(b"y", b"l"), link(b"l", b".")]).bytes(), "to a link that comes later"),
        (through(b"L/x"), "a file behind a link, by another case"),
        (archive([link(b"l", b"")]).bytes(), "empty"),
        (archive([link(b"l", &[b'x'; 4096])]).bytes(), "longer than a path"),
    ] {
        assert_eq!(code(&zip), "unsafe_link", "{problem}");
    }
    assert_eq!(code(&through(b"l/x")), "name_conflict");
    assert_eq!(members(&archive([link(b"l", &[b'x'; 4095])]).bytes()).len(), 1);
}

#[test]
fn a_link_keeps_its_place_among_those_that_come_first() {
    let zip = archive([deflated(b"a", TEXT), link(b"l", b"a"), deflated(b"b", TEXT)]).bytes();
    for (first, names) in [("b", ["b", "a", "l"]), ("l", ["l", "a", "b"])] {
        let selection = Selection::new(&[], &[], &[first]).unwrap();
        let conversion = convert(&zip, Limits::default(), &selection);
        conversion.result.unwrap();
        let members = tarball::read(&conversion.output).unwrap();
        assert_eq!(members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), names);
    }
}

#[test]
fn sizes_of_the_directory_spare_memory_and_links_of_a_stream_are_links() {
    let contents: Vec<u8> = (0..100_000u32).flat_map(|i| i.wrapping_mul(i).to_le_bytes()).collect();
    let described = |member| Member { descriptor: Descriptor::Signed32, ..member };
    let zip = archive([described(deflated(b"a", &contents)), described(link(b"l", b"a"))]).bytes();
    let limits = Limits { held_bytes: 1000, ..Limits::default() };
    let held = drivers::convert(&zip, limits, drivers::Driver::Whole).result.unwrap_err();
    assert_eq!(held.code(), "entry_too_large_without_size");
    let conversion = convert(&zip, limits, &Selection::default());
    conversion.result.unwrap();
    assert_eq!(tarball::read(&conversion.output).unwrap(), [file("a", &contents), link_out("l", "a")]);
}

#[test]
fn members_of_one_name_are_one_member_or_refused_as_in_a_stream() {
    for case in cases::name_rules::twice() {
        let conversion = drivers::in_every_way(&case.zip, || {
            let transcoder = drivers::transcoder(case.limits).expect("memory for an encoder");
            // None with more members than the limit.
            match Directory::of(&case.zip, case.limits, Names::default()).unwrap() {
                Some(directory) => transcoder.knowing(directory).expect("memory for the directory"),
                None => transcoder,
            }
        });
        match (&case.expected, &conversion.result) {
            (Expected::Members(expected), Ok(())) => {
                assert_eq!(&tarball::read(&conversion.output).unwrap(), expected, "{}", case.name);
            }
            (Expected::Refusal(code), Err(error)) => assert_eq!(error.code(), *code, "{}: {error}", case.name),
            (_, result) => panic!("{}: {result:?}", case.name),
        }
    }
}

#[test]
fn a_link_that_comes_twice_is_one_link() {
    let zip = archive([link(b"l", b"a"), deflated(b"a", TEXT), link(b"l", b"a")]).bytes();
    assert_eq!(members(&zip), [link_out("l", "a"), file("a", TEXT)]);
    assert_eq!(code(&archive([link(b"l", b"a"), link(b"l", b"b")]).bytes()), "duplicate_name");
    assert_eq!(code(&archive([link(b"l", b"../x"), link(b"l", b"../x")]).bytes()), "unsafe_link");
}

#[test]
fn nothing_is_no_compressed_stream_where_the_size_comes_after_it() {
    let nothing = Member { data: Some(Vec::new()), descriptor: Descriptor::Signed32, ..deflated(b"a", b"") };
    assert_eq!(code(&archive([nothing]).bytes()), "bad_data");
}

#[test]
fn the_directory_is_found_behind_leading_data_and_before_zeros() {
    let executable = || with_mode(deflated(b"a", TEXT), 0o100755);
    let save = b"SAV0102a40f789f00000004\nmeta";
    for origin in [Origin::Zip, Origin::File] {
        let zip = Archive { prefix: save, origin, ..archive([executable()]) }.bytes();
        assert_eq!(members(&zip).last().unwrap().mode, 0o755);
    }
    for zeros in [1, 70_000, 200_000, 1 << 20] {
        let zip = [archive([executable()]).bytes(), vec![0; zeros]].concat();
        let directory = Directory::of(&zip, Limits::default(), Names::default()).unwrap();
        assert!(directory.is_some(), "{zeros}");
    }
    for cut in [&b"PK\x05\x06"[..], b"", &archive([executable()]).bytes()[..80]] {
        assert!(Directory::of(cut, Limits::default(), Names::default()).unwrap().is_none());
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let [before, after] = [0o100755, 0o100644].map(|mode| archive([with_mode(deflated(b"a", TEXT), mode)]).bytes());
    let directory = Directory::of(&before, Limits::default(), Names::default()).unwrap().unwrap();
    let transcoder = drivers::transcoder(Limits::default()).unwrap().knowing(directory).unwrap();
    let conversion = drivers::drive(&after, drivers::Driver::Whole, transcoder);
    assert_eq!(conversion.result.unwrap_err().code(), "cd_mismatch");
}

#[test]
fn the_directory_counts_as_memory() {
    let zip = archive((0..2000).map(|i| deflated(i.to_string().into_bytes().leak(), b"")).collect::<Vec<_>>()).bytes();
    let least = drivers::least_memory_for(&zip);
    let limits = Limits { memory_bytes: least, ..Limits::default() };
    let conversion = match Directory::of(&zip, limits, Names::default()) {
        Ok(directory) => convert_with(&zip, limits, directory.unwrap()),
        Err(error) => Err(error),
    };
    assert_eq!(conversion.unwrap_err().code(), "memory_limit");
}

fn convert_with(zip: &[u8], limits: Limits, directory: Directory) -> Result<(), recompress::Error> {
    let transcoder = drivers::transcoder(limits)?.knowing(directory)?;
    drivers::drive(zip, drivers::Driver::Whole, transcoder).result
}
