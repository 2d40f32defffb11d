//! Zips that end too early.

use super::{Case, a, b, refuse};
use crate::{
    drivers::{self, check},
    zip_writer::{Descriptor, Member, archive},
};

pub fn rows() -> Vec<Case> {
    let zip = archive([Member { descriptor: Descriptor::Signed32, ..a() }, b()]).bytes();
    let header = a().local_header().len();
    let descriptor = header + a().data().len();
    let directory = zip.windows(4).position(|bytes| bytes == b"PK\x01\x02").expect("a directory");
    let cut = |what: &str, at: usize| refuse(format!("trunc-{what}"), zip[..at].to_vec(), "truncated");
    vec![
        cut("in_header", 12),
        cut("in_name", header - 3),
        cut("in_data", header + 25),
        cut("after-data", descriptor),
        cut("in_dd", descriptor + 7),
        cut("before_cd", directory),
        cut("in_cd", directory + 20),
        cut("in-eocd-signature", zip.len() - 20),
        cut("in_eocd", zip.len() - 5),
        cut("one-byte", zip.len() - 1),
        refuse("no-cd", archive([a()]).bytes()[..header + a().data().len()].to_vec(), "truncated"),
    ]
}

#[test]
fn a_zip_without_its_end_is_truncated() {
    check(&rows(), drivers::ALL);
}
