//! Tar headers: an entry in, 512-byte blocks out. File contents never pass through here.
//!
//! POSIX.1-2001 (pax): a ustar header if the entry fits one, otherwise preceded by an extended header. The same entry
//! always gives the same bytes: owner 0, no owner names, no time but the entry's own.

pub(crate) mod reader;

use tar::{EntryType, Header};

use crate::member::{Entry, EntryKind};

/// Everything in a tarball is a multiple of this, in bytes.
pub(crate) const BLOCK: usize = 512;

/// Zeros that end a tarball, in bytes.
pub(crate) const TRAILER: usize = 2 * BLOCK;

const NAME: usize = 100;
const PREFIX: usize = 155;
/// The largest value of a field of eleven octal digits.
const OCTAL_MAX: u64 = 0o777_7777_7777;

/// Zeros that follow contents of `size` bytes.
pub(crate) fn padding(size: u64) -> usize {
    (size.wrapping_neg() % BLOCK as u64) as usize
}

/// The likely size of a tarball. A member has a header, and half a block of padding on average.
pub(crate) fn likely_bytes(contents: u64, members: u64) -> u64 {
    const BESIDE_CONTENTS: u64 = (BLOCK + BLOCK / 2) as u64;
    contents.saturating_add(members.saturating_mul(BESIDE_CONTENTS))
}

/// The header blocks of `entry`.
pub(crate) fn header(entry: &Entry) -> Vec<u8> {
    let mut records = Vec::new();
    let (prefix, name) = split(&entry.name).unwrap_or_else(|| {
        record(&mut records, "path", &entry.name);
        ("", last_component(&entry.name))
    });
    if entry.size > OCTAL_MAX {
        record(&mut records, "size", &entry.size.to_string());
    }
    let (kind, target) = match &entry.kind {
        EntryKind::File => (EntryType::Regular, ""),
        EntryKind::Directory => (EntryType::Directory, ""),
        EntryKind::Link { target } => (EntryType::Symlink, target.as_str()),
    };
    if target.len() > NAME || !target.is_ascii() {
        record(&mut records, "linkpath", target);
    }
    let mtime = u64::try_from(entry.mtime).ok().filter(|&mtime| mtime <= OCTAL_MAX).unwrap_or_else(|| {
        record(&mut records, "mtime", &entry.mtime.to_string());
        0
    });
    let pax = if records.is_empty() { 0 } else { BLOCK + records.len() + padding(records.len() as u64) };
    // Names can be long and memory is counted, so reserve exactly.
    let mut blocks = Vec::with_capacity(pax + BLOCK);
    if !records.is_empty() {
        // Readers without pax extract this header as a file. A name in its own folder keeps it apart.
        let own_name = "PaxHeaders/".chars().chain(last_component(&entry.name).trim_end_matches('/').chars());
        let own_name: String = own_name.take(NAME).collect();
        block(&mut blocks, &Fields::of_records(&own_name, EntryType::XHeader, &records));
        blocks.extend_from_slice(&records);
        blocks.resize(blocks.len() + padding(records.len() as u64), 0);
    }
    let fields = Fields { prefix, name, target, kind, mode: entry.mode, mtime, size: entry.size };
    block(&mut blocks, &fields);
    blocks
}

/// A global header with a comment in a record of `length` bytes, followed by the zeros that end a tarball. Spaces pad
/// the comment.
///
/// The comment is filled up with spaces.
pub(crate) fn global_comment(comment: &str, length: usize) -> Vec<u8> {
    let around = length.to_string().len() + " comment=\n".len();
    let mut records = Vec::new();
    record(&mut records, "comment", &format!("{comment:0$}", length - around));
    let mut blocks = Vec::new();
    block(&mut blocks, &Fields::of_records("PaxHeaders/report", EntryType::XGlobalHeader, &records));
    blocks.extend_from_slice(&records);
    blocks.resize(blocks.len() + padding(records.len() as u64) + TRAILER, 0);
    blocks
}

/// The fields of one header block. A name or a target that does not fit is cut; an extended header then has all of it.
struct Fields<'a> {
    prefix: &'a str,
    name: &'a str,
    target: &'a str,
    kind: EntryType,
    mode: u32,
    mtime: u64,
    size: u64,
}

impl<'a> Fields<'a> {
    /// The header of pax records.
    fn of_records(name: &'a str, kind: EntryType, records: &[u8]) -> Self {
        Self { prefix: "", name, target: "", kind, mode: 0o644, mtime: 0, size: records.len() as u64 }
    }
}

/// Writes one header block.
fn block(blocks: &mut Vec<u8>, fields: &Fields) {
    let Fields { prefix, name, target, kind, mode, mtime, size } = *fields;
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime);
    header.set_size(size);
    let ustar = header.as_ustar_mut().expect("it was made as ustar");
    for (field, text) in [(&mut ustar.name, name), (&mut ustar.linkname, target)] {
        for (field, char) in field.iter_mut().zip(text.chars()) {
            *field = if char.is_ascii() { char as u8 } else { b'_' };
        }
    }
    ustar.prefix[..prefix.len()].copy_from_slice(prefix.as_bytes());
    header.set_device_major(0).and_then(|()| header.set_device_minor(0)).expect("ustar has device numbers");
    header.set_cksum();
    blocks.extend_from_slice(header.as_bytes());
}

/// The two fields of a ustar name, or `None` if it does not fit.
fn split(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() {
        return None;
    }
    if name.len() <= NAME {
        return Some(("", name));
    }
    // The slash between the fields is in neither of them. A directory's trailing slash is not a separator.
    let earliest = name.len().checked_sub(NAME + 1)?;
    let at = earliest + name[earliest..name.len() - 1].find('/')?;
    (1..=PREFIX).contains(&at).then(|| (&name[..at], &name[at + 1..]))
}

/// The last component of a path, with a directory's trailing slash.
fn last_component(name: &str) -> &str {
    let stem = name.strip_suffix('/').unwrap_or(name);
    &name[stem.rfind('/').map_or(0, |slash| slash + 1)..]
}

/// Appends the record `LENGTH KEY=VALUE\n`, whose length counts its own digits (POSIX pax, "Extended Header").
fn record(records: &mut Vec<u8>, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length += 1;
    }
    records.reserve_exact(length);
    for part in [&length.to_string(), " ", key, "=", value, "\n"] {
        records.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, size: u64, mtime: i64) -> Entry {
        Entry { name: name.into(), kind: EntryKind::File, mode: 0o644, mtime, size }
    }

    fn written(entry: &Entry) -> Vec<u8> {
        let blocks = header(entry);
        assert_eq!(blocks.len() % BLOCK, 0);
        blocks
    }

    /// Name, size and time that the `tar` crate reads from the header of `entry`.
    fn read_back(entry: &Entry) -> (String, u64, i64) {
        let mut bytes = written(entry);
        bytes.resize(bytes.len() + TRAILER, 0);
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut read = archive.entries().unwrap().next().unwrap().unwrap();
        let mut mtime = read.header().mtime().unwrap() as i64;
        if let Some(extensions) = read.pax_extensions().unwrap() {
            for extension in extensions.map(|extension| extension.unwrap()) {
                if extension.key() == Ok("mtime") {
                    mtime = extension.value().unwrap().parse().unwrap();
                }
            }
        }
        (String::from_utf8(read.path_bytes().into_owned()).unwrap(), read.size(), mtime)
    }

    #[test]
    fn names_of_every_length_and_shape_are_read_back() {
        let mut names = vec!["é".to_owned(), "a/日本/c.txt".into(), "y".repeat(300), "d/".into(), "./".into()];
        for len in [1, 99, 100, 101] {
            names.push("x".repeat(len));
            names.push(format!("{}/{}", "d".repeat(155), "f".repeat(len)));
            names.push(format!("{}/{}", "d".repeat(156), "f".repeat(len)));
            names.push(format!("{}/{}/", "d".repeat(155), "f".repeat(len)));
        }
        names.push(["z"; 2000].join("/"));
        for name in names {
            assert_eq!(read_back(&file(&name, 0, 5)), (name.clone(), 0, 5), "{name}");
        }
    }

    #[test]
    fn a_name_that_fits_needs_one_block() {
        for name in
            ["x".repeat(100), format!("{}/{}", "d".repeat(155), "f".repeat(100)), format!("d/{}/", "f".repeat(99))]
        {
            assert_eq!(written(&file(&name, 0, 0)).len(), BLOCK, "{name}");
        }
        for name in ["x".repeat(101), format!("d/{}/", "f".repeat(100)), "é".into()] {
            assert_eq!(written(&file(&name, 0, 0)).len(), 3 * BLOCK, "{name}");
        }
    }

    #[test]
    fn times_and_sizes_outside_eleven_octal_digits_are_read_back() {
        for mtime in [0, -1, -86_400, OCTAL_MAX as i64, OCTAL_MAX as i64 + 1, i64::MAX] {
            assert_eq!(read_back(&file("a", 0, mtime)).2, mtime);
        }
        assert_eq!(written(&file("a", OCTAL_MAX, 0)).len(), BLOCK);
        assert_eq!(written(&file("a", OCTAL_MAX + 1, 0)).len(), 3 * BLOCK);
    }

    #[test]
    fn a_record_counts_its_own_length() {
        for len in 1..2000 {
            let mut records = Vec::new();
            record(&mut records, "path", &"n".repeat(len));
            let text = String::from_utf8(records).unwrap();
            assert_eq!(text.split_once(' ').unwrap().0, text.len().to_string());
        }
    }

    #[test]
    fn a_global_comment_has_the_length_it_is_told() {
        for length in [512, 1024, 9999] {
            let blocks = global_comment("four words of comment", length);
            assert_eq!(blocks.len(), BLOCK + length + padding(length as u64) + TRAILER);
            let text = std::str::from_utf8(&blocks[BLOCK..BLOCK + length]).unwrap();
            let value = text.strip_prefix(&format!("{length} comment=")).unwrap().strip_suffix('\n').unwrap();
            assert_eq!(value.trim_end_matches(' '), "four words of comment");
        }
    }

    #[test]
    fn padding_completes_a_block() {
        for (size, zeros) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            assert_eq!(padding(size), zeros);
        }
        assert_eq!((u64::MAX % 512 + padding(u64::MAX) as u64) % 512, 0);
    }

    #[test]
    fn a_reader_without_pax_sees_no_name_that_leaves_the_root() {
        let name = format!("{}/..{}", "d".repeat(97), "é".repeat(100));
        let blocks = written(&file(&name, 0, 0));
        for field in [&blocks[..NAME], &blocks[blocks.len() - BLOCK..][..NAME]] {
            let name = field.split(|&byte| byte == 0).next().unwrap();
            assert!(!name.split(|&byte| byte == b'/').any(|component| component == b".."));
        }
    }
}
