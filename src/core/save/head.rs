//! The beginning of a save: byte order mark, SAV line, game mark.

use super::game::Game;
use crate::zip::format::sav_header::SavLine;

/// The bytes that decide the kind of input: a byte order mark, a SAV line, a game mark, and the first key or the
/// version of a binary save.
pub(crate) const LENGTH: usize = 64;

/// Whether a file with this start is a save without a zip: text, tokens, or a SAV line of such a kind. `start` has
/// [`LENGTH`] bytes, or the whole of a shorter file.
pub(crate) fn is_plain(start: &[u8]) -> bool {
    if let Some(line) = SavLine::parse(start) {
        return line.kind <= 1;
    }
    let is_text = |byte: &u8| *byte >= b' ' || byte.is_ascii_whitespace();
    let text =
        !start.is_empty() && !start.starts_with(b"SAV") && !start.starts_with(b"PK") && start.iter().all(is_text);
    text || Head::read(start).is_binary
}

/// The properties of a save that its first bytes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) game: Game,
    pub(super) is_binary: bool,
    pub(super) has_utf8_mark: bool,
    /// The offset of the first token.
    pub(super) start: usize,
    /// The `save_game_version`, if a binary save starts with it.
    pub(super) version: Option<u32>,
}

impl Head {
    /// Reads the first [`LENGTH`] bytes of a save, or all bytes of a shorter one.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut start = 0;
        let mut game = Game::Unknown;
        let mut is_binary = false;
        let has_utf8_mark = bytes.starts_with(b"\xef\xbb\xbf");
        if has_utf8_mark {
            start = 3;
        }
        if let Some(line) = SavLine::parse(&bytes[start..]) {
            start += line.length;
            game = if line.version >= 2 { Game::Eu5 } else { Game::Jomini };
            is_binary = line.is_binary();
        }
        const MARKS: [(&[u8], Game, bool); 6] = [
            (b"EU4txt", Game::Eu4, false),
            (b"EU4bin", Game::Eu4, true),
            (b"HOI4txt", Game::Hoi4, false),
            (b"HOI4bin", Game::Hoi4, true),
            (b"CK2txt", Game::Ck2, false),
            (b"CK2bin", Game::Ck2, true),
        ];
        if let Some(&(mark, of, binary)) = MARKS.iter().find(|(mark, ..)| bytes[start..].starts_with(mark)) {
            return Self { game: of, is_binary: binary, has_utf8_mark, start: start + mark.len(), version: None };
        }
        let body = &bytes[start..];
        // A binary save starts with a key and an equals sign. Text has no zero bytes.
        is_binary |= matches!(body, [_, _, 1, 0, ..]);
        let mut version = None;
        if is_binary {
            if game == Game::Unknown {
                game = Game::Jomini;
            }
            if let [_, _, 1, 0, 3, 0, _, _, 1, 0, 0x0c, 0, a, b, c, d, ..] = *body {
                version = Some(u32::from_le_bytes([a, b, c, d]));
            }
        } else {
            let body = body.trim_ascii_start();
            let by_key = [
                (&b"meta_data"[..], Game::Ck3),
                (b"metadata", Game::Eu5),
                (b"save_game_version", Game::Imperator),
                (b"version", Game::Stellaris),
            ];
            let found = by_key.iter().find(|(key, _)| body.starts_with(key));
            game = match (game, found) {
                // Victoria 3 and Crusader Kings III start alike.
                (Game::Jomini, Some((b"meta_data", _))) => Game::Jomini,
                (Game::Eu5, _) | (_, None) => game,
                (_, Some(&(_, of))) => of,
            };
        }
        Self { game, is_binary, has_utf8_mark, start, version }
    }
}
