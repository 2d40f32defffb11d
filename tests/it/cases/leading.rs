//! The start of a file: a zip, something else, or a zip after something else.

use super::{A, Case, a, a_out, accept, b, refuse};
use crate::{
    drivers::{self, check},
    zip_writer::{Archive, Origin, archive, deflate},
};

pub fn rows() -> Vec<Case> {
    let shebang = b"#!/usr/bin/env python3\n";
    let executable = [b"MZ".as_slice(), &[0; 5000]].concat();
    let gzip = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), &deflate(A)].concat();
    vec![
        refuse("prefix-shebang-adjusted", Archive { prefix: shebang, ..archive([a(), b()]) }, "prefixed"),
        refuse(
            "prefix-shebang-unadjusted",
            Archive { prefix: shebang, origin: Origin::Zip, ..archive([a(), b()]) },
            "prefixed",
        ),
        refuse("prefix-mz", Archive { prefix: &executable, ..archive([a()]) }, "prefixed"),
        refuse("prefix-elf", Archive { prefix: b"\x7fELF\x02\x01\x01\0", ..archive([a()]) }, "prefixed"),
        refuse("prefix-jmod", Archive { prefix: b"JM\x01\0", ..archive([a()]) }, "prefixed"),
        refuse("prefix-crx", Archive { prefix: b"Cr24\x03\0\0\0\0\0\0\0", ..archive([a()]) }, "prefixed"),
        refuse("prefix-1byte", Archive { prefix: b"\n", origin: Origin::Zip, ..archive([a()]) }, "not_zip"),
        // A split archive that turned out to need one segment only (APPNOTE §8.5.4). Offsets count the marker.
        accept("split-marker-pk78", Archive { prefix: b"PK\x07\x08", ..archive([a()]) }, [a_out()]),
        accept("split-marker-pk00", Archive { prefix: b"PK00", ..archive([a()]) }, [a_out()]),
        refuse("split-marker-then-text", b"PK00 is not a zip".to_vec(), "prefixed"),
        refuse("not-zip-empty", Vec::new(), "not_zip"),
        refuse("not-zip-text", b"<!DOCTYPE html><html>403</html>".to_vec(), "not_zip"),
        refuse("not-zip-pk", b"PK".to_vec(), "not_zip"),
        refuse("not-zip-gzip", gzip, "not_zip"),
        refuse("not-zip-tar", [b"a.txt".as_slice(), &[0; 252], b"ustar\x0000", &[0; 1000]].concat(), "not_zip"),
        refuse("not-zip-7z", [b"7z\xbc\xaf\x27\x1c".as_slice(), &[1; 600]].concat(), "not_zip"),
    ]
}

#[test]
fn a_zip_starts_with_its_first_byte() {
    check(&rows(), drivers::ALL);
}
