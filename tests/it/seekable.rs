//! Files with an index: every member is found by it, and is what a reader from the front finds.

use recompress::{Limits, Parameters, StoredError, Transcoder, seekable::IndexReader};

use crate::{
    by_index,
    drivers::{self, Driver, SplitMix},
    tarball,
    text::text,
    zip_writer::{Member, archive, deflated, folder, stored},
};

fn names(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| format!("common/folder_{}/file_{number}.txt", number / 20).into_bytes()).collect()
}

fn write(zip: &[u8], parameters: Parameters, report: bool) -> Vec<u8> {
    let transcoder = Transcoder::new(parameters, Limits::NATIVE).unwrap();
    let transcoder = if report { transcoder.reporting() } else { transcoder };
    let conversion = drivers::drive(zip, Driver::Whole, transcoder);
    conversion.result.unwrap();
    conversion.output
}

fn parameters(quality: u8, lgwin: u8) -> Parameters {
    Parameters::new(quality, lgwin).unwrap()
}

/// Decodes some segments as a stream of their own, with another decoder.
fn alone(file: &by_index::File<'_>, number: usize) -> Vec<u8> {
    let bytes = &file.index.segments[number].file;
    let header = [(file.lgwin - 17) << 1 | 1, 0b11];
    // The window's four bits, and an empty metadata block that fills the byte.
    let stream =
        [&[header[0] | 0b110 << 4, 0][..], &file.bytes[bytes.start as usize..bytes.end as usize], &[3]].concat();
    tarball::unbrotli(&stream).unwrap()
}

#[test]
fn a_small_archive_is_one_segment_and_every_member_is_found() {
    let names = names(300);
    let contents: Vec<Vec<u8>> = (0..300).map(|number| text(number, 10 * number as usize)).collect();
    let mut members: Vec<Member<'_>> = names.iter().zip(&contents).map(|(name, text)| deflated(name, text)).collect();
    members.insert(0, folder(b"common/"));
    let zip = archive(members).bytes();
    for (quality, lgwin) in [(5, 18), (6, 19), (7, 22), (8, 24), (9, 22)] {
        for report in [false, true] {
            let file = write(&zip, parameters(quality, lgwin), report);
            let opened = by_index::open(&file).unwrap();
            assert_eq!(opened.index.segments.len(), 1);
            assert_eq!(opened.index.sha256.is_some(), report);
            let through = tarball::read(&file).unwrap();
            assert_eq!(through.len(), 301);
            assert_eq!(by_index::members(&file).unwrap(), through, "at {quality}/{lgwin}");
        }
    }
}

#[test]
fn an_archive_of_nothing_has_an_index_too() {
    let file = write(&archive([]).bytes(), parameters(9, 22), false);
    assert_eq!(tarball::read(&file).unwrap(), []);
    assert_eq!(by_index::members(&file).unwrap(), []);
}

#[test]
fn large_contents_are_segments_that_decode_alone() {
    let (large, larger) = (text(1, 4 << 20), text(2, (6 << 20) + 1));
    let noise: Vec<u8> = std::iter::repeat_with({
        let mut random = SplitMix(3);
        move || random.next_u64() as u8
    })
    .take(5 << 20)
    .collect();
    let zip = archive([
        deflated(b"meta", b"date=1444.11.11\n"),
        deflated(b"gamestate", &larger),
        stored(b"noise", &noise),
        deflated(b"large", &large),
        deflated(b"below", &large[1..]),
        deflated(b"ai", b"ai"),
    ])
    .bytes();
    for (quality, lgwin) in [(5, 18), (7, 22), (8, 18), (9, 22), (9, 24)] {
        let file = write(&zip, parameters(quality, lgwin), false);
        let opened = by_index::open(&file).unwrap();
        let through = tarball::read(&file).unwrap();
        assert_eq!(by_index::members(&file).unwrap(), through, "at {quality}/{lgwin}");
        let own: Vec<_> =
            ["gamestate", "noise", "large"].map(|name| opened.index.member(name).unwrap().contents()).into();
        for contents in own {
            let number = opened.index.segments.iter().position(|segment| segment.tar == contents);
            let number = number.expect("the contents are a segment");
            let decoded = alone(&opened, number);
            assert_eq!(decoded.len() as u64, contents.end - contents.start);
            assert!(through.iter().any(|member| member.contents == decoded), "at {quality}/{lgwin}");
        }
        // The start; a header with the padding before it, and contents, three times; the rest.
        let bounds: Vec<_> = opened.index.segments.iter().map(|segment| segment.tar.end - segment.tar.start).collect();
        assert_eq!(bounds[..7], [1024, 512, (6 << 20) + 1, 511 + 512, 5 << 20, 512, 4 << 20], "at {quality}/{lgwin}");
        assert_eq!(bounds.len(), 8);
    }
}

#[test]
fn small_members_are_in_groups_of_sixteen_mebibytes() {
    let names = names(60);
    let contents: Vec<Vec<u8>> = (0..60).map(|number| text(number, 700_000)).collect();
    let zip = archive(names.iter().zip(&contents).map(|(name, text)| stored(name, text)).collect::<Vec<_>>()).bytes();
    // mbrotli, which makes no parts, and ours, whose groups are three parts but for the last.
    for (quality, continues) in [(5, &[false; 3][..]), (9, &[false, true, true, false, true, true, false, true])] {
        let file = write(&zip, parameters(quality, 18), false);
        let opened = by_index::open(&file).unwrap();
        assert_eq!(opened.index.segments.iter().map(|segment| segment.continues).collect::<Vec<_>>(), continues);
        let most = if quality == 5 { 16 << 20 } else { 6 << 20 };
        assert!(opened.index.segments.iter().all(|segment| segment.tar.end - segment.tar.start <= most));
        let all = opened.read(0..60, 1 << 16).unwrap();
        assert_eq!(all, tarball::read(&file).unwrap());
        for number in [0, 1, 22, 23, 24, 45, 46, 47, 59] {
            assert_eq!(opened.read(number..number + 1, 10_000).unwrap(), all[number..=number]);
            assert_eq!(opened.read(number..(number + 3).min(60), 1 << 16).unwrap(), all[number..(number + 3).min(60)]);
        }
    }
}

#[test]
fn the_file_does_not_depend_on_how_the_zip_arrives() {
    let large = text(4, (4 << 20) + 12_345);
    let zip =
        archive([deflated(b"a", b"first"), deflated(b"large", &large), deflated(b"z", &large[..100_000])]).bytes();
    for report in [false, true] {
        let conversion = drivers::in_every_way(&zip, || {
            let transcoder = Transcoder::new(parameters(9, 18), Limits::default()).unwrap();
            if report { transcoder.reporting() } else { transcoder }
        });
        conversion.result.unwrap();
        assert_eq!(by_index::members(&conversion.output).unwrap(), tarball::read(&conversion.output).unwrap());
    }
}

#[test]
fn some_qualities_and_windows_have_no_index() {
    let zip = archive([deflated(b"a", &text(5, 50_000))]).bytes();
    let has_index = |parameters| match by_index::open(&write(&zip, parameters, false)) {
        Ok(_) => true,
        Err(StoredError::NoIndex) => false,
        Err(error) => panic!("{error}"),
    };
    for quality in 0..=11 {
        assert_eq!(has_index(parameters(quality, 22)), (5..=9).contains(&quality), "by default at {quality}");
        assert_eq!(has_index(parameters(quality, 22).with_index(true)), quality >= 5, "at {quality}");
        assert!(!has_index(parameters(quality, 22).with_index(false)), "without at {quality}");
        assert!(!has_index(parameters(quality, 17).with_index(true)), "with a small window at {quality}");
    }
}

#[test]
fn a_file_of_the_highest_qualities_is_found_by_its_index_if_it_has_one() {
    let zip =
        archive([deflated(b"a", &text(6, 5000)), deflated(b"large", &text(7, 1 << 20)), deflated(b"b", b"b")]).bytes();
    for quality in [10, 11] {
        // Contents of a sixteenth are a segment of their own.
        let transcoder = Transcoder::new(parameters(quality, 18).with_index(true), Limits::NATIVE).unwrap();
        let file = drivers::drive(&zip, Driver::Whole, transcoder.cutting_at(16 << 20)).output;
        assert_eq!(by_index::open(&file).unwrap().index.segments.len(), 4);
        assert_eq!(by_index::members(&file).unwrap(), tarball::read(&file).unwrap());
    }
}

#[test]
fn fewer_bytes_than_were_asked_for_are_an_error() {
    let file = write(&archive([deflated(b"a", &text(5, 200_000))]).bytes(), parameters(9, 22), false);
    let mut reader = IndexReader::new(file.len() as u64, Limits::NATIVE);
    let range = reader.wants().expect("the end of the file");
    let refused = reader.take(&file[range.start as usize + 1..]).expect_err("one byte is missing");
    assert_eq!(refused.code(), "bad_index");
}

/// A reader by index and one from the front never give two contents.
#[test]
fn every_prefix_and_every_flipped_bit_is_an_error_or_changes_nothing() {
    let zip =
        archive([deflated(b"a.txt", &text(8, 900)), folder(b"d/"), deflated(b"d/b", b"some text, some text")]).bytes();
    for report in [false, true] {
        let file = write(&zip, parameters(9, 22), report);
        let expected = by_index::members(&file).unwrap();
        for length in 0..file.len() {
            assert!(by_index::members(&file[..length]).is_err(), "{length} of {} bytes", file.len());
        }
        for bit in 0..8 * file.len() {
            let mut other = file.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            if let Ok(members) = by_index::members(&other) {
                assert_eq!(members, expected, "bit {bit}");
                // Only the digest, or the text of the report, may differ.
                assert_eq!(tarball::read(&other).ok().as_ref(), Some(&expected), "bit {bit} from the front");
            }
        }
    }
}
