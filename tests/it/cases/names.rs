//! How a name's bytes become text, and how long it may be (APPNOTE §4.4.17, §4.6.9, appendix D).

use super::{A, C, Case, accept, refuse};
use crate::{
    drivers::{self, check},
    extra_field::{field, unicode_path},
    tarball::{directory, file},
    zip_writer::{MADE_BY_DOS, Member, UTF8, deflated, folder},
};

pub fn rows() -> Vec<Case> {
    [encodings(), unicode_paths(), lengths()].into_iter().flatten().collect()
}

fn encodings() -> Vec<Case> {
    let named = |name| [deflated(name, A)];
    let flagged = |name| [Member { flags: UTF8, ..deflated(name, A) }];
    let japanese = "café-日本.txt";
    let upper_half: Vec<u8> = (0x80..=0xff).collect();
    vec![
        accept(
            "name-cp437",
            [Member { made_by: MADE_BY_DOS, external_attributes: 0x20, ..deflated(b"caf\x82.txt", A) }],
            [file("café.txt", A)],
        ),
        accept("name-cp437-upper-half", named(&upper_half), [file(CP437_UPPER_HALF, A)]),
        accept("name-utf8-flag", flagged(japanese.as_bytes()), [file(japanese, A)]),
        // macOS and Info-ZIP do not set the flag.
        accept("name-utf8-noflag", named(japanese.as_bytes()), [file(japanese, A)]),
        accept("name-utf8-flag-ascii", flagged(b"a.txt"), [file("a.txt", A)]),
        refuse("name-bad-utf8-flag", flagged(b"\xff\xfe.txt"), "bad_name"),
        // A surrogate is not a character (RFC 3629 §3).
        refuse("name-surrogate-utf8-flag", flagged(b"\xed\xa0\x80.txt"), "bad_name"),
        accept("name-surrogate-noflag", named(b"\xed\xa0\x80.txt"), [file("φáÇ.txt", A)]),
    ]
}

/// 0x80 to 0xff of code page 437.
const CP437_UPPER_HALF: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

fn unicode_paths() -> Vec<Case> {
    let named = |name: &'static [u8], field: Vec<u8>| {
        [Member { extra: field.clone(), directory_extra: field, ..deflated(name, A) }]
    };
    let path = |name: &[u8], text| unicode_path(1, crc32fast::hash(name), text);
    vec![
        accept("name-7075-valid", named(b"caf?.txt", path(b"caf?.txt", "café.txt")), [file("café.txt", A)]),
        // WinZip separates by slashes in the header and by backslashes in the field.
        accept("name-7075-backslash", named(b"\x84/x.txt", path(b"\x84/x.txt", "ä\\x.txt")), [file("ä/x.txt", A)]),
        accept("name-7075-slash", named(b"\x84\\x.txt", path(b"\x84\\x.txt", "ä/x.txt")), [file("ä/x.txt", A)]),
        refuse("name-7075-both-slashes", named(b"\x84/y/x.txt", path(b"\x84/y/x.txt", "ä/y\\x.txt")), "unsafe_name"),
        // The name was changed by a tool that does not know the field.
        accept("name-7075-stale-crc", named(b"cafe.txt", path(b"x", "EVIL.txt")), [file("cafe.txt", A)]),
        accept(
            "name-7075-version-2",
            named(b"cafe.txt", unicode_path(2, crc32fast::hash(b"cafe.txt"), "café.txt")),
            [file("cafe.txt", A)],
        ),
        // Readers that know the field and readers that do not would extract two different files.
        refuse("name-7075-other-name", named(b"good.txt", path(b"good.txt", "evil.txt")), "unsafe_name"),
        refuse("name-7075-other-accented-name", named(b"good.txt", path(b"good.txt", "évil.txt")), "unsafe_name"),
        refuse(
            "name-7075-twice",
            named(b"caf?.txt", [path(b"caf?.txt", "café.txt"), path(b"caf?.txt", "cafè.txt")].concat()),
            "unsafe_name",
        ),
        refuse(
            "name-7075-other-than-flagged",
            named(b"good.txt", path(b"good.txt", "évil.txt")).map(|member| Member { flags: UTF8, ..member }),
            "unsafe_name",
        ),
        refuse(
            "name-7075-version-2-other-name",
            named(b"good.txt", unicode_path(2, crc32fast::hash(b"good.txt"), "evil.txt")),
            "unsafe_name",
        ),
        refuse(
            "name-7075-not-utf8",
            named(
                b"caf?.txt",
                field(0x7075, &[&[1][..], &crc32fast::hash(b"caf?.txt").to_le_bytes(), b"caf\xff.txt"].concat()),
            ),
            "unsafe_name",
        ),
        refuse("name-7075-nul", named(b"a?b", path(b"a?b", "aé\0b")), "unsafe_name"),
        refuse("name-7075-empty", named(b"a", path(b"a", "")), "unsafe_name"),
        refuse(
            "name-7075-in-directory-alone",
            [Member { directory_extra: path(b"caf?.txt", "café.txt"), ..deflated(b"caf?.txt", A) }],
            "cd_mismatch",
        ),
        refuse("name-7075-traversal", named(b"cafe.txt", path(b"cafe.txt", "../../evil")), "unsafe_name"),
    ]
}

fn lengths() -> Vec<Case> {
    // 100 bytes fit a ustar header, 255 do when there is a slash in the right place, the rest needs pax.
    let split = ["d".repeat(155), "f".repeat(100)].join("/");
    let unsplittable = ["d".repeat(156), "f".repeat(100)].join("/");
    let (longest, too_long) = ("n".repeat(4096), "n".repeat(4097));
    let longest_folder = "n".repeat(4095) + "/";
    let of_folders = ["z".repeat(99).as_str(); 50].join("/");
    let accented = "é".repeat(60);

    let mut rows: Vec<Case> = [100, 101, 255, 256, 300]
        .into_iter()
        .map(|length| {
            let name = (if length == 300 { "y" } else { "x" }).repeat(length);
            accept(format!("name-long-{length}"), [deflated(name.as_bytes(), A)], [file(&name, A)])
        })
        .collect();
    rows.extend([
        accept("name-long-156-slash", [deflated(split.as_bytes(), A)], [file(&split, A)]),
        accept("name-long-157-slash", [deflated(unsplittable.as_bytes(), A)], [file(&unsplittable, A)]),
        accept("name-long-accents", [deflated(accented.as_bytes(), A)], [file(&accented, A)]),
        accept("name-long-4096", [deflated(longest.as_bytes(), A)], [file(&longest, A)]),
        accept("name-long-4096-dir", [folder(longest_folder.as_bytes())], [directory(&longest_folder)]),
        refuse("name-long-4097", [deflated(too_long.as_bytes(), A)], "name_too_long"),
        refuse("name-long-5000", [deflated(of_folders.as_bytes(), A)], "name_too_long"),
        refuse("name-long-65535", [deflated(&[b'w'; 65535], C)], "name_too_long"),
    ]);
    rows
}

#[test]
fn a_name_is_read_in_the_encoding_it_was_written_in() {
    check(&rows(), drivers::ALL);
}
