//! A tarball that is read from its front: one without an index, or one whose index is compared with it.

use std::io::{self, BufRead, BufReader, Read};

use recompress::{Entry, EntryKind, seekable::member_path};
use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};

use super::{Visit, Wanted};
use crate::CommandError;

/// The bytes that tell a tarball from a brotli stream, and where they are.
const MAGIC: &[u8] = b"ustar";
const MAGIC_AT: usize = 257;

const BUFFER: usize = 64 << 10;

/// Shows the wanted members of a `.tar.br` or of a `.tar`, in their order, and reads it to its end.
pub fn read(file: impl Read, wanted: &Wanted, visit: &mut dyn Visit) -> Result<(), CommandError> {
    let mut tarball = tarball(file)?;
    let mut archive = Archive::new(&mut tarball);
    let mut buffer = vec![0; BUFFER];
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let Some(member) = member(&mut entry)? else { continue };
        if !wanted.has(&member.name) {
            continue;
        }
        visit.begin(&member)?;
        loop {
            let count = entry.read(&mut buffer).map_err(damaged)?;
            if count == 0 {
                break;
            }
            visit.contents(&buffer[..count])?;
        }
        visit.end()?;
    }
    // The stream goes on behind the tarball, and may be cut there.
    io::copy(&mut tarball, &mut io::sink()).map_err(damaged)?;
    Ok(())
}

/// SHA-256 of the first `length` bytes of a tarball.
pub fn sha256(file: impl Read, length: u64) -> Result<[u8; 32], CommandError> {
    let mut tarball = tarball(file)?.take(length);
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; BUFFER]);
    loop {
        match tarball.read(&mut buffer).map_err(damaged)? {
            0 => return Ok(digest.finalize().into()),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// The tarball in a file, decompressed if it is compressed.
fn tarball<'a>(file: impl Read + 'a) -> Result<Box<dyn Read + 'a>, CommandError> {
    let mut file = BufReader::with_capacity(BUFFER, file);
    let start = file.fill_buf().map_err(damaged)?;
    let is_tar = start.get(MAGIC_AT..).is_some_and(|rest| rest.starts_with(MAGIC));
    Ok(if is_tar { Box::new(file) } else { Box::new(brotli_decompressor::Decompressor::new(file, BUFFER)) })
}

/// The member of a header; `None` for a header that is about others.
fn member(entry: &mut tar::Entry<'_, impl Read>) -> Result<Option<Entry>, CommandError> {
    let refuse = |problem: String| CommandError("bad_member", problem);
    let name = String::from_utf8(entry.path_bytes().into_owned());
    let name = name.map_err(|error| refuse(format!("{:?} is not UTF-8", String::from_utf8_lossy(error.as_bytes()))))?;
    let kind = match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => EntryKind::File,
        EntryType::Directory => EntryKind::Directory,
        EntryType::Symlink => {
            let target = entry.link_name_bytes().unwrap_or_default().into_owned();
            let target =
                String::from_utf8(target).map_err(|_| refuse(format!("the target of {name:?} is not UTF-8")))?;
            EntryKind::Link { target }
        }
        EntryType::XGlobalHeader => return Ok(None),
        EntryType::Link => return Err(refuse(format!("{name:?} is a hard link"))),
        EntryType::GNUSparse => return Err(refuse(format!("{name:?} is a sparse file"))),
        _ => return Err(refuse(format!("{name:?} is a device, or something else that is no file, folder or link"))),
    };
    let mut mtime = entry.header().mtime().map_err(damaged)? as i64;
    let mut is_sparse = false;
    for extension in entry.pax_extensions().map_err(damaged)?.into_iter().flatten() {
        let extension = extension.map_err(damaged)?;
        match (extension.key(), extension.value()) {
            (Ok("mtime"), Ok(value)) => {
                let seconds = value.split_once('.').map_or(value, |(seconds, _)| seconds);
                mtime = seconds.parse().map_err(|_| refuse(format!("the time of {name:?} is no number")))?;
            }
            (Ok(key), _) => is_sparse |= key.starts_with("GNU.sparse."),
            _ => {}
        }
    }
    if is_sparse {
        return Err(refuse(format!("{name:?} is a sparse file")));
    }
    let mut name = member_path(&name)?;
    if kind == EntryKind::Directory && !name.ends_with('/') {
        name.push('/');
    }
    if kind != EntryKind::Directory && name.ends_with('/') {
        return Err(refuse(format!("{name:?} is no folder, and its name ends in a slash")));
    }
    let mode = entry.header().mode().map_err(damaged)? & 0o777;
    Ok(Some(Entry { name, kind, mode, mtime, size: entry.size() }))
}

fn damaged(error: io::Error) -> CommandError {
    CommandError("bad_tar", format!("the archive cannot be read: {error}"))
}
