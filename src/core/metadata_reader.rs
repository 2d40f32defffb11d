//! The metadata of a save in a file. Only a few ranges of the file are read, and nothing is verified.

use std::ops::Range;

use crate::{
    error::Error,
    limits::Limits,
    member::Event,
    names::Names,
    save::{Game, Metadata, START_BYTES, SavLine, Words, is_plain},
    save_json::GAMESTATE,
    save_metadata::{KEPT, Sources},
    zip::{format::foreign, forward::ZipReader, indexed::DirectoryReader},
};

/// The most bytes of the file that are read of one member. A member of a save that states its size only after its data
/// may need all of it to give anything; such a member is left out.
const MOST_BYTES: u64 = 1 << 20;

/// Reads the metadata of a save in a file: the beginnings of its metadata member and of the save itself. Does no I/O: the
/// caller brings the ranges of the file that it asks for.
///
/// Nothing is verified, so the metadata is good for a preview only. [`crate::Inspection`] verifies the whole archive.
///
/// ```
/// use recompress::{Limits, MetadataReader};
///
/// # fn main() -> Result<(), recompress::Error> {
/// let save = b"HOI4txt\nplayer=\"GER\"\n";
/// let mut reader = MetadataReader::new(save.len() as u64, None, Limits::default());
/// while let Some(range) = reader.wants() {
///     reader.take(&save[range.start as usize..range.end as usize])?;
/// }
/// assert_eq!(reader.finish().and_then(|found| found.player).as_deref(), Some("GER"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MetadataReader {
    file_bytes: u64,
    limits: Limits,
    sources: Sources,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The first bytes of the file.
    Start,
    /// The directory. `after_line` is set if data comes before the zip.
    Directory {
        reader: Box<DirectoryReader>,
        after_line: bool,
    },
    /// The range `range` holds a member. The members at `then` follow.
    Member {
        range: Range<u64>,
        reader: Box<ZipReader>,
        has_begun: bool,
        then: Vec<u64>,
    },
    Done,
}

impl MetadataReader {
    /// Starts with a file of `file_bytes` bytes. `game` is the game that the file name shows.
    pub fn new(file_bytes: u64, game: Option<Game>, limits: Limits) -> Self {
        let state = if file_bytes == 0 { State::Done } else { State::Start };
        Self { file_bytes, limits, sources: Sources::new(game, Words::default()), state }
    }

    /// Sets the words of binary saves. Call this before the first range.
    pub fn with_words(self, words: Words) -> Self {
        Self { sources: self.sources.with_words(words), ..self }
    }

    /// The range of the file to bring next; `None` at the end.
    pub fn wants(&self) -> Option<Range<u64>> {
        match &self.state {
            State::Start => Some(0..self.file_bytes.min(KEPT as u64)),
            State::Directory { reader, .. } => reader.wants(),
            State::Member { range, .. } => Some(range.start..range.end.min(range.start + KEPT as u64)),
            State::Done => None,
        }
    }

    /// Takes the bytes of the range.
    ///
    /// # Errors
    ///
    /// `memory_limit` if the directory needs more than [`Limits::memory_bytes`].
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.state = match std::mem::replace(&mut self.state, State::Done) {
            State::Start => self.start(bytes),
            State::Directory { mut reader, after_line } => {
                reader.take(bytes)?;
                if reader.wants().is_some() {
                    State::Directory { reader, after_line }
                } else {
                    let mut then: Vec<u64> = reader.found().map(|(_, offset)| *offset).collect();
                    if after_line {
                        then.push(0);
                    }
                    self.next(then)
                }
            }
            State::Member { range, reader, has_begun, then } => self.member(bytes, range, reader, has_begun, then),
            State::Done => State::Done,
        };
        Ok(())
    }

    /// The metadata; `None` if the file is no save.
    pub fn finish(&self) -> Option<Metadata> {
        self.sources.metadata().filter(Metadata::is_of_a_save)
    }

    fn start(&mut self, bytes: &[u8]) -> State {
        let start = &bytes[..bytes.len().min(START_BYTES)];
        if is_plain(start) && !foreign::is_known(start) {
            self.sources.begin(GAMESTATE);
            self.sources.contents(bytes);
            return State::Done;
        }
        let after_line = SavLine::parse(start).is_some();
        if !after_line && !start.starts_with(b"PK") {
            return State::Done;
        }
        let reader = DirectoryReader::new(self.file_bytes, self.limits, Names::default())
            .finding(|name| Sources::source(name).is_some());
        State::Directory { reader: Box::new(reader), after_line }
    }

    /// Goes on with the last member of `then`.
    fn next(&self, mut then: Vec<u64>) -> State {
        let Some(at) = then.pop().filter(|&at| at < self.file_bytes) else { return State::Done };
        let range = at..self.file_bytes.min(at + MOST_BYTES);
        State::Member { range, reader: Box::new(ZipReader::new(self.limits)), has_begun: false, then }
    }

    /// Reads the bytes at the front of `range`.
    fn member(
        &mut self,
        mut bytes: &[u8],
        mut range: Range<u64>,
        mut reader: Box<ZipReader>,
        mut has_begun: bool,
        then: Vec<u64>,
    ) -> State {
        let mut scratch = vec![0; KEPT];
        range.start = range.end.min(range.start + KEPT as u64);
        // The loop ends because the reader does: at its next member at the latest.
        loop {
            // A refusal ends this member. The others may still have something.
            let Ok((consumed, event)) = reader.read(bytes, false, &mut scratch) else { return self.next(then) };
            bytes = &bytes[consumed..];
            match event {
                Event::Begin(begin) if !has_begun => {
                    has_begun = true;
                    self.sources.begin(&begin.entry.name);
                }
                Event::Contents(count) => {
                    if self.sources.contents(&scratch[..count]) {
                        return self.next(then);
                    }
                }
                Event::NeedsInput if range.is_empty() => return self.next(then),
                Event::NeedsInput => return State::Member { range, reader, has_begun, then },
                Event::Working | Event::Warnings { .. } => {}
                Event::Begin(_) | Event::Copy(_) | Event::Verified { .. } | Event::End => return self.next(then),
            }
        }
    }
}
