//! The JSON conversion of one save. The input is a zip that holds a save, or a save without a zip.

use std::{mem, ops::Range, sync::Arc};

use crate::{
    cost::cpu::{self, NANOSECONDS_PER_MS},
    error::{Absent, Error, Limit},
    limits::Limits,
    member::{Begin, Event},
    save::{Converter, Game, Lookups, Options, START_BYTES, SavLine, Words, is_plain},
    step::{Latch, Progress, Status, Step},
    transcoder::held_bytes,
    zip::{format::foreign, forward::ZipReader},
};

/// The most bytes that one call of the inflater unpacks.
const SCRATCH: usize = 64 << 10;

/// Fixed memory in bytes, without the converter: the inflater's state and window, and the scratch buffer.
const FIXED: u64 = 384 << 10;

/// The member that holds the save. Every game uses this name since Europa Universalis IV 1.23. Older games name the
/// member like the file.
pub(crate) const GAMESTATE: &str = "gamestate";

/// The member with the strings of a binary Europa Universalis V save. The save refers to them by number.
const LOOKUPS: &str = "string_lookup";

/// Turns one save into JSON. Does no I/O: the caller supplies the input and takes the output, as with
/// [`crate::Transcoder`].
///
/// The input is a zip, a zip after a SAV line and metadata, or an uncompressed save. Every member of a zip is unpacked
/// and verified. The closing brace, or the last line, is written only after the archive has proved to be whole. A
/// broken archive therefore never gives valid JSON.
///
/// A save without a zip has no length and no checksum. A text that is cut between two entries of its root cannot be
/// told from a shorter text.
#[derive(Debug)]
pub struct SaveJson {
    phase: Phase,
    settings: Settings,
    limits: Limits,
    /// The first bytes of the input that are not read yet.
    front: Vec<u8>,
    scratch: Box<[u8]>,
    work: Work,
    /// Members of the zip so far, and their unpacked bytes.
    so_far: (u64, u64),
    latch: Latch,
}

/// The settings of the converter, kept until the save begins.
#[derive(Debug)]
struct Settings {
    options: Options,
    words: Words,
    game: Option<Game>,
    member: Option<String>,
    line: Option<SavLine>,
}

#[derive(Debug)]
enum Phase {
    /// The first bytes are gathered, to detect the kind of input.
    Start,
    /// A save without a zip.
    Plain(Feed),
    /// A zip, before its save. `lookups` gathers the strings of a binary save.
    Before {
        reader: Box<ZipReader>,
        members: u64,
        lookups: Option<Vec<u8>>,
    },
    /// A zip, in its save or after it. The range `left` of the scratch buffer waits for the converter.
    Member {
        reader: Box<ZipReader>,
        feed: Feed,
        is_open: bool,
        left: Range<usize>,
    },
    /// The input is whole. Some JSON is still to be written.
    Ending(Feed),
    Done,
}

/// A converter. `asked` is set while it waits for input.
#[derive(Debug)]
struct Feed {
    converter: Box<Converter>,
    asked: bool,
}

/// The work done so far.
#[derive(Debug, Default)]
struct Work {
    /// Nanoseconds charged for the zip.
    zip: u64,
    read: u64,
    written: u64,
    moved: u64,
}

impl SaveJson {
    /// Starts a conversion. [`Limits::memory_bytes`] replaces [`Options::group_bytes`].
    pub fn new(options: Options, limits: Limits) -> Self {
        let group_bytes = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
        let options = Options { group_bytes, ..options };
        Self {
            phase: Phase::Start,
            settings: Settings { options, words: Words::default(), game: None, member: None, line: None },
            limits,
            front: Vec::with_capacity(START_BYTES),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            work: Work::default(),
            so_far: (0, 0),
            latch: Latch::default(),
        }
    }

    /// Converts the member with this name. Without a name, the save is `gamestate`, or the first member with the file
    /// extension of a game. Call this before the first step.
    pub fn with_member(mut self, name: Option<String>) -> Self {
        self.settings.member = name;
        self
    }

    /// Sets the words of binary saves. Call this before the first step.
    pub fn with_words(mut self, words: Words) -> Self {
        self.settings.words = words;
        self
    }

    /// Sets the game, if the file name shows it. Call this before the first step.
    pub fn with_game(mut self, game: Option<Game>) -> Self {
        self.settings.game = game;
        self
    }

    /// The upper bound of a conversion's memory in bytes, without the words. `upload_bytes` is the input's size, if it
    /// is known.
    pub fn peak_bytes(options: &Options, limits: Limits, upload_bytes: Option<u64>) -> u64 {
        let group_bytes = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
        let keys = options.keys;
        let converter = Converter::peak_bytes(&Options { keys, group_bytes, ..Options::default() }) as u64;
        FIXED + converter + held_bytes(limits, upload_bytes)
    }

    /// Members of the archive so far, and their unpacked bytes. A save without a zip counts as its own member.
    pub fn so_far(&self) -> (u64, u64) {
        self.so_far
    }

    fn advance(&mut self, input: &[u8], ended: bool, output: &mut [u8]) -> Result<Progress, Error> {
        if matches!(self.phase, Phase::Start) {
            let consumed = input.len().min(START_BYTES - self.front.len());
            self.front.extend_from_slice(&input[..consumed]);
            let status = if self.front.len() == START_BYTES || ended {
                self.begin();
                Status::Working
            } else {
                Status::NeedsInput
            };
            return Ok(Progress { consumed, produced: 0, status });
        }
        if self.front.is_empty() {
            return self.read(input, ended, output);
        }
        let mut front = mem::take(&mut self.front);
        let Progress { consumed, produced, status } = self.read(&front, ended, output)?;
        front.drain(..consumed);
        self.front = front;
        let waits = status == Status::NeedsInput && input.is_empty() && !ended;
        let status = if status == Status::NeedsInput && !waits { Status::Working } else { status };
        Ok(Progress { consumed: 0, produced, status })
    }

    /// Chooses the reader by the first bytes.
    fn begin(&mut self) {
        self.settings.line = SavLine::parse(&self.front);
        self.phase = if is_plain(&self.front) && !foreign::is_known(&self.front) {
            // The converter parses the SAV line of a plain save itself.
            self.settings.line = None;
            Phase::Plain(self.settings.feed())
        } else {
            Phase::Before { reader: Box::new(ZipReader::new(self.limits)), members: 0, lookups: None }
        };
    }

    fn read(&mut self, input: &[u8], ended: bool, output: &mut [u8]) -> Result<Progress, Error> {
        match mem::replace(&mut self.phase, Phase::Done) {
            Phase::Start => unreachable!("the first bytes have been read"),
            Phase::Plain(mut feed) => {
                let progress = feed.step(input, ended, output, &mut self.work)?;
                self.so_far = (1, self.work.read);
                if progress.status != Status::Done {
                    self.phase = Phase::Plain(feed);
                }
                Ok(progress)
            }
            Phase::Before { mut reader, mut members, mut lookups } => {
                let (consumed, event) = reader.read(input, ended, &mut self.scratch)?;
                self.so_far = reader.so_far();
                let status = if event == Event::NeedsInput { Status::NeedsInput } else { Status::Working };
                match event {
                    Event::Begin(begin) => {
                        members += 1;
                        self.work.begin(&begin);
                        if self.settings.is_save(&begin.entry.name) {
                            let feed = self.settings.feed();
                            self.phase = Phase::Member { reader, feed, is_open: true, left: 0..0 };
                            return Ok(Progress { consumed, produced: 0, status });
                        }
                        let has_tokens = cfg!(feature = "binary") && self.settings.words.tokens.is_some();
                        let is_lookups = has_tokens && begin.entry.name == LOOKUPS;
                        if is_lookups && begin.entry.size <= self.limits.memory_bytes {
                            lookups = Some(Vec::new());
                        }
                        self.phase = Phase::Before { reader, members, lookups };
                    }
                    Event::Copy(begin) => {
                        self.work.begin(&begin);
                        self.phase = Phase::Before { reader, members, lookups };
                    }
                    Event::End => {
                        let name = self.settings.member.as_deref().unwrap_or(GAMESTATE).to_owned();
                        return Err(Absent::Save { name, members }.into());
                    }
                    Event::Contents(count) => {
                        if let Some(lookups) = &mut lookups {
                            lookups.extend_from_slice(&self.scratch[..count]);
                        }
                        self.phase = Phase::Before { reader, members, lookups };
                    }
                    Event::Verified { .. } => {
                        let done = lookups.take().map(|bytes| Arc::new(Lookups::parse(bytes)));
                        self.settings.words.lookups = done.or(self.settings.words.lookups.take());
                        self.phase = Phase::Before { reader, members, lookups };
                    }
                    Event::NeedsInput | Event::Working | Event::Warnings { .. } => {
                        self.phase = Phase::Before { reader, members, lookups };
                    }
                }
                Ok(Progress { consumed, produced: 0, status })
            }
            Phase::Member { mut reader, mut feed, mut is_open, mut left } => {
                if !left.is_empty() || !feed.asked {
                    let Progress { consumed, produced, status } =
                        feed.step(&self.scratch[left.clone()], false, output, &mut self.work)?;
                    left.start += consumed;
                    self.phase = Phase::Member { reader, feed, is_open, left };
                    let status = if status == Status::NeedsInput { Status::Working } else { status };
                    return Ok(Progress { consumed: 0, produced, status });
                }
                let (consumed, event) = reader.read(input, ended, &mut self.scratch)?;
                self.so_far = reader.so_far();
                let status = if event == Event::NeedsInput { Status::NeedsInput } else { Status::Working };
                match event {
                    Event::Begin(begin) | Event::Copy(begin) => self.work.begin(&begin),
                    Event::Contents(count) if is_open => left = 0..count,
                    Event::Verified { .. } => is_open = false,
                    Event::End => {
                        self.phase = Phase::Ending(feed);
                        return Ok(Progress { consumed, produced: 0, status });
                    }
                    Event::Contents(_) | Event::NeedsInput | Event::Working | Event::Warnings { .. } => {}
                }
                self.phase = Phase::Member { reader, feed, is_open, left };
                Ok(Progress { consumed, produced: 0, status })
            }
            Phase::Ending(mut feed) => {
                let progress = feed.step(&[], true, output, &mut self.work)?;
                if progress.status != Status::Done {
                    self.phase = Phase::Ending(feed);
                }
                Ok(progress)
            }
            Phase::Done => Ok(Progress { consumed: 0, produced: 0, status: Status::Done }),
        }
    }
}

impl Settings {
    fn feed(&mut self) -> Feed {
        let converter = Converter::new(mem::take(&mut self.options))
            .with_words(mem::take(&mut self.words))
            .with_game(self.game)
            .with_sav_line(self.line);
        Feed { converter: Box::new(converter), asked: false }
    }

    fn is_save(&self, name: &str) -> bool {
        match &self.member {
            Some(member) => name == member,
            None => {
                name == GAMESTATE || name.rsplit_once('.').is_some_and(|(_, end)| Game::by_extension(end).is_some())
            }
        }
    }
}

impl Feed {
    /// Makes one step of the converter. `ended` means that the input is whole and that nothing follows `input`.
    fn step(&mut self, input: &[u8], ended: bool, output: &mut [u8], work: &mut Work) -> Result<Progress, Error> {
        if input.is_empty() && !ended && self.asked {
            return Ok(Progress { consumed: 0, produced: 0, status: Status::NeedsInput });
        }
        let Progress { consumed, produced, status } = self.converter.step(input, output)?;
        self.asked = status == Status::NeedsInput;
        work.read += consumed as u64;
        work.written += produced as u64;
        work.moved = work.moved.max(self.converter.moved_bytes());
        // The converter learns of the end only after it has asked for input.
        let status = if self.asked && ended { Status::Working } else { status };
        Ok(Progress { consumed, produced, status })
    }
}

impl Work {
    fn begin(&mut self, begin: &Begin) {
        let unpacking = cpu::member(begin.method, begin.entry.size.saturating_add(begin.unpacked_before));
        let unpacking = unpacking.saturating_add(cpu::decoding_of(begin));
        let hashing = if begin.hashed { cpu::hashing(begin.entry.size) } else { 0 };
        self.zip = self.zip.saturating_add(unpacking).saturating_add(hashing);
    }

    fn spent(&self) -> u64 {
        self.zip.saturating_add(cpu::saving(self.read, self.written, self.moved))
    }
}

impl Step for SaveJson {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        let ended = self.latch.open(input)?;
        let result = self.advance(input, ended, output).and_then(|progress| {
            if self.work_ns() / NANOSECONDS_PER_MS > self.limits.cpu_ms {
                return Err(Limit::CpuSave { limit_ms: self.limits.cpu_ms }.into());
            }
            Ok(progress)
        });
        self.latch.close(ended, result)
    }

    fn work_ns(&self) -> u64 {
        self.work.spent()
    }
}
