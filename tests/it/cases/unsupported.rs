//! Features of the format that are refused by choice.

use super::{A, B, Case, a, a_out, accept, refuse};
use crate::{
    drivers::{self, check},
    extra_field::aes,
    record::length32,
    zip_writer::{Archive, Claims, EndClaims, Member, archive, stored},
};

pub fn rows() -> Vec<Case> {
    [encryption(), methods(), flags(), disks()].into_iter().flatten().collect()
}

fn encryption() -> Vec<Case> {
    // Traditional encryption puts 12 bytes before the data.
    let encrypted = |name, contents: &'static [u8]| Member {
        flags: 1,
        data: Some([&[0; 12], contents].concat()),
        ..stored(name, contents)
    };
    let with_aes = Member {
        method: 99,
        data: Some([&[0; 28], A].concat()),
        extra: aes(),
        directory_extra: aes(),
        local: Claims { size: Some(length32(A)), ..Claims::default() },
        ..encrypted(b"a.txt", A)
    };
    vec![
        refuse("enc-flag-zipcrypto", [encrypted(b"a.txt", A)], "encrypted"),
        refuse("enc-aes-method99", [with_aes.clone()], "encrypted"),
        refuse("enc-aes-method99-without-flag", [Member { flags: 0, ..with_aes }], "encrypted"),
        refuse("enc-cd-flag", [Member { flags: 1 | 1 << 6 | 1 << 13, ..a() }], "encrypted"),
        refuse("enc-strong-flag-alone", [Member { flags: 1 << 6, ..a() }], "encrypted"),
        refuse("enc-masked-header-flag-alone", [Member { flags: 1 << 13, ..a() }], "encrypted"),
        refuse("enc-second-entry", [a(), encrypted(b"s.txt", B)], "encrypted"),
    ]
}

fn methods() -> Vec<Case> {
    let junk = b"\x01\x02\x03\x04\x05\x06\x07\x08".repeat(8);
    let compressed_by = |method, data: &[u8]| [Member { method, data: Some(data.to_vec()), ..a() }];
    let mut rows: Vec<Case> = [1, 6, 10, 19, 20, 97, 98, 200]
        .into_iter()
        .map(|method| refuse(format!("method-{method}-junk"), compressed_by(method, &junk), "unsupported_method"))
        .collect();
    // The start of a bzip2 stream and no more.
    let bzip2 = [b"BZh91AY&SY".as_slice(), &[0; 32]].concat();
    rows.push(refuse("method-12-bzip2", [Member { needed: 46, ..compressed_by(12, &bzip2)[0].clone() }], "bad_data"));
    rows
}

fn flags() -> Vec<Case> {
    vec![
        refuse("flag-patch-data", [Member { flags: 1 << 5, ..a() }], "unsupported_flag"),
        // How hard the encoder tried (bits 1 and 2) is nothing to a decoder.
        accept("flag-deflate-effort", [Member { flags: 0b110, ..a() }], [a_out()]),
    ]
}

fn disks() -> Vec<Case> {
    let second_of_two = EndClaims { disk: 1, directory_disk: 1, ..EndClaims::default() };
    vec![
        refuse("multidisk-eocd", Archive { end: second_of_two, ..archive([a()]) }, "multi_disk"),
        refuse("multidisk-entry", [Member { disk: 1, ..a() }], "multi_disk"),
    ]
}

#[test]
fn an_unsupported_feature_is_named() {
    check(&rows(), drivers::ALL);
}
