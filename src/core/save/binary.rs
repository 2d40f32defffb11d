//! The lexer of binary saves. It hands the grammar the same tokens as the text form of the save.

use super::{
    decode::{CLOSE, Decoder, EQUAL, OPEN, RGB, U32},
    frame::{Next, Operator, State},
    grammar::Grammar,
};
use crate::error::{Rule, SaveError};

#[derive(Debug)]
pub(super) struct Binary {
    pub(super) grammar: Grammar,
    decoder: Decoder,
    /// Bytes read before this call.
    offset: u64,
    /// The start of a token that the input cut.
    partial: Vec<u8>,
    /// Open braces in an unselected part.
    skipped: u64,
    /// Tokens of the current colour so far, including the first. 0 outside a colour.
    colour: u8,
    text: Vec<u8>,
}

impl Binary {
    pub(super) fn new(grammar: Grammar, offset: u64, decoder: Decoder) -> Self {
        Self { grammar, decoder, offset, partial: Vec::new(), skipped: 0, colour: 0, text: Vec::new() }
    }

    /// Reads until the input ends or the buffer is full. Returns the number of bytes read.
    pub(super) fn read(&mut self, input: &[u8]) -> Result<usize, SaveError> {
        let mut at = 0;
        // The loop ends because each turn takes at least one byte.
        while at < input.len() && !self.grammar.json.is_full() {
            if self.partial.is_empty()
                && let Some(length) = self.decoder.length(&input[at..])
                && at + length <= input.len()
            {
                let next = input.get(at + length..at + length + 2).map(|id| u16::from_le_bytes([id[0], id[1]]));
                self.token(&input[at..at + length], next, self.offset + at as u64)?;
                at += length;
                continue;
            }
            at += self.resume(input, at)?;
        }
        self.offset += at as u64;
        Ok(at)
    }

    /// The input has ended.
    pub(super) fn end(&mut self) -> Result<(), SaveError> {
        if self.skipped > 0 || self.colour > 0 || !self.partial.is_empty() {
            return Err(SaveError::Bad { rule: Rule::Ended, offset: self.offset });
        }
        self.grammar.end(self.offset)
    }

    /// Completes a token that the input cut, or adds to it.
    #[cold]
    fn resume(&mut self, input: &[u8], at: usize) -> Result<usize, SaveError> {
        let rest = &input[at..];
        let had = self.partial.len();
        let wanted = self.decoder.length(&self.partial).unwrap_or(if had < 2 { 2 } else { 4 });
        let count = wanted.saturating_sub(had).min(rest.len());
        self.partial.extend_from_slice(&rest[..count]);
        if self.decoder.length(&self.partial) == Some(self.partial.len()) {
            let partial = std::mem::take(&mut self.partial);
            let start = self.offset + at as u64 - had as u64;
            let result = self.token(&partial, None, start);
            self.partial = partial;
            self.partial.clear();
            result?;
        }
        Ok(count)
    }

    /// Passes on a whole token at `at`. `next` is the number of the next token, if it is known.
    fn token(&mut self, token: &[u8], next: Option<u16>, at: u64) -> Result<(), SaveError> {
        let (id, payload) = token.split_first_chunk().expect("a token has a number");
        let id = u16::from_le_bytes(*id);
        self.colour = match (self.colour, id) {
            (0, RGB) => 1,
            (0, _) | (5 | 6, CLOSE) => 0,
            (1, OPEN) => 2,
            (2..=5, U32) => self.colour + 1,
            _ => return Err(SaveError::Bad { rule: Rule::Colour, offset: at }),
        };
        if self.skipped > 0 {
            match id {
                OPEN => self.skipped += 1,
                CLOSE => self.skipped -= 1,
                _ => {}
            }
            if self.skipped == 0 {
                self.grammar.skipped();
            }
            return Ok(());
        }
        // The loop ends because a settled state leads to a state that takes the token.
        loop {
            let what = class(id);
            match self.grammar.state {
                State::AfterKey if id == EQUAL => return self.grammar.operator(Operator::Equal, at),
                State::KeyBrace | State::OpenBrace if id == CLOSE => break,
                State::First | State::AfterKey | State::KeyBrace | State::OpenBrace => self.grammar.settle(what, at)?,
                State::Key => {
                    self.grammar.settle(what, at)?;
                    break;
                }
                State::Value | State::Open | State::List => break,
            }
        }
        match id {
            OPEN => {
                if !self.grammar.open()? {
                    self.skipped = 1;
                }
                Ok(())
            }
            CLOSE => {
                self.decoder.close();
                self.grammar.close(at)
            }
            EQUAL if self.grammar.state == State::List => self.grammar.operator(Operator::Equal, at),
            EQUAL => Err(SaveError::Bad { rule: Rule::Operator, offset: at }),
            _ => {
                let next = next.map_or(Next::Unknown, class);
                let (word, kind) = self.decoder.word(id, payload, at, &mut self.text)?;
                self.grammar.scalar(word, kind, next)
            }
        }
    }
}

#[inline]
fn class(id: u16) -> Next {
    match id {
        EQUAL => Next::Operator,
        OPEN => Next::Open,
        CLOSE => Next::Close,
        _ => Next::Other,
    }
}
