//! Stored archives: their members are listed, unpacked and tested, by the index where there is one.

mod source;
mod through;
mod unpack;

use std::{
    io::{self, Read},
    ops::Range,
    path::Path,
};

use clap::error::ErrorKind;
use recompress::{
    Entry, EntryKind, Limits, StoredError,
    seekable::{Index, IndexReader, MemberEvent, MemberReader},
};
use serde::Serialize;
use source::Source;
use unpack::Unpacker;

use crate::{
    CommandError,
    arguments::{Extract, List, Test},
    failed, is_stdio,
    listing::{printable, utc},
    misuse,
};

/// Bytes of one read.
const BUFFER: usize = 256 << 10;

/// Receives members: prints, unpacks or compares them.
trait Visit {
    fn begin(&mut self, entry: &Entry) -> Result<(), CommandError>;
    fn contents(&mut self, bytes: &[u8]) -> Result<(), CommandError>;
    fn end(&mut self) -> Result<(), CommandError>;
}

/// The members that were asked for: by their names, or by the folder that they are in.
struct Wanted<'a>(&'a [String]);

impl Wanted<'_> {
    const ALL: Wanted<'static> = Wanted(&[]);

    fn has(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| is_or_holds(wanted, name))
    }
}

/// True if `wanted` is the name of this member, or of a folder around it.
fn is_or_holds(wanted: &str, name: &str) -> bool {
    wanted == name || name.strip_prefix(wanted.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}

impl From<StoredError> for CommandError {
    fn from(error: StoredError) -> Self {
        Self(error.code(), error.to_string())
    }
}

/// The index of a file, and its window.
type Indexed = (Index, u8);

/// Reads the index; `None` if the file has none, or can only be read from its front.
fn index(source: &mut Source, name: &Path) -> Result<Option<Indexed>, CommandError> {
    let Some(size) = source.size() else { return Ok(None) };
    let mut reader = IndexReader::new(size, Limits::NATIVE);
    let mut bytes = Vec::new();
    while let Some(range) = reader.wants() {
        bytes.clear();
        let read = source.range(range).and_then(|mut reader| reader.read_to_end(&mut bytes));
        read.map_err(|error| failed("read", name, &error))?;
        match reader.take(&bytes) {
            Ok(()) => {}
            Err(StoredError::NoIndex) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Some(reader.finish()?))
}

/// The wanted members, as ranges of those that follow each other.
fn runs(index: &Index, wanted: &Wanted) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (number, _) in index.members.iter().enumerate().filter(|(_, member)| wanted.has(&member.entry.name)) {
        match runs.last_mut() {
            Some(run) if run.end == number => run.end += 1,
            _ => runs.push(number..number + 1),
        }
    }
    if index.members.is_empty() {
        // An archive of nothing has an end to check.
        runs.push(0..0);
    }
    runs
}

/// Reads members by the index. The result is the SHA-256 of what was decoded, if the reader counts it.
fn by_index(
    source: &mut Source,
    name: &Path,
    mut reader: MemberReader<&Index>,
    visit: &mut dyn Visit,
) -> Result<Option<[u8; 32]>, CommandError> {
    let unreadable = |error: io::Error| failed("read", name, &error);
    let mut bytes = source.range(reader.wants()).map_err(unreadable)?;
    let (mut read, mut room) = (vec![0; BUFFER], vec![0; BUFFER]);
    let mut unread = 0..0;
    loop {
        let (taken, event) = reader.read(&read[unread.clone()], &mut room)?;
        unread.start += taken;
        match event {
            MemberEvent::NeedsInput => {
                unread = 0..bytes.read(&mut read).map_err(unreadable)?;
                if unread.is_empty() {
                    return Err(unreadable(io::ErrorKind::UnexpectedEof.into()));
                }
            }
            MemberEvent::Working => {}
            MemberEvent::Begin(number) => visit.begin(&reader.index().members[number].entry)?,
            MemberEvent::Contents(count) => visit.contents(&room[..count])?,
            MemberEvent::End => visit.end()?,
            MemberEvent::Done => return Ok(reader.sha256()),
        }
    }
}

// ---- list

/// One member of a listing for programs.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    kind: &'static str,
    size: u64,
    mode: String,
    mtime: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn new(entry: &'a Entry) -> Self {
        let (kind, target) = match &entry.kind {
            EntryKind::Directory => ("directory", None),
            EntryKind::Link { target } => ("link", Some(target.as_str())),
            _ => ("file", None),
        };
        let Entry { name, mode, mtime, size, .. } = entry;
        Self { name, kind, size: *size, mode: format!("{mode:04o}"), mtime: *mtime, target }
    }
}

/// Prints members as they come.
struct Printer {
    json: bool,
    members: u64,
    bytes: u64,
}

impl Visit for Printer {
    fn begin(&mut self, entry: &Entry) -> Result<(), CommandError> {
        let line = Line::new(entry);
        if self.json {
            crate::print(serde_json::to_string(&line).expect("names and numbers are always JSON"))?;
        } else {
            if self.members == 0 {
                crate::print("        size  mode  modified (UTC)    name")?;
            }
            let target = line.target.map_or_else(String::new, |target| format!(" -> {}", printable(target)));
            let Line { size, mode, mtime, name, .. } = line;
            crate::print(format!("{size:>12}  {mode}  {:<16}  {}{target}", utc(mtime), printable(name)))?;
        }
        self.members += 1;
        self.bytes += entry.size;
        Ok(())
    }

    fn contents(&mut self, _: &[u8]) -> Result<(), CommandError> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), CommandError> {
        Ok(())
    }
}

/// Lists the members of an archive.
pub fn list(arguments: &List) -> Result<(), CommandError> {
    let name = &arguments.archive;
    let mut printer = Printer { json: arguments.json, members: 0, bytes: 0 };
    let mut source = Source::open(name)?;
    let indexed = index(&mut source, name)?;
    match &indexed {
        Some((index, _)) => index.members.iter().try_for_each(|member| printer.begin(&member.entry))?,
        None => through::read(whole(&mut source, name)?, &Wanted::ALL, &mut printer)?,
    }
    if !arguments.json {
        let how = if indexed.is_some() { "by the index" } else { "read through: the archive has no index" };
        crate::print(format!("{:>12}  {} members, {how}", printer.bytes, printer.members))?;
    }
    Ok(())
}

// ---- extract

/// Writes one file to standard output.
struct Writer;

impl Visit for Writer {
    fn begin(&mut self, entry: &Entry) -> Result<(), CommandError> {
        match entry.kind {
            EntryKind::File => Ok(()),
            _ => {
                Err(CommandError("bad_member", format!("{:?} is no file: unpack it to a folder, with -C", entry.name)))
            }
        }
    }

    fn contents(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        crate::write_out(bytes)
    }

    fn end(&mut self) -> Result<(), CommandError> {
        Ok(())
    }
}

/// Passes members on, and notes which of the wanted ones came.
struct Noting<'a> {
    to: &'a mut dyn Visit,
    wanted: &'a [String],
    found: Vec<bool>,
}

impl Visit for Noting<'_> {
    fn begin(&mut self, entry: &Entry) -> Result<(), CommandError> {
        for (found, name) in self.found.iter_mut().zip(self.wanted) {
            *found |= is_or_holds(name, &entry.name);
        }
        self.to.begin(entry)
    }

    fn contents(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        self.to.contents(bytes)
    }

    fn end(&mut self) -> Result<(), CommandError> {
        self.to.end()
    }
}

/// Unpacks members to a folder, or one to standard output.
pub fn extract(arguments: &Extract) -> Result<(), CommandError> {
    let Extract { archive, members, folder, output } = arguments;
    match output {
        Some(output) if !is_stdio(output) => {
            misuse(ErrorKind::ValueValidation, "-o takes - for standard output; the option for a folder is -C")
        }
        Some(_) if members.len() != 1 => misuse(ErrorKind::WrongNumberOfValues, "-o - takes the name of one member"),
        Some(_) => unpack(archive, members, &mut Writer),
        None => {
            let mut unpacker = Unpacker::new(folder)?;
            unpack(archive, members, &mut unpacker)?;
            unpacker.finish()
        }
    }
}

fn unpack(archive: &Path, members: &[String], to: &mut dyn Visit) -> Result<(), CommandError> {
    let mut noting = Noting { to, wanted: members, found: vec![false; members.len()] };
    let mut source = Source::open(archive)?;
    match index(&mut source, archive)? {
        Some((index, lgwin)) => {
            for run in runs(&index, &Wanted(members)) {
                by_index(&mut source, archive, MemberReader::new(&index, lgwin, run), &mut noting)?;
            }
        }
        None => through::read(whole(&mut source, archive)?, &Wanted(members), &mut noting)?,
    }
    match members.iter().zip(noting.found).find(|(_, found)| !found) {
        Some((name, _)) => Err(StoredError::NoMember { name: name.clone() }.into()),
        None => Ok(()),
    }
}

// ---- test

/// Counts members and bytes.
#[derive(Default)]
struct Count {
    members: usize,
    bytes: u64,
}

impl Visit for Count {
    fn begin(&mut self, entry: &Entry) -> Result<(), CommandError> {
        self.members += 1;
        self.bytes += entry.size;
        Ok(())
    }

    fn contents(&mut self, _: &[u8]) -> Result<(), CommandError> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), CommandError> {
        Ok(())
    }
}

/// Reads an archive to its end. With an index, reads it twice: by the index with our decoder, and from its front with another.
pub fn test(arguments: &Test) -> Result<(), CommandError> {
    let name = &arguments.archive;
    let mut source = Source::open(name)?;
    let mut count = Count::default();
    let how = match index(&mut source, name)? {
        Some((index, lgwin)) => {
            let reader = MemberReader::new(&index, lgwin, 0..index.members.len()).digesting();
            let sha256 = by_index(&mut source, name, reader, &mut count)?;
            through::compare(whole(&mut source, name)?, &index, sha256)?;
            "the same by its index and from its front"
        }
        None => {
            through::read(whole(&mut source, name)?, &Wanted::ALL, &mut count)?;
            "whole; it has no index"
        }
    };
    let Count { members, bytes } = count;
    crate::print(format!("{}: {members} members, {bytes} bytes, {how}", name.display()))
}

fn whole<'a>(source: &'a mut Source, name: &Path) -> Result<Box<dyn Read + 'a>, CommandError> {
    source.whole().map_err(|error| failed("read", name, &error))
}
