//! The bytes allowed between members and before the directory.

use super::{A, B, Case, a, a_out, accept, b, b_out, refuse};
use crate::{
    drivers::{self, check},
    record::Record,
    tarball::file,
    zip_writer::{Archive, Descriptor, Member, archive, deflated, stored},
};

/// The most zeros allowed between two records, in bytes.
const MOST_ZEROS: usize = 64 << 10;

pub fn rows() -> Vec<Case> {
    [gaps(), signing_blocks(), virtual_members(), known_records()].into_iter().flatten().collect()
}

fn gaps() -> Vec<Case> {
    let most_zeros = [0; MOST_ZEROS];
    let too_many_zeros = [0; MOST_ZEROS + 1];
    let between = |before| [a(), Member { before, ..b() }];
    let before_directory = |before_directory| Archive { before_directory, ..archive([a()]) };
    vec![
        refuse("gap-between-entries", between(b"JUNKJUNK"), "unexpected_record"),
        refuse("gap-one-byte", between(b"\x01"), "unexpected_record"),
        refuse("gap-zeros-then-junk", between(b"\0\0\0\0\0JUNK"), "unexpected_record"),
        accept("gap-zeros-alignment", between(&[0; 37]), [a_out(), b_out()]),
        accept("gap-zeros-one", between(&[0]), [a_out(), b_out()]),
        accept("gap-zeros-64k", between(&most_zeros), [a_out(), b_out()]),
        refuse("gap-zeros-more-than-64k", between(&too_many_zeros), "unexpected_record"),
        refuse("gap-before-cd", before_directory(b"JUNKJUNK"), "unexpected_record"),
        accept("gap-zeros-before-cd", before_directory(&[0; 37]), [a_out()]),
        accept(
            "gap-zeros-after-descriptor",
            [Member { descriptor: Descriptor::Signed32, ..a() }, Member { before: &[0; 3], ..b() }],
            [a_out(), b_out()],
        ),
    ]
}

/// The signing block that Android's `apksigner` puts before the directory; zeros before it align it to a page.
fn signing_blocks() -> Vec<Case> {
    let block = signing_block(b"APK Sig Block 42");
    let member = stored(b"evil.txt", A);
    let member = [member.local_header(), member.data()].concat();
    let size = (member.len() + 24) as u64;
    let with_member = Record::new().u64(size).bytes(&member).u64(size).bytes(b"APK Sig Block 42").done();
    let zeros = [0; 4096];
    let [zeros_first, zeros_last] = [[&zeros, &block[..]].concat(), [&block[..], &zeros].concat()];
    let wrong_magic = signing_block(b"APK Sig Block 41");
    let members = || archive([deflated(b"AndroidManifest.xml", A), deflated(b"classes.dex", B)]);
    let before_directory = |before_directory| Archive { before_directory, ..members() };
    let out = [file("AndroidManifest.xml", A), file("classes.dex", B)];
    vec![
        accept("apk-signing-block", before_directory(&block), out.clone()),
        accept("apk-signing-block-after-zeros", before_directory(&zeros_first), out.clone()),
        accept("apk-signing-block-before-zeros", before_directory(&zeros_last), out),
        refuse("apk-signing-block-without-magic", before_directory(&wrong_magic), "unexpected_record"),
        // bsdtar, reading from a pipe, looks for the next member inside.
        refuse("apk-signing-block-with-a-member", before_directory(&with_member), "zip_in_comment"),
    ]
}

/// Its size without this field, pairs that are nothing to us, its size again, 16 bytes that name it.
fn signing_block(magic: &[u8; 16]) -> Vec<u8> {
    let pairs = [1; 40];
    let size = (pairs.len() + 8 + magic.len()) as u64;
    Record::new().u64(size).bytes(&pairs).u64(size).bytes(magic).done()
}

/// Android's zipflinger fills holes with members that have no name, no contents, and no record in the directory.
fn virtual_members() -> Vec<Case> {
    let hole = || Member { extra: vec![0; 300], in_directory: false, ..stored(b"", b"") };
    vec![
        accept("virtual-entry", [a(), hole(), b()], [a_out(), b_out()]),
        accept("virtual-entry-first", [hole(), a()], [a_out()]),
        accept("virtual-entry-last", [a(), hole()], [a_out()]),
        accept("virtual-entries-alone", [hole(), hole()], []),
        refuse("virtual-entry-with-data", [a(), Member { contents: A, ..hole() }], "unsafe_name"),
    ]
}

/// Records that say nothing a tarball could keep (APPNOTE §4.3.11, §4.3.13).
fn known_records() -> Vec<Case> {
    let extra_data = Record::new().bytes(b"PK\x06\x08").u32(4).bytes(b"abcd").done();
    let with_end = Record::new().bytes(b"PK\x06\x08").u32(6).bytes(b"..PK\x05\x06").done();
    let with_end_from_its_length = Record::new().bytes(b"PK\x06\x08").u32(0x4b50_0000).bytes(b"\x05\x06").done();
    let signature = Record::new().bytes(b"PK\x05\x05").counted(b"abcd").done();
    vec![
        accept("archive-extra-data", Archive { before_directory: &extra_data, ..archive([a()]) }, [a_out()]),
        refuse(
            "archive-extra-data-with-an-end",
            Archive { before_directory: &with_end, ..archive([a()]) },
            "zip_in_comment",
        ),
        refuse(
            "archive-extra-data-with-an-end-from-its-length",
            Archive { before_directory: &with_end_from_its_length, ..archive([a()]) },
            "zip_in_comment",
        ),
        accept("cd-digital-signature", Archive { after_directory: &signature, ..archive([a()]) }, [a_out()]),
        accept(
            "cd-reversed-order",
            Archive { directory_order: Some(vec![1, 0]), ..archive([a(), b()]) },
            [a_out(), b_out()],
        ),
    ]
}

#[test]
fn unknown_bytes_between_records_are_refused() {
    check(&rows(), drivers::ALL);
}
