//! Saves for JavaScript: their JSON with `write` and `read`, and their metadata by ranges of a file.

use std::sync::Arc;

use recompress::{
    Limits, MetadataReader, SaveJson,
    save::{Encoding, Game, Keys, Narrow, Options, Selection, Tokens, Unknown, Words},
};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::{failure, pump::Pump, refusal};

/// The JSON of one save: `write` a part of the file, `read` until it returns nothing, repeat; then `finish` and `read` the
/// rest.
#[wasm_bindgen]
#[derive(Debug)]
pub struct SaveConversion {
    json: SaveJson,
    pump: Pump,
}

#[wasm_bindgen]
impl SaveConversion {
    /// `options` has names and values in turn: those of the service's query, `name` for the file's name and `tokens` for the
    /// list of the words of binary saves.
    #[wasm_bindgen(constructor)]
    pub fn new(options: Vec<String>) -> Result<Self, JsValue> {
        let mut how = Options::default();
        let (mut member, mut game, mut words) = (None, None, Words::default());
        for pair in options.chunks_exact(2) {
            let (name, value) = (&*pair[0], &*pair[1]);
            let bad = |expected: &str| bad_option(&format!("{name} is {value:?}, it must be {expected}"));
            let select = |path: Result<Selection, _>| path.map_err(|refused| bad_option(&format!("{name}: {refused}")));
            match name {
                "keys" => how.keys = Keys::named(value).ok_or_else(|| bad(Keys::NAMES))?,
                "narrow" => how.narrow = Narrow::named(value).ok_or_else(|| bad(Narrow::NAMES))?,
                "unknown" => how.unknown = Unknown::named(value).ok_or_else(|| bad(Unknown::NAMES))?,
                "encoding" if value == "auto" => how.encoding = None,
                "encoding" => how.encoding = Some(Encoding::named(value).ok_or_else(|| bad(Encoding::NAMES))?),
                "select" => how.selection = select(how.selection.with_path(value))?,
                "lines" => how.selection = select(how.selection.with_lines(value))?,
                "member" => member = Some(value.to_owned()),
                "name" => game = game_of(value),
                "tokens" => words = words_of(Some(value))?,
                _ => return Err(bad_option(&format!("{name} is no option"))),
            }
        }
        let json = SaveJson::new(how, Limits::BROWSER).with_member(member).with_game(game).with_words(words);
        Ok(Self { json, pump: Pump::new() })
    }

    /// Takes the next bytes of the file. Call `read` until it returns nothing before the next `write`.
    pub fn write(&mut self, bytes: &[u8]) {
        self.pump.write(bytes);
    }

    /// Marks the end of the file.
    pub fn finish(&mut self) {
        self.pump.finish();
    }

    /// The next bytes of the JSON; undefined if it needs more of the file. Throws an `Error` with a `code` if the save is
    /// refused.
    pub fn read(&mut self) -> Result<Option<Box<[u8]>>, JsValue> {
        let piece = self.pump.read(&mut self.json).map_err(refusal)?;
        Ok((!piece.is_empty()).then(|| piece.into()))
    }
}

/// The metadata of one save. Bring the bytes from `start` to `end` by `take` until `start` is undefined.
#[wasm_bindgen]
#[derive(Debug)]
pub struct SaveMetadata(MetadataReader);

#[wasm_bindgen]
impl SaveMetadata {
    /// `size` and `name` are those of the file; `tokens` is the list of the words of binary saves.
    #[wasm_bindgen(constructor)]
    pub fn new(size: f64, name: &str, tokens: Option<String>) -> Result<Self, JsValue> {
        let words = words_of(tokens.as_deref())?;
        Ok(Self(MetadataReader::new(size as u64, game_of(name), Limits::BROWSER).with_words(words)))
    }

    /// The offset of the next bytes to bring; undefined at the end.
    #[wasm_bindgen(getter)]
    pub fn start(&self) -> Option<f64> {
        self.0.wants().map(|range| range.start as f64)
    }

    /// The offset of their end.
    #[wasm_bindgen(getter)]
    pub fn end(&self) -> Option<f64> {
        self.0.wants().map(|range| range.end as f64)
    }

    /// Takes these bytes.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        self.0.take(bytes).map_err(refusal)
    }

    /// The metadata as JSON; undefined if the file is no save.
    pub fn finish(&self) -> Option<String> {
        self.0.finish().map(|metadata| metadata.to_json())
    }
}

fn game_of(name: &str) -> Option<Game> {
    name.rsplit_once('.').and_then(|(_, extension)| Game::by_extension(extension))
}

fn words_of(list: Option<&str>) -> Result<Words, JsValue> {
    let tokens = list.map(Tokens::parse).transpose().map_err(|refused| failure("bad_tokens", &refused.to_string()))?;
    Ok(Words { tokens: tokens.map(Arc::new), lookups: None })
}

fn bad_option(message: &str) -> JsValue {
    failure("bad_option", message)
}
