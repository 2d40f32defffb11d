//! The records that every zip tool writes.

use super::{A, B, C, Case, a, a_out, accept, b, b_out, refuse};
use crate::{
    drivers::{self, check},
    tarball::{directory, file},
    zip_writer::{Descriptor, Member, archive, deflate_stored_block, deflated, folder, stored},
};

pub fn rows() -> Vec<Case> {
    vec![
        accept("basic-deflate", [a(), b()], [a_out(), b_out()]),
        accept("basic-stored", [stored(b"a.txt", A), stored(b"b.bin", B)], [a_out(), b_out()]),
        accept("basic-mixed", [stored(b"a.txt", A), b()], [a_out(), b_out()]),
        accept("empty-archive", archive([]), []),
        accept("empty-file-stored", [stored(b"e", b""), a()], [file("e", b""), a_out()]),
        accept("empty-file-deflate", [deflated(b"e", b""), a()], [file("e", b""), a_out()]),
        // Some writers say method 8 of a file for which they have written nothing at all.
        accept(
            "empty-file-deflate-without-data",
            [Member { data: Some(Vec::new()), ..deflated(b"e", b"") }, a()],
            [file("e", b""), a_out()],
        ),
        accept(
            "deflate-stored-blocks",
            [Member {
                data: Some([deflate_stored_block(&A[..9], false), deflate_stored_block(&A[9..], true)].concat()),
                ..a()
            }],
            [a_out()],
        ),
        accept("dirs", [folder(b"d/"), deflated(b"d/a.txt", A)], [directory("d/"), file("d/a.txt", A)]),
        accept(
            "dir-deflated",
            [Member { method: 8, ..folder(b"d/") }, deflated(b"d/a.txt", A)],
            [directory("d/"), file("d/a.txt", A)],
        ),
        accept("dir-root", [folder(b"./"), a()], [directory("./"), a_out()]),
        accept("dir-twice", [folder(b"d/"), a(), folder(b"d/")], [directory("d/"), a_out(), directory("d/")]),
        accept("dir-after-its-file", [deflated(b"d/a.txt", A), folder(b"d/")], [file("d/a.txt", A), directory("d/")]),
        accept("dir-nested-unlisted", [deflated(b"d/e/f/a.txt", A)], [file("d/e/f/a.txt", A)]),
        // Archive Utility writes the file system's forks as files of their own.
        accept(
            "macos-forks",
            [a(), folder(b"__MACOSX/"), deflated(b"__MACOSX/._a.txt", C)],
            [a_out(), directory("__MACOSX/"), file("__MACOSX/._a.txt", C)],
        ),
        // Only the central directory says that this is a directory. That comes too late: read forwards it is a file.
        refuse("dir-no-slash-mode", [Member { name: b"d", ..folder(b"d/") }, deflated(b"d/a.txt", A)], "name_conflict"),
        refuse("dir-with-data", [Member { method: 8, contents: A, ..folder(b"d/") }], "directory_with_data"),
        refuse("dir-with-stored-data", [Member { contents: C, ..folder(b"d/") }], "directory_with_data"),
        refuse(
            "dir-with-data-and-descriptor",
            [Member { method: 8, contents: A, descriptor: Descriptor::Signed32, ..folder(b"d/") }],
            "directory_with_data",
        ),
    ]
}

#[test]
fn ordinary_zips_convert() {
    check(&rows(), drivers::ALL);
}
