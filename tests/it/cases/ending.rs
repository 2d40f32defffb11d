//! The end records, comments, and the bytes allowed after them (APPNOTE §4.3.14 to §4.3.16).

use super::{A, C, Case, a, a_out, accept, b, refuse};
use crate::{
    drivers::{self, check},
    extra_field::field,
    record::Record,
    zip_writer::{Archive, EndClaims, Member, Zip64, archive, deflated},
};

/// The zip64 end record, its locator, and the end record: lengths and places of the fields that rows change.
const CLASSIC_BYTES: usize = 22;
const LOCATOR_BYTES: usize = 20;
const LOCATOR_OFFSET: usize = 8;
const RECORD_BYTES: usize = 56;
const RECORD_DISK: usize = 16;
const RECORD_MEMBERS: usize = 24;
const RECORD_SIZE: usize = 40;
const RECORD_DIRECTORY_OFFSET: usize = 48;

pub fn rows() -> Vec<Case> {
    [classic(), zip64(), comments(), planted(), trailing()].into_iter().flatten().collect()
}

fn classic() -> Vec<Case> {
    let truth = EndClaims::default();
    let ended = |end, members: &[Member<'static>]| Archive { end, ..archive(members) };
    vec![
        refuse("eocd-count-low", ended(EndClaims { members: Some(1), ..truth }, &[a(), b()]), "bad_eocd"),
        refuse("eocd-count-high", ended(EndClaims { members: Some(9), ..truth }, &[a()]), "bad_eocd"),
        refuse("eocd-off-bad", ended(EndClaims { directory_offset: Some(3), ..truth }, &[a()]), "bad_eocd"),
        refuse("eocd-size-bad", ended(EndClaims { directory_size: Some(3), ..truth }, &[a()]), "bad_eocd"),
    ]
}

fn zip64() -> Vec<Case> {
    let zip = Archive { zip64: Zip64::Needed, ..archive([a()]) }.bytes();
    let locator = zip.len() - CLASSIC_BYTES - LOCATOR_BYTES;
    let record = locator - RECORD_BYTES;
    let with = |at, value: u64| {
        let mut zip = zip.clone();
        zip[at..at + 8].copy_from_slice(&value.to_le_bytes());
        zip
    };
    vec![
        refuse("zip64-locator-wrong", with(locator + LOCATOR_OFFSET, 3), "bad_eocd"),
        refuse("zip64-eocd-count-wrong", with(record + RECORD_MEMBERS + 8, 9), "bad_eocd"),
        refuse("zip64-eocd-size-wrong", with(record + RECORD_SIZE, 3), "bad_eocd"),
        refuse("zip64-eocd-off-wrong", with(record + RECORD_DIRECTORY_OFFSET, 3), "bad_eocd"),
        // 56 bytes, of which the first 12 do not count (§4.3.14.1).
        refuse("zip64-eocd-counts-itself", with(record + 4, 56), "bad_eocd"),
        refuse("zip64-eocd-disks", with(record + RECORD_DISK, 1 | 1 << 32), "multi_disk"),
        // The classic record has values of its own, and they are other ones.
        refuse(
            "zip64-eocd-and-eocd-differ",
            {
                let mut zip = Archive { zip64: Zip64::Needless, ..archive([a()]) }.bytes();
                let members = zip.len() - CLASSIC_BYTES + 8;
                zip[members] = 2;
                zip
            },
            "bad_eocd",
        ),
    ]
}

fn comments() -> Vec<Case> {
    let evil = archive([deflated(b"evil.txt", C)]).bytes();
    let longest = [b'c'; u16::MAX as usize];
    let commented = |comment| Archive { comment, ..archive([a()]) };
    vec![
        accept("comment-zip", commented(b"hello comment"), [a_out()]),
        accept("comment-cp437", commented(b"caf\x82 \x01\x02 PK"), [a_out()]),
        accept("comment-longest", commented(&longest), [a_out()]),
        accept("comment-entry", [Member { comment: b"entry comment", ..a() }], [a_out()]),
        // Readers that search from the end may take a record in a comment for the end record.
        refuse("comment-has-eocd-sig", commented(&[&b"xx PK\x05\x06 yy"[..], &[0; 18]].concat()), "zip_in_comment"),
        refuse("comment-is-zip", commented(&evil), "zip_in_comment"),
        refuse("comment-entry-has-eocd-sig", [Member { comment: b"PK\x05\x06", ..a() }], "zip_in_comment"),
        refuse("comment-entry-is-zip", [Member { comment: &evil, ..a() }], "zip_in_comment"),
    ]
}

/// End records that readers which search for them find before the real ones: they are of another archive, with no member.
fn planted() -> Vec<Case> {
    let commented = |comment| Archive { comment, ..archive([a()]) };
    let end = archive([]).bytes();

    // A comment of 0x4b50 bytes: with its first two, its length is the signature of an end record.
    let mut across_the_length = vec![b' '; 0x4b50];
    across_the_length[..end.len() - 2].copy_from_slice(&end[2..]);

    // Python looks for a locator in the 20 bytes before an end record, and for a zip64 record in the 56 before those, even if
    // the end record does not ask for them.
    let zip64 = Archive { zip64: Zip64::Needless, ..archive([]) }.bytes();
    let (record_and_locator, _) = zip64.split_at(RECORD_BYTES + LOCATOR_BYTES);
    let (record, _) = zip64.split_at(RECORD_BYTES);
    let in_extra = field(0xcafe, record_and_locator);
    let in_signature = Record::new().bytes(b"PK\x05\x05").counted(record_and_locator).done();
    vec![
        refuse("planted-end-across-the-comments-length", commented(&across_the_length), "zip_in_comment"),
        refuse("planted-zip64-in-extra", [Member { directory_extra: in_extra, ..a() }], "zip_in_comment"),
        refuse(
            "planted-zip64-in-signature",
            Archive { after_directory: &in_signature, ..archive([a()]) },
            "zip_in_comment",
        ),
        refuse(
            "planted-zip64-in-extensible-data",
            Archive { zip64: Zip64::Needed, extensible_data: record, ..archive([a()]) },
            "zip_in_comment",
        ),
    ]
}

fn trailing() -> Vec<Case> {
    let whole = archive([deflated(b"old.txt", C)]).bytes();
    let other = archive([deflated(b"new.txt", A)]).bytes();
    let followed = |trailing| Archive { trailing, ..archive([a()]) };
    vec![
        accept("trailing-nul1", followed(&[0]), [a_out()]),
        // bsdtar pads its output to a pipe.
        accept("trailing-nul4k", followed(&[0; 4096]), [a_out()]),
        refuse("trailing-junk", followed(b"garbage!"), "trailing_data"),
        // Editors and transfers in text mode add one. It hides nothing: every reader finds the same end record.
        accept("trailing-newline", followed(b"\n"), [a_out()]),
        accept("trailing-crlf", followed(b"\r\n"), [a_out()]),
        accept("trailing-crlf-twice", followed(b"\r\n\r\n"), [a_out()]),
        accept("trailing-zeros-and-newline", followed(b"\0\0\n"), [a_out()]),
        refuse("trailing-5-line-ends", followed(b"\n\n\n\n\n"), "trailing_data"),
        refuse("trailing-newline-and-junk", followed(b"\nx"), "trailing_data"),
        refuse("trailing-spaces", followed(b"  "), "trailing_data"),
        refuse("trailing-junk-after-zeros", followed(b"\0\0\0\0x"), "trailing_data"),
        // Read from its end it is the other zip.
        refuse("prefix-whole-zip", [whole, other].concat(), "trailing_data"),
    ]
}

#[test]
fn the_end_records_match_the_archive_and_nothing_follows() {
    check(&rows(), drivers::ALL);
}
