//! Members with data that contradicts their headers.

use super::{A, Case, a, b, refuse};
use crate::{
    drivers::{self, check},
    record::length32,
    zip_writer::{Claims, Member, deflate_stored_block, deflated, stored},
};

/// [`A`] as zlib 1.2.13 deflates it at level 6, and its sixth byte inverted: other literals in the same places.
const FLIPPED: &[u8; 31] =
    b"\xcb\x48\xcd\xc9\xc9\xa8\x28\xcf\x2f\xca\x49\xd1\x51\xc8\x00\x73\xaa\x32\x0b\xb8\x32\x46\x85\x47\x85\x47\x85\x07\x4e\x18\x00";

pub fn rows() -> Vec<Case> {
    [deflate(), checksums(), sizes()].into_iter().flatten().collect()
}

fn deflate() -> Vec<Case> {
    let with = |data: &[u8]| [Member { data: Some(data.to_vec()), ..a() }, b()];
    let data = a().data();
    vec![
        refuse("bad-deflate-bits", with(FLIPPED), "crc_mismatch"),
        refuse("bad-deflate-block-type", with(&[0b111, 0, 0, 0]), "bad_data"),
        // A fixed Huffman block that starts with a match: there is nothing yet to copy from (RFC 1951 §3.2.6).
        refuse("bad-deflate-distance", with(&[0b0000_0011, 0b0000_0010, 0, 0]), "bad_data"),
        refuse("deflate-no-final", with(&deflate_stored_block(A, false)), "bad_data"),
        refuse("deflate-cut-off", with(&data[..data.len() - 1]), "bad_data"),
        // Empty data for empty contents.
        refuse("deflate-without-data", with(b""), "size_mismatch"),
        refuse("deflate-trailing-bytes", with(&[&data[..], b"XXXX"].concat()), "size_mismatch"),
    ]
}

fn checksums() -> Vec<Case> {
    let wrong = Claims { crc32: Some(9), ..Claims::default() };
    vec![
        refuse("bad-crc", [Member { local: wrong, directory: wrong, ..a() }], "crc_mismatch"),
        refuse("bad-crc-stored", [Member { local: wrong, directory: wrong, ..stored(b"a.txt", A) }], "crc_mismatch"),
        refuse("bad-crc-empty", [Member { local: wrong, directory: wrong, ..stored(b"e", b"") }], "crc_mismatch"),
        refuse(
            "bad-crc-empty-deflate",
            [Member { local: wrong, directory: wrong, ..deflated(b"e", b"") }],
            "crc_mismatch",
        ),
    ]
}

fn sizes() -> Vec<Case> {
    let claiming = |size| Claims { size: Some(size), ..Claims::default() };
    let placeholders = Member {
        local: Claims {
            crc32: Some(u32::from_le_bytes(*b"CRCq")),
            compressed_size: Some(u32::from_le_bytes(*b"CSIZ")),
            size: Some(u32::from_le_bytes(*b"USIZ")),
            ..Claims::default()
        },
        ..stored(b"mimetype", b"application/x-krita")
    };
    let both = |size, member| [Member { local: claiming(size), directory: claiming(size), ..member }];
    vec![
        // Krita's files begin with such a header.
        refuse("sizes-placeholders", [placeholders], "size_mismatch"),
        refuse("usize-too-small", both(5, a()), "size_mismatch"),
        refuse("usize-too-big", both(length32(A) + 5, a()), "size_mismatch"),
        refuse("usize-zero", both(0, a()), "size_mismatch"),
        // The first error is the only error, also when one call could find both.
        refuse("usize-too-small-then-bad-data", both(5, then_bad_data(a())), "size_mismatch"),
        refuse("stored-size-mismatch", both(length32(A) + 5, stored(b"a.txt", A)), "size_mismatch"),
        refuse("stored-size-mismatch-empty", both(1, stored(b"e", b"")), "size_mismatch"),
    ]
}

/// A member with a fault in its data after all its contents.
pub fn then_bad_data(member: Member<'_>) -> Member<'_> {
    Member { data: Some([&deflate_stored_block(member.contents, false)[..], &[0b111]].concat()), ..member }
}

#[test]
fn data_that_contradicts_its_header_is_refused() {
    check(&rows(), drivers::ALL);
}
