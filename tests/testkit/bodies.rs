//! The bodies of the fuzz targets: functions of a fuzzer's bytes that panic where a property does not hold.
//!
//! `make test` runs them over the cases of the tests and over recipes (see `recipe`), `make fuzz` over libFuzzer's
//! mutations of those.

use std::collections::{HashMap, HashSet};

use recompress::{
    Begin, Directory, Entry, EntryKind, Error, Event, Limits, Names, Parameters, Status, Step, Transcoder, ZipReader,
};

use crate::{by_index, recipe, tarball};

/// Room for what one call of the reader gives, in bytes.
const SCRATCH: usize = 64 << 10;

/// Bytes that one byte of deflate data may unpack to, and some more.
const DEFLATE_RATIO: usize = 1100;

/// The reader alone, given all of a zip at once: it ends, in few steps, within its limits, with safe names; and no
/// strict prefix of an accepted archive is accepted.
pub fn reader(input: &[u8]) {
    let zip = recipe::zip(input);
    let mut random = Random::of(&zip);
    let limits = random.limits();
    let reading = read(&zip, limits, &mut Cuts::Whole);
    assert!(reading.members.len() as u64 <= limits.entries + 1, "leading data is a member, but no entry");
    let unpacked: u64 = reading.members.iter().map(|(_, contents)| contents.len() as u64).sum();
    assert!(unpacked <= limits.unpacked_bytes);
    let mut files = HashSet::new();
    for (entry, _) in &reading.members {
        assert_safe(entry, limits.name_bytes);
        assert!(entry.kind == EntryKind::Directory || files.insert(&entry.name), "{:?} twice", entry.name);
    }
    for (entry, _) in &reading.members {
        let file = entry.name.trim_end_matches('/');
        assert!(
            entry.kind == EntryKind::File || !files.iter().any(|name| **name == file),
            "{file:?} is a file and a directory"
        );
    }

    let end = zip.len() - zip.iter().rev().take_while(|&&byte| byte == 0).count();
    if reading.result.is_ok() && end > 0 {
        let prefix = random.below(end as u64) as usize;
        let cut = read(&zip[..prefix], limits, &mut Cuts::Whole);
        assert!(cut.result.is_err(), "{prefix} of {} bytes are an archive as well", zip.len());
    }
}

/// The whole transcoder, with small output buffers of changing size: a finished result is the
/// tarball of the reader's members, by other decoders of both formats; an unfinished result does not decode as whole.
pub fn transcode(input: &[u8]) {
    let zip = recipe::zip(input);
    let mut random = Random::of(&zip);
    let limits = random.limits();
    let reading = read(&zip, limits, &mut Cuts::Whole);
    let parameters = random.parameters();
    let with_index = random.below(8) == 0;
    let cuts = || Cuts::Random { random: random.clone(), longest: 1 << 14 };
    let conversion = convert(&zip, limits, parameters, &mut cuts());
    assert_eq!(conversion.result, reading.result, "transcoder and reader");
    let Ok(()) = conversion.result else {
        assert!(tarball::unbrotli(&conversion.output).is_err(), "refused after a complete brotli stream");
        return;
    };
    let members = tarball::read(&conversion.output).expect("a tarball");
    assert_eq!(members.len(), reading.members.len());
    for (member, (entry, contents)) in members.iter().zip(&reading.members) {
        assert_eq!((&member.name, member.mode, member.mtime), (&entry.name, entry.mode, entry.mtime));
        assert_eq!(member.kind == tarball::Kind::Directory, entry.kind == EntryKind::Directory, "{}", entry.name);
        assert!(member.contents == *contents, "contents of {}", entry.name);
    }
    if with_index {
        let parameters = Parameters::new(9, 18).expect("both within their ranges");
        let conversion = convert(&zip, limits, parameters, &mut cuts());
        match conversion.result {
            // An index takes memory that the reader does not.
            Ok(()) => assert_eq!(by_index::members(&conversion.output).as_ref(), Ok(&members)),
            Err(error) => assert_eq!(error.code(), "memory_limit"),
        }
    }
}

/// The same bytes cut in other ways, by the reader and by the transcoder: the same bytes come out, and the same error.
///
/// Where the cuts are depends on the bytes alone, so that a find can be repeated.
pub fn chunking(input: &[u8]) {
    let zip = recipe::zip(input);
    let mut random = Random::of(&zip);
    let limits = random.limits();
    let whole = read(&zip, limits, &mut Cuts::Whole);
    for cuts in [Cuts::OneByte, random.cuts(), random.cuts()] {
        let (name, mut cuts) = (format!("{cuts:?}"), cuts);
        let cut = read(&zip, limits, &mut cuts);
        assert_eq!(cut.result, whole.result, "{name}");
        // Of a member that fails, more or less may be out.
        for ((entry, contents), (cut_entry, cut_contents)) in whole.members.iter().zip(&cut.members) {
            assert_eq!(entry, cut_entry, "{name}");
            let shared = contents.len().min(cut_contents.len());
            assert!(contents[..shared] == cut_contents[..shared], "{name}: contents of {}", entry.name);
        }
        assert!(whole.result.is_err() || cut.members == whole.members, "{name}: not as much");
    }

    let parameters = random.parameters();
    let whole = convert(&zip, limits, parameters, &mut Cuts::Whole);
    let cut = convert(&zip, limits, parameters, &mut random.cuts());
    assert_eq!(cut.result, whole.result);
    let shared = cut.output.len().min(whole.output.len());
    assert!(cut.output[..shared] == whole.output[..shared], "other bytes");
    assert!(cut.output.len() == whole.output.len() || whole.result.is_err(), "not as many bytes");
}

/// Codes of an archive that is read only with its directory first: without it, a member is held until its size is known.
const NOT_STREAMED: [&str; 2] = ["entry_too_large_without_size", "memory_limit"];

/// The reader with the directory first against the reader without: the same verdict and the same members. They differ in
/// permissions, in links, and where an archive cannot be streamed. Returns false if the directory was not found.
pub fn indexed(input: &[u8]) -> bool {
    let zip = recipe::zip(input);
    let mut random = Random::of(&zip);
    let limits = random.limits();
    let last = read(&zip, limits, &mut Cuts::Whole);
    let Some(first) = read_indexed(&zip, limits, &mut random.cuts()) else {
        return false;
    };
    match (&last.result, &first.result) {
        (Ok(()), Ok(())) => {}
        (Ok(()), Err(error)) => {
            assert!(["unsafe_link", "memory_limit"].contains(&error.code()), "only without the directory: {error}");
            return true;
        }
        (Err(error), Ok(())) => {
            // lzma without a marker does not say where it ends.
            let is_lzma = error.code() == "bad_data" && error.to_string().contains("lzma");
            assert!(is_lzma || NOT_STREAMED.contains(&error.code()), "only with the directory: {error}");
            return true;
        }
        (Err(_), Err(_)) => return true,
    }
    assert_eq!(last.members.len(), first.members.len());
    for ((entry, contents), (known, known_contents)) in last.members.iter().zip(&first.members) {
        assert_eq!((&entry.name, entry.mtime), (&known.name, known.mtime));
        assert_eq!(entry.kind == EntryKind::Directory, known.kind == EntryKind::Directory, "{}", entry.name);
        assert!(contents == link_target(known).unwrap_or(known_contents), "contents of {}", entry.name);
    }
    true
}

/// The reader against readers of another kind, which believe the central directory alone, the `zip` and the `rawzip`
/// crate: an archive that ours accepts has exactly the members that they find, with the same contents.
pub fn directory(input: &[u8]) {
    compared_with_directory(input);
}

/// As [`directory`]. Returns how many of the two could be compared: they refuse some archives that ours accepts.
pub fn compared_with_directory(input: &[u8]) -> usize {
    let zip = recipe::zip(input);
    let reading = read(&zip, Limits { unpacked_bytes: 1 << 22, ..Limits::default() }, &mut Cuts::Whole);
    if reading.result.is_err() {
        return 0;
    }
    usize::from(compared_by_name(&zip, &reading)) + usize::from(compared_by_offset(&zip, &reading))
}

/// Against `rawzip`, member by member in the order of their offsets.
fn compared_by_offset(zip: &[u8], reading: &Reading) -> bool {
    let Ok(archive) = rawzip::ZipArchive::from_slice(zip) else { return false };
    let mut entries = archive.entries();
    let mut theirs = Vec::new();
    loop {
        match entries.next_entry() {
            Ok(Some(entry)) => theirs.push((entry.local_header_offset(), entry)),
            Ok(None) => break,
            // Of an archive of nothing in zip64, for one, it takes the end record for a member's.
            Err(_) => return false,
        }
    }
    theirs.sort_by_key(|(offset, _)| *offset);
    let ours = &reading.members[usize::from(zip.starts_with(b"SAV0"))..];
    let mut ours = ours.iter();
    // Of files of one name ours gives the first, and the others have the same contents.
    let mut files = HashMap::new();
    for (_, entry) in &theirs {
        let raw = entry.file_path();
        let is_file = !matches!(raw.as_bytes(), [.., b'/' | b'\\']);
        let first = files.get(raw.as_bytes()).copied().filter(|_| is_file);
        let our_member = first.or_else(|| ours.next()).expect("as many members as they have");
        files.insert(raw.as_bytes(), our_member);
        let (our_entry, contents) = our_member;
        let name = &our_entry.name;
        assert_eq!(entry.uncompressed_size_hint(), contents.len() as u64, "size of {name:?}");
        assert_eq!(entry.crc32(), crc32fast::hash(contents), "crc-32 of {name:?}");
        let local = archive.get_entry(entry.wayfinder()).expect("a member of an archive that we have finished");
        let unpacked = match entry.compression_method() {
            rawzip::CompressionMethod::STORE => local.data().to_vec(),
            _ if local.data().is_empty() => Vec::new(),
            // It leaves the rarer methods to others; the CRC-32 was compared.
            method if method != rawzip::CompressionMethod::DEFLATE => contents.clone(),
            _ => miniz_oxide::inflate::decompress_to_vec(local.data()).expect("deflate that we have unpacked"),
        };
        assert!(unpacked == *contents, "contents of {name:?}");
        // It leaves Unicode path fields and code page 437 to others.
        let renamed = entry.extra_fields().any(|(id, _)| id.as_u16() == 0x7075);
        if let (Ok(raw), false) = (std::str::from_utf8(raw.as_bytes()), renamed) {
            assert_eq!(plain(raw), *name);
        }
    }
    assert_eq!(ours.count(), 0, "members that they do not have");
    true
}

/// Against the `zip` crate, by the names that it gives.
fn compared_by_name(zip: &[u8], reading: &Reading) -> bool {
    let Ok(mut archive) = zip::ZipArchive::new(std::io::Cursor::new(zip)) else { return false };
    // Where it does not like something, it goes on to look for an archive inside a member.
    let start = archive.central_directory_start();
    if ![0, archive.offset()].map(|origin| directory_offset(zip) + origin).contains(&start) {
        return false;
    }
    let ours: HashMap<&str, &Vec<u8>> =
        reading.members.iter().map(|(entry, contents)| (entry.name.as_str(), contents)).collect();
    let leading_data = zip.starts_with(b"SAV0");
    let directories =
        |kind| reading.members.iter().filter(|(entry, _)| (entry.kind == EntryKind::Directory) == kind).count();
    let mut counts = [directories(false) - usize::from(leading_data), directories(true)];
    // By name it keeps one of those that are alike to the byte. Ours does as well, but for directories.
    let mut seen = HashSet::new();
    for index in 0..archive.len() {
        // It has no decoders for the rarer methods here.
        let is_read = matches!(
            archive.by_index_raw(index).expect("a member of an archive that we have finished").compression(),
            zip::CompressionMethod::Stored | zip::CompressionMethod::Deflated
        );
        let member = if is_read { archive.by_index(index) } else { archive.by_index_raw(index) };
        let mut member = member.expect("a member of an archive that we have finished");
        let plain = plain(&member.name().expect("a name"));
        // Unflagged UTF-8 it takes for code page 437.
        let as_utf8 = std::str::from_utf8(member.name_raw()).ok().map(self::plain);
        let name = [Some(plain), as_utf8].into_iter().flatten().find(|name| ours.contains_key(name.as_str()));
        // It takes names also from Unicode path fields of versions that do not exist yet, and has no others then.
        if name.is_none() && zip.windows(5).any(is_unicode_path_of_later_version) {
            return false;
        }
        let Some(name) = name else {
            panic!("{:?} is not among {:?}", String::from_utf8_lossy(member.name_raw()), ours.keys())
        };
        let contents = ours[name.as_str()];
        assert_eq!(member.size(), contents.len() as u64, "size of {name:?}");
        assert_eq!(member.crc32(), crc32fast::hash(contents), "crc-32 of {name:?}");
        if member.compressed_size() == 0 {
            // Ours takes nothing at all for an empty deflate stream, as some writers mean it.
            assert_eq!(contents.len(), 0, "{name:?}");
        } else if is_read {
            let mut theirs = Vec::new();
            std::io::Read::read_to_end(&mut member, &mut theirs).expect("contents of an archive that we have finished");
            assert!(theirs == *contents, "contents of {name:?}");
        }
        let directory = usize::from(name.ends_with('/'));
        if directory == 0 && seen.contains(&name) {
            continue;
        }
        counts[directory] = counts[directory].checked_sub(1).expect("no more members than we have");
        seen.insert(name);
    }
    assert_eq!(counts[0], 0, "files that it does not have");
    assert_eq!(seen.len(), ours.len() - usize::from(leading_data));
    true
}

/// The offset of the directory by the last end record of an archive that was accepted.
fn directory_offset(zip: &[u8]) -> u64 {
    let last = |signature: &[u8]| zip.windows(4).rposition(|bytes| bytes == signature).expect("an end record");
    let number = |at: usize, width: usize| {
        zip[at..at + width].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
    };
    match number(last(b"PK\x05\x06") + 16, 4) {
        0xffff_ffff => number(last(b"PK\x06\x06") + 48, 8),
        offset => offset,
    }
}

/// Whether `field` starts so.
fn is_unicode_path_of_later_version(field: &[u8]) -> bool {
    field.starts_with(&[0x75, 0x70]) && field[4] != 1
}

/// The name without parts that have no meaning.
fn plain(name: &str) -> String {
    let name = name.trim_end_matches('\0').replace(['\u{202a}', '\u{202b}', '\u{202c}'], "");
    let name = name.replace(['\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}'], "");
    let name = if name.contains('/') { name } else { name.replace('\\', "/") };
    let components: Vec<&str> = name.split('/').filter(|component| !matches!(*component, "" | ".")).collect();
    let is_directory = name.ends_with('/') || name.ends_with("/.");
    match (components.is_empty(), is_directory) {
        (true, _) => "./".to_owned(),
        (false, true) => components.join("/") + "/",
        (false, false) => components.join("/"),
    }
}

fn assert_safe(entry: &Entry, name_bytes: u64) {
    let name = &entry.name;
    assert!(!name.is_empty() && name.len() as u64 <= name_bytes.max(14) + 1, "{name:?}");
    assert!(!name.starts_with('/') && !name.contains(['\\', '\0', '\n', '\u{202e}']), "{name:?}");
    assert!(!name.split('/').any(|component| component == ".."), "{name:?}");
    assert_eq!(name.ends_with('/'), entry.kind == EntryKind::Directory, "{name:?}");
    assert!(entry.mode <= 0o777, "{name:?}");
    assert!(entry.kind == EntryKind::File || entry.size == 0, "{name:?}");
}

/// The outcome of a reader.
struct Reading {
    /// The contents of the last one may be incomplete after an error.
    members: Vec<(Entry, Vec<u8>)>,
    result: Result<(), Error>,
}

fn read(zip: &[u8], limits: Limits, cuts: &mut Cuts) -> Reading {
    read_by(ZipReader::new(limits), zip, cuts)
}

/// As [`read`], with the directory read first; `None` if it cannot be found from the end.
fn read_indexed(zip: &[u8], limits: Limits, cuts: &mut Cuts) -> Option<Reading> {
    let refused = |error| Reading { members: Vec::new(), result: Err(error) };
    let directory = match Directory::of(zip, limits, Names::default()) {
        Ok(directory) => directory?,
        Err(error) => return Some(refused(error)),
    };
    Some(match ZipReader::new(limits).knowing(directory) {
        Ok(reader) => read_by(reader, zip, cuts),
        Err(error) => refused(error),
    })
}

fn read_by(mut reader: ZipReader, zip: &[u8], cuts: &mut Cuts) -> Reading {
    let mut members: Vec<(Entry, Vec<u8>)> = Vec::new();
    let mut scratch = vec![0; SCRATCH];
    let (mut taken, mut offered, mut given, mut steps) = (0, 0, 0, 0);
    let mut least_room = SCRATCH;
    let mut wanted = true;
    loop {
        if wanted {
            offered += cuts.next(zip.len() - offered);
        }
        let input = &zip[taken..offered];
        let ended = offered == zip.len();
        let room = cuts.next(SCRATCH);
        least_room = least_room.min(room);
        let (consumed, event) = match reader.read(input, ended, &mut scratch[..room]) {
            Ok(step) => step,
            Err(error) => {
                assert_eq!(reader.read(b"PK", false, &mut scratch), Err(error.clone()), "an error is the last word");
                return Reading { members, result: Err(error) };
            }
        };
        assert!(consumed <= input.len());
        taken += consumed;
        wanted = event == Event::NeedsInput;
        match event {
            Event::NeedsInput => {
                assert_eq!(taken, offered, "asked for more input before taking all there was");
                assert!(!ended, "asked for more input after its end");
            }
            Event::Begin(Begin { entry, .. }) => {
                assert_complete(&members);
                members.push((entry, Vec::new()));
            }
            Event::Contents(count) => {
                assert!((1..=room).contains(&count));
                given += count;
                let (entry, contents) = members.last_mut().expect("contents follow an entry");
                contents.extend(&scratch[..count]);
                assert!(contents.len() as u64 <= entry.size);
            }
            Event::Verified { crc32, .. } => {
                assert_complete(&members);
                let (entry, contents) = members.last().expect("a verified member has begun");
                let contents = link_target(entry).unwrap_or(contents);
                assert_eq!(crc32fast::hash(contents), crc32, "{}", entry.name);
            }
            Event::End => {
                assert_complete(&members);
                assert_eq!(taken, zip.len(), "all input is read before the end is certain");
                assert_eq!(reader.read(&[], true, &mut scratch), Ok((0, Event::End)), "the end is the last word");
                return Reading { members, result: Ok(()) };
            }
            _ => {}
        }
        steps += 1;
        // Held data is unpacked without any output, one scratch buffer in a step.
        let most = 64 + 4 * (taken + given) + DEFLATE_RATIO * taken / least_room;
        assert!(steps <= most, "{steps} steps took {taken} bytes and gave {given}");
    }
}

fn link_target(entry: &Entry) -> Option<&[u8]> {
    match &entry.kind {
        EntryKind::Link { target } => Some(target.as_bytes()),
        _ => None,
    }
}

fn assert_complete(members: &[(Entry, Vec<u8>)]) {
    if let Some((entry, contents)) = members.last() {
        assert_eq!(contents.len() as u64, entry.size, "{:?} is not complete", entry.name);
    }
}

/// The outcome of a transcoder.
struct Outcome {
    output: Vec<u8>,
    result: Result<(), Error>,
}

fn convert(zip: &[u8], limits: Limits, parameters: Parameters, cuts: &mut Cuts) -> Outcome {
    let mut transcoder = Transcoder::new(parameters, limits).expect("memory for an encoder");
    let mut buffer = vec![0; SCRATCH];
    let mut output = Vec::new();
    let (mut taken, mut offered, mut steps) = (0, 0, 0);
    let mut asked = false;
    loop {
        if asked {
            offered += cuts.next(zip.len() - offered);
        }
        let input = &zip[taken..offered];
        let room = cuts.next(SCRATCH);
        let progress = match transcoder.step(input, &mut buffer[..room]) {
            Ok(progress) => progress,
            Err(error) => {
                assert_eq!(transcoder.step(input, &mut buffer), Err(error.clone()), "an error is the last word");
                return Outcome { output, result: Err(error) };
            }
        };
        assert!(progress.consumed <= input.len() && progress.produced <= room);
        taken += progress.consumed;
        output.extend(&buffer[..progress.produced]);
        if progress.status == Status::Done {
            return Outcome { output, result: Ok(()) };
        }
        asked = progress.status == Status::NeedsInput;
        steps += 1;
        // Contents are unpacked twice at most, 64 KiB in a step, which the encoder takes in steps of its own.
        let most = 64 + 8 * (taken + output.len()) + 4 * DEFLATE_RATIO * taken / SCRATCH;
        assert!(steps <= most, "{steps} steps took {taken} bytes and gave {}", output.len());
    }
}

/// Where input and output are cut.
#[derive(Debug)]
enum Cuts {
    Whole,
    OneByte,
    Random { random: Random, longest: u64 },
}

impl Cuts {
    /// Of `left` bytes, at least one if there is one.
    fn next(&mut self, left: usize) -> usize {
        match self {
            Self::Whole => left,
            Self::OneByte => left.min(1),
            Self::Random { random, longest } => left.min(1 + random.below(*longest) as usize),
        }
    }
}

/// SplitMix64, as in `drivers`, from the CRC-32 of the bytes that are under test.
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn of(bytes: &[u8]) -> Self {
        Self(crc32fast::hash(bytes).into())
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }

    fn one_of<const N: usize>(&mut self, choices: [u64; N]) -> u64 {
        choices[self.below(N as u64) as usize]
    }

    fn cuts(&mut self) -> Cuts {
        let longest = self.one_of([3, 40, 500, 50_000]);
        Cuts::Random { random: Self(self.below(u64::MAX)), longest }
    }

    /// Mostly more than an input needs, and sometimes not.
    fn limits(&mut self) -> Limits {
        Limits {
            entries: self.one_of([1 << 10, 1 << 10, 1 << 10, 4]),
            unpacked_bytes: self.one_of([1 << 18, 1 << 18, 1 << 18, 1000]),
            held_bytes: self.one_of([1 << 20, 1 << 20, 1 << 20, 100]),
            name_bytes: self.one_of([1 << 12, 1 << 12, 1 << 12, 20]),
            memory_bytes: self.one_of([1 << 22, 1 << 22, 1 << 22, 70_000, 1000]),
            ..Limits::default()
        }
    }

    /// The fast ones, with small windows.
    fn parameters(&mut self) -> Parameters {
        let (quality, lgwin) = (self.below(2) as u8, 10 + self.below(3) as u8);
        Parameters::new(quality, lgwin).expect("both within their ranges")
    }
}
