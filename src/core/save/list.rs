//! The elements of a list: words, braces, and the pairs in between.
//!
//! A word waits here until the next token is known to be an operator or not, as in `{ 10 0=2 }`: `[10,{"0":2}]`. A
//! brace cannot wait. An operator after a brace therefore goes with the value after it: `{ a b { 1 } < 2 }` ends in
//! `[1],{"LESS_THAN":2}]`.

use super::{
    frame::{Closers, Next, Opening, Operator},
    grammar::Grammar,
    json::Kind,
    select::Reach,
};
use crate::error::SaveError;

/// The undecided part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// Nothing.
    Empty,
    /// A brace. It is already written.
    After,
    /// A word.
    One,
    /// A word and an operator.
    Two(Operator),
    /// An operator after a brace.
    Bare(Operator),
}

impl Grammar {
    /// Takes a word. `next` is the kind of the next token, if it is known.
    #[inline]
    pub(super) fn element(&mut self, bytes: &[u8], kind: Kind, next: Next) -> Result<(), SaveError> {
        match self.window {
            Window::Empty | Window::After => {}
            Window::One => self.write_waiting()?,
            Window::Two(operator) | Window::Bare(operator) => {
                let (reach, closers) = self.begin_pair_element(operator, true);
                self.window = Window::Empty;
                if reach.is_nothing() {
                    return Ok(());
                }
                self.json.value(bytes, kind);
                return self.end_value(closers);
            }
        }
        if matches!(next, Next::Unknown | Next::Operator) {
            self.wait(bytes, kind);
            return Ok(());
        }
        self.window = Window::Empty;
        self.write_element(bytes, kind)
    }

    /// Takes an operator.
    pub(super) fn element_operator(&mut self, operator: Operator) -> Result<(), SaveError> {
        match self.window {
            Window::Empty => {
                self.wait(operator.symbol(), Kind::Operator);
                Ok(())
            }
            Window::One => {
                self.window = Window::Two(operator);
                Ok(())
            }
            Window::After => {
                self.window = Window::Bare(operator);
                Ok(())
            }
            // An operator in the place of a value becomes an element.
            Window::Two(_) | Window::Bare(_) => self.element(operator.symbol(), Kind::Operator, Next::Unknown),
        }
    }

    /// Opens a brace as an element.
    pub(super) fn open_element(&mut self) -> Result<(), SaveError> {
        let (reach, closers, in_pair) = match self.window {
            Window::Two(operator) | Window::Bare(operator) => {
                let (reach, closers) = self.begin_pair_element(operator, true);
                (reach, closers, true)
            }
            window => {
                if window == Window::One {
                    self.write_waiting()?;
                }
                let (reach, closers) = self.begin_element(false);
                (reach, closers, false)
            }
        };
        self.window = Window::Empty;
        self.opening = Opening { closers, in_pair, reach };
        Ok(())
    }

    /// Ends the list.
    pub(super) fn end_elements(&mut self) -> Result<(), SaveError> {
        match self.window {
            Window::Empty | Window::After => {}
            Window::One => self.write_waiting()?,
            Window::Two(_) => {
                self.write_waiting()?;
                self.write_element(b"", Kind::Operator)?;
            }
            Window::Bare(_) => self.write_element(b"", Kind::Operator)?,
        }
        self.window = Window::Empty;
        Ok(())
    }

    fn wait(&mut self, bytes: &[u8], kind: Kind) {
        self.waiting.clear();
        self.waiting.extend_from_slice(bytes);
        self.waiting_kind = kind;
        self.window = Window::One;
    }

    fn write_waiting(&mut self) -> Result<(), SaveError> {
        let waiting = std::mem::take(&mut self.waiting);
        let result = self.write_element(&waiting, self.waiting_kind);
        self.waiting = waiting;
        result
    }

    #[inline]
    fn write_element(&mut self, bytes: &[u8], kind: Kind) -> Result<(), SaveError> {
        let frame = self.frames.last_mut().expect("the root is never closed before the end");
        if frame.reach.is_whole() {
            // Most elements. Only a selection needs their count.
            let is_empty = if frame.rest.is_some() { &mut frame.rest_is_empty } else { &mut frame.is_empty };
            if !std::mem::take(is_empty) {
                self.json.byte(b',');
            }
            self.json.value(bytes, kind);
            return self.json.settle();
        }
        let (reach, closers) = self.begin_element(true);
        if reach.is_nothing() {
            return Ok(());
        }
        self.json.value(bytes, kind);
        if closers.line { self.end_value(closers) } else { self.json.settle() }
    }

    /// Begins an element. Returns its reach and the marks to write after it.
    fn begin_element(&mut self, only_whole: bool) -> (Reach, Closers) {
        let depth = self.frames.len() - 1;
        let frame = self.frames.last_mut().expect("the root is never closed before the end");
        let index = frame.elements;
        frame.elements += 1;
        let mut reach = frame.reach;
        if !reach.is_whole() {
            reach = if frame.rest.is_some() || reach.is_nothing() {
                Reach::NOTHING
            } else {
                self.selection.child(reach, depth, index.to_string().as_bytes())
            };
            if only_whole && !reach.is_whole() {
                reach = Reach::NOTHING;
            }
            if reach.is_nothing() {
                return (reach, Closers::default());
            }
        }
        let mut closers = Closers::default();
        if frame.reach.is_lines() {
            self.json.raw(format!("{{\"key\":{index},\"value\":").as_bytes());
            closers.line = true;
        } else if frame.reach.has_braces() {
            let is_empty = if frame.rest.is_some() { &mut frame.rest_is_empty } else { &mut frame.is_empty };
            if !std::mem::take(is_empty) {
                self.json.byte(b',');
            }
        }
        (reach, closers)
    }

    /// Begins an element with an operator: a pair in braces, or its second half after a brace.
    fn begin_pair_element(&mut self, operator: Operator, only_whole: bool) -> (Reach, Closers) {
        let (reach, mut closers) = self.begin_element(only_whole);
        if reach.is_nothing() {
            return (reach, closers);
        }
        if matches!(self.window, Window::Two(_)) {
            self.json.byte(b'{');
            self.json.text(&self.waiting);
            self.json.byte(b':');
            closers.braces += 1;
        }
        if operator != Operator::Equal {
            self.json.byte(b'{');
            self.json.text(operator.name());
            self.json.byte(b':');
            closers.braces += 1;
        }
        (reach, closers)
    }
}
