//! The metadata of a save, read from its metadata member or from its first bytes, without a conversion.

use super::{
    SavLine,
    game::Game,
    head::{self, Head},
    options::Encoding,
    scalar,
    text::{is_boundary, is_space},
    tokens::Words,
};
#[cfg(feature = "binary")]
use super::{
    decode::{CLOSE, Decoder, EQUAL, OPEN},
    options::Unknown,
};

/// The longest text that is kept, in bytes. Longer texts are left out.
const TEXT: usize = 1 << 10;

/// The most mods or packs that are kept.
const ITEMS: usize = 512;

/// The most levels of braces that are read.
const DEPTH: usize = 8;

/// The form of a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveForm {
    /// Text.
    Text,
    /// Binary tokens, as in ironman saves.
    Binary,
}

/// The metadata of a save. A field is `None` if the game does not have it, or if it cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The game.
    pub game: Game,
    /// Text or binary.
    pub form: Option<SaveForm>,
    /// The game's version.
    pub version: Option<String>,
    /// The date in the game, as the game writes it.
    pub date: Option<String>,
    /// The player: a country's tag, an empire or a ruler.
    pub player: Option<String>,
    /// Whether the game is in ironman mode.
    pub ironman: Option<bool>,
    /// Whether the game has several players.
    pub multiplayer: Option<bool>,
    /// The mods, by name if the save has names.
    pub mods: Option<Vec<String>>,
    /// Downloadable content, by name.
    pub dlc: Option<Vec<String>>,
    /// The checksum of the game's rules.
    pub checksum: Option<String>,
}

impl Metadata {
    /// Reads one more source: the metadata after a SAV line including the line, the member `meta`, or the beginning of
    /// the save. The first source with a field sets it. `bytes` may be cut anywhere, and 64 KiB are enough.
    ///
    /// `sav` is the SAV line that precedes the zip of these bytes, if there is one.
    pub fn read(&mut self, bytes: &[u8], sav: Option<SavLine>, game: Option<Game>, words: &Words) {
        let head = Head::read(&bytes[..bytes.len().min(head::LENGTH)]);
        let by_line = sav.map(|line| if line.version >= 2 { Game::Eu5 } else { Game::Jomini });
        let found = match (head.game, by_line) {
            (Game::Unknown | Game::Jomini, Some(game)) => game,
            (game, _) => game,
        };
        if matches!(self.game, Game::Unknown | Game::Jomini) {
            self.game = game.unwrap_or(if found == Game::Unknown { self.game } else { found });
        }
        let is_binary = head.is_binary || sav.is_some_and(SavLine::is_binary);
        self.form.get_or_insert(if is_binary { SaveForm::Binary } else { SaveForm::Text });
        let encoding = if head.has_utf8_mark { Encoding::Utf8 } else { self.game.encoding() };
        let body = bytes.get(head.start..).unwrap_or_default();
        let (has_mods, has_dlc) = (self.mods.is_some(), self.dlc.is_some());
        let mut reader = Reader {
            metadata: self,
            has_mods,
            has_dlc,
            encoding,
            path: Vec::new(),
            deeper: 0,
            word: None,
            key: None,
            parts: String::new(),
        };
        match &words.tokens {
            _ if !is_binary => reader.text(body),
            #[cfg(feature = "binary")]
            Some(tokens) => {
                let (tokens, game) = (tokens.clone(), reader.metadata.game);
                reader.binary(body, Decoder::new(tokens, words.lookups.clone(), Unknown::Name, game, head.version));
            }
            _ => {}
        }
        let parts = reader.parts;
        if self.version.is_none() && !parts.is_empty() {
            self.version = Some(parts);
        }
    }

    /// Whether the sources are a save, as far as they show: they have a game or a date.
    pub(crate) fn is_of_a_save(&self) -> bool {
        self.game != Game::Unknown || self.date.is_some()
    }

    /// The metadata as a JSON object. An unknown field is null.
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        let texts = [
            ("{\"game\":", self.game.code()),
            (",\"game_name\":", Some(self.game.name()).filter(|_| self.game != Game::Unknown)),
            (",\"form\":", self.form.map(|form| if form == SaveForm::Text { "text" } else { "binary" })),
            (",\"version\":", self.version.as_deref()),
            (",\"date\":", self.date.as_deref()),
            (",\"player\":", self.player.as_deref()),
            (",\"checksum\":", self.checksum.as_deref()),
        ];
        for (key, value) in texts {
            out.extend_from_slice(key.as_bytes());
            match value {
                Some(value) => quoted(&mut out, value),
                None => out.extend_from_slice(b"null"),
            }
        }
        for (key, value) in [(",\"ironman\":", self.ironman), (",\"multiplayer\":", self.multiplayer)] {
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(match value {
                Some(true) => b"true",
                Some(false) => b"false",
                None => b"null",
            });
        }
        for (key, list) in [(",\"mods\":", &self.mods), (",\"dlc\":", &self.dlc)] {
            out.extend_from_slice(key.as_bytes());
            let Some(list) = list else {
                out.extend_from_slice(b"null");
                continue;
            };
            out.push(b'[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                quoted(&mut out, item);
            }
            out.push(b']');
        }
        out.push(b'}');
        String::from_utf8(out).expect("strings are UTF-8")
    }
}

fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    scalar::quoted_inner(out, text);
    out.push(b'"');
}

/// A tolerant reader of pairs and lists. It ignores unknown structure.
struct Reader<'a> {
    metadata: &'a mut Metadata,
    /// Whether an earlier source had these lists.
    has_mods: bool,
    has_dlc: bool,
    encoding: Encoding,
    /// The keys of the open braces.
    path: Vec<Vec<u8>>,
    /// The number of open braces below the deepest level that is read.
    deeper: usize,
    /// A word that may be a key.
    word: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
    /// The parts of the version, for games that write it in parts.
    parts: String,
}

impl Reader<'_> {
    fn text(&mut self, bytes: &[u8]) {
        let mut at = 0;
        // The loop ends because each turn takes at least one byte.
        while at < bytes.len() {
            let rest = &bytes[at..];
            match rest[0] {
                b'{' => self.open(),
                b'}' => self.close(),
                b'=' => self.equal(),
                b'#' => at += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len() - 1),
                b'"' => {
                    let mut end = 1;
                    while end < rest.len() && rest[end] != b'"' {
                        end += if rest[end] == b'\\' { 2 } else { 1 };
                    }
                    if end >= rest.len() {
                        return;
                    }
                    self.scalar(&rest[1..end]);
                    at += end;
                }
                byte if is_space(byte) || is_boundary(byte) => {}
                _ => {
                    let Some(end) = rest.iter().position(|&b| is_boundary(b)) else { return };
                    self.scalar(&rest[..end]);
                    at += end - 1;
                }
            }
            at += 1;
        }
    }

    #[cfg(feature = "binary")]
    fn binary(&mut self, bytes: &[u8], mut decoder: Decoder) {
        let mut at = 0;
        let mut text = Vec::new();
        while let Some(length) = decoder.length(&bytes[at..]) {
            let Some(token) = bytes.get(at..at + length) else { return };
            match u16::from_le_bytes([token[0], token[1]]) {
                OPEN => self.open(),
                CLOSE => {
                    decoder.close();
                    self.close();
                }
                EQUAL => self.equal(),
                id => {
                    let Ok((word, _)) = decoder.word(id, &token[2..], at as u64, &mut text) else { return };
                    self.scalar(word);
                }
            }
            at += length;
        }
    }

    fn open(&mut self) {
        let name = self.key.take().or_else(|| self.word.take()).unwrap_or_default();
        if self.path.len() == DEPTH {
            self.deeper += 1;
            return;
        }
        self.path.push(name);
        // An opened list is known, even if it stays empty.
        self.list(None);
    }

    fn close(&mut self) {
        self.element();
        self.key = None;
        if self.deeper > 0 {
            self.deeper -= 1;
        } else {
            self.path.pop();
        }
    }

    fn equal(&mut self) {
        self.key = self.word.take().or_else(|| self.key.take());
    }

    fn scalar(&mut self, bytes: &[u8]) {
        if bytes.len() > TEXT {
            (self.key, self.word) = (None, None);
        } else if let Some(key) = self.key.take() {
            self.pair(&key, bytes);
        } else {
            self.element();
            self.word = Some(bytes.to_vec());
        }
    }

    /// Makes the waiting word an element.
    fn element(&mut self) {
        if let Some(word) = self.word.take() {
            self.list(Some(&word));
        }
    }

    /// The keys of the open braces, without the outer metadata block that some games write.
    fn place(&self) -> &[Vec<u8>] {
        let is_block = self.path.first().is_some_and(|name| name == b"meta_data" || name == b"metadata");
        &self.path[usize::from(is_block)..]
    }

    /// The metadata list with this name, unless an earlier source had it.
    fn items(&mut self, name: &[u8]) -> Option<&mut Vec<String>> {
        match name {
            b"mod_enabled" | b"mods_enabled" | b"mods_enabled_names" | b"mods" if !self.has_mods => {
                Some(self.metadata.mods.get_or_insert_default())
            }
            b"dlc_enabled" | b"required_dlcs" | b"dlcs" | b"dlc" if !self.has_dlc => {
                Some(self.metadata.dlc.get_or_insert_default())
            }
            _ => None,
        }
    }

    fn list(&mut self, item: Option<&[u8]>) {
        let [name] = self.place() else { return };
        let (name, encoding) = (name.clone(), self.encoding);
        if self.deeper == 0
            && let Some(items) = self.items(&name)
            && let Some(item) = item
            && items.len() < ITEMS
        {
            items.push(scalar::decode(item, encoding));
        }
    }

    fn pair(&mut self, key: &[u8], value: &[u8]) {
        if self.deeper > 0 {
            return;
        }
        let text = scalar::decode(value, self.encoding);
        match self.place() {
            [] => self.field(key, value, text),
            // Europa Universalis IV: `savegame_version={ first=1 second=36 third=2 forth=0 }`.
            [block] if block == b"savegame_version" && matches!(key, b"first" | b"second" | b"third" | b"forth") => {
                if !self.parts.is_empty() {
                    self.parts.push('.');
                }
                self.parts.push_str(&text);
            }
            [list, element] if element.is_empty() && key == b"name" => {
                let list = list.clone();
                if let Some(items) = self.items(&list)
                    && items.len() < ITEMS
                {
                    items.push(text);
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, key: &[u8], value: &[u8], text: String) {
        let metadata = &mut *self.metadata;
        let is_jomini = metadata.game == Game::Jomini;
        let slot = match key {
            b"version" => &mut metadata.version,
            b"date" | b"meta_date" => &mut metadata.date,
            b"game_date" => {
                if is_jomini {
                    metadata.game = Game::Vic3;
                }
                &mut metadata.date
            }
            b"player" | b"player_country_name" => &mut metadata.player,
            b"name" if is_jomini || matches!(metadata.game, Game::Stellaris | Game::Vic3) => &mut metadata.player,
            b"meta_player_name" => {
                if is_jomini {
                    metadata.game = Game::Ck3;
                }
                &mut metadata.player
            }
            b"checksum" => &mut metadata.checksum,
            _ => {
                let slot = match key {
                    b"ironman" | b"is_ironman" => &mut metadata.ironman,
                    b"multi_player" | b"multiplayer" => &mut metadata.multiplayer,
                    _ => return,
                };
                slot.get_or_insert(value != b"no" && value != b"0");
                return;
            }
        };
        slot.get_or_insert(text);
    }
}
