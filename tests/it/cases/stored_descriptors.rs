//! Stored members with data descriptors: only the descriptor itself marks the end of the data.

use super::{
    A, B, C, Case, a_out, accept, b, b_out,
    descriptors::{CRC_IS_SIGNATURE, FORMS, SIZES_IN_ZIP64},
    refuse,
};
use crate::{
    drivers::{self, check},
    extra_field::zip64,
    record::{Record, length32},
    tarball::{directory, file},
    zip_writer::{Claims, Descriptor, Member, archive, deflated, folder, stored},
};

pub fn rows() -> Vec<Case> {
    let mut rows = Vec::new();
    for (form, descriptor) in FORMS {
        // As written by the zip libraries of browsers.
        let first = Member { descriptor: descriptor.clone(), ..stored(b"a.txt", A) };
        rows.push(accept(format!("dd-stored-{form}"), [first.clone(), b()], [a_out(), b_out()]));
        rows.push(accept(format!("dd-stored-last-{form}"), [b(), first], [b_out(), a_out()]));
        // Archive Utility writes an empty one for an empty file.
        let empty = Member { descriptor: descriptor.clone(), ..stored(b"e", b"") };
        rows.push(accept(format!("dd-stored-empty-{form}"), [empty, b()], [file("e", b""), b_out()]));
        let crc_is_signature = Member { descriptor: descriptor.clone(), ..stored(b"crc", CRC_IS_SIGNATURE) };
        let out = [file("crc", CRC_IS_SIGNATURE), b_out()];
        rows.push(accept(format!("dd-stored-{form}-crc-is-signature"), [crc_is_signature, b()], out));
        // Go and Java write these of directories.
        let dir = Member { descriptor, ..folder(b"d/") };
        rows.push(accept(format!("dd-dir-{form}"), [dir, deflated(b"d/b", B)], [directory("d/"), file("d/b", B)]));
    }
    rows.extend(known_ahead());
    rows.extend(look_alikes());
    rows.extend(planted());
    rows.push(accept(
        "dir-bit3-no-descriptor",
        [Member { descriptor: Descriptor::Raw(Vec::new()), ..folder(b"d/") }, deflated(b"d/b", B)],
        [directory("d/"), file("d/b", B)],
    ));
    rows
}

/// Members whose local headers give some of the descriptor's values.
fn known_ahead() -> Vec<Case> {
    let size = Some(length32(A));
    let all = Claims { crc32: Some(crc32fast::hash(A)), compressed_size: size, size, ..Claims::default() };
    let with_descriptor = |local| Member { local, descriptor: Descriptor::Signed32, ..stored(b"a.txt", A) };
    vec![
        accept("dd-stored-sizes-in-lfh", [with_descriptor(all), b()], [a_out(), b_out()]),
        // Info-ZIP, writing to a pipe, gives the values it knows. It does not know the CRC-32 yet.
        accept(
            "dd-stored-sizes-in-lfh-without-crc",
            [with_descriptor(Claims { crc32: None, ..all }), b()],
            [a_out(), b_out()],
        ),
        refuse(
            "dd-stored-sizes-in-lfh-bad-descriptor",
            [Member { descriptor: Descriptor::claiming(1, A.len(), A.len()), ..with_descriptor(all) }, b()],
            "bad_descriptor",
        ),
        accept(
            "dd-stored-usize-only",
            [with_descriptor(Claims { size, ..Claims::default() }), b()],
            [a_out(), b_out()],
        ),
        accept(
            "dd-stored-sig64-z64extra",
            [
                Member {
                    descriptor: Descriptor::Signed64,
                    extra: zip64(&[0, 0]),
                    needed: 45,
                    ..with_descriptor(SIZES_IN_ZIP64)
                },
                b(),
            ],
            [a_out(), b_out()],
        ),
    ]
}

/// Contents with the parts of a zip in them.
fn look_alikes() -> Vec<Case> {
    let inner = archive([
        Member { descriptor: Descriptor::Signed32, ..stored(b"in.txt", C) },
        deflated(b"in2.txt", &[b'x'; 50]),
    ])
    .bytes();
    let signatures = [&b"PK\x07\x08"[..], b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", &[0; 40]].concat();
    vec![
        accept(
            "dd-stored-nested-zip",
            [Member { name: b"inner.zip", ..document(&inner)[0].clone() }, b()],
            [file("inner.zip", &inner), b_out()],
        ),
        accept("dd-stored-signatures-inside", document(&signatures), [file("doc.txt", &signatures), b_out()]),
    ]
}

/// Contents with a descriptor of the bytes before it, followed by a local header. A reader that scans without the directory
/// extracts `evil.txt`.
fn planted() -> Vec<Case> {
    let evil = stored(b"evil.txt", b"evil");
    let evil = [evil.local_header(), evil.data()].concat();
    let crc32 = crc32fast::hash(C);
    let member =
        Record::new().bytes(C).bytes(b"PK\x07\x08").u32(crc32).u32(length32(C)).u32(length32(C)).bytes(&evil).done();
    let member_after_nothing = [&[0; 12], &evil[..]].concat();

    // All of an archive of the document's first bytes.
    let header = document(C)[0].local_header().len();
    let [short, _] = document(C);
    let end = archive([short]).bytes()[header..].to_vec();
    // The same, with the rest of the document as its comment.
    let rest = archive(document(&end)).bytes().len() - header - end.len();
    let comment_length = u16::try_from(rest).expect("a short rest").to_le_bytes();
    let end_and_comment = [&end[..end.len() - 2], &comment_length].concat();
    vec![
        refuse("dd-stored-smuggle", document(&member), "stored_with_descriptor"),
        refuse("dd-stored-smuggle-after-nothing", document(&member_after_nothing), "stored_with_descriptor"),
        refuse("dd-stored-smuggle-end", document(&end), "trailing_data"),
        refuse("dd-stored-smuggle-end-and-comment", document(&end_and_comment), "zip_in_comment"),
    ]
}

fn document(contents: &[u8]) -> [Member<'_>; 2] {
    [Member { descriptor: Descriptor::Signed32, ..stored(b"doc.txt", contents) }, b()]
}

#[test]
fn a_stored_member_ends_at_a_descriptor_that_the_rest_confirms() {
    check(&rows(), drivers::ALL);
}
