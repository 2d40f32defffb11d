//! A reader of `.tar.br` files, by independent decoders.

use std::{fmt, io::Read};

/// The default modification time of members: 2025-03-11T12:00:00Z.
pub const MTIME: i64 = 1_741_694_400;

/// The type of a member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    File,
    Directory,
    /// Its contents here are its target.
    Link,
}

/// One member of a tarball.
#[derive(Clone, PartialEq)]
pub struct TarMember {
    pub name: String,
    pub kind: Kind,
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    pub contents: Vec<u8>,
}

/// A file with the usual mode and time.
pub fn file(name: impl Into<String>, contents: &[u8]) -> TarMember {
    TarMember { name: name.into(), kind: Kind::File, mode: 0o644, mtime: MTIME, contents: contents.to_vec() }
}

/// A directory with the usual mode and time.
pub fn directory(name: impl Into<String>) -> TarMember {
    TarMember { kind: Kind::Directory, mode: 0o755, ..file(name, b"") }
}

impl fmt::Debug for TarMember {
    /// Contents by length and CRC-32: a listing should fit on a screen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, mode, mtime, contents } = self;
        let (length, crc32) = (contents.len(), crc32fast::hash(contents));
        write!(f, "{kind:?} {name:?} mode {mode:o} mtime {mtime} length {length} crc-32 {crc32:08x}")
    }
}

/// Decodes exactly one whole brotli stream; cut off or followed by anything, it is an error.
pub fn unbrotli(compressed: &[u8]) -> Result<Vec<u8>, String> {
    // The buffer takes the whole stream, so that the decoder sees the bytes after its end.
    let mut decoder = brotli::Decompressor::new(compressed, compressed.len().max(1));
    let mut decoded = Vec::new();
    decoder.read_to_end(&mut decoded).map_err(|error| format!("brotli: {error}"))?;
    match decoder.read(&mut [0]) {
        Ok(0) => Ok(decoded),
        _ => Err("brotli: bytes after the end of the stream".into()),
    }
}

/// Reads every member of a `.tar.br`, and checks the promised form: two zero blocks at the end, user and group 0.
pub fn read(compressed: &[u8]) -> Result<Vec<TarMember>, String> {
    let tar = unbrotli(compressed)?;
    if tar.len() < 1024 || tar.len() % 512 != 0 || tar[tar.len() - 1024..].iter().any(|&byte| byte != 0) {
        return Err(format!("tar: {} bytes that do not end in two zero blocks", tar.len()));
    }
    let mut archive = tar::Archive::new(&tar[..]);
    let entries = archive.entries().map_err(|error| format!("tar: {error}"))?;
    entries.map(|entry| read_member(entry.map_err(|error| error.to_string())?)).collect()
}

fn read_member(entry: tar::Entry<'_, impl Read>) -> Result<TarMember, String> {
    let owners = [entry.header().uid(), entry.header().gid()];
    let member = member(entry)?;
    let has_none = owners.iter().all(|owner| matches!(owner, Ok(0)));
    if has_none { Ok(member) } else { Err(format!("tar: {:?} has an owner", member.name)) }
}

/// A member by the `tar` crate.
pub fn member(mut entry: tar::Entry<'_, impl Read>) -> Result<TarMember, String> {
    let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|error| format!("tar: {error}"))?;
    let broken = |error| format!("tar: {name:?}: {error}");
    let kind = match entry.header().entry_type() {
        tar::EntryType::Regular => Kind::File,
        tar::EntryType::Directory => Kind::Directory,
        tar::EntryType::Symlink => Kind::Link,
        other => return Err(format!("tar: {name:?} is a {other:?}")),
    };
    let header = entry.header();
    let mode = header.mode().map_err(broken)?;
    let mtime = header.mtime().map_err(broken)?;
    let mtime = pax_mtime(&mut entry)?.unwrap_or(mtime.try_into().expect("a header's time has 33 bits"));
    let mut contents = Vec::new();
    entry.read_to_end(&mut contents).map_err(broken)?;
    if let Some(target) = entry.link_name_bytes().filter(|_| kind == Kind::Link) {
        contents.extend_from_slice(&target);
    }
    Ok(TarMember { name, kind, mode, mtime, contents })
}

/// The `mtime` record of a member's pax header, which outranks the header's field; the `tar` crate leaves that to us.
fn pax_mtime(entry: &mut tar::Entry<'_, impl Read>) -> Result<Option<i64>, String> {
    let Some(records) = entry.pax_extensions().map_err(|error| format!("tar: {error}"))? else { return Ok(None) };
    for record in records {
        let record = record.map_err(|error| format!("tar: {error}"))?;
        if record.key_bytes() == b"mtime" {
            let value = record.value().map_err(|error| format!("tar: {error}"))?;
            return value.parse().map(Some).map_err(|error| format!("tar: mtime {value:?}: {error}"));
        }
    }
    Ok(None)
}
