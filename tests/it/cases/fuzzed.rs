//! Finds of fuzzing: each row once gave a wrong result.

use recompress::Limits;

use super::{A, Case, a, a_out, accept, corrupted::then_bad_data, refuse};
use crate::{
    drivers::{self, check},
    extra_field::unicode_path,
    zip_writer::{Descriptor, Member, UTF8, archive, deflated, stored},
};

pub fn rows() -> Vec<Case> {
    [errors_that_depended_on_cuts(), two_names()].into_iter().flatten().collect()
}

/// With other cuts these ended in another error.
fn errors_that_depended_on_cuts() -> Vec<Case> {
    let behind = |member| Member { descriptor: Descriptor::Signed32, ..member };
    let limit = |memory_bytes, held_bytes, case| Case {
        limits: Limits { memory_bytes, held_bytes, ..Limits::default() },
        ..case
    };
    let zeros = [0; 100_000];
    // Of all bytes of the descriptor but the first few, none has arrived, and those few are wrong.
    let wrong = archive([Member { descriptor: Descriptor::Raw(b"PPK\x07\x08".to_vec()), ..a() }]).bytes();
    let cut = a().local_header().len() + a().data().len() + 5;
    vec![
        // In one piece, the reader saw the broken data before it charged the memory for the bytes before the fault.
        limit(1000, 1 << 20, refuse("no-memory-then-bad-data", [behind(then_bad_data(a()))], "memory_limit")),
        // In one piece, the reader looked past the held limit before it charged the memory for the bytes within it.
        limit(1000, 20, refuse("no-memory-then-too-long-to-hold", [behind(a())], "memory_limit")),
        // In pieces, the reader charged memory for bytes past the held limit.
        limit(
            70_000,
            65_500,
            refuse("too-long-to-hold-then-no-memory", [behind(stored(b"z", &zeros))], "entry_too_large_without_size"),
        ),
        // Arriving whole, it was too short to be looked at.
        refuse("dd-deflate-wrong-and-cut-off", wrong[..cut].to_vec(), "bad_descriptor"),
    ]
}

/// A name that is flagged as UTF-8, and another in a Unicode path field that belongs to it: the `zip` crate takes that
/// one.
fn two_names() -> Vec<Case> {
    let field = |crc32, text| unicode_path(1, crc32, text);
    let flagged =
        |extra: Vec<u8>| [Member { flags: UTF8, directory_extra: extra.clone(), extra, ..deflated(b"a.txt", A) }];
    let crc32 = crc32fast::hash(b"a.txt");
    vec![
        refuse("name-7075-empty-besides-flagged", flagged(field(crc32, "")), "unsafe_name"),
        accept("name-7075-same-as-flagged", flagged(field(crc32, "a.txt")), [a_out()]),
        accept("name-7075-stale-besides-flagged", flagged(field(!crc32, "b.txt")), [a_out()]),
    ]
}

#[test]
fn finds_of_fuzzing_stay_fixed() {
    check(&rows(), drivers::ALL);
}
