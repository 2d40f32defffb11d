//! Properties of every archive, tried on small ones that together have every kind of record, cut in every way:
//! only a whole archive converts.

use recompress::Limits;

use crate::{
    drivers::{Conversion, cannot_pass_for_whole, convert_in_every_way},
    extra_field::{asi_unix, extended_timestamp, unicode_path, zip64},
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
    let signing_block = Record::new().bytes(&[0; 5]).u64(26).bytes(b"xy").u64(26).bytes(b"APK Sig Block 42").done();
    let aligned = Archive {
        before_directory: &signing_block,
        zip64: Zip64::Needless,
        extensible_data: b"xy",
        ..archive([Member { in_directory: false, ..stored(b"", b"") }, stored(b"a", CONTENTS)])
    };
    let unicode = unicode_path(1, crc32fast::hash(b"?"), "é");
    let extra = Member {
        extra: [&unicode[..], &extended_timestamp(1, &[1]), &asi_unix(0o100755)].concat(),
        directory_extra: unicode,
        ..deflated(b"?", CONTENTS)
    };
    vec![
        ("empty", archive([]).bytes()),
        ("sizes ahead", archive([stored(b"a", CONTENTS), deflated(b"b", CONTENTS)]).bytes()),
        ("deflated, sizes behind", described(deflated)),
        ("stored, sizes behind", described(stored)),
        ("zip64", Archive { zip64: Zip64::Needed, ..archive([large]) }.bytes()),
        ("records around the directory", records.bytes()),
        ("records between the members", aligned.bytes()),
        ("extra fields", archive([extra]).bytes()),
        ("split marker", Archive { prefix: b"PK00", ..archive([deflated(b"a", CONTENTS)]) }.bytes()),
    ]
}

/// With work for not even one meta-block, which is 2 MiB of the tarball.
const NO_WORK: Limits = Limits { cpu_ms: 1, ..Limits::NATIVE };

#[test]
fn the_first_of_two_faults_is_the_error() {
    let header = 512;
    let first_too_many = (2 << 20) - header + 1;
    for (length, code) in [(first_too_many, "cpu_budget"), (first_too_many - 1, "crc_mismatch")] {
        let contents = vec![0; length];
        let wrong = Claims { crc32: Some(1), ..Claims::default() };
        for member in [stored(b"a", &contents), deflated(b"a", &contents)] {
            let zip = archive([Member { local: wrong, directory: wrong, ..member }]).bytes();
            let conversion =
                convert_in_every_way(&zip, NO_WORK).unwrap_or_else(|problem| panic!("{length}: {problem}"));
            assert_eq!(conversion.result.unwrap_err().code(), code, "{length} bytes");
        }
    }
}

#[test]
fn every_strict_prefix_fails() {
    // A save's header has no checksum, so it is tested here and not where bits are flipped.
    let save = Archive {
        prefix: b"SAV0102a40f789f00000004\nmeta",
        origin: Origin::Zip,
        ..archive([deflated(b"a", CONTENTS)])
    };
    let mut shapes = shapes();
    shapes.push(("save", save.bytes()));
    for (shape, zip) in shapes {
        assert_eq!(convert(&zip, shape).result, Ok(()), "{shape} is not whole");
        for length in 0..zip.len() {
            let what = format!("{length} of {} bytes of {shape}", zip.len());
            assert_fails(&convert(&zip[..length], &what), &what);
        }
    }
}

#[test]
fn every_flipped_bit_fails_or_changes_nothing_that_is_checked() {
    for (shape, zip) in shapes() {
        let members = emitted(&convert(&zip, shape));
        for bit in 0..zip.len() * 8 {
            let mut flipped = zip.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let what = format!("bit {} of byte {} of {shape}", bit % 8, bit / 8);
            let conversion = convert(&flipped, &what);
            if conversion.result.is_ok() {
                assert_eq!(emitted(&conversion), members, "{what}");
            } else {
                assert_fails(&conversion, &what);
            }
        }
    }
}

fn convert(zip: &[u8], what: &str) -> Conversion {
    convert_in_every_way(zip, Limits::default()).unwrap_or_else(|problem| panic!("{what}, {problem}"))
}

fn assert_fails(conversion: &Conversion, what: &str) {
    assert!(conversion.result.is_err(), "{what} converts");
    cannot_pass_for_whole(&conversion.output).unwrap_or_else(|problem| panic!("{what}: {problem}"));
}

/// The facts that a zip repeats or has a checksum for. Times and modes are neither.
fn emitted(conversion: &Conversion) -> Vec<(String, Kind, Vec<u8>)> {
    let members = tarball::read(&conversion.output).expect("a tarball");
    members.into_iter().map(|member| (member.name, member.kind, member.contents)).collect()
}
