//! A central directory that is not the members' (APPNOTE §4.3.12).

use super::{A, C, Case, a, a_out, accept, b, refuse};
use crate::{
    drivers::{self, check},
    record::length32,
    tarball::{TarMember, file},
    zip_writer::{
        Archive, Claims, DEFLATED, Descriptor, Member, STORED, UTF8, archive, deflate, deflate_stored_block, deflated,
        stored,
    },
};

pub fn rows() -> Vec<Case> {
    [one_member(), members_missing(), overlaps()].into_iter().flatten().collect()
}

/// The directory's record says something else than the local header.
fn one_member() -> Vec<Case> {
    let truth = Claims::default();
    let claimed = |directory| [Member { directory, ..a() }];
    let with_descriptor = |directory| [Member { directory, descriptor: Descriptor::Signed32, ..a() }];
    let accented = deflated("é.txt".as_bytes(), A);
    vec![
        refuse(
            "mismatch-name",
            [Member { local: Claims { name: Some(b"evil.txt"), ..truth }, ..deflated(b"good.txt", A) }],
            "cd_mismatch",
        ),
        refuse("mismatch-name-case", claimed(Claims { name: Some(b"A.txt"), ..truth }), "cd_mismatch"),
        // WinZip has written such pairs.
        refuse(
            "mismatch-name-slash",
            [Member { local: Claims { name: Some(b"d\\good.txt"), ..truth }, ..deflated(b"d/good.txt", A) }],
            "cd_mismatch",
        ),
        refuse("mismatch-method", claimed(Claims { method: Some(STORED), ..truth }), "cd_mismatch"),
        refuse(
            "mismatch-method-of-nothing",
            [Member { directory: Claims { method: Some(DEFLATED), ..truth }, ..stored(b"e", b"") }],
            "cd_mismatch",
        ),
        refuse("mismatch-crc", claimed(Claims { crc32: Some(5), ..truth }), "cd_mismatch"),
        refuse("mismatch-crc-dd", with_descriptor(Claims { crc32: Some(5), ..truth }), "cd_mismatch"),
        refuse("mismatch-usize", claimed(Claims { size: Some(7), ..truth }), "cd_mismatch"),
        refuse("mismatch-usize-dd", with_descriptor(Claims { size: Some(7), ..truth }), "cd_mismatch"),
        refuse("mismatch-csize", claimed(Claims { compressed_size: Some(7), ..truth }), "cd_mismatch"),
        refuse("mismatch-csize-dd", with_descriptor(Claims { compressed_size: Some(7), ..truth }), "cd_mismatch"),
        refuse("mismatch-encrypted-flag", claimed(Claims { flags: Some(1), ..truth }), "cd_mismatch"),
        refuse("mismatch-offset", claimed(Claims { offset: Some(1), ..truth }), "cd_mismatch"),
        accept(
            "mismatch-utf8flag",
            [Member { flags: UTF8, directory: Claims { flags: Some(0), ..truth }, ..accented }],
            [file("é.txt", A)],
        ),
        accept(
            "mismatch-time",
            [Member { modified: (1, 0x5821), ..a() }],
            [TarMember { mtime: 1_704_067_202, ..a_out() }], // 2024-01-01T00:00:02Z
        ),
    ]
}

/// One side has a member that the other has not.
fn members_missing() -> Vec<Case> {
    let unlisted = |name| Member { in_directory: false, ..deflated(name, C) };
    vec![
        // SOZip hides its indices so, and so may anyone else.
        refuse("hidden-local-entry", [a(), unlisted(b"hidden.txt"), b()], "cd_mismatch"),
        refuse("hidden-last-entry", [a(), unlisted(b"hidden.txt")], "cd_mismatch"),
        refuse("missing-local-entry", [a(), Member { in_local: false, ..deflated(b"ghost.txt", C) }], "cd_mismatch"),
        refuse(
            "cd-lists-one-twice",
            Archive { directory_order: Some(vec![0, 0]), ..archive([a(), b()]) },
            "cd_mismatch",
        ),
        refuse("cd-empty", [unlisted(b"a.txt")], "cd_mismatch"),
    ]
}

/// The directory's records share bytes.
fn overlaps() -> Vec<Case> {
    let second_name =
        Member { in_local: false, directory: Claims { offset: Some(0), ..Claims::default() }, ..deflated(b"b.txt", A) };
    vec![
        refuse("cd-two-names-one-local", [a(), second_name], "cd_mismatch"),
        refuse("bomb-fifield-quoted", quoted_overlap(), "cd_mismatch"),
    ]
}

/// Fifield's bomb ("A better zip bomb", WOOT 2019): each member quotes the next one's local header in a stored deflate block
/// and shares everything after that with it. Read forwards it is the first member alone.
pub fn quoted_overlap() -> Vec<u8> {
    let kernel = vec![b'a'; 200_000];
    let last = Layer { name: b"E", data: deflate(&kernel), contents: kernel };
    let names: [&[u8]; 4] = [b"D", b"C", b"B", b"A"];
    let mut layers = vec![last];
    for name in names {
        layers.push(layers[layers.len() - 1].quoted_by(name));
    }
    layers.reverse();

    // Every member's data reaches to the end of the first one's, and all headers have one length.
    let outermost = layers[0].data.len();
    let members: Vec<_> = layers
        .iter()
        .map(|layer| {
            let offset = Some(length32(&layers[0].data) - length32(&layer.data));
            let in_local = layer.data.len() == outermost;
            Member { directory: Claims { offset, ..Claims::default() }, in_local, ..layer.member() }
        })
        .collect();
    archive(members).bytes()
}

/// A member that shares the end of another member's data.
struct Layer {
    name: &'static [u8],
    contents: Vec<u8>,
    data: Vec<u8>,
}

impl Layer {
    fn member(&self) -> Member<'_> {
        Member { data: Some(self.data.clone()), ..deflated(self.name, &self.contents) }
    }

    fn quoted_by(&self, name: &'static [u8]) -> Self {
        let header = self.member().local_header();
        let data = [deflate_stored_block(&header, false), self.data.clone()].concat();
        Self { name, contents: [header, self.contents.clone()].concat(), data }
    }
}

#[test]
fn the_directory_must_list_the_members_that_were_read() {
    check(&rows(), drivers::ALL);
}
