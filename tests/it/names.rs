//! The option `names`: charsets, and plain forms of unsafe names.

use encoding_rs::Encoding;
use recompress::{Error, Inspection, Limits, Listing, Names, Parameters, Transcoder};
use recompress_testkit::drivers::{ALL, drive, same};

use crate::{
    tarball,
    zip_writer::{MADE_BY_DOS, Member, UTF8, archive, stored},
};

/// The command line's decoder.
fn decode(label: &'static str, bytes: &[u8]) -> String {
    Encoding::for_label(label.as_bytes())
        .expect("a label of the standard")
        .decode_without_bom_handling(bytes)
        .0
        .into_owned()
}

/// The names of a zip's members in the tarball, the same through every driver.
fn names(value: Option<&str>, raw: &[&[u8]], flags: u16) -> Result<Vec<String>, Error> {
    let members: Vec<_> = raw
        .iter()
        .map(|name| Member { made_by: MADE_BY_DOS, external_attributes: 0x20, flags, ..stored(name, b"x") })
        .collect();
    let zip = archive(members).bytes();
    let names = value.map_or(Names::default(), |value| Names::new(value, Some(decode)).unwrap());
    let convert = |driver| {
        let parameters = Parameters::new(2, 16).unwrap();
        drive(&zip, driver, Transcoder::new(parameters, Limits::default()).unwrap().naming(names))
    };
    let conversions: Vec<_> = ALL.iter().map(|driver| convert(*driver)).collect();
    conversions.iter().for_each(|other| same(&conversions[0], other).unwrap());
    let inspected = drive(&zip, ALL[0], Inspection::new(Listing::Json, Limits::default()).naming(names));
    assert_eq!(inspected.result, conversions[0].result);
    conversions[0].result.clone()?;
    Ok(tarball::read(&conversions[0].output).unwrap().into_iter().map(|member| member.name).collect())
}

#[test]
fn a_charset_decodes_names_and_never_splits_a_character() {
    let japanese: [&[u8]; 3] = [b"\x95\x5c.txt", b"\x83\x5c", b"\x83f\x81[\x83^/\x83\x5c\x81[\x83h.dat"];
    assert_eq!(
        names(Some("cp932"), &japanese, 0).unwrap(),
        ["\u{8868}.txt", "\u{30bd}", "\u{30c7}\u{30fc}\u{30bf}/\u{30bd}\u{30fc}\u{30c9}.dat"]
    );
    for raw in japanese {
        let refused = names(None, &[raw], 0).unwrap_err();
        assert!(refused.code() == "unsafe_name" && refused.to_string().contains("names"), "{refused}");
    }
    assert_eq!(names(Some("cp437"), &[b"\x84\\x.txt"], 0).unwrap(), ["\u{e4}/x.txt"]);
}

#[test]
fn chinese_and_korean_names_are_decoded() {
    for (charset, raw, name) in [
        ("big5", &b"\xa5\x5c.txt"[..], "\u{529f}.txt"),
        ("gbk", b"\x95\x5c/\x81\x5c.txt", "\u{661e}/\u{4e57}.txt"),
        ("euc-kr", b"\xc7\xd1\xb1\xdb/a", "\u{d55c}\u{ae00}/a"),
        ("euc-kr", b"\x81A\x81\x61", "\u{ac02}\u{ac35}"),
    ] {
        assert_eq!(names(Some(charset), &[raw], 0).unwrap(), [name], "{charset}");
        assert!(names(Some(&format!("{charset},plain")), &[raw], 0).is_ok());
    }
}

#[test]
fn a_code_that_decoders_read_in_different_ways_is_refused() {
    for (charset, codes, problem) in [
        ("cp932", &[0xf940, 0xf9fc, 0xf040][..], "is not valid"),
        ("big5", &[0x8862, 0x8864, 0x88a3, 0x88a5], "programs read in different ways"),
        ("big5", &[0x8140, 0xffff], "is not valid"),
        ("gbk", &[0xa6d9, 0xa6df, 0xa6ec, 0xa6ed, 0xa6f3, 0xfe59, 0xfea0], "programs read in different ways"),
        ("gbk", &[0xaaa1, 0xff40], "is not valid"),
        ("euc-kr", &[0xc9a1, 0xfea1], "is not valid"),
    ] {
        for code in codes {
            let raw = [&b"a"[..], &u16::to_be_bytes(*code), b"b"].concat();
            let refused = names(Some(charset), &[&raw], 0).unwrap_err();
            assert_eq!(refused.code(), "bad_name", "{charset} {code:x}");
            assert!(refused.to_string().contains(problem), "{charset} {code:x}: {refused}");
        }
    }
    // A character of four bytes, and a second half that looks like a disputed code.
    assert_eq!(names(Some("gbk"), &[b"\x81\x30\x81\x30"], 0).unwrap_err().code(), "bad_name");
    assert_eq!(names(Some("gbk"), &[b"\xb0\xa6\xd9\xb0"], 0).unwrap(), ["\u{5509}\u{4f94}"]);
}

#[test]
fn flagged_names_are_utf8_whatever_the_charset() {
    let flagged = "\u{e9}/\u{8868}.txt";
    assert_eq!(names(Some("cp932"), &[flagged.as_bytes()], UTF8).unwrap(), [flagged]);
    assert_eq!(names(Some("cp932"), &[b"\xff\xff"], 0).unwrap_err().code(), "bad_name");
    assert_eq!(names(Some("utf-8"), &[b"caf\x82"], 0).unwrap_err().code(), "bad_name");
    assert_eq!(names(Some("utf-8"), &[flagged.as_bytes()], 0).unwrap(), [flagged]);
}

#[test]
fn plain_names_are_safe() {
    let raw: [&[u8]; 6] = [b"../up", b"/x.pom", b"A:B.txt", b"Icon\r", b"a\0b", b"d/e\\f"];
    for name in raw {
        let refused = names(None, &[name], 0).unwrap_err();
        assert!(refused.code() == "unsafe_name", "{refused}");
    }
    assert_eq!(names(Some("plain"), &raw, 0).unwrap(), ["__/up", "x.pom", "A_B.txt", "Icon_", "a_b", "d/e_f"]);
    // Two names that become one are two files of one name.
    assert_eq!(names(Some("plain"), &[b"a\rb", b"a\nb"], 0).unwrap_err().code(), "duplicate_name");
}
