//! The parameters of scripts: `[[name] value ]`, `[[!name] key=value … ]`. Saves have none.

use super::{
    frame::{Next, Operator, State},
    grammar::Grammar,
    json::Kind,
    text::{Lex, Text, is_boundary, new_word_end, word_end},
};
use crate::error::{Rule, SaveError};

impl Grammar {
    /// Takes `[[name]` or `[[!name]` as the key of a parameter.
    pub(super) fn parameter(&mut self, name: &[u8], kind: Kind, at: u64) -> Result<(), SaveError> {
        if self.state == State::Open {
            if self.is_mixed {
                return Err(SaveError::Bad { rule: Rule::ParameterInList, offset: at });
            }
            self.push(false, at)?;
        }
        self.hold(name, kind);
        self.state = State::AfterKey;
        self.key_is_one(Operator::Equal, false)
    }

    /// Opens an object as the value of a parameter. `key` is its first key.
    pub(super) fn parameter_object(&mut self, key: &[u8], at: u64) -> Result<(), SaveError> {
        self.open()?;
        self.push(false, at)?;
        self.hold(key, Kind::Word);
        self.state = State::AfterKey;
        Ok(())
    }
}

impl Text {
    /// Continues a parameter that the input cut.
    pub(super) fn resume_parameter(&mut self, input: &[u8], at: usize) -> Result<usize, SaveError> {
        let byte = input[at];
        match self.lex {
            Lex::Parameter if byte != b'[' => Err(SaveError::Bad { rule: Rule::Parameter, offset: self.parameter }),
            Lex::Parameter => {
                self.lex = Lex::ParameterMark;
                Ok(at + 1)
            }
            Lex::ParameterMark => {
                let kind = if byte == b'!' { Kind::Undefined } else { Kind::Parameter };
                self.partial.clear();
                self.lex = Lex::ParameterName { kind };
                Ok(at + usize::from(byte == b'!'))
            }
            Lex::ParameterName { kind } => {
                let end = self.partial_end(input, at);
                self.keep(input, at, end.unwrap_or(input.len()))?;
                let Some(end) = end.filter(|&end| end < input.len()) else { return Ok(input.len()) };
                if input[end] != b']' {
                    return Err(SaveError::Bad { rule: Rule::ParameterName, offset: self.position(end) });
                }
                self.grammar.parameter(&self.partial, kind, self.parameter)?;
                self.partial.clear();
                self.lex = Lex::ParameterGap;
                Ok(end + 1)
            }
            Lex::ParameterGap => {
                let Some(at) = self.gap(input, at) else { return Ok(input.len()) };
                self.lex = Lex::ParameterWord;
                Ok(at)
            }
            Lex::ParameterWord => {
                let end = self.partial_end(input, at);
                self.keep(input, at, end.unwrap_or(input.len()))?;
                if end.is_some() {
                    self.lex = Lex::ParameterAfter;
                }
                Ok(end.unwrap_or(input.len()))
            }
            Lex::ParameterAfter => {
                let Some(at) = self.gap(input, at) else { return Ok(input.len()) };
                self.lex = Lex::Gap;
                if input[at] == b']' {
                    self.grammar.scalar(&self.partial, Kind::Word, Next::Unknown)?;
                    return Ok(at + 1);
                }
                self.grammar.parameter_object(&self.partial, self.parameter)?;
                Ok(at)
            }
            _ => unreachable!("the other tokens go on elsewhere"),
        }
    }

    /// The end of a parameter's word. The word starts at `at`, or continues there after a cut.
    fn partial_end(&self, input: &[u8], at: usize) -> Option<usize> {
        match self.partial.last() {
            None => new_word_end(input, at),
            Some(&last) if is_boundary(last) => Some(at),
            Some(_) => word_end(input, at),
        }
    }
}
