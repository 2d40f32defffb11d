//! Memory: for every zip, a conversion's peak is within its fixed cost plus the charged memory.
//!
//! A binary of its own, with one test, because its allocator counts all memory of the process.
//! `cargo test -p recompress --test memory -- --nocapture` prints the need of each archive.

use recompress::{Error, Event, Limits, Parameters, Selection, Status, Step, Transcoder, ZipReader};
use recompress_testkit::{
    counting::{Counting, peak_of},
    extra_field::{field, unicode_path, zip64},
    zip_writer::{
        Archive, Claims, Descriptor, HAS_DESCRIPTOR, IN_ZIP64, Member, UTF8, Zip64, archive, deflate_stored_block,
        deflated, folder, stored,
    },
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Reads with the reader alone.
fn read(zip: &[u8], limits: Limits, selection: &Selection, scratch: &mut [u8]) -> Result<(), Error> {
    let mut reader = ZipReader::new(limits).selecting(selection.clone());
    let mut rest = zip;
    loop {
        let (consumed, event) = reader.read(rest, true, scratch)?;
        rest = &rest[consumed..];
        if event == Event::End {
            return Ok(());
        }
    }
}

/// The parameters with which the encoder takes the least memory.
fn parameters() -> Parameters {
    Parameters::new(0, 10).expect("both within their ranges")
}

/// Converts with the whole transcoder.
fn convert(zip: &[u8], limits: Limits, selection: &Selection, output: &mut [u8]) -> Result<(), Error> {
    let mut transcoder = Transcoder::new(parameters(), limits)?.selecting(selection.clone());
    let mut rest = zip;
    loop {
        let progress = transcoder.step(rest, output)?;
        rest = &rest[progress.consumed..];
        if progress.status == Status::Done {
            return Ok(());
        }
    }
}

/// Bytes for an error's message and for a boxed state. Neither is charged, and neither grows.
const WORDS: usize = 2 << 10;

type Run = fn(&[u8], Limits, &Selection, &mut [u8]) -> Result<(), Error>;

struct Bomb {
    name: &'static str,
    zip: Vec<u8>,
    limits: Limits,
    selection: Selection,
    /// The code of the error with plenty of memory, if any.
    ends: &'static str,
}

const PLENTY: Limits = Limits { name_bytes: u64::MAX, memory_bytes: 1 << 30, held_bytes: 4 << 20, ..Limits::WORKER };

fn bomb(name: &'static str, zip: impl Into<Vec<u8>>, ends: &'static str) -> Bomb {
    Bomb { name, zip: zip.into(), limits: PLENTY, selection: Selection::default(), ends }
}

fn numbered(count: usize, digits: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| format!("{number:0digits$}").into_bytes()).collect()
}

fn files(names: &[Vec<u8>]) -> Vec<u8> {
    archive(names.iter().map(|name| stored(name, b"")).collect::<Vec<_>>()).bytes()
}

/// Incompressible bytes.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(next).collect()
}

fn bombs() -> Vec<Bomb> {
    [many(), long(), held(), claimed(), waiting()].into_iter().flatten().collect()
}

/// Bombs against the memory kept for every member.
fn many() -> Vec<Bomb> {
    let deep: Vec<Vec<u8>> =
        numbered(20, 2).into_iter().map(|name| [&name[..], &b"/d".repeat(2000)].concat()).collect();
    let folders: Vec<Vec<u8>> = numbered(5000, 4).into_iter().map(|name| [&name[..], b"/"].concat()).collect();
    let unlisted = deep.iter().map(|name| Member { in_directory: false, ..stored(name, b"") });
    let unlisted = archive(unlisted.collect::<Vec<_>>()).bytes();
    let nameless = vec![Member { in_directory: false, ..stored(b"", b"") }; 5000];
    vec![
        bomb("1 member", files(&numbered(1, 1)), ""),
        bomb("3 members", files(&numbered(3, 1)), ""),
        bomb("12 members", files(&numbered(12, 2)), ""),
        bomb("5,000 empty files", files(&numbered(5000, 4)), ""),
        bomb("66,000 empty files", files(&numbered(66_000, 5)), ""),
        bomb("5,000 directories", archive(folders.iter().map(|name| folder(name)).collect::<Vec<_>>()).bytes(), ""),
        bomb("5,000 nameless members", archive(nameless).bytes(), ""),
        bomb("10 paths 2,000 deep", files(&deep[..10]), ""),
        bomb("20 paths 2,000 deep, in no directory", unlisted, "cd_mismatch"),
    ]
}

/// Bombs of long records.
fn long() -> Vec<Bomb> {
    let name = |first: u8, length: usize| [&[first][..], &vec![b'n'; length - 1]].concat();
    let longest: Vec<Vec<u8>> = (b'a'..=b'y').map(|first| name(first, 32 << 10)).collect();
    let cp437: Vec<Vec<u8>> = (b'a'..=b'y').map(|first| [&[first][..], &[0xdb; 10_000]].concat()).collect();
    let extra = field(0x9999, &[7; 65_531]);
    let comment = vec![b'c'; 65_535];
    let records = Member { extra: extra.clone(), directory_extra: extra, comment: &comment, ..stored(b"a", b"") };
    let blocks = vec![b'\xdb'; 65_535];
    let accents: Vec<Vec<u8>> =
        (b'a'..=b'y').map(|first| [&[first][..], "é".repeat(16_000).as_bytes()].concat()).collect();
    let behind = |name| Member { descriptor: Descriptor::Signed32, ..stored(name, b"x") };
    let controls = b"\x7f".repeat(65_535);
    let upwards = b"../".repeat(10_000);
    let path = unicode_path(1, crc32fast::hash(b"a"), &"n".repeat(65_000));
    let other = |name| Claims { name: Some(name), ..Claims::default() };
    let of_directory = |name| archive([Member { directory: other(name), ..stored(b"a", b"") }]).bytes();
    vec![
        bomb("25 names of 32 KiB", files(&longest), ""),
        bomb(
            "25 names of 32 KB, sizes behind",
            archive(accents.iter().map(|name| behind(name)).collect::<Vec<_>>()).bytes(),
            "",
        ),
        bomb("25 names of 10,000 bytes in code page 437", files(&cp437), ""),
        bomb("extra fields and a comment of 64 KiB", archive([records]).bytes(), ""),
        bomb("a name of 64 KiB", files(&[name(b'a', 65_535)]), "name_too_long"),
        bomb("a name of 64 KiB in code page 437", files(std::slice::from_ref(&blocks)), "name_too_long"),
        bomb(
            "a name of 64 KiB that is not UTF-8",
            archive([Member { flags: UTF8, ..stored(&blocks, b"") }]).bytes(),
            "name_too_long",
        ),
        bomb(
            "a name of 64 KiB and no method",
            archive([Member { method: 77, ..stored(&blocks, b"") }]).bytes(),
            "name_too_long",
        ),
        bomb("a name of 30 KB that leads upwards", files(&[upwards]), "unsafe_name"),
        bomb("a name of 30 KB of control characters", files(&[controls[..30_000].to_vec()]), "unsafe_name"),
        bomb(
            "a Unicode path of 64 KiB",
            archive([Member { extra: path, ..stored(b"a", b"") }]).bytes(),
            "name_too_long",
        ),
        bomb("64 KiB of code page 437 in the directory", of_directory(&blocks), "cd_mismatch"),
        bomb("64 KiB of control characters in the directory", of_directory(&controls), "cd_mismatch"),
        bomb("a comment of 64 KiB", Archive { comment: &comment, ..archive([stored(b"a", b"")]) }.bytes(), ""),
        bomb(
            "64 KiB of extensible data",
            Archive { zip64: Zip64::Needed, extensible_data: &vec![7; 64 << 10], ..archive([]) }.bytes(),
            "",
        ),
        bomb("1 MiB of zeros at the end", Archive { trailing: &vec![0; 1 << 20], ..archive([]) }.bytes(), ""),
    ]
}

/// Bombs of data with a descriptor.
fn held() -> Vec<Bomb> {
    let noise = noise(3 << 20);
    let blocks: Vec<u8> = noise.chunks(60_000).flat_map(|piece| deflate_stored_block(piece, false)).collect();
    let blocks = [blocks, deflate_stored_block(b"", true)].concat();
    let zeros = vec![0; 20 << 20];
    let behind = |member| Member { descriptor: Descriptor::Signed32, ..member };
    let endless = |pattern: &[u8]| {
        let header = behind(stored(b"a", b"")).local_header();
        [header, pattern.repeat((5 << 20) / pattern.len())].concat()
    };
    let near = [&b"PK\x07\x08"[..], &[7; 12], b"PK\x03\x04"].concat();
    vec![
        bomb("20 MiB of zeros, 1,000 to 1", archive([deflated(b"z", &zeros)]).bytes(), ""),
        bomb("20 MiB of zeros, sizes behind", archive([behind(deflated(b"z", &zeros))]).bytes(), ""),
        bomb("3 MiB stored, sizes behind", archive([behind(stored(b"a", &noise))]).bytes(), ""),
        bomb(
            "3 MiB in deflate's stored blocks, sizes behind",
            archive([behind(Member { data: Some(blocks), ..deflated(b"a", &noise) })]).bytes(),
            "",
        ),
        bomb("65,536 bytes stored, sizes behind", archive([behind(stored(b"a", &noise[..65_536]))]).bytes(), ""),
        bomb("an endless member of signatures", endless(b"PK\x03\x04"), "entry_too_large_without_size"),
        bomb("an endless member of near descriptors", endless(&near), "entry_too_large_without_size"),
        bomb(
            "an endless member of empty deflate blocks",
            {
                let header = behind(deflated(b"a", b"")).local_header();
                [header, deflate_stored_block(b"", false).repeat(1 << 20)].concat()
            },
            "entry_too_large_without_size",
        ),
    ]
}

/// Bombs of false claims.
fn claimed() -> Vec<Bomb> {
    let huge = Member {
        local: Claims { compressed_size: Some(IN_ZIP64), size: Some(IN_ZIP64), ..Claims::default() },
        extra: zip64(&[1 << 62, 1 << 62]),
        ..stored(b"a", b"")
    };
    let ahead = Member {
        local: Claims { flags: Some(HAS_DESCRIPTOR), size: Some(0xf000_0000), ..Claims::default() },
        ..deflated(b"a", b"")
    };
    let names = numbered(1000, 4);
    let one = stored(b"0000", b"");
    // All of the directory's records share the one member.
    let listed = names.iter().map(|name| Member {
        name,
        in_local: false,
        directory: Claims { offset: Some(0), ..Claims::default() },
        ..one.clone()
    });
    let overlap: Vec<Member<'_>> = [one.clone()].into_iter().chain(listed).collect();
    let quoted = archive([stored(b"q", &files(&names)), stored(b"r", b"")]).bytes();
    vec![
        bomb("4 EiB declared", archive([huge]).bytes(), "output_limit"),
        bomb("4 GiB declared, sizes behind", archive([ahead]).bytes(), "ratio_limit"),
        bomb(
            "4 GiB of a save's metadata declared",
            [&b"SAV0102a40f789ff0000000\n"[..], &[0; 99]].concat(),
            "truncated",
        ),
        bomb("1,000 records of one member", archive(overlap).bytes(), "cd_mismatch"),
        bomb("an archive of 1,000 in another", quoted, ""),
        bomb("no zip", noise(1 << 20), "not_zip"),
    ]
}

/// Bombs of members that wait for the one that must come first.
fn waiting() -> Vec<Bomb> {
    let noise = noise(3 << 20);
    let names = numbered(5000, 4);
    let behind = |member| Member { descriptor: Descriptor::Signed32, ..member };
    let last = |members: Vec<Member<'_>>| archive([members, vec![stored(b"last", b"")]].concat()).bytes();
    let first = Selection::new([], [], ["last"]).expect("a choice that can be made");
    let pieces: Vec<Member<'_>> =
        names.iter().zip(noise.chunks(600)).map(|(name, piece)| stored(name, piece)).collect();
    let bombs = vec![
        bomb("3 MiB that wait", last(vec![stored(b"a", &noise)]), ""),
        bomb("3 MiB that wait, sizes behind", last(vec![behind(stored(b"a", &noise))]), ""),
        bomb("3 MiB that wait in 5,000 members", last(pieces.clone()), ""),
        bomb("3 MiB that wait in 5,000 members, sizes behind", last(pieces.into_iter().map(behind).collect()), ""),
        bomb("5,000 empty files that wait", last(names.iter().map(|name| stored(name, b"")).collect()), ""),
    ];
    bombs.into_iter().map(|bomb| Bomb { selection: first.clone(), ..bomb }).collect()
}

/// The fixed memory of a conversion: measured on archives with nothing in them, or nothing but
/// contents, for the encoder's sake: it takes more when there is more to encode, up to the end of its meta-block.
fn fixed(run: Run, encodes: bool, buffer: &mut [u8]) -> usize {
    let text = b"some text, and some more text, and some more. ".repeat(60_000);
    let noise = noise(3 << 20);
    let plain = [
        archive([]).bytes(),
        archive([deflated(b"a", &text), stored(b"b", &noise)]).bytes(),
        archive([stored(b"a", &text), deflated(b"b", &noise)]).bytes(),
    ];
    let plain = &plain[..if encodes { 3 } else { 1 }];
    let peaks = plain.iter().map(|zip| {
        let (peak, result) = peak_of(|| run(zip, Limits::WORKER, &Selection::default(), buffer));
        result.expect("an ordinary archive");
        peak
    });
    peaks.max().expect("three archives")
}

fn code(result: &Result<(), Error>) -> &'static str {
    result.as_ref().map_or_else(Error::code, |()| "")
}

#[test]
fn memory_stays_within_the_charge() {
    let mut buffer = vec![0; 64 << 10];
    let bombs = bombs();
    let runs: [(&str, Run); 2] = [("reader", read), ("transcoder", convert)];
    let fixed = [fixed(read, false, &mut buffer), fixed(convert, true, &mut buffer)];
    println!("fixed: reader {}, transcoder {}", fixed[0], fixed[1]);
    println!("{:>52} {:>10} {:>10} {:>10} {:>10}", "", "zip", "charged", "reader", "transcoder");
    let mut problems = Vec::new();
    for Bomb { name, zip, limits, selection, ends } in bombs {
        let with = |memory_bytes| Limits { memory_bytes, ..limits };
        let (peak, result) = peak_of(|| read(&zip, limits, &selection, &mut buffer));
        assert_eq!(code(&result), ends, "{name}");
        // The least memory that does not change the outcome: exact to the byte, or to 1/64 where each try is slow.
        // The charge is not much more than the use.
        let (mut least, mut most) = (0, 3 * peak as u64);
        let exact = if peak > 1 << 18 { peak as u64 >> 6 } else { 1 };
        while most - least >= exact {
            let middle = (least + most) / 2;
            if code(&read(&zip, with(middle), &selection, &mut buffer)) == ends {
                most = middle;
            } else {
                least = middle + 1;
            }
        }
        let promised = Transcoder::peak_bytes(parameters(), with(most), Some(zip.len() as u64));
        let mut beyond = [0; 2];
        for (index, (who, run)) in runs.into_iter().enumerate() {
            // With the memory it needs, with one byte less, with half.
            for memory_bytes in [most, least - 1, most / 2] {
                let (peak, result) = peak_of(|| run(&zip, with(memory_bytes), &selection, &mut buffer));
                let short = if selection == Selection::default() {
                    &["memory_limit"][..]
                } else {
                    &["memory_limit", "first_too_late"]
                };
                let expected = if memory_bytes == most { &[ends][..] } else { short };
                if !expected.contains(&code(&result)) {
                    problems
                        .push(format!("{name}, {who}, {memory_bytes} bytes: {} and not {expected:?}", code(&result)));
                }
                let allowed = fixed[index] + memory_bytes as usize + WORDS;
                if peak > allowed {
                    problems.push(format!("{name}, {who}: {memory_bytes} bytes and {} more", peak - allowed));
                }
                if memory_bytes == most {
                    if peak as u64 > promised {
                        problems.push(format!("{name}, {who}: {peak} bytes, {promised} promised"));
                    }
                    beyond[index] = peak as isize - fixed[index] as isize;
                }
            }
        }
        println!("{name:>52} {:>10} {most:>10} {:>10} {:>10}", zip.len(), beyond[0], beyond[1]);
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
