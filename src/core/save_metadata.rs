//! The metadata of a save, gathered while its zip is read.

use crate::{
    save::{Game, Metadata, SavLine, Words},
    save_json::GAMESTATE,
    zip::forward::LEADING_DATA,
};

/// The bytes that are kept of each source.
const KEPT: usize = 64 << 10;

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
}

impl Sources {
    /// Sources of a save of this game, if the file name shows it.
    pub(crate) fn new(game: Option<Game>, words: Words) -> Self {
        Self { game, words, ..Self::default() }
    }

    /// Begins a member.
    pub(crate) fn begin(&mut self, name: &str) {
        let by_extension = name.rsplit_once('.').and_then(|(_, end)| Game::by_extension(end));
        self.current = match name {
            LEADING_DATA => Some(0),
            "meta" => Some(1),
            GAMESTATE => Some(2),
            _ if by_extension.is_some() => Some(2),
            _ => None,
        };
        if let Some(current) = self.current {
            self.game = self.game.or(by_extension);
            self.kept[current].get_or_insert_default();
        }
    }

    /// Takes contents of the member that began last.
    pub(crate) fn contents(&mut self, bytes: &[u8]) {
        if let Some(kept) = self.current.and_then(|current| self.kept[current].as_mut()) {
            let count = bytes.len().min(KEPT - kept.len());
            kept.reserve_exact(count);
            kept.extend_from_slice(&bytes[..count]);
        }
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
