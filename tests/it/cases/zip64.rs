//! Values of 64 bits, needed or not (APPNOTE §4.5.3, §4.3.14, §4.3.15).

use recompress::Limits;

use super::{A, Case, a, a_out, accept, b, b_out, descriptors::SIZES_IN_ZIP64, refuse};
use crate::{
    drivers::{self, check},
    extra_field::zip64,
    zip_writer::{Archive, Claims, IN_ZIP64, Member, Zip64, archive, stored},
};

pub fn rows() -> Vec<Case> {
    let size = A.len() as u64;
    let compressed_size = a().data().len() as u64;
    let both = zip64(&[size, compressed_size]);
    let a64 = || Member { needed: 45, ..a() };
    let ended = |zip64| Archive { zip64, ..archive([a(), b()]) };
    let in_directory = |claims, directory_extra| [Member { directory: claims, directory_extra, ..a64() }, b()];
    vec![
        accept(
            "zip64-lfh-both",
            [Member { local: SIZES_IN_ZIP64, extra: both.clone(), ..a64() }, b()],
            [a_out(), b_out()],
        ),
        // PyTorch's wheels have fields that nothing refers to.
        accept("zip64-lfh-extra-unneeded", [Member { extra: both.clone(), ..a64() }, b()], [a_out(), b_out()]),
        accept("zip64-lfh-extra-unneeded-short", [Member { extra: zip64(&[size]), ..a64() }, b()], [a_out(), b_out()]),
        accept(
            "zip64-lfh-csize-only",
            [
                Member {
                    local: Claims { compressed_size: Some(IN_ZIP64), ..Claims::default() },
                    extra: zip64(&[compressed_size]),
                    ..a64()
                },
                b(),
            ],
            [a_out(), b_out()],
        ),
        refuse(
            "zip64-lfh-extra-short",
            [Member { local: SIZES_IN_ZIP64, extra: zip64(&[size]), ..a64() }, b()],
            "bad_zip64",
        ),
        refuse("zip64-lfh-extra-missing", [Member { local: SIZES_IN_ZIP64, ..a64() }, b()], "bad_zip64"),
        // Right modulo 2^32, and within the limits of the command line.
        Case {
            limits: Limits::NATIVE,
            ..refuse(
                "zip64-lfh-wrong-size",
                [Member { local: SIZES_IN_ZIP64, extra: zip64(&[size + (1 << 32), compressed_size]), ..a64() }, b()],
                "size_mismatch",
            )
        },
        accept("zip64-cd-sizes", in_directory(SIZES_IN_ZIP64, both.clone()), [a_out(), b_out()]),
        accept("zip64-cd-offset", in_directory(OFFSET_IN_ZIP64, zip64(&[0])), [a_out(), b_out()]),
        accept(
            "zip64-cd-sizes-and-offset",
            in_directory(Claims { offset: Some(IN_ZIP64), ..SIZES_IN_ZIP64 }, zip64(&[size, compressed_size, 0])),
            [a_out(), b_out()],
        ),
        accept("zip64-cd-extra-unneeded", in_directory(Claims::default(), both.clone()), [a_out(), b_out()]),
        refuse("zip64-cd-extra-missing", in_directory(OFFSET_IN_ZIP64, Vec::new()), "cd_mismatch"),
        refuse("zip64-cd-offset-wrong", in_directory(OFFSET_IN_ZIP64, zip64(&[1 << 32])), "cd_mismatch"),
        refuse(
            "zip64-cd-size-wrong",
            in_directory(SIZES_IN_ZIP64, zip64(&[size + (1 << 32), compressed_size])),
            "cd_mismatch",
        ),
        accept("zip64-eocd", ended(Zip64::Needless), [a_out(), b_out()]),
        accept("zip64-eocd-ff", ended(Zip64::Needed), [a_out(), b_out()]),
        accept(
            "zip64-eocd-ext",
            Archive { zip64: Zip64::Needed, extensible_data: b"\x01\0\x04\0abcd", ..archive([a()]) },
            [a_out()],
        ),
        accept("zip64-empty-archive", Archive { zip64: Zip64::Needless, ..archive([]) }, []),
        accept("zip64-empty-archive-ff", Archive { zip64: Zip64::Needed, ..archive([]) }, []),
        accept(
            "zip64-everywhere",
            Archive {
                zip64: Zip64::Needed,
                ..archive([Member {
                    local: SIZES_IN_ZIP64,
                    extra: zip64(&[size, size]),
                    directory: Claims { offset: Some(IN_ZIP64), ..SIZES_IN_ZIP64 },
                    directory_extra: zip64(&[size, size, 0]),
                    needed: 45,
                    ..stored(b"a.txt", A)
                }])
            },
            [a_out()],
        ),
    ]
}

const OFFSET_IN_ZIP64: Claims<'_> = Claims {
    name: None,
    flags: None,
    method: None,
    crc32: None,
    compressed_size: None,
    size: None,
    offset: Some(IN_ZIP64),
};

#[test]
fn a_zip64_value_counts_where_it_is_referred_to() {
    check(&rows(), drivers::ALL);
}
