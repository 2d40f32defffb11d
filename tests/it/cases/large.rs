//! Rows that are large in bytes or members.

use recompress::Limits;

use super::{Case, a, a_out, accept, refuse};
use crate::{
    drivers::{self, check},
    tarball::{TarMember, file},
    zip_writer::{Archive, Descriptor, Member, Zip64, archive, deflated, stored},
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
    let (trailing, too_many_trailing) = (vec![0; MOST_TRAILING_ZEROS], vec![0; MOST_TRAILING_ZEROS + 1]);
    vec![
        accept("many-66000-zip64", Archive { zip64: Zip64::Needed, ..archive(&members[..]) }, members_out.clone()),
        // Some writers count on modulo 65,536.
        accept("many-66000-mod64k", archive(members), members_out),
        accept("bomb-ratio-20mb", [deflated(b"z", &zeros)], [file("z", &zeros)]),
        refuse("limit-ratio-bomb", [deflated(b"z", &more_zeros)], "ratio_limit"),
        refuse(
            "limit-ratio-bomb-dd",
            [Member { descriptor: Descriptor::Signed32, ..deflated(b"z", &more_zeros) }],
            "ratio_limit",
        ),
        accept("trailing-nul1m", Archive { trailing: &trailing, ..archive([a()]) }, [a_out()]),
        refuse("trailing-more-than-nul1m", Archive { trailing: &too_many_trailing, ..archive([a()]) }, "trailing_data"),
    ]
}

#[test]
fn size_changes_nothing() {
    check(&rows(), drivers::LARGE);
}
