//! The cases: a row is a name, the bytes of a zip, and the expected outcome.
//!
//! Rows named as in `make.py` (see `fixtures/README.md`) have the same oddity as its zips, and `shared_cases` holds the two to
//! each other. Where `make.py` leaves a choice, the row states ours.

mod basics;
mod corrupted;
mod descriptors;
mod disagreement;
mod ending;
mod fuzzed;
mod large;
mod leading;
mod limits;
pub mod methods;
mod modes;
pub mod name_rules;
mod names;
mod save_prefix;
mod stored_descriptors;
mod structure;
mod times;
mod truncated;
mod unsupported;
mod zip64;

pub use disagreement::quoted_overlap;
use recompress::Limits;
pub use recompress_testkit::case::{Case, Expected};

use crate::{
    tarball::{TarMember, file},
    zip_writer::{Archive, Member, archive, deflated},
};

/// A row whose zip must convert to these members.
fn accept(name: impl Into<String>, zip: impl Into<Zip>, members: impl Into<Vec<TarMember>>) -> Case {
    row(name, zip, Expected::Members(members.into()))
}

/// A row whose zip must be refused with this code.
fn refuse(name: impl Into<String>, zip: impl Into<Zip>, code: &'static str) -> Case {
    row(name, zip, Expected::Refusal(code))
}

fn row(name: impl Into<String>, zip: impl Into<Zip>, expected: Expected) -> Case {
    Case { name: name.into(), zip: zip.into().0, limits: Limits::default(), expected }
}

/// The ways to give a row its zip: the members of an ordinary zip, an odd archive, or bytes.
struct Zip(Vec<u8>);

impl<const N: usize> From<[Member<'_>; N]> for Zip {
    fn from(members: [Member<'_>; N]) -> Self {
        archive(members).into()
    }
}

impl From<Archive<'_>> for Zip {
    fn from(archive: Archive<'_>) -> Self {
        Self(archive.bytes())
    }
}

impl From<Vec<u8>> for Zip {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// Contents that deflate well.
const A: &[u8] = &repeated::<920>(b"hello world, hello zip\n");
/// Contents with every byte in them.
const B: &[u8] = &repeated::<2048>(&every_byte());
/// Contents too short to gain from deflating.
const C: &[u8] = b"third\n";

const fn repeated<const N: usize>(pattern: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    let mut at = 0;
    while at < N {
        bytes[at] = pattern[at % pattern.len()];
        at += 1;
    }
    bytes
}

const fn every_byte() -> [u8; 256] {
    let mut bytes = [0; 256];
    let mut at = 0;
    while at < 256 {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
}

/// The member of most rows, on which their oddity is.
fn a() -> Member<'static> {
    deflated(b"a.txt", A)
}

/// The member that shows whether reading goes on in the right place.
pub fn b() -> Member<'static> {
    deflated(b"b.bin", B)
}

fn a_out() -> TarMember {
    file("a.txt", A)
}

fn b_out() -> TarMember {
    file("b.bin", B)
}

/// All rows but the large ones.
pub fn all() -> Vec<Case> {
    [
        basics::rows(),
        corrupted::rows(),
        descriptors::rows(),
        disagreement::rows(),
        ending::rows(),
        fuzzed::rows(),
        leading::rows(),
        limits::rows(),
        methods::rows(),
        modes::rows(),
        name_rules::rows(),
        names::rows(),
        save_prefix::rows(),
        stored_descriptors::rows(),
        structure::rows(),
        times::rows(),
        truncated::rows(),
        unsupported::rows(),
        zip64::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The rows that a step per byte would take too long on.
pub fn large() -> Vec<Case> {
    large::rows()
}
