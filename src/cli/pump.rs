//! The loop that feeds a conversion or an inspection and writes its output.

use std::{
    fs::File,
    io::{self, Cursor, IsTerminal, Read, Seek, SeekFrom, Write},
    mem,
    path::Path,
};

use clap::error::ErrorKind;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use recompress::{Directory, DirectoryReader, Limits, Names, SMALL_ARCHIVE_BYTES, Status, Step, When};

use crate::{CommandError, failed, is_stdio, misuse};

/// Bytes of one read and of one write.
const BUFFER: usize = 256 << 10;

/// The input of a job.
pub struct Input<'a> {
    bytes: Box<dyn Read>,
    pub name: &'a Path,
    /// The same file, if the input is a regular one.
    file: Option<File>,
    /// Size in bytes, if known.
    pub size: Option<u64>,
}

impl<'a> Input<'a> {
    pub fn open(name: &'a Path) -> Result<Self, CommandError> {
        if is_stdio(name) {
            if io::stdin().is_terminal() {
                let message = "nothing to read: name a zip, or pipe one in";
                misuse(ErrorKind::MissingRequiredArgument, message);
            }
            return Ok(Self { bytes: Box::new(io::stdin().lock()), name, size: None, file: None });
        }
        let file = File::open(name).map_err(|error| failed("read", name, &error))?;
        let size = file.metadata().ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
        let same = size.and_then(|_| file.try_clone().ok());
        Ok(Self { bytes: Box::new(file), name, size, file: same })
    }

    /// True for a regular file.
    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// The directory of the zip, if `when` wants it before the members. A pipe is read up to the size of a small archive for it.
    pub fn directory(&mut self, when: When, limits: Limits, names: Names) -> Result<Option<Directory>, CommandError> {
        if when == When::Last {
            return Ok(None);
        }
        let (Some(file), Some(size)) = (&mut self.file, self.size) else {
            let mut start = Vec::new();
            let read = (&mut self.bytes).take(SMALL_ARCHIVE_BYTES + 1).read_to_end(&mut start);
            read.map_err(|error| failed("read", self.name, &error))?;
            let is_small = start.len() as u64 <= SMALL_ARCHIVE_BYTES;
            let directory = if when.reads_first(is_small)? { Directory::of(&start, limits, names)? } else { None };
            let rest = mem::replace(&mut self.bytes, Box::new(io::empty()));
            self.bytes = Box::new(Cursor::new(start).chain(rest));
            return Ok(directory);
        };
        let mut reader = DirectoryReader::new(size, limits, names);
        let mut bytes = Vec::new();
        while let Some(range) = reader.wants() {
            bytes.resize(usize::try_from(range.end - range.start).expect("a range is short"), 0);
            file.seek(SeekFrom::Start(range.start)).map_err(|error| failed("read", self.name, &error))?;
            // A file that is shorter now is for the reader to judge.
            let read = file.read_exact(&mut bytes);
            reader.take(if read.is_ok() { &bytes } else { &[] })?;
        }
        file.rewind().map_err(|error| failed("read", self.name, &error))?;
        Ok(reader.finish())
    }
}

/// The bytes of a finished job.
#[derive(Debug, Clone, Copy)]
pub struct Moved {
    pub read: u64,
    pub written: u64,
}

/// Feeds `machine` its input and writes its output until it is done. With `shown`, a terminal sees its progress.
pub fn run_steps(
    machine: &mut (impl Step + ?Sized),
    source: Input,
    mut output: impl Write,
    output_name: &Path,
    shown: bool,
) -> Result<Moved, CommandError> {
    let mut input = progress_bar(source.size, shown).wrap_read(source.bytes);
    let mut moved = Moved { read: 0, written: 0 };
    let mut read = vec![0; BUFFER];
    let mut written = vec![0; BUFFER];
    let mut unread = 0..0;
    loop {
        let progress = machine.step(&read[unread.clone()], &mut written)?;
        unread.start += progress.consumed;
        moved.read += progress.consumed as u64;
        moved.written += progress.produced as u64;
        output.write_all(&written[..progress.produced]).map_err(|error| failed("write", output_name, &error))?;
        match progress.status {
            Status::NeedsInput => {
                let count = read_some(&mut input, &mut read).map_err(|error| failed("read", source.name, &error))?;
                unread = 0..count;
            }
            Status::NeedsOutput | Status::Working => {}
            Status::Done => break,
        }
    }
    output.flush().map_err(|error| failed("write", output_name, &error))?;
    Ok(moved)
}

/// Reads once; 0 bytes means the end, never an interruption by a signal.
fn read_some(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Shows bytes read on a terminal; nothing anywhere else.
fn progress_bar(size: Option<u64>, shown: bool) -> ProgressBar {
    if !shown || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match size {
        Some(size) => {
            (ProgressBar::new(size), "{wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}")
        }
        None => (ProgressBar::no_length(), "{spinner} {decimal_bytes} {decimal_bytes_per_sec} {elapsed}"),
    };
    bar.with_finish(ProgressFinish::AndClear)
        .with_style(ProgressStyle::with_template(template).expect("the template is constant"))
}
