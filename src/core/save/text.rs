//! The lexer of text saves. It turns bytes into tokens for the grammar.
//!
//! The role of a byte depends on the grammar's state. `<` is an operator after a key, and starts a word in the place of
//! a key. A token that the input cuts is kept in `partial` until its rest comes.

use super::{
    frame::{Next, Operator, State},
    grammar::{Grammar, SCALAR},
    json::Kind,
    skip::Skip,
};
use crate::error::{Rule, SaveError};

#[derive(Debug)]
pub(super) struct Text {
    pub(super) grammar: Grammar,
    /// Bytes read before this call.
    offset: u64,
    pub(super) lex: Lex,
    /// The start of a token that the input cut.
    pub(super) partial: Vec<u8>,
    in_comment: bool,
    skip: Option<Skip>,
    /// The offset of the current parameter.
    pub(super) parameter: u64,
}

/// The position in a token where the input was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lex {
    /// Between tokens.
    Gap,
    Word,
    Quoted {
        escaped: bool,
    },
    /// `@`: a variable, or `@[`, which may contain spaces.
    Variable,
    Interpolated,
    /// The first byte of an operator, or of a word.
    Operator(u8),
    /// `[`.
    Parameter,
    /// `[[`.
    ParameterMark,
    ParameterName {
        kind: Kind,
    },
    /// After `[[name]`.
    ParameterGap,
    ParameterWord,
    /// After `[[name] word`.
    ParameterAfter,
}

const SPACE: u8 = 1;
const BOUNDARY: u8 = 2;

/// White space between tokens, and bytes that end a word. Vertical tab and form feed end a word, and are words
/// themselves.
pub(super) const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut i = 0;
    let boundaries = b"\t\n\x0b\x0c\r !#;<=>[]{}";
    while i < boundaries.len() {
        class[boundaries[i] as usize] = BOUNDARY;
        i += 1;
    }
    let mut i = 0;
    let spaces = b"\t\n\r ;";
    while i < spaces.len() {
        class[spaces[i] as usize] = SPACE | BOUNDARY;
        i += 1;
    }
    class
};

#[inline]
pub(super) fn is_space(byte: u8) -> bool {
    CLASS[usize::from(byte)] & SPACE != 0
}

#[inline]
pub(super) fn is_boundary(byte: u8) -> bool {
    CLASS[usize::from(byte)] & BOUNDARY != 0
}

/// The end of a word that continues at `from`.
#[inline]
pub(super) fn word_end(input: &[u8], from: usize) -> Option<usize> {
    input[from..].iter().position(|&b| is_boundary(b)).map(|length| from + length)
}

/// The end of a word that starts at `from`. A boundary in the place of a word is a word of one byte.
#[inline]
pub(super) fn new_word_end(input: &[u8], from: usize) -> Option<usize> {
    if is_boundary(input[from]) { Some(from + 1) } else { word_end(input, from + 1) }
}

impl Text {
    pub(super) fn new(grammar: Grammar, offset: u64) -> Self {
        Self { grammar, offset, lex: Lex::Gap, partial: Vec::new(), in_comment: false, skip: None, parameter: 0 }
    }

    /// Reads until the input ends or the buffer is full. Returns the number of bytes read.
    ///
    /// Inlined into the converter, its loop is 10 % slower.
    #[inline(never)]
    pub(super) fn read(&mut self, input: &[u8]) -> Result<usize, SaveError> {
        let mut at = 0;
        // The loop ends because each turn takes a byte, or moves the grammar to a state that takes one.
        while at < input.len() && !self.grammar.json.is_full() {
            if let Some(skip) = &mut self.skip {
                at += skip.read(&input[at..]);
                if skip.is_done() {
                    self.skip = None;
                    self.grammar.skipped();
                }
            } else if self.lex == Lex::Gap {
                at = self.token(input, at)?;
            } else {
                at = self.resume(input, at)?;
            }
        }
        self.offset += at as u64;
        Ok(at)
    }

    /// The input has ended.
    pub(super) fn end(&mut self) -> Result<(), SaveError> {
        let ended = SaveError::Bad { rule: Rule::Ended, offset: self.offset };
        if self.skip.is_some() {
            return Err(ended);
        }
        match self.lex {
            Lex::Gap => {}
            Lex::Word | Lex::Variable => self.finish(&[], 0, Kind::Word)?,
            _ => return Err(ended),
        }
        self.grammar.end(self.offset)
    }

    #[inline]
    pub(super) fn position(&self, at: usize) -> u64 {
        self.offset + at as u64
    }

    /// Passes white space and comments. `None` if the input ends first.
    #[inline]
    pub(super) fn gap(&mut self, input: &[u8], mut at: usize) -> Option<usize> {
        loop {
            if self.in_comment {
                at += input[at..].iter().position(|&b| b == b'\n')?;
                self.in_comment = false;
            }
            while at < input.len() && is_space(input[at]) {
                at += 1;
            }
            if *input.get(at)? != b'#' {
                return Some(at);
            }
            self.in_comment = true;
        }
    }

    /// Reads one token from its start, or advances the grammar.
    #[inline]
    fn token(&mut self, input: &[u8], at: usize) -> Result<usize, SaveError> {
        let Some(at) = self.gap(input, at) else { return Ok(input.len()) };
        let byte = input[at];
        let here = self.position(at);
        let next = match byte {
            b'{' => Next::Open,
            b'}' => Next::Close,
            b']' => Next::Bracket,
            b'=' | b'<' | b'>' | b'?' | b'!' => Next::Operator,
            _ => Next::Other,
        };
        match self.grammar.state {
            State::Key => self.grammar.settle(next, here)?,
            State::Value | State::Open | State::List => {}
            State::AfterKey if next == Next::Operator => return self.operator(input, at),
            State::First => {
                self.grammar.settle(next, here)?;
                return Ok(at);
            }
            State::KeyBrace | State::OpenBrace if next == Next::Close => {}
            State::AfterKey | State::KeyBrace | State::OpenBrace => {
                self.grammar.settle(next, here)?;
                return Ok(at);
            }
        }
        match byte {
            b'{' => {
                if !self.grammar.open()? {
                    self.skip = Some(Skip::new());
                }
                Ok(at + 1)
            }
            b'}' => {
                self.grammar.close(here)?;
                Ok(at + 1)
            }
            b']' if self.grammar.state == State::Key => {
                self.grammar.close(here)?;
                Ok(at + 1)
            }
            b'[' if matches!(self.grammar.state, State::Key | State::Open) => {
                self.parameter = here;
                self.lex = Lex::Parameter;
                Ok(at + 1)
            }
            b'"' => self.quoted(input, at),
            b'@' => {
                self.partial.clear();
                self.partial.push(b'@');
                self.lex = Lex::Variable;
                Ok(at + 1)
            }
            b'=' | b'<' | b'>' | b'!' if self.grammar.state == State::List => self.operator(input, at),
            _ => self.word(input, at),
        }
    }

    /// Reads a word: at least one byte, up to a boundary.
    #[inline]
    fn word(&mut self, input: &[u8], at: usize) -> Result<usize, SaveError> {
        match new_word_end(input, at) {
            Some(end) if end - at <= SCALAR => {
                let (after, next) = self.peek(input, end);
                self.grammar.scalar(&input[at..end], Kind::Word, next)?;
                Ok(after)
            }
            _ => self.cut(input, at, Lex::Word),
        }
    }

    #[inline]
    fn quoted(&mut self, input: &[u8], at: usize) -> Result<usize, SaveError> {
        let start = at + 1;
        let mut end = start;
        while let Some(length) = input[end..].iter().position(|&b| b == b'"' || b == b'\\') {
            end += length;
            if input[end] == b'"' {
                if end - start > SCALAR {
                    break;
                }
                let (after, next) = self.peek(input, end + 1);
                self.grammar.scalar(&input[start..end], Kind::Quoted, next)?;
                return Ok(after);
            }
            end += 2;
            if end > input.len() {
                break;
            }
        }
        self.partial.clear();
        self.lex = Lex::Quoted { escaped: false };
        Ok(start)
    }

    /// The offset and the kind of the token after a scalar that ends at `end`. The kind is unknown if this input does
    /// not show it.
    #[inline]
    fn peek(&self, input: &[u8], end: usize) -> (usize, Next) {
        let mut at = end;
        while at < input.len() && is_space(input[at]) {
            at += 1;
        }
        let Some(&byte) = input.get(at) else { return (at, Next::Unknown) };
        let next = match (byte, self.grammar.state) {
            (b'#', _) => Next::Unknown,
            (b'=' | b'<' | b'>', State::Key | State::List) | (b'!', State::List) => Next::Operator,
            (_, State::Key | State::Open) => Next::Unknown,
            (b'{', _) => Next::Open,
            (b'}', _) => Next::Close,
            (b']', _) => Next::Bracket,
            _ => Next::Other,
        };
        (at, next)
    }

    #[inline]
    fn operator(&mut self, input: &[u8], at: usize) -> Result<usize, SaveError> {
        // The second byte is nearly always there, and is rarely a part of the operator.
        if let [b'=', second, ..] = input[at..]
            && second != b'='
        {
            self.grammar.operator(Operator::Equal, self.position(at))?;
            return Ok(at + 1);
        }
        self.lex = Lex::Operator(input[at]);
        Ok(at + 1)
    }

    /// Starts to keep a token at `at`, because it continues after the input or is too long.
    #[cold]
    fn cut(&mut self, input: &[u8], at: usize, lex: Lex) -> Result<usize, SaveError> {
        self.partial.clear();
        self.partial.push(input[at]);
        self.lex = lex;
        Ok(at + 1)
    }

    /// Adds bytes to a token that was cut.
    pub(super) fn keep(&mut self, input: &[u8], at: usize, end: usize) -> Result<(), SaveError> {
        let room = SCALAR - self.partial.len();
        if end - at > room {
            return Err(SaveError::ScalarTooLong { offset: self.position(at + room), limit: SCALAR });
        }
        self.partial.extend_from_slice(&input[at..end]);
        Ok(())
    }

    /// Hands over a token that was cut and ends before `at`.
    fn finish(&mut self, input: &[u8], at: usize, kind: Kind) -> Result<(), SaveError> {
        self.lex = Lex::Gap;
        let partial = std::mem::take(&mut self.partial);
        let (_, next) = self.peek(input, at);
        let result = self.grammar.scalar(&partial, kind, next);
        self.partial = partial;
        result
    }

    /// Continues a token that the input cut.
    #[cold]
    fn resume(&mut self, input: &[u8], at: usize) -> Result<usize, SaveError> {
        let byte = input[at];
        match self.lex {
            Lex::Gap => Ok(at),
            Lex::Word => {
                let end = word_end(input, at);
                self.keep(input, at, end.unwrap_or(input.len()))?;
                if let Some(end) = end {
                    self.finish(input, end, Kind::Word)?;
                }
                Ok(end.unwrap_or(input.len()))
            }
            Lex::Quoted { escaped: true } => {
                self.keep(input, at, at + 1)?;
                self.lex = Lex::Quoted { escaped: false };
                Ok(at + 1)
            }
            Lex::Quoted { escaped: false } => {
                let length = input[at..].iter().position(|&b| b == b'"' || b == b'\\').unwrap_or(input.len() - at);
                self.keep(input, at, at + length)?;
                let at = at + length;
                match input.get(at) {
                    None => {}
                    Some(b'"') => self.finish(input, at + 1, Kind::Quoted)?,
                    Some(_) => {
                        self.keep(input, at, at + 1)?;
                        self.lex = Lex::Quoted { escaped: true };
                    }
                }
                Ok(input.len().min(at + 1))
            }
            Lex::Variable => {
                self.lex = if byte == b'[' { Lex::Interpolated } else { Lex::Word };
                Ok(at)
            }
            Lex::Interpolated => {
                let end = input[at..].iter().position(|&b| b == b']').map(|length| at + length + 1);
                self.keep(input, at, end.unwrap_or(input.len()))?;
                if let Some(end) = end {
                    self.finish(input, end, Kind::Word)?;
                }
                Ok(end.unwrap_or(input.len()))
            }
            Lex::Operator(first) => self.second(first, at, byte),
            _ => self.resume_parameter(input, at),
        }
    }

    /// Takes the byte after the first byte of an operator.
    fn second(&mut self, first: u8, at: usize, byte: u8) -> Result<usize, SaveError> {
        self.lex = Lex::Gap;
        let here = self.position(at) - 1;
        let is_long = byte == b'=';
        let operator = match (first, is_long) {
            (b'<', false) => Operator::Less,
            (b'<', true) => Operator::LessEqual,
            (b'>', false) => Operator::Greater,
            (b'>', true) => Operator::GreaterEqual,
            (b'=', false) => Operator::Equal,
            (b'=', true) => Operator::Exact,
            (b'?', true) => Operator::Exists,
            (b'!', true) => Operator::NotEqual,
            (b'?', false) => {
                self.grammar.settle(Next::Other, here)?;
                self.partial.clear();
                self.partial.push(b'?');
                self.lex = Lex::Word;
                return Ok(at);
            }
            _ => return Err(SaveError::Bad { rule: Rule::UnknownOperator, offset: here }),
        };
        self.grammar.operator(operator, here)?;
        Ok(at + usize::from(is_long))
    }
}
