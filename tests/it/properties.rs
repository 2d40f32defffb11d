//! What holds for every archive, tried on small ones of every shape: nothing but all of it will do.

use recompress::Limits;

use crate::{
    drivers::{Conversion, Driver, cannot_pass_for_whole, convert},
    extra_field::zip64,
    record::Record,
    tarball::{self, Kind},
    zip_writer::{Archive, Claims, Descriptor, IN_ZIP64, Member, Origin, Zip64, archive, deflated, folder, stored},
};

const CONTENTS: &[u8] = b"some some some";

/// Archives of every shape, small enough to try each of their bits.
fn shapes() -> Vec<(&'static str, Vec<u8>)> {
    let forms = [Descriptor::Signed32, Descriptor::Signed64, Descriptor::Unsigned32, Descriptor::Unsigned64];
    let names: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];
    let described = |member: fn(&'static [u8], &'static [u8]) -> Member<'static>| {
        let members = names.into_iter().zip(forms.clone());
        let members = members.map(|(name, descriptor)| Member { descriptor, ..member(name, CONTENTS) });
        archive(members.collect::<Vec<_>>()).bytes()
    };
    let in_zip64 = Claims { compressed_size: Some(IN_ZIP64), size: Some(IN_ZIP64), ..Claims::default() };
    let large = Member {
        local: in_zip64,
        extra: zip64(&[CONTENTS.len() as u64; 2]),
        directory: Claims { offset: Some(IN_ZIP64), ..in_zip64 },
        directory_extra: zip64(&[CONTENTS.len() as u64, CONTENTS.len() as u64, 0]),
        ..stored(b"a", CONTENTS)
    };
    let records = Archive {
        before_directory: &Record::new().bytes(b"\0\0\0PK\x06\x08").u32(2).bytes(b"xy").done(),
        after_directory: &Record::new().bytes(b"PK\x05\x05").counted(b"xy").done(),
        comment: b"comment",
        ..archive([folder(b"d/"), Member { comment: b"comment", ..stored(b"d/e", b"") }])
    };
    vec![
        ("empty", archive([]).bytes()),
        ("sizes ahead", archive([stored(b"a", CONTENTS), deflated(b"b", CONTENTS)]).bytes()),
        ("deflated, sizes behind", described(deflated)),
        ("stored, sizes behind", described(stored)),
        ("zip64", Archive { zip64: Zip64::Needed, ..archive([large]) }.bytes()),
        ("all records", records.bytes()),
    ]
}

#[test]
fn every_strict_prefix_fails() {
    let save = Archive {
        prefix: b"SAV0102a40f789f00000004\nmeta",
        origin: Origin::Zip,
        ..archive([deflated(b"a", CONTENTS)])
    };
    let mut shapes = shapes();
    shapes.push(("save", save.bytes()));
    for (shape, zip) in shapes {
        assert!(whole(&zip).result.is_ok(), "{shape} is not whole");
        for length in 0..zip.len() {
            assert_fails(&whole(&zip[..length]), &format!("{length} of {} bytes of {shape}", zip.len()));
        }
    }
}

#[test]
fn every_flipped_bit_fails_or_changes_nothing_that_is_checked() {
    for (shape, zip) in shapes() {
        let members = emitted(&whole(&zip));
        for bit in 0..zip.len() * 8 {
            let mut flipped = zip.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let conversion = whole(&flipped);
            let what = format!("bit {} of byte {} of {shape}", bit % 8, bit / 8);
            if conversion.result.is_ok() {
                assert_eq!(emitted(&conversion), members, "{what}");
            } else {
                assert_fails(&conversion, &what);
            }
        }
    }
}

fn whole(zip: &[u8]) -> Conversion {
    convert(zip, Limits::default(), Driver::Whole)
}

fn assert_fails(conversion: &Conversion, what: &str) {
    assert!(conversion.result.is_err(), "{what} converts");
    cannot_pass_for_whole(&conversion.output).unwrap_or_else(|problem| panic!("{what}: {problem}"));
}

/// What a zip says twice or has a checksum for. Times and modes are neither.
fn emitted(conversion: &Conversion) -> Vec<(String, Kind, Vec<u8>)> {
    let members = tarball::read(&conversion.output).expect("a tarball");
    members.into_iter().map(|member| (member.name, member.kind, member.contents)).collect()
}
