//! Every limit at its value, and one past it. Limits that take many bytes to reach are in `large`.

use recompress::Limits;

use super::{A, B, Case, a, a_out, accept, b, b_out, corrupted::then_bad_data, refuse};
use crate::{
    drivers::{self, Driver, check, convert, least_memory_for},
    extra_field::zip64,
    record::length32,
    tarball::{self, directory, file},
    zip_writer::{Claims, Descriptor, IN_ZIP64, Member, archive, deflate_stored_block, deflated, folder, stored},
};

pub fn rows() -> Vec<Case> {
    [entries(), unpacked_bytes(), ratio(), held_bytes(), name_bytes(), memory_bytes(), least_memory(), of_the_worker()]
        .into_iter()
        .flatten()
        .collect()
}

fn entries() -> Vec<Case> {
    let limit = |entries, case| Case { limits: Limits { entries, ..Limits::default() }, ..case };
    let hole = || Member { in_directory: false, ..stored(b"", b"") };
    vec![
        limit(2, accept("limit-entries", [a(), b()], [a_out(), b_out()])),
        limit(1, refuse("limit-entries-exceeded", [a(), b()], "too_many_entries")),
        limit(1, refuse("limit-entries-exceeded-by-a-virtual-one", [a(), hole()], "too_many_entries")),
    ]
}

fn unpacked_bytes() -> Vec<Case> {
    let limit = |unpacked_bytes: usize, case| Case {
        limits: Limits { unpacked_bytes: unpacked_bytes as u64, ..Limits::default() },
        ..case
    };
    let with_descriptors = || [a(), b()].map(with_descriptor);
    let both = A.len() + B.len();
    vec![
        limit(both, accept("limit-unpacked", [a(), b()], [a_out(), b_out()])),
        limit(both - 1, refuse("limit-unpacked-exceeded", [a(), b()], "output_limit")),
        limit(both, accept("limit-unpacked-dd", with_descriptors(), [a_out(), b_out()])),
        limit(both - 1, refuse("limit-unpacked-exceeded-dd", with_descriptors(), "output_limit")),
        limit(
            A.len() - 1,
            refuse("limit-unpacked-then-bad-data", [with_descriptor(then_bad_data(a()))], "output_limit"),
        ),
    ]
}

/// A declared size in the local header is enough for a refusal.
fn ratio() -> Vec<Case> {
    let limit = |ratio, case| Case { limits: Limits { ratio, ..Limits::default() }, ..case };
    let claiming = |size| Claims { size: Some(size), ..Claims::default() };
    let claimed = |size| [Member { local: claiming(size), directory: claiming(size), ..a() }];
    let bytes = length32(&a().local_header()) + length32(&a().data());
    let ratio = (Limits::RATIO_GRACE as u32).div_ceil(bytes) + 1;
    let most = bytes * ratio;
    vec![
        // The claim passes the limit's check and is then found to be wrong.
        limit(ratio.into(), refuse("limit-ratio", claimed(most), "size_mismatch")),
        limit(ratio.into(), refuse("limit-ratio-exceeded", claimed(most + 1), "ratio_limit")),
        limit(1, refuse("limit-ratio-grace", claimed(Limits::RATIO_GRACE as u32), "size_mismatch")),
        limit(1, refuse("limit-ratio-grace-exceeded", claimed(Limits::RATIO_GRACE as u32 + 1), "ratio_limit")),
    ]
}

/// A held member counts with its compressed size.
fn held_bytes() -> Vec<Case> {
    let limit = |held_bytes: usize, case| Case {
        limits: Limits { held_bytes: held_bytes as u64, ..Limits::default() },
        ..case
    };
    let deflated_bytes = a().data().len();
    let held = |member| [with_descriptor(member), b()];
    let stored_a = || stored(b"a.txt", A);
    vec![
        limit(deflated_bytes, accept("limit-held-deflate", held(a()), [a_out(), b_out()])),
        limit(deflated_bytes - 1, refuse("limit-held-deflate-exceeded", held(a()), "entry_too_large_without_size")),
        limit(A.len(), accept("limit-held-stored", held(stored_a()), [a_out(), b_out()])),
        limit(A.len() - 1, refuse("limit-held-stored-exceeded", held(stored_a()), "entry_too_large_without_size")),
        limit(A.len(), refuse("limit-held-then-bad-data", held(then_bad_data(a())), "entry_too_large_without_size")),
        // A member with its sizes in the local header is not held.
        limit(0, accept("limit-held-by-none", [a(), b()], [a_out(), b_out()])),
    ]
}

fn name_bytes() -> Vec<Case> {
    let limit = |name_bytes, case| Case { limits: Limits { name_bytes, ..Limits::default() }, ..case };
    vec![
        limit(5, accept("limit-name", [a(), b()], [a_out(), b_out()])),
        limit(4, refuse("limit-name-exceeded", [a(), b()], "name_too_long")),
        limit(2, accept("limit-name-dir", [folder(b"d/")], [directory("d/")])),
        limit(1, refuse("limit-name-dir-exceeded", [folder(b"d/")], "name_too_long")),
        // Three bytes in the zip, six in the tarball.
        limit(6, accept("limit-name-decoded", [deflated(b"\x82\x82\x82", A)], [file("ééé", A)])),
        limit(5, refuse("limit-name-decoded-exceeded", [deflated(b"\x82\x82\x82", A)], "name_too_long")),
    ]
}

/// How much memory something takes is not promised, that it is not taken without limit is.
fn memory_bytes() -> Vec<Case> {
    let limit = |memory_bytes, held_bytes, case| Case {
        limits: Limits { memory_bytes, held_bytes, ..Limits::default() },
        ..case
    };
    let zeros = [0; 400_000];
    let held = |member| [with_descriptor(member)];
    let blocks: Vec<u8> = zeros.chunks(50_000).flat_map(|chunk| deflate_stored_block(chunk, false)).collect();
    let blocks =
        || Member { data: Some([&blocks[..], &deflate_stored_block(b"", true)].concat()), ..deflated(b"z", &zeros) };
    vec![
        limit(100_000, 500_000, refuse("limit-memory-exceeded-stored", held(stored(b"z", &zeros)), "memory_limit")),
        limit(100_000, 500_000, refuse("limit-memory-exceeded-deflate", held(blocks()), "memory_limit")),
        // Whichever limit is met first, however far one call could read.
        limit(100_000, 200_000, refuse("limit-memory-before-held-stored", held(stored(b"z", &zeros)), "memory_limit")),
        limit(100_000, 200_000, refuse("limit-memory-before-held-deflate", held(blocks()), "memory_limit")),
        limit(
            300_000,
            50_000,
            refuse("limit-held-before-memory-stored", held(stored(b"z", &zeros)), "entry_too_large_without_size"),
        ),
        limit(
            300_000,
            50_000,
            refuse("limit-held-before-memory-deflate", held(blocks()), "entry_too_large_without_size"),
        ),
    ]
}

/// Least memory is a number all the same, and one less is refused, however the archive is cut.
fn least_memory() -> Vec<Case> {
    let zips = [
        ("members", archive([a(), b(), folder(b"d/"), stored(b"d/e/f", A)]).bytes()),
        ("held-deflate", archive([with_descriptor(a()), b()]).bytes()),
        ("held-stored", archive([with_descriptor(stored(b"a.txt", A)), b()]).bytes()),
        (
            "long-fields",
            archive([Member { extra: vec![0; 60_000], ..a() }, Member { comment: &[b'c'; 60_000], ..b() }]).bytes(),
        ),
    ];
    let limit = |memory_bytes| Limits { memory_bytes, ..Limits::default() };
    let rows = zips.into_iter().flat_map(|(name, zip)| {
        let least = least_memory_for(&zip);
        let members = tarball::read(&convert(&zip, limit(least), Driver::Whole).output).expect("a tarball");
        [
            Case { limits: limit(least), ..accept(format!("limit-memory-{name}"), zip.clone(), members) },
            Case { limits: limit(least - 1), ..refuse(format!("limit-memory-exceeded-{name}"), zip, "memory_limit") },
        ]
    });
    rows.collect()
}

/// The Worker's limits, as far as a few bytes can claim them: a claim that passes the check is then found to be wrong.
fn of_the_worker() -> Vec<Case> {
    let limits = Limits::WORKER;
    let claiming = |size: u64| {
        let claims = Claims { size: Some(IN_ZIP64), ..Claims::default() };
        let extra = zip64(&[size]);
        [Member { local: claims, directory: claims, extra: extra.clone(), directory_extra: extra, needed: 45, ..a() }]
    };
    let any_ratio = |case| Case { limits: Limits { ratio: u64::MAX, ..limits }, ..case };
    let of_ratio = |by: u64| {
        // Enough bytes for the ratio to exceed the allowance that every archive has.
        let member = Member { extra: vec![0; 60_000], data: Some(vec![0; 300_000]), ..a() };
        let bytes = (member.local_header().len() + 300_000) as u64;
        let size = Some((bytes * limits.ratio + by) as u32);
        let claims = Claims { size, ..Claims::default() };
        [Member { local: claims, directory: claims, ..member }]
    };
    vec![
        any_ratio(refuse("limit-unpacked-worker", claiming(limits.unpacked_bytes), "size_mismatch")),
        any_ratio(refuse("limit-unpacked-worker-exceeded", claiming(limits.unpacked_bytes + 1), "output_limit")),
        // A whole number of members' sizes can be more than a number holds.
        any_ratio(refuse(
            "limit-unpacked-overflow",
            [stored(b"one", b"1"), claiming(u64::MAX)[0].clone()],
            "output_limit",
        )),
        refuse("limit-ratio-worker", of_ratio(0), "bad_data"),
        refuse("limit-ratio-worker-exceeded", of_ratio(1), "ratio_limit"),
    ]
}

fn with_descriptor(member: Member<'_>) -> Member<'_> {
    Member { descriptor: Descriptor::Signed32, ..member }
}

#[test]
fn a_limit_holds_at_its_value_and_not_beyond() {
    check(&rows(), drivers::ALL);
}
