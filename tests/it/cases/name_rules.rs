//! Names that could escape the target directory, deceive a reader, or collide.

use recompress::Limits;

use super::{A, C, Case, a, a_out, accept, b, b_out, refuse};
use crate::{
    drivers::{self, check},
    tarball::{directory, file},
    zip_writer::{Archive, Descriptor, Member, UTF8, archive, deflated, folder, stored},
};

pub fn rows() -> Vec<Case> {
    [unsafe_names(), kept(), normalised(), twice(), conflicts()].into_iter().flatten().collect()
}

fn unsafe_names() -> Vec<Case> {
    let names: [(&str, &[u8]); 23] = [
        ("dotdot", b"../evil.txt"),
        ("dotdot-alone", b".."),
        ("dotdot_mid", b"a/../../evil.txt"),
        ("dotdot-inside", b"a/../b.txt"),
        ("dotdot-last", b"a/.."),
        ("absolute", b"/etc/evil"),
        ("root", b"/"),
        ("drive", b"C:/evil.txt"),
        ("drive_bs", b"C:\\evil.txt"),
        ("drive-relative", b"c:evil.txt"),
        ("unc", b"\\\\srv\\share\\x"),
        ("bs_dotdot", b"..\\evil.txt"),
        ("bs-absolute", b"\\evil.txt"),
        ("both-slashes", b"a/b\\c.txt"),
        ("nul", b"a\0b.txt"),
        ("control", b"a\nb.txt"),
        ("esc", b"a\x1b[31mb"),
        ("delete", b"a\x7fb"),
        ("empty", b""),
        ("dot", b"."),
        ("control-cp437", b"\x82\x07"),
        ("isolate", "a\u{2066}b.txt".as_bytes()),
        ("pop-isolate", "a\u{2069}b.txt".as_bytes()),
    ];
    let mut rows: Vec<Case> = names
        .into_iter()
        .map(|(what, name)| refuse(format!("name-{what}"), [deflated(name, A)], "unsafe_name"))
        .collect();
    let deceptive = "a\u{202e}txt.exe".as_bytes();
    rows.push(refuse("name-bidi", [Member { flags: UTF8, ..deflated(deceptive, A) }], "unsafe_name"));
    let reversed = "a\u{202e}txt.exe\u{202c}".as_bytes();
    rows.push(refuse("name-bidi-closed", [Member { flags: UTF8, ..deflated(reversed, A) }], "unsafe_name"));
    // Half of a character of Shift-JIS.
    rows.push(refuse("name-backslash-after-cp437", [deflated(b"\x95\x5c.txt", A)], "unsafe_name"));
    rows.push(refuse("name-dotdot-dir", [folder(b"../")], "unsafe_name"));
    rows
}

/// Names that only some systems cannot extract are accepted; those extractors refuse them.
fn kept() -> Vec<Case> {
    ["a.txt.", "CON.txt", "a.txt:stream", "...", "..a", "a..", "a b", " ", "-rf", "~", "a\"b'c", "a/b/.hidden", "éa"]
        .into_iter()
        .map(|name| {
            let row = match name {
                "a.txt." => "trail_dot",
                "CON.txt" => "con",
                "a.txt:stream" => "ads",
                other => other,
            };
            accept(format!("name-{row}"), [deflated(name.as_bytes(), A)], [file(name, A)])
        })
        .collect()
}

/// Names that have one obvious safe form.
fn normalised() -> Vec<Case> {
    vec![
        accept("name-dotslash", [deflated(b"./a.txt", A)], [a_out()]),
        accept("name-dslash", [deflated(b"a//b.txt", A)], [file("a/b.txt", A)]),
        // Readers end a name at its first NUL.
        accept("name-final-nuls", [deflated(b"a.txt\0\0", A)], [a_out()]),
        accept(
            "name-balanced-embedding",
            [Member { flags: UTF8, ..deflated("\u{202b}a\u{202c}.txt".as_bytes(), A) }],
            [a_out()],
        ),
        // Dropbox's folder downloads begin with the folder itself.
        accept("name-root-dir", [folder(b"/"), a()], [directory("./"), a_out()]),
        accept("name-dot-inside", [deflated(b"a/./b.txt", A)], [file("a/b.txt", A)]),
        accept("name-dslash-dir", [folder(b"a//")], [directory("a/")]),
        // Some Windows tools write these; in a name with a slash a backslash may be meant as itself.
        accept("name-backslash", [deflated(b"a\\b.txt", A)], [file("a/b.txt", A)]),
        accept("name-backslash-dir", [folder(b"a\\")], [directory("a/")]),
    ]
}

/// Members of one name. With the same contents they are one member.
pub fn twice() -> Vec<Case> {
    let signed = |member| Member { descriptor: Descriptor::Signed32, ..member };
    let long: Vec<u8> = A.repeat(200);
    let mut last_byte = long.clone();
    last_byte[long.len() - 1] ^= 1;
    let forged = with_same_crc32(A);
    let target = |mode: u32| Member { external_attributes: mode << 16, ..stored(b"l", b"target") };
    let other = |mode: u32| Member { external_attributes: mode << 16, ..a() };
    let unlisted = Member { in_directory: false, ..a() };
    let reversed = Archive { directory_order: Some(vec![2, 1, 0]), ..archive([a(), b(), a()]) };
    let limited = |entries, case: Case| Case { limits: Limits { entries, ..Limits::default() }, ..case };
    let bytes = |unpacked_bytes, case: Case| Case { limits: Limits { unpacked_bytes, ..Limits::default() }, ..case };
    let ab = || [a_out(), b_out()];
    vec![
        accept("dup-same", [a(), a()], [a_out()]),
        accept("dup-same-thrice", [a(), b(), a(), a(), b()], ab()),
        accept("dup-same-by-another-method", [a(), stored(b"a.txt", A), b()], ab()),
        accept("dup-same-dd", [signed(a()), signed(a()), b()], ab()),
        accept("dup-same-dd-first", [signed(a()), a(), b()], ab()),
        accept("dup-same-dd-last", [a(), signed(a()), b()], ab()),
        accept("dup-same-stored-dd", [signed(stored(b"a.txt", A)), signed(stored(b"a.txt", A)), b()], ab()),
        accept("dup-same-stored-dd-last", [a(), signed(stored(b"a.txt", A)), b()], ab()),
        accept("dup-same-empty", [stored(b"e", b""), deflated(b"e", b""), a()], [file("e", b""), a_out()]),
        accept("dup-same-long", [deflated(b"l", &long), stored(b"l", &long)], [file("l", &long)]),
        accept("dup-same-deep", [deflated(b"d/e/f", A), deflated(b"d/e/f", A)], [file("d/e/f", A)]),
        accept("dup-same-reversed-directory", reversed, ab()),
        accept("dup-same-other-mode", [a(), other(0o100755)], [a_out()]),
        accept("dup-same-other-time", [a(), Member { modified: (0, 0x21), ..a() }], [a_out()]),
        limited(2, accept("dup-same-entries", [a(), a()], [a_out()])),
        limited(1, refuse("dup-same-entries-exceeded", [a(), a()], "too_many_entries")),
        bytes(2 * A.len() as u64, accept("dup-same-unpacked", [a(), a()], [a_out()])),
        bytes(2 * A.len() as u64 - 1, refuse("dup-same-unpacked-exceeded", [a(), a()], "output_limit")),
        refuse("dup-same-not-listed", [a(), unlisted], "cd_mismatch"),
        refuse("dup-same-one-a-link", [target(0o100644), target(0o120777)], "duplicate_name"),
        refuse("dup-same-the-first-a-link", [target(0o120777), target(0o100644)], "duplicate_name"),
        refuse("dup-diff", [a(), deflated(b"a.txt", C)], "duplicate_name"),
        refuse("dup-diff-third", [a(), a(), deflated(b"a.txt", C)], "duplicate_name"),
        refuse("dup-diff-crc32-same", [a(), deflated(b"a.txt", &forged)], "duplicate_name"),
        refuse("dup-diff-crc32-same-stored-dd", [a(), signed(stored(b"a.txt", &forged))], "duplicate_name"),
        refuse("dup-diff-last-byte", [stored(b"l", &long), deflated(b"l", &last_byte)], "duplicate_name"),
        refuse("dup-same-otherwise-written", [a(), deflated(b"./a.txt", A)], "duplicate_name"),
        refuse("dup-normalised", [a(), deflated(b"./a.txt", C)], "duplicate_name"),
        refuse("dup-backslash", [deflated(b"d/a.txt", A), deflated(b"d\\a.txt", C)], "duplicate_name"),
        refuse("dup-decoded", [deflated(b"\x82", A), deflated("é".as_bytes(), C)], "duplicate_name"),
        accept("case-collision", [a(), deflated(b"A.TXT", C)], [a_out(), file("A.TXT", C)]),
    ]
}

/// Other contents with the same length and CRC-32: the polynomial, which leaves no remainder, is added at the front.
fn with_same_crc32(contents: &[u8]) -> Vec<u8> {
    const POLYNOMIAL: u64 = 0xedb8_8320 << 1 | 1;
    let mut forged = contents.to_vec();
    forged.iter_mut().zip(POLYNOMIAL.to_le_bytes()).for_each(|(byte, change)| *byte ^= change);
    assert_eq!(crc32fast::hash(&forged), crc32fast::hash(contents));
    forged
}

fn conflicts() -> Vec<Case> {
    let link = Member { external_attributes: 0o120777 << 16, ..stored(b"ln", b"/etc") };
    vec![
        refuse("file-dir-conflict", [deflated(b"a", A), deflated(b"a/b", C)], "name_conflict"),
        refuse("file-dir-conflict-reversed", [deflated(b"a/b", C), deflated(b"a", A)], "name_conflict"),
        refuse("file-dir-conflict-deep", [deflated(b"a/b", C), deflated(b"a/b/c/d", A)], "name_conflict"),
        refuse("file-dir-conflict-explicit", [folder(b"a/"), deflated(b"a", A)], "name_conflict"),
        refuse("file-dir-conflict-explicit-reversed", [deflated(b"a", A), folder(b"a/")], "name_conflict"),
        refuse("symlink-then-file", [link, deflated(b"ln/x", A)], "name_conflict"),
        accept(
            "no-conflict-common-start",
            [deflated(b"a", A), deflated(b"a.txt", A), deflated(b"ab/c", C)],
            [file("a", A), a_out(), file("ab/c", C)],
        ),
    ]
}

#[test]
fn every_name_stays_in_the_target_folder_and_names_one_member() {
    check(&rows(), drivers::ALL);
}
