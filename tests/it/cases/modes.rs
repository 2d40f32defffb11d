//! File types and permissions. The central directory has them, too late for the tarball; some local headers have them too.

use super::{A, Case, a, a_out, accept, b, b_out, refuse};
use crate::{
    drivers::{self, check},
    extra_field::{asi_unix, asi_unix_with_crc, field, libarchive},
    tarball::{TarMember, directory, file},
    zip_writer::{MADE_BY_DOS, MADE_BY_UNIX, Member, deflated, folder, stored},
};

pub fn rows() -> Vec<Case> {
    [directory_alone(), local()].into_iter().flatten().collect()
}

/// Facts that only the directory has: a member is a regular file of mode 644, unless it should not be a file.
fn directory_alone() -> Vec<Case> {
    let link = |target| Member { external_attributes: 0o120777 << 16, ..stored(b"ln", target) };
    let with = |name, mode: u32| [Member { external_attributes: mode << 16, ..deflated(name, A) }];
    let dos = |external_attributes| [Member { made_by: MADE_BY_DOS, external_attributes, ..a() }];
    vec![
        accept("mode-setuid", with(b"a.txt", 0o104755), [a_out()]),
        accept("mode-exec", with(b"a.sh", 0o100755), [file("a.sh", A)]),
        // As written by Info-ZIP for its standard input.
        accept("mode-fifo", [Member { external_attributes: 0o010644 << 16, ..stored(b"a", A) }], [file("a", A)]),
        accept("mode-socket", with(b"a", 0o140644), [file("a", A)]),
        // Of these, bsdtar makes devices, and files of zeros.
        refuse("mode-device", with(b"a", 0o060644), "cd_mismatch"),
        refuse("mode-character-device", with(b"a", 0o020644), "cd_mismatch"),
        refuse("mode-unknown-type", with(b"a", 0o170644), "cd_mismatch"),
        accept("mode-without-type", with(b"a.txt", 0o000644), [a_out()]),
        // bsdtar makes directories of these, and Info-ZIP leaves out the other, even if they have contents.
        refuse("mode-directory-of-a-file", with(b"a", 0o040755), "cd_mismatch"),
        refuse("mode-directory-of-an-empty-file", [Member { name: b"d", ..folder(b"d/") }], "cd_mismatch"),
        refuse("mode-dos-directory-of-a-file", dos(0x10), "cd_mismatch"),
        refuse("mode-dos-volume-label", dos(0x08), "cd_mismatch"),
        refuse("mode-dos-volume-label-ntfs", [Member { made_by: 10 << 8 | 20, ..dos(0x08)[0].clone() }], "cd_mismatch"),
        accept("mode-dos-archive", dos(0x20), [a_out()]),
        accept("mode-dos-directory", [Member { made_by: MADE_BY_DOS, ..folder(b"d/") }], [directory("d/")]),
        accept("mode-dos-directory-backslash", [Member { made_by: MADE_BY_DOS, ..folder(b"d\\") }], [directory("d/")]),
        // The lower bits are MS-DOS's. Unix readers ignore them.
        accept("mode-unix-with-dos-bits", [Member { external_attributes: 0o100644 << 16 | 0x18, ..a() }], [a_out()]),
        accept("mode-dos-readonly", [Member { made_by: MADE_BY_DOS, external_attributes: 1, ..a() }], [a_out()]),
        accept("symlink-rel", [a(), link(b"a.txt")], [a_out(), file("ln", b"a.txt")]),
        accept("symlink-dotdot", [link(b"../../etc/passwd")], [file("ln", b"../../etc/passwd")]),
    ]
}

/// Facts that an extra field of the local header gives in time.
fn local() -> Vec<Case> {
    let with = |extra| [Member { extra, ..a() }, b()];
    let a_out_as = |mode| [TarMember { mode, ..a_out() }, b_out()];
    vec![
        // Ant and Commons Compress write this one.
        accept("mode-asi-unix", with(asi_unix(0o100755)), a_out_as(0o755)),
        accept("mode-asi-unix-private", with(asi_unix(0o100600)), a_out_as(0o600)),
        accept("mode-asi-unix-setuid", with(asi_unix(0o104755)), a_out_as(0o755)),
        accept("mode-asi-unix-bad-crc", with(asi_unix_with_crc(0o100755, 7)), a_out_as(0o644)),
        accept(
            "mode-asi-unix-dir",
            [Member { extra: asi_unix(0o40700), ..folder(b"d/") }],
            [TarMember { mode: 0o700, ..directory("d/") }],
        ),
        accept("mode-libarchive", with(libarchive(MADE_BY_UNIX, 0o100755 << 16)), a_out_as(0o755)),
        accept("mode-libarchive-dos", with(libarchive(MADE_BY_DOS, 0o100755 << 16)), a_out_as(0o644)),
        // Fields are read as far as they make sense.
        accept("extra-truncated", [Member { extra: b"\x55\x54\xff\x00\x01".to_vec(), ..a() }], [a_out()]),
        accept("extra-one-byte", with(vec![0x55]), a_out_as(0o644)),
        accept("extra-unknown", with([field(0xcafe, b""), asi_unix(0o100755)].concat()), a_out_as(0o755)),
        accept(
            "extra-truncated-after-mode",
            with([asi_unix(0o100755), vec![0x55, 0x54, 0xff]].concat()),
            a_out_as(0o755),
        ),
    ]
}

#[test]
fn a_mode_is_kept_where_the_local_header_has_it() {
    check(&rows(), drivers::ALL);
}
