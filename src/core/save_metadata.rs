//! The metadata of a save, gathered while its zip is read, or from a save without a zip.

use crate::{
    member::Event,
    save::{Game, Metadata, START_BYTES, SavLine, Words, is_plain},
    save_json::GAMESTATE,
    zip::{format::foreign, forward::LEADING_DATA},
};

/// The bytes that are kept of each source.
pub(crate) const KEPT: usize = 64 << 10;

/// The sources of metadata, in the order in which they count.
const LEADING: usize = 0;
const META: usize = 1;
const SAVE: usize = 2;

/// Memory in bytes.
pub(crate) const PEAK: u64 = 3 * KEPT as u64;

/// The beginnings of the three sources of metadata, in the order in which they count: the data before the zip, the
/// member `meta`, the save itself.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    kept: [Option<Vec<u8>>; 3],
    /// The source that is being read.
    current: Option<usize>,
    game: Option<Game>,
    words: Words,
    form: Form,
    /// The first bytes of the input, until they show its form and a reader of zips has taken them.
    front: Vec<u8>,
}

/// The form of the input.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Form {
    #[default]
    Unknown,
    Zip,
    /// A save without a zip.
    Plain,
    /// No save and no zip: the reader of zips has the words to refuse it.
    Neither,
}

impl Sources {
    /// Sources of a save of this game, if the file name shows it.
    pub(crate) fn new(game: Option<Game>, words: Words) -> Self {
        Self { game, words, ..Self::default() }
    }

    /// Sets the words of binary saves.
    pub(crate) fn with_words(self, words: Words) -> Self {
        Self { words, ..self }
    }

    /// Takes input that is not for a reader of zips: the first bytes, and a save without a zip. `None` if the reader of
    /// zips is to go on. It then takes the [`front`](Self::front) first.
    pub(crate) fn read(&mut self, input: &[u8], ended: bool) -> Option<(usize, Event)> {
        if self.form == Form::Unknown {
            let consumed = input.len().min(START_BYTES - self.front.len());
            self.front.extend_from_slice(&input[..consumed]);
            if self.front.len() < START_BYTES && !ended {
                return Some((consumed, Event::NeedsInput));
            }
            self.form = Form::Zip;
            if is_plain(&self.front) && !foreign::is_known(&self.front) {
                self.form = Form::Plain;
                self.current = Some(SAVE);
                let front = std::mem::take(&mut self.front);
                self.contents(&front);
            }
            return Some((consumed, Event::Working));
        }
        if self.form != Form::Plain {
            return None;
        }
        let was_full = self.is_full();
        let is_full = self.contents(input);
        if !was_full && (is_full || ended) && !self.metadata().is_some_and(|found| found.is_of_a_save()) {
            self.form = Form::Neither;
            self.front = self.kept[SAVE].take().unwrap_or_default();
            return Some((input.len(), Event::Working));
        }
        Some((input.len(), if ended { Event::End } else { Event::NeedsInput }))
    }

    /// The first bytes that the reader of zips has not taken yet.
    pub(crate) fn front(&mut self) -> &mut Vec<u8> {
        &mut self.front
    }

    /// The source that a member is, by its name.
    pub(crate) fn source(name: &str) -> Option<usize> {
        match name {
            LEADING_DATA => Some(LEADING),
            "meta" => Some(META),
            GAMESTATE => Some(SAVE),
            _ => by_extension(name).map(|_| SAVE),
        }
    }

    /// Begins a member.
    pub(crate) fn begin(&mut self, name: &str) {
        self.current = Self::source(name);
        if let Some(current) = self.current {
            self.game = self.game.or(by_extension(name));
            self.kept[current].get_or_insert_default();
        }
    }

    /// Takes contents of the member that began last. Returns true if no more are kept of it.
    pub(crate) fn contents(&mut self, bytes: &[u8]) -> bool {
        if let Some(kept) = self.current.map(|current| self.kept[current].get_or_insert_default()) {
            let count = bytes.len().min(KEPT - kept.len());
            kept.reserve_exact(count);
            kept.extend_from_slice(&bytes[..count]);
        }
        self.is_full()
    }

    fn is_full(&self) -> bool {
        self.current.is_none_or(|current| self.kept[current].as_ref().is_some_and(|kept| kept.len() == KEPT))
    }

    /// The metadata; `None` if the archive is no save.
    pub(crate) fn metadata(&self) -> Option<Metadata> {
        let line = self.kept[0].as_deref().and_then(SavLine::parse);
        let is_save = line.is_some() || self.kept[2].is_some();
        is_save.then(|| {
            let mut metadata = Metadata::default();
            for kept in self.kept.iter().flatten() {
                metadata.read(kept, line, self.game, &self.words);
            }
            metadata
        })
    }
}

fn by_extension(name: &str) -> Option<Game> {
    name.rsplit_once('.').and_then(|(_, end)| Game::by_extension(end))
}
