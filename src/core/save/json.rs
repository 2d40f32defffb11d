//! The JSON writer. Scalars, keys and braces go to a buffer, and the buffer fills the caller's output.

use super::{
    group::{Groups, Order, Piece},
    options::{Encoding, Keys, Narrow, Options},
    scalar,
};
use crate::error::SaveError;

/// The bytes of waiting JSON that pause the reader of the save. One scalar of 64 KiB, six times as long in JSON, can
/// come on top.
const FULL: usize = 64 << 10;

/// The kind of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Quoted,
    /// A parameter's name, `[[name]` in the text.
    Parameter,
    /// A parameter's name, `[[!name]` in the text.
    Undefined,
    /// An operator in the place of a word.
    Operator,
}

#[derive(Debug)]
pub(super) struct Json {
    out: Vec<u8>,
    sent: usize,
    keys: Keys,
    narrow: Narrow,
    encoding: Encoding,
    groups: Option<Groups>,
    giving: Giving,
}

/// The part of a grouped document that is being given out.
#[derive(Debug)]
enum Giving {
    /// Nothing yet: a repeated key may still come.
    Held,
    /// The text from its start. The number is the offset of the next byte.
    Line(usize),
    /// The root in order, and the rest of the current piece.
    Root(Order, std::ops::Range<usize>),
}

impl Json {
    pub(super) fn new(options: &Options, encoding: Encoding) -> Self {
        let groups = (options.keys == Keys::Group).then(|| Groups::new(options.group_bytes));
        Self {
            out: Vec::new(),
            sent: 0,
            keys: options.keys,
            narrow: options.narrow,
            encoding,
            groups,
            giving: Giving::Held,
        }
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub(super) fn is_pairs(&self) -> bool {
        self.keys == Keys::Pairs
    }

    /// Whether the waiting JSON must go out before more comes.
    pub(super) fn is_full(&self) -> bool {
        match (&self.groups, &self.giving) {
            (None, _) => self.out.len() - self.sent >= FULL,
            (Some(_), Giving::Held) => false,
            (Some(_), _) => true,
        }
    }

    /// Whether all JSON that may go out has gone out.
    pub(super) fn is_sent(&self) -> bool {
        match (&self.groups, &self.giving) {
            (None, _) => self.out.len() == self.sent,
            (Some(_), giving) => matches!(giving, Giving::Held),
        }
    }

    /// Bytes that were written again to bring equal keys together.
    pub(super) fn moved(&self) -> u64 {
        self.groups.as_ref().map_or(0, Groups::moved)
    }

    /// Fills `output` from the front and returns the number of bytes.
    pub(super) fn give(&mut self, output: &mut [u8]) -> usize {
        if self.groups.is_some() {
            return self.give_held(output);
        }
        let waiting = &self.out[self.sent..];
        let count = waiting.len().min(output.len());
        output[..count].copy_from_slice(&waiting[..count]);
        self.sent += count;
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
        }
        count
    }

    fn give_held(&mut self, output: &mut [u8]) -> usize {
        let groups = self.groups.as_mut().expect("keys are grouped");
        let mut produced = 0;
        // The loop ends because each turn fills output or uses up one of finitely many pieces.
        while produced < output.len() {
            let room = &mut output[produced..];
            match &mut self.giving {
                Giving::Held => break,
                Giving::Line(at) => {
                    let run = if *at < groups.len() {
                        groups.run(*at, groups.len())
                    } else {
                        &self.out[*at - groups.len()..]
                    };
                    let count = run.len().min(room.len());
                    room[..count].copy_from_slice(&run[..count]);
                    *at += count;
                    produced += count;
                    if *at == groups.len() + self.out.len() {
                        groups.clear();
                        self.out.clear();
                        self.giving = Giving::Held;
                    }
                }
                Giving::Root(order, range) if range.start == range.end => match order.next(groups) {
                    Some(Piece::Text(next)) => *range = next,
                    Some(Piece::Mark(byte)) => {
                        room[0] = byte;
                        produced += 1;
                    }
                    // The closing braces wait in `out`.
                    None => {
                        groups.clear();
                        self.giving = if self.out.is_empty() { Giving::Held } else { Giving::Line(0) };
                    }
                },
                Giving::Root(_, range) => {
                    let run = groups.run(range.start, range.end);
                    let count = run.len().min(room.len());
                    room[..count].copy_from_slice(&run[..count]);
                    range.start += count;
                    produced += count;
                }
            }
        }
        produced
    }

    pub(super) fn raw(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    #[inline]
    pub(super) fn value(&mut self, bytes: &[u8], kind: Kind) {
        match kind {
            Kind::Parameter | Kind::Undefined | Kind::Operator => self.raw(b"null"),
            Kind::Word if self.narrow != Narrow::None => scalar::narrowed(&mut self.out, bytes, self.encoding),
            Kind::Quoted if self.narrow == Narrow::All => scalar::narrowed(&mut self.out, bytes, self.encoding),
            Kind::Word | Kind::Quoted => scalar::text(&mut self.out, bytes, self.encoding),
        }
    }

    /// Writes a string.
    #[inline]
    pub(super) fn text(&mut self, bytes: &[u8]) {
        scalar::text(&mut self.out, bytes, self.encoding);
    }

    /// Writes a key as a string. The key of a parameter gets brackets.
    #[inline]
    fn name(&mut self, bytes: &[u8], kind: Kind) {
        match kind {
            Kind::Parameter | Kind::Undefined => {
                self.raw(if kind == Kind::Parameter { b"\"[" } else { b"\"[!" });
                scalar::inner(&mut self.out, bytes, self.encoding);
                self.raw(b"]\"");
            }
            _ => self.text(bytes),
        }
    }

    /// Writes a key of an object, after a comma if it is not the first.
    #[inline]
    pub(super) fn key(&mut self, bytes: &[u8], kind: Kind, is_first: bool) -> Result<(), SaveError> {
        let comma = self.out.len();
        if !is_first {
            self.byte(b',');
        }
        match self.keys {
            Keys::Pairs => {
                self.byte(b'[');
                self.name(bytes, kind);
                self.byte(b',');
            }
            Keys::Preserve => {
                self.name(bytes, kind);
                self.byte(b':');
            }
            Keys::Group => {
                self.name(bytes, kind);
                self.byte(b':');
                // The marks around a key are not compared: brackets, quotation marks, the colon.
                let skip = match kind {
                    Kind::Parameter => (2, 3),
                    Kind::Undefined => (3, 3),
                    _ => (1, 2),
                };
                self.groups.as_mut().expect("keys are grouped").key(&mut self.out, comma, skip)?;
            }
        }
        Ok(())
    }

    /// Writes the beginning of a line with its key.
    pub(super) fn line(&mut self, bytes: &[u8], kind: Kind) {
        self.raw(b"{\"key\":");
        self.name(bytes, kind);
        self.raw(b",\"value\":");
    }

    /// Writes the end of a line. The line may then go out.
    pub(super) fn end_line(&mut self) {
        self.raw(b"}\n");
        if self.groups.is_some() {
            self.giving = Giving::Line(0);
        }
    }

    /// Ends a value. A long tail then moves to the blocks.
    #[inline]
    pub(super) fn settle(&mut self) -> Result<(), SaveError> {
        match &mut self.groups {
            Some(groups) => groups.settle(&mut self.out),
            None => Ok(()),
        }
    }

    pub(super) fn open_object(&mut self) {
        self.raw(if self.is_pairs() { b"{\"type\":\"obj\",\"val\":[" } else { b"{" });
        if let Some(groups) = &mut self.groups {
            groups.open(&self.out);
        }
    }

    pub(super) fn open_list(&mut self) {
        self.raw(if self.is_pairs() { b"{\"type\":\"array\",\"val\":[" } else { b"[" });
    }

    /// Opens the list after an object's pairs.
    pub(super) fn open_rest(&mut self, is_first: bool) -> usize {
        if let Some(groups) = &mut self.groups {
            groups.rest(&self.out);
        }
        let at = self.out.len() + self.groups.as_ref().map_or(0, Groups::len);
        if !is_first {
            self.byte(b',');
        }
        self.raw(if self.is_pairs() { b"[" } else { b"\"remainder\":[" });
        at
    }

    pub(super) fn close_object(&mut self, rest: Option<usize>) -> Result<(), SaveError> {
        if rest.is_some() {
            self.byte(b']');
        }
        if let Some(groups) = &mut self.groups {
            groups.close(&mut self.out, rest)?;
        }
        self.raw(if self.is_pairs() { b"]}" } else { b"}" });
        Ok(())
    }

    pub(super) fn close_list(&mut self) {
        self.raw(if self.is_pairs() { b"]}" } else { b"]" });
    }

    /// Closes the root. All JSON may then go out.
    pub(super) fn close_root(&mut self, rest: Option<usize>) -> Result<(), SaveError> {
        if self.groups.is_none() {
            return self.close_object(rest);
        }
        if rest.is_some() {
            self.byte(b']');
        }
        let groups = self.groups.as_mut().expect("keys are grouped");
        // The opening brace of the root comes first.
        self.giving = Giving::Root(groups.close_root(&mut self.out, rest)?, 0..1);
        self.byte(b'}');
        Ok(())
    }

    /// Writes the last line. It confirms that all lines are there.
    pub(super) fn close_lines(&mut self, lines: u64) {
        self.raw(format!("{{\"complete\":true,\"lines\":{lines}}}\n").as_bytes());
        if self.groups.is_some() {
            self.giving = Giving::Line(0);
        }
    }
}
