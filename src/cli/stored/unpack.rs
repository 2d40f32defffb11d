//! Members as new files in a folder.
//!
//! Only new files: nothing is replaced. Nothing outside the folder: names are safe, and no link is followed, not even one that was
//! there before. Links are made last.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use recompress::{Entry, EntryKind, seekable::check_links};

use super::Visit;
use crate::{CommandError, failed, output::NewFile};

/// Writes members to a folder.
pub struct Unpacker {
    folder: PathBuf,
    /// Names and kinds of all members so far, for the rule about links.
    entries: Vec<Entry>,
    present: Option<(NewFile, PathBuf)>,
}

impl Unpacker {
    /// Makes the folder if it is missing.
    pub fn new(folder: &Path) -> Result<Self, CommandError> {
        fs::create_dir_all(folder).map_err(|error| failed("write", folder, &error))?;
        Ok(Self { folder: folder.to_owned(), entries: Vec::new(), present: None })
    }

    /// The path of a member, whose folders exist now.
    fn place(&self, name: &str) -> Result<PathBuf, CommandError> {
        let mut path = self.folder.clone();
        let mut components = name.trim_end_matches('/').split('/').filter(|component| *component != ".").peekable();
        while let Some(component) = components.next() {
            path.push(component);
            if components.peek().is_some() {
                make_folder(&path)?;
            }
        }
        Ok(path)
    }

    /// Makes the links, and gives folders their permissions and times.
    pub fn finish(self) -> Result<(), CommandError> {
        check_links(&self.entries)?;
        for entry in &self.entries {
            if let EntryKind::Link { target } = &entry.kind {
                let path = self.place(&entry.name)?;
                symlink(target, &path).map_err(|error| exists_or(&path, &error))?;
            }
        }
        // Those inside first: a folder without the right to write may hold others.
        for entry in self.entries.iter().rev().filter(|entry| entry.kind == EntryKind::Directory) {
            let path = self.place(&entry.name)?;
            File::open(&path)
                .and_then(|folder| settle(&folder, entry))
                .map_err(|error| failed("write", &path, &error))?;
        }
        Ok(())
    }
}

impl Visit for Unpacker {
    fn begin(&mut self, entry: &Entry) -> Result<(), CommandError> {
        let path = self.place(&entry.name)?;
        match entry.kind {
            EntryKind::Directory => make_folder(&path)?,
            EntryKind::File if path.symlink_metadata().is_ok() => return Err(exists(&path)),
            EntryKind::File => self.present = Some((NewFile::create(&path, false)?, path)),
            _ => {}
        }
        self.entries.push(entry.clone());
        Ok(())
    }

    fn contents(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        let (file, path) = self.present.as_mut().expect("only a file has contents");
        file.file().write_all(bytes).map_err(|error| failed("write", path, &error))
    }

    fn end(&mut self) -> Result<(), CommandError> {
        let Some((file, path)) = self.present.take() else { return Ok(()) };
        let entry = self.entries.last().expect("it began");
        settle(file.file(), entry).and_then(|()| file.keep()).map_err(|error| exists_or(&path, &error))
    }
}

/// Makes a folder, or takes one that is there. A link to one is none.
fn make_folder(path: &Path) -> Result<(), CommandError> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(CommandError("output_exists", format!("{} exists and is no folder", path.display()))),
        Err(_) => fs::create_dir(path).map_err(|error| failed("write", path, &error)),
    }
}

fn exists_or(path: &Path, error: &io::Error) -> CommandError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => failed("write", path, error),
    }
}

fn exists(path: &Path) -> CommandError {
    CommandError(
        "output_exists",
        format!("{} exists, and only new files are written: name another folder with -C", path.display()),
    )
}

/// Gives a new file the permissions that the member has and the user's mask allows, and its time.
fn settle(file: &File, entry: &Entry) -> io::Result<()> {
    let allowed = file.metadata()?.permissions().mode() & 0o777;
    // A file is new with all rights but those to execute.
    let allowed = allowed | (allowed & 0o444) >> 2;
    file.set_permissions(Permissions::from_mode(entry.mode & allowed))?;
    let seconds = Duration::from_secs(entry.mtime.unsigned_abs());
    let time = SystemTime::UNIX_EPOCH;
    let time = if entry.mtime < 0 { time.checked_sub(seconds) } else { time.checked_add(seconds) };
    time.map_or(Ok(()), |time| file.set_modified(time))
}
