//! Deflated members with data descriptors (APPNOTE §4.3.9).

use super::{A, B, Case, a, a_out, accept, b, b_out, refuse};
use crate::{
    drivers::{self, check},
    extra_field::zip64,
    record::length32,
    tarball::{directory, file},
    zip_writer::{Claims, Descriptor, HAS_DESCRIPTOR, IN_ZIP64, Member, deflated, folder},
};

/// The four forms; nothing ahead of a descriptor says which one it has.
pub const FORMS: [(&str, Descriptor); 4] = [
    ("sig32", Descriptor::Signed32),
    ("sig64", Descriptor::Signed64),
    ("nosig32", Descriptor::Unsigned32),
    ("nosig64", Descriptor::Unsigned64),
];

/// A local header that refers to a zip64 extra field.
pub const SIZES_IN_ZIP64: Claims<'_> = Claims {
    name: None,
    flags: None,
    method: None,
    crc32: None,
    compressed_size: Some(IN_ZIP64),
    size: Some(IN_ZIP64),
    offset: None,
};

/// Contents with the CRC-32 0x08074b50, which is a descriptor's signature.
pub const CRC_IS_SIGNATURE: &[u8] = b"\xac\nz\xd5";

pub fn rows() -> Vec<Case> {
    let mut rows = Vec::new();
    for (form, descriptor) in FORMS {
        let both = [a(), b()].map(|member| Member { descriptor: descriptor.clone(), ..member });
        rows.push(accept(format!("dd-deflate-{form}"), both, [a_out(), b_out()]));
        // Without a signature of its own, the descriptor starts with one all the same.
        let crc_is_signature = Member { descriptor: descriptor.clone(), ..deflated(b"crc", CRC_IS_SIGNATURE) };
        let out = [file("crc", CRC_IS_SIGNATURE), b_out()];
        rows.push(accept(format!("dd-deflate-{form}-crc-is-signature"), [crc_is_signature, b()], out));
        // As written by Info-ZIP for its standard input. The field does not give the width of the descriptor.
        let zip64 = Member { descriptor, local: SIZES_IN_ZIP64, extra: zip64(&[0, 0]), needed: 45, ..a() };
        rows.push(accept(format!("dd-deflate-{form}-z64extra"), [zip64, b()], [a_out(), b_out()]));
    }
    rows.extend(known_ahead());
    rows.extend(wrong());
    rows.extend([
        accept("dd-deflate-empty", [with_descriptor(deflated(b"e", b"")), b()], [file("e", b""), b_out()]),
        accept(
            "dd-dir-deflated",
            [Member { method: 8, ..with_descriptor(folder(b"d/")) }, deflated(b"d/b", B)],
            [directory("d/"), file("d/b", B)],
        ),
        accept("bit3-lfh-only", [Member { directory: flags(0), ..with_descriptor(a()) }, b()], [a_out(), b_out()]),
        accept("bit3-cd-only", [Member { directory: flags(HAS_DESCRIPTOR), ..a() }, b()], [a_out(), b_out()]),
    ]);
    rows
}

/// Members whose local headers give some of the descriptor's values.
fn known_ahead() -> Vec<Case> {
    let crc32 = Some(crc32fast::hash(A));
    let compressed_size = Some(length32(&a().data()));
    let size = Some(length32(A));
    let sizes_in_zip64 = zip64(&[A.len() as u64, a().data().len() as u64]);
    vec![
        accept(
            "dd-deflate-sizes-in-lfh",
            [
                Member { local: Claims { crc32, compressed_size, size, ..Claims::default() }, ..with_descriptor(a()) },
                b(),
            ],
            [a_out(), b_out()],
        ),
        accept(
            "dd-deflate-sizes-in-lfh-without-crc",
            [Member { local: Claims { compressed_size, size, ..Claims::default() }, ..with_descriptor(a()) }, b()],
            [a_out(), b_out()],
        ),
        accept(
            "dd-deflate-sizes-in-zip64",
            [Member { local: SIZES_IN_ZIP64, extra: sizes_in_zip64, needed: 45, ..with_descriptor(a()) }, b()],
            [a_out(), b_out()],
        ),
        // As written by Info-ZIP to a pipe.
        accept(
            "dd-deflate-usize-in-lfh",
            [Member { local: Claims { size, ..Claims::default() }, ..with_descriptor(a()) }, b()],
            [a_out(), b_out()],
        ),
        refuse(
            "dd-deflate-wrong-usize-in-lfh",
            [
                Member { local: Claims { size: Some(length32(A) + 7), ..Claims::default() }, ..with_descriptor(a()) },
                b(),
            ],
            "size_mismatch",
        ),
        refuse(
            "dd-deflate-low-usize-in-lfh",
            [
                Member { local: Claims { size: Some(length32(A) - 7), ..Claims::default() }, ..with_descriptor(a()) },
                b(),
            ],
            "size_mismatch",
        ),
    ]
}

/// Descriptors that contradict the data before them.
fn wrong() -> Vec<Case> {
    let crc32 = crc32fast::hash(A);
    let compressed_size = a().data().len();
    let wrong = |descriptor| [Member { descriptor, ..a() }, b()];
    vec![
        refuse("dd-deflate-bad-crc", wrong(Descriptor::claiming(1, compressed_size, A.len())), "bad_descriptor"),
        refuse(
            "dd-deflate-bad-usize",
            wrong(Descriptor::claiming(crc32, compressed_size, A.len() + 1)),
            "bad_descriptor",
        ),
        refuse(
            "dd-deflate-bad-csize",
            wrong(Descriptor::claiming(crc32, compressed_size + 1, A.len())),
            "bad_descriptor",
        ),
        refuse("dd-deflate-missing", wrong(Descriptor::Raw(Vec::new())), "bad_descriptor"),
        refuse(
            "dd-deflate-missing-at-the-end",
            [Member { descriptor: Descriptor::Raw(Vec::new()), ..a() }],
            "bad_descriptor",
        ),
    ]
}

fn with_descriptor(member: Member<'_>) -> Member<'_> {
    Member { descriptor: Descriptor::Signed32, ..member }
}

fn flags(flags: u16) -> Claims<'static> {
    Claims { flags: Some(flags), ..Claims::default() }
}

#[test]
fn a_deflated_member_is_as_long_as_its_descriptor_says() {
    check(&rows(), drivers::ALL);
}
