//! The bodies of the fuzz targets of stored files: one of files with an index, one of tarballs.
//!
//! An input that starts with [`MARKER`] is a recipe for a file with an index: its bytes choose members, segments by several
//! encoders, and lies. Every other input is taken as it is.

use std::ops::Range;

use recompress::{
    Entry, EntryKind, Limits, StoredError, TarEvent, TarReader,
    seekable::{FrontReader, MemberEvent, member_path},
};
use recompress_encoder::{Encoder, End, Options, Start};

use crate::{
    by_index, counting,
    recipe::Choices,
    seekable_writer::{Line, Seekable, part, stored, tarball_of},
    tarball::{self, Kind, TarMember},
};

/// No stored file and no tarball that is worth a test starts with this byte.
pub const MARKER: u8 = 0xa6;

/// Memory that a hostile index may take, in bytes.
const MEMORY: u64 = 4 << 20;

/// Larger tarballs are only opened: they cost time, and nothing else.
const LARGEST: u64 = 1 << 20;

/// Compares both readings of a file: an index never takes more memory than it may, members read alone are those of the whole, and
/// what is read by the index is what other decoders read from the front. Returns how many members were compared.
pub fn file(input: &[u8]) -> usize {
    let file = match input {
        [MARKER, recipe @ ..] => cook(&mut Choices(recipe)),
        file => file.to_vec(),
    };
    let limits = Limits { memory_bytes: MEMORY, ..Limits::NATIVE };
    let (peak, opened) = counting::peak_of(|| by_index::open_within(&file, limits));
    assert!(peak as u64 <= 3 * MEMORY + (1 << 16), "{peak} bytes of memory for the index of {} bytes", file.len());
    let Ok(opened) = opened else { return 0 };
    let count = opened.index.members.len();
    assert!(count <= opened.index.tar_bytes as usize / 512);
    if opened.index.tar_bytes > LARGEST {
        return 0;
    }
    let share = 1 + crc32fast::hash(&file) as usize % 5000;
    let whole = opened.read(0..count, share);
    let other = opened.read(0..count, 1 << 16);
    // Which of two faults is met first depends on how much is decoded at once.
    assert_eq!(whole.as_ref().ok(), other.as_ref().ok(), "in pieces of {share} bytes");
    for number in 0..count.min(20) {
        let alone = opened.read(number..number + 1, share);
        if let Ok(whole) = &whole {
            assert_eq!(alone.expect("it is read with the others").first(), whole.get(number));
        }
    }
    let Ok(whole) = whole else { return 0 };
    let tar = tarball::unbrotli(&file).expect("what is read by the index decodes from the front");
    let mut front = FrontReader::new(&opened.index);
    let (mut rest, mut room) = (&tar[..], [0; 4096]);
    while !rest.is_empty() {
        let (taken, event) = front.read(rest, &mut room).expect("the tarball is as the index says");
        rest = &rest[taken..];
        assert!(event != MemberEvent::NeedsInput || rest.is_empty());
    }
    front.finish(opened.sha256().expect("it was read before")).expect("both readings are the same");
    assert_eq!(tarball::read(&file).as_ref(), Ok(&whole), "from the front");
    assert_eq!(read_tarball(&tar, tar.len()).as_ref(), Ok(&whole), "by the reader of any tarball");
    count
}

/// A tarball is read alike however it is cut, and as the `tar` crate reads it. Returns whether both read it.
pub fn tarball(input: &[u8]) -> bool {
    let read = read_tarball(input, input.len());
    let share = 1 + crc32fast::hash(input) as usize % 700;
    assert_eq!(read_tarball(input, share), read, "in pieces of {share} bytes");
    let (Ok(ours), Ok(theirs)) = (read, read_by_crate(input)) else { return false };
    assert_eq!(ours, theirs);
    true
}

/// Reads any tarball, in pieces of `share` bytes.
fn read_tarball(tar: &[u8], share: usize) -> Result<Vec<TarMember>, StoredError> {
    let mut reader = TarReader::new(Limits { memory_bytes: MEMORY, ..Limits::NATIVE });
    let mut members: Vec<TarMember> = Vec::new();
    let (mut piece, mut room) = (0..0, vec![0; 1 + share / 2]);
    loop {
        let (taken, event) = reader.read(&tar[piece.clone()], piece.end == tar.len(), &mut room)?;
        piece.start += taken;
        match event {
            TarEvent::NeedsInput => piece.end = (piece.end + share).min(tar.len()),
            TarEvent::Begin(entry) => members.push(member_of(&entry)),
            TarEvent::Contents(count) => {
                members.last_mut().expect("it began").contents.extend_from_slice(&room[..count]);
            }
            TarEvent::Working | TarEvent::End => {}
            TarEvent::Done => return Ok(members),
        }
    }
}

fn member_of(entry: &Entry) -> TarMember {
    let (kind, contents) = match &entry.kind {
        EntryKind::Directory => (Kind::Directory, ""),
        EntryKind::Link { target } => (Kind::Link, target.as_str()),
        _ => (Kind::File, ""),
    };
    let (name, contents) = (entry.name.clone(), contents.as_bytes().to_vec());
    TarMember { name, kind, mode: entry.mode, mtime: entry.mtime, contents }
}

/// The same by the `tar` crate, with the names that we give.
fn read_by_crate(tar: &[u8]) -> Result<Vec<TarMember>, String> {
    let mut archive = ::tar::Archive::new(tar);
    let mut members = Vec::new();
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        if entry.header().entry_type() == ::tar::EntryType::XGlobalHeader {
            continue;
        }
        let mut member = tarball::member(entry)?;
        member.name = member_path(&member.name).map_err(|error| error.to_string())?;
        if member.kind == Kind::File && member.name.ends_with('/') {
            member.kind = Kind::Directory;
        }
        if member.kind == Kind::Directory && !member.name.ends_with('/') {
            member.name.push('/');
        }
        member.mode &= 0o777;
        members.push(member);
    }
    Ok(members)
}

/// The file that a recipe describes.
fn cook(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut contents = Vec::new();
    let mut lines: Vec<Line> = Vec::new();
    for number in 0..choices.below(6) {
        let text = match choices.byte() % 4 {
            0 => choices.bytes(60),
            1 => b"the people of the people, by the people, for the people ".repeat(choices.below(40)),
            2 => vec![choices.byte(); choices.u16() as usize],
            _ => contents.last().cloned().unwrap_or_default(),
        };
        let name = ["a", "d/", "d/b", "c.txt", "l", "z"][number];
        let mut line = Line::file(name, &text);
        let mut text = text;
        if name.ends_with('/') {
            (line.kind, line.size, line.crc32, text) = (0o755 << 2 | 1, 0, 0, Vec::new());
        } else if name == "l" && choices.one_in(2) {
            line.target = "d/b".to_owned();
            (line.kind, line.size, line.crc32, text) = (0o777 << 2 | 2, 0, 0, Vec::new());
        }
        lines.push(line);
        contents.push(text);
    }
    let tar = tarball_of(lines.iter().zip(contents.iter().map(Vec::as_slice)));
    let mut cuts: Vec<usize> = (0..choices.below(5)).map(|_| choices.u32() as usize % tar.len()).collect();
    cuts.extend([0, tar.len()]);
    cuts.sort_unstable();
    cuts.dedup();
    let mut segments = Vec::new();
    for pair in cuts.windows(2) {
        segments.push((segment(choices, &tar, pair[0]..pair[1]), (pair[1] - pair[0]) as u64));
    }
    if choices.one_in(4) {
        lie(choices, &mut lines, &mut segments);
    }
    let mut file = Seekable { segments, members: lines }.write();
    for _ in 0..if choices.one_in(6) { 1 + choices.below(3) } else { 0 } {
        let at = choices.u32() as usize % file.len();
        file[at] ^= 1 << choices.below(8);
    }
    file
}

/// The bytes of a segment: ours, of nothing but literals, or of an encoder that may look back.
fn segment(choices: &mut Choices<'_>, tar: &[u8], range: Range<usize>) -> Vec<u8> {
    let bytes = &tar[range.clone()];
    match choices.byte() % 8 {
        0 => stored(bytes),
        1 => part(&[], bytes, true),
        2 => part(&tar[..range.start], bytes, false),
        3 => part(&[], bytes, false),
        kind => {
            let options =
                Options { quality: 5 + kind % 5, lgwin: 18, expected: Some(bytes.len() as u64), start: Start::Segment };
            encoded(&options, bytes)
        }
    }
}

fn encoded(options: &Options, mut bytes: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(options).expect("memory");
    let (mut file, mut room) = (Vec::new(), vec![0; 1 << 14]);
    loop {
        let encoded =
            if bytes.is_empty() { encoder.finish(End::Segment, &mut room) } else { encoder.write(bytes, &mut room) };
        bytes = &bytes[encoded.consumed..];
        file.extend_from_slice(&room[..encoded.produced]);
        if encoded.finished {
            return file;
        }
    }
}

fn lie(choices: &mut Choices<'_>, lines: &mut [Line], segments: &mut [(Vec<u8>, u64)]) {
    let number = choices.below(lines.len().max(1));
    let Some(line) = lines.get_mut(number) else { return };
    match choices.byte() % 8 {
        0 => line.size ^= 1 << choices.below(40),
        1 => line.crc32 ^= 1,
        2 => line.mtime ^= 1 << choices.below(60),
        3 => line.kind ^= 1 << choices.below(12),
        4 => line.name = String::from_utf8_lossy(&choices.bytes(120)).into_owned(),
        5 => line.target.push('x'),
        _ => {
            let number = choices.below(segments.len());
            segments[number].1 = segments[number].1.saturating_add_signed(i64::from(choices.byte() as i8));
        }
    }
}
