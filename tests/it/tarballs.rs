//! Tarballs of other programs: what the reader of any tarball takes, and what it refuses.

use recompress::{Entry, EntryKind, Limits, TarEvent, TarReader};

/// A header block with a right checksum.
fn header(name: &[u8], kind: u8, size: &[u8]) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..107].copy_from_slice(b"0000644");
    block[124..124 + size.len()].copy_from_slice(size);
    block[136..147].copy_from_slice(b"14764024300");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    sealed(block)
}

fn sealed(mut block: [u8; 512]) -> [u8; 512] {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn extended(kind: u8, contents: &[u8]) -> Vec<u8> {
    let mut blocks = header(b"x", kind, format!("{:o}", contents.len()).as_bytes()).to_vec();
    blocks.extend_from_slice(contents);
    blocks.resize(blocks.len().next_multiple_of(512), 0);
    blocks
}

fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let length = (1..).find(|length: &usize| length.to_string().len() + rest.len() == *length);
    format!("{}{rest}", length.expect("a length")).into_bytes()
}

/// Entries with their contents, or the code of the refusal.
fn read(parts: &[&[u8]]) -> Result<Vec<(Entry, Vec<u8>)>, &'static str> {
    let tar = parts.concat();
    let mut reader = TarReader::new(Limits::NATIVE);
    let mut members: Vec<(Entry, Vec<u8>)> = Vec::new();
    let (mut taken, mut room) = (0, [0; 100]);
    loop {
        let (count, event) = reader.read(&tar[taken..], true, &mut room).map_err(|error| error.code())?;
        taken += count;
        match event {
            TarEvent::Begin(entry) => members.push((entry, Vec::new())),
            TarEvent::Contents(count) => members.last_mut().expect("it began").1.extend_from_slice(&room[..count]),
            TarEvent::Done => return Ok(members),
            _ => {}
        }
    }
}

const END: &[u8] = &[0; 1024];

#[track_caller]
fn one(parts: &[&[u8]]) -> (Entry, Vec<u8>) {
    let mut members = read(parts).expect("it is read");
    assert_eq!(members.len(), 1);
    members.remove(0)
}

#[test]
fn a_size_and_a_time_in_a_pax_header_count() {
    let mut contents = [b'x'; 1024];
    contents[600..].fill(0);
    let pax = [record("size", "600"), record("mtime", "-86400.25"), record("path", "é/a"), record("comment", "a=b")];
    let (entry, bytes) = one(&[&extended(b'x', &pax.concat()), &header(b"a", b'0', b"5"), &contents, END]);
    assert_eq!((&*entry.name, entry.size, entry.mtime), ("é/a", 600, -86_400));
    assert_eq!(bytes, contents[..600]);
}

#[test]
fn numbers_are_octal_with_spaces_or_binary() {
    for size in [&b"00000000003"[..], b"         3 ", b"3\0", b"3           ", b"\x80\0\0\0\0\0\0\0\0\0\0\x03"] {
        let (entry, bytes) = one(&[&header(b"a", b'0', size), b"abc", &[0; 509], END]);
        assert_eq!((entry.size, &*bytes), (3, &b"abc"[..]), "{size:x?}");
    }
    let mut old = header(b"a", 0, b"0");
    old[257..265].fill(0);
    old[136..148].fill(0xff);
    assert_eq!(one(&[&sealed(old), END]).0.mtime, -1);
    for size in [&b"9"[..], b"3x", b"-1", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x80\0\0\x01"] {
        assert_eq!(read(&[&header(b"a", b'0', size), END]), Err("bad_tar"), "{size:x?}");
    }
}

#[test]
fn names_come_from_the_prefix_and_from_long_headers() {
    let mut long = header(b"name", b'0', b"0");
    long[345..351].copy_from_slice(b"folder");
    assert_eq!(one(&[&sealed(long), END]).0.name, "folder/name");
    // GNU has times where POSIX has the prefix.
    long[257..265].copy_from_slice(b"ustar  \0");
    assert_eq!(one(&[&sealed(long), END]).0.name, "name");
    let name = "d/".repeat(200) + "l";
    let long = [extended(b'L', format!("{name}\0").as_bytes()), extended(b'K', b"target\0")].concat();
    let (entry, _) = one(&[&long, &header(b"cut", b'2', b"0"), END]);
    assert_eq!((entry.name, entry.kind), (name, EntryKind::Link { target: "target".to_owned() }));
    assert_eq!(one(&[&header(b"d/", b'0', b"0"), END]).0.kind, EntryKind::Directory);
    assert_eq!(one(&[&header(b"d", b'5', b"0"), END]).0.name, "d/");
}

#[test]
fn what_two_readers_could_understand_in_two_ways_is_refused() {
    let file = header(b"a", b'0', b"0");
    let pax = |key, value| [&extended(b'x', &record(key, value))[..], &file].concat();
    let all = |key, value| [&extended(b'g', &record(key, value))[..], &file].concat();
    let mut broken = file;
    broken[0] = b'b';
    for (what, tar, code) in [
        ("a hard link", header(b"a", b'1', b"0").to_vec(), "bad_member"),
        ("a device", header(b"a", b'3', b"0").to_vec(), "bad_member"),
        ("a fifo", header(b"a", b'6', b"0").to_vec(), "bad_member"),
        ("a sparse file", header(b"a", b'S', b"0").to_vec(), "bad_member"),
        ("a sparse file by pax", pax("GNU.sparse.major", "1"), "bad_tar"),
        ("a folder with a size", header(b"d/", b'5', b"1").to_vec(), "bad_member"),
        ("a link with a size", header(b"l", b'2', b"1").to_vec(), "bad_member"),
        ("a size for all", all("size", "1"), "bad_tar"),
        ("a name for all", all("path", "b"), "bad_tar"),
        ("a size that is none", pax("size", "+1"), "bad_tar"),
        ("a time that is none", pax("mtime", "now"), "bad_tar"),
        ("a record that is none", [&extended(b'x', b"9 a=b\n")[..], &file].concat(), "bad_tar"),
        ("a record of no length", [&extended(b'x', b"0 a=b\n")[..], &file].concat(), "bad_tar"),
        ("a wrong checksum", broken.to_vec(), "bad_tar"),
        ("a name that leads outside", header(b"../a", b'0', b"0").to_vec(), "unsafe_name"),
        ("a name that is no text", header(b"\xff", b'0', b"0").to_vec(), "bad_member"),
        ("a zero byte in a name", [&extended(b'L', b"a\0b\0")[..], &file].concat(), "unsafe_name"),
        ("a zero byte in a target", [&extended(b'K', b"a\0b\0")[..], &header(b"l", b'2', b"0")].concat(), "bad_member"),
        ("an endless name", header(b"x", b'L', b"77777777777").to_vec(), "bad_tar"),
    ] {
        assert_eq!(read(&[&tar, END]), Err(code), "{what}");
    }
    assert_eq!(
        read(&[&all("comment", "text"), END]).map(|members| members.len()),
        Ok(1),
        "a comment for all means nothing"
    );
}

#[test]
fn every_strict_prefix_up_to_the_end_is_an_error() {
    let tar = [&header(b"a", b'0', b"3")[..], b"abc", &[0; 509], &header(b"b", b'0', b"0"), &[0; 512]].concat();
    for length in 0..tar.len() {
        assert_eq!(read(&[&tar[..length]]), Err("bad_tar"), "{length} of {} bytes", tar.len());
    }
    assert_eq!(read(&[&tar]).map(|members| members.len()), Ok(2));
    assert_eq!(read(&[&tar, b"what follows has no meaning"]).map(|members| members.len()), Ok(2));
}
