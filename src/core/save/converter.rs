//! The converter: a save's bytes in, JSON out, one bounded step at a time.

use super::{
    SavLine,
    game::Game,
    grammar::Grammar,
    head::{self, Head},
    json::Json,
    options::{Encoding, Options},
    text::Text,
    tokens::Words,
};
#[cfg(feature = "binary")]
use super::{binary::Binary, decode::Decoder};
use crate::{
    error::SaveError,
    step::{Progress, Status},
};

/// The most bytes that one step reads.
const SHARE: usize = 64 << 10;

/// The fixed memory of a conversion: the output buffer and four scalars. A scalar of 64 KiB can become six times as
/// long in the output buffer, and the buffer's growth can double that. The measured use was 0.9 MB.
const FIXED: usize = 2 << 20;

/// Converts one save: a member of its zip, or a file without a zip. Does no I/O: the caller supplies the input and
/// takes the output.
///
/// The last brace is written only after the caller signals the end. A caller that reads the save from an archive
/// signals the end after the archive has proved to be whole. A cut save therefore never gives valid JSON.
#[derive(Debug)]
pub struct Converter {
    options: Options,
    words: Words,
    game: Option<Game>,
    sav: Option<SavLine>,
    phase: Phase,
    /// The first bytes, from the first token on, that are not read yet.
    lead: Vec<u8>,
    /// Whether the last step asked for input. If it did, an empty input means the end.
    asked: bool,
}

#[derive(Debug)]
enum Phase {
    /// The first bytes are gathered, to detect the form of the save.
    Head(Vec<u8>),
    Text(Box<Text>),
    #[cfg(feature = "binary")]
    Binary(Box<Binary>),
    /// The end is read. Some JSON is still to be written.
    Ending(Box<Json>),
    Failed(SaveError),
}

impl Converter {
    /// Starts a conversion.
    pub fn new(options: Options) -> Self {
        let phase = Phase::Head(Vec::with_capacity(head::LENGTH));
        Self { options, words: Words::default(), game: None, sav: None, phase, lead: Vec::new(), asked: false }
    }

    /// Sets the words of binary saves. Call this before the first step.
    pub fn with_words(self, words: Words) -> Self {
        Self { words, ..self }
    }

    /// Sets the game, if the caller knows it better than the save, for example from the file name. Call this before the
    /// first step.
    pub fn with_game(self, game: Option<Game>) -> Self {
        Self { game, ..self }
    }

    /// Sets the SAV line that precedes the zip of this save. Call this before the first step.
    pub fn with_sav_line(self, sav: Option<SavLine>) -> Self {
        Self { sav, ..self }
    }

    /// The upper bound of a conversion's memory in bytes, without its words.
    pub fn peak_bytes(options: &Options) -> usize {
        let held = if options.keys == super::Keys::Group { options.group_bytes } else { 0 };
        FIXED + held
    }

    /// The game. `None` until the first bytes are read.
    pub fn game(&self) -> Option<Game> {
        self.game
    }

    /// Bytes that were written again to bring equal keys together. This work comes on top of the input and output
    /// bytes.
    pub fn moved_bytes(&self) -> u64 {
        match &self.phase {
            Phase::Text(text) => text.grammar.json.moved(),
            #[cfg(feature = "binary")]
            Phase::Binary(binary) => binary.grammar.json.moved(),
            Phase::Ending(json) => json.moved(),
            Phase::Head(_) | Phase::Failed(_) => 0,
        }
    }

    /// Advances the conversion by a bounded amount of work, at most 64 KiB of input.
    ///
    /// Takes bytes from the front of `input` and writes to the front of `output`. An empty `input` after
    /// [`Status::NeedsInput`] signals the end: the save is complete, and its archive is whole.
    ///
    /// # Errors
    ///
    /// The save is refused. The output so far is then not valid JSON. Every later call returns the same error.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, SaveError> {
        if let Phase::Failed(error) = &self.phase {
            return Err(error.clone());
        }
        let ended = self.asked && input.is_empty();
        let progress = self.advance(input, ended, output).inspect_err(|error| {
            self.phase = Phase::Failed(error.clone());
        })?;
        // The end is final, even if later steps need no input.
        self.asked = ended || progress.status == Status::NeedsInput;
        Ok(progress)
    }

    fn advance(&mut self, input: &[u8], ended: bool, output: &mut [u8]) -> Result<Progress, SaveError> {
        let mut produced = self.json().map_or(0, |json| json.give(output));
        if self.json().is_some_and(|json| !json.is_sent()) {
            return Ok(Progress { consumed: 0, produced, status: Status::NeedsOutput });
        }
        let consumed = self.read(&input[..input.len().min(SHARE)])?;
        if ended {
            self.begin()?;
            if self.lead.is_empty() {
                self.end()?;
            }
        }
        produced += self.json().map_or(0, |json| json.give(&mut output[produced..]));
        let status = if self.json().is_some_and(|json| !json.is_sent()) {
            Status::NeedsOutput
        } else if matches!(self.phase, Phase::Ending(_)) {
            Status::Done
        } else if consumed == input.len() && self.lead.is_empty() && !ended {
            Status::NeedsInput
        } else {
            Status::Working
        };
        Ok(Progress { consumed, produced, status })
    }

    fn json(&mut self) -> Option<&mut Json> {
        match &mut self.phase {
            Phase::Text(text) => Some(&mut text.grammar.json),
            #[cfg(feature = "binary")]
            Phase::Binary(binary) => Some(&mut binary.grammar.json),
            Phase::Ending(json) => Some(json),
            Phase::Head(_) | Phase::Failed(_) => None,
        }
    }

    fn read(&mut self, input: &[u8]) -> Result<usize, SaveError> {
        if let Phase::Head(head) = &mut self.phase {
            let count = input.len().min(head::LENGTH - head.len());
            head.extend_from_slice(&input[..count]);
            if head.len() == head::LENGTH {
                self.begin()?;
            }
            return Ok(count);
        }
        let from_lead = !self.lead.is_empty();
        let bytes = if from_lead { &self.lead[..] } else { input };
        let count = match &mut self.phase {
            Phase::Text(text) => text.read(bytes)?,
            #[cfg(feature = "binary")]
            Phase::Binary(binary) => binary.read(bytes)?,
            Phase::Head(_) | Phase::Ending(_) | Phase::Failed(_) => 0,
        };
        if from_lead {
            self.lead.drain(..count);
            return Ok(0);
        }
        Ok(count)
    }

    /// Chooses the reader by the first bytes.
    fn begin(&mut self) -> Result<(), SaveError> {
        let Phase::Head(bytes) = &mut self.phase else { return Ok(()) };
        let bytes = std::mem::take(bytes);
        let head = Head::read(&bytes);
        let by_line = self.sav.map(|line| if line.version >= 2 { Game::Eu5 } else { Game::Jomini });
        let by_itself = match (head.game, by_line) {
            (Game::Unknown, Some(game)) | (Game::Jomini, Some(game)) => game,
            (game, _) => game,
        };
        let game = *self.game.get_or_insert(by_itself);
        let encoding =
            self.options.encoding.unwrap_or(if head.has_utf8_mark { Encoding::Utf8 } else { game.encoding() });
        let is_binary = head.is_binary || self.sav.is_some_and(SavLine::is_binary);
        self.phase = match &self.words.tokens {
            _ if !is_binary => {
                Phase::Text(Box::new(Text::new(Grammar::new(&self.options, encoding), head.start as u64)))
            }
            #[cfg(feature = "binary")]
            Some(tokens) => {
                let grammar = Grammar::new(&self.options, encoding);
                let (tokens, lookups) = (tokens.clone(), self.words.lookups.clone());
                let decoder = Decoder::new(tokens, lookups, self.options.unknown, game, head.version);
                Phase::Binary(Box::new(Binary::new(grammar, head.start as u64, decoder)))
            }
            _ => return Err(SaveError::BinarySave { game: game.name() }),
        };
        self.lead = bytes[head.start..].to_vec();
        Ok(())
    }

    fn end(&mut self) -> Result<(), SaveError> {
        let grammar = match &mut self.phase {
            Phase::Text(text) => {
                text.end()?;
                &mut text.grammar
            }
            #[cfg(feature = "binary")]
            Phase::Binary(binary) => {
                binary.end()?;
                &mut binary.grammar
            }
            Phase::Head(_) | Phase::Ending(_) | Phase::Failed(_) => return Ok(()),
        };
        let json = std::mem::replace(&mut grammar.json, Json::new(&Options::default(), Encoding::Utf8));
        self.phase = Phase::Ending(Box::new(json));
        Ok(())
    }
}
