//! Saves of some games: a header line, metadata as long as the line says, a zip.
//!
//! The line is `SAV`, two digits of version, two of kind, eight that are random, eight hexadecimal ones with the length of the
//! metadata, and a line end.

use super::{A, Case, a, a_out, accept, b, b_out, refuse};
use crate::{
    drivers::{self, check},
    tarball::{TarMember, file},
    zip_writer::{Archive, Claims, EndClaims, Member, Origin, Zip64, archive, deflated},
};

/// The save header allowed before the zip.
const METADATA: &[u8] = b"meta_data={\n\tversion=\"1.0.2\"\n}\n";

pub fn rows() -> Vec<Case> {
    [whole(), broken()].into_iter().flatten().collect()
}

fn whole() -> Vec<Case> {
    let prefix = [&header(METADATA.len(), "\n"), METADATA].concat();
    let from_file = || Archive { prefix: &prefix, ..archive([a(), b()]) };
    let from_zip = || Archive { origin: Origin::Zip, ..from_file() };
    let out = [leading(&prefix), a_out(), b_out()];

    let crlf = [&header(METADATA.len(), "\r\n"), METADATA].concat();
    let bare = header(0, "\n");
    let metadata = b"PK\x03\x04 is no local header here";
    let signature = [&header(metadata.len(), "\n"), &metadata[..]].concat();
    let version_2 = [b"SAV02".as_slice(), &prefix[5..]].concat();
    let version_2_long =
        |end| [format!("SAV0203fbf95f03{:08x}00000000{end}", METADATA.len()).as_bytes(), METADATA].concat();
    let [long, long_crlf] = ["\n", "\r\n"].map(version_2_long);
    let kind_5 = [b"SAV0105".as_slice(), &prefix[7..]].concat();
    vec![
        accept("save-offsets-from-file", from_file(), out.clone()),
        accept("save-offsets-from-zip", from_zip(), out.clone()),
        accept("save-zip64-offsets-from-file", Archive { zip64: Zip64::Needed, ..from_file() }, out.clone()),
        accept("save-zip64-offsets-from-zip", Archive { zip64: Zip64::Needed, ..from_zip() }, out),
        accept("save-crlf", Archive { prefix: &crlf, ..from_zip() }, [leading(&crlf), a_out(), b_out()]),
        accept("save-without-metadata", Archive { prefix: &bare, ..from_zip() }, [leading(&bare), a_out(), b_out()]),
        accept("save-version-2", Archive { prefix: &version_2, ..from_zip() }, [leading(&version_2), a_out(), b_out()]),
        accept(
            "save-version-2-of-32-bytes",
            Archive { prefix: &long, ..from_zip() },
            [leading(&long), a_out(), b_out()],
        ),
        accept(
            "save-version-2-of-32-bytes-from-file",
            Archive { prefix: &long, ..from_file() },
            [leading(&long), a_out(), b_out()],
        ),
        accept(
            "save-version-2-of-32-bytes-crlf",
            Archive { prefix: &long_crlf, ..from_zip() },
            [leading(&long_crlf), a_out(), b_out()],
        ),
        accept("save-kind-5", Archive { prefix: &kind_5, ..from_zip() }, [leading(&kind_5), a_out(), b_out()]),
        accept(
            "save-signature-in-metadata",
            Archive { prefix: &signature, ..from_zip() },
            [leading(&signature), a_out(), b_out()],
        ),
        accept("save-of-an-empty-zip", Archive { members: Vec::new(), ..from_file() }, [leading(&prefix)]),
        // Without anything in front of the zip the name is as good as any.
        accept("save-member-of-that-name-alone", [deflated(b"__leading_data", A)], [file("__leading_data", A)]),
        refuse(
            "save-member-of-that-name",
            Archive { members: vec![deflated(b"__leading_data", A)], ..from_file() },
            "duplicate_name",
        ),
    ]
}

fn broken() -> Vec<Case> {
    let prefix = |length: usize| [&header(length, "\n"), METADATA].concat();
    let [right, short, long, beyond] = [0, -1, 1, 100_000].map(|by| prefix(METADATA.len().strict_add_signed(by)));
    let behind = |prefix| Archive { prefix, ..archive([a(), b()]) };
    let whole = behind(&right).bytes();
    let off_by_one = Claims { offset: Some(1), ..Claims::default() };
    vec![
        refuse("save-length-too-short", behind(&short), "prefixed"),
        refuse("save-length-too-long", behind(&long), "prefixed"),
        refuse("save-length-beyond-the-end", behind(&beyond), "truncated"),
        // The games can write saves without a zip in them.
        refuse("save-version-3", behind(b"SAV0302a40f789f00000000\n"), "prefixed"),
        refuse("save-version-10", behind(b"SAV1002a40f789f00000000\n"), "prefixed"),
        refuse("save-cr-without-lf", behind(b"SAV0102a40f789f00000000\r"), "prefixed"),
        refuse("save-of-text-of-kind-0", b"SAV0100a40f789f00000000\ngamestate={\n}\n".to_vec(), "prefixed"),
        refuse("save-trunc-in-long-header", b"SAV0203fbf95f03000635380000".to_vec(), "truncated"),
        refuse("save-of-text", [&right[..], b"gamestate={\n}\n"].concat(), "prefixed"),
        refuse(
            "save-offset-from-neither",
            Archive { members: vec![Member { directory: off_by_one, ..a() }], ..behind(&right) },
            "cd_mismatch",
        ),
        refuse(
            "save-directory-offset-from-neither",
            Archive { end: EndClaims { directory_offset: Some(3), ..EndClaims::default() }, ..behind(&right) },
            "bad_eocd",
        ),
        refuse("save-trunc-in-header", whole[..10].to_vec(), "truncated"),
        refuse("save-trunc-in-metadata", whole[..30].to_vec(), "truncated"),
        refuse("save-trunc-before-zip", right.clone(), "truncated"),
        refuse("save-trunc-in-zip", whole[..whole.len() - 1].to_vec(), "truncated"),
    ]
}

/// The header line.
fn header(metadata_bytes: usize, line_end: &str) -> Vec<u8> {
    format!("SAV0102a40f789f{metadata_bytes:08x}{line_end}").into_bytes()
}

/// The members for line and metadata. They come from no zip member, so they have no time.
fn leading(prefix: &[u8]) -> TarMember {
    TarMember { mtime: 0, ..file("__leading_data", prefix) }
}

#[test]
fn a_save_keeps_the_header_before_its_zip() {
    check(&rows(), drivers::ALL);
}
