//! Rows that are large in bytes or members.

use recompress::Limits;

use super::{Case, a, a_out, accept, refuse};
use crate::{
    drivers::{self, Driver, check},
    tarball::{TarMember, file},
    zip_writer::{Archive, Descriptor, Member, Zip64, archive, deflate, deflated, stored},
};

/// Zeros that may follow the end record, in bytes.
const MOST_TRAILING_ZEROS: usize = 1 << 20;

/// More members than the classic end record can count.
const MANY: usize = 66_000;

pub fn rows() -> Vec<Case> {
    let names: Vec<String> = (0..MANY).map(|number| format!("f{number:05}")).collect();
    let members: Vec<Member<'_>> = names.iter().map(|name| stored(name.as_bytes(), b"")).collect();
    let members_out: Vec<TarMember> = names.iter().map(|name| file(name, b"")).collect();
    let zeros = vec![0; 20 << 20];
    let more_zeros = vec![0; Limits::RATIO_GRACE as usize + 1];
    let of_zeros = Member { data: Some(deflate(&more_zeros)), ..deflated(b"z", &more_zeros) };
    let least_ratio =
        (more_zeros.len() as u64).div_ceil((of_zeros.local_header().len() + of_zeros.data().len()) as u64);
    let ratio = |ratio, case| Case { limits: Limits { ratio, ..Limits::default() }, ..case };
    let held = vec![b'h'; Limits::WORKER.held_bytes as usize + 1];
    let held_to = |length| Member { descriptor: Descriptor::Signed32, ..stored(b"h", &held[..length]) };
    let (trailing, too_many_trailing) = (vec![0; MOST_TRAILING_ZEROS], vec![0; MOST_TRAILING_ZEROS + 1]);
    vec![
        accept("many-66000-zip64", Archive { zip64: Zip64::Needed, ..archive(&members[..]) }, members_out.clone()),
        // Some writers count on modulo 65,536.
        accept("many-66000-mod64k", archive(members), members_out),
        accept("bomb-ratio-20mb", [deflated(b"z", &zeros)], [file("z", &zeros)]),
        refuse("limit-ratio-bomb", [of_zeros.clone()], "ratio_limit"),
        ratio(least_ratio, accept("limit-ratio-real", [of_zeros.clone()], [file("z", &more_zeros)])),
        ratio(least_ratio - 1, refuse("limit-ratio-real-exceeded", [of_zeros.clone()], "ratio_limit")),
        accept("limit-held-worker", [held_to(held.len() - 1)], [file("h", &held[1..])]),
        refuse("limit-held-worker-exceeded", [held_to(held.len())], "entry_too_large_without_size"),
        refuse("limit-ratio-bomb-dd", [Member { descriptor: Descriptor::Signed32, ..of_zeros.clone() }], "ratio_limit"),
        accept("trailing-nul1m", Archive { trailing: &trailing, ..archive([a()]) }, [a_out()]),
        refuse("trailing-more-than-nul1m", Archive { trailing: &too_many_trailing, ..archive([a()]) }, "trailing_data"),
    ]
}

/// As many members as the Worker takes, and one more.
fn members_of_the_worker() -> [Case; 2] {
    let most = Limits::WORKER.entries as usize;
    let names: Vec<String> = (0..=most).map(|number| number.to_string()).collect();
    let members: Vec<Member<'_>> = names.iter().map(|name| stored(name.as_bytes(), b"")).collect();
    let out: Vec<TarMember> = names[..most].iter().map(|name| file(name, b"")).collect();
    [
        accept("limit-entries-worker", Archive { zip64: Zip64::Needed, ..archive(&members[..most]) }, out),
        refuse(
            "limit-entries-worker-exceeded",
            Archive { zip64: Zip64::Needed, ..archive(members) },
            "too_many_entries",
        ),
    ]
}

#[test]
fn the_worker_takes_its_number_of_members_and_no_more() {
    check(&members_of_the_worker(), &[Driver::Whole]);
}

#[test]
fn size_changes_nothing() {
    check(&rows(), drivers::LARGE);
}
