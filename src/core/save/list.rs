//! A list's elements: words, braces, and the pairs in between.
//!
//! A word waits here until it is known whether an operator follows, as in `{ 10 0=2 }`: `[10,{"0":2}]`. A brace cannot
//! wait. An operator after a brace stays with what follows it: `{ a b { 1 } < 2 }` ends in `[1],{"LESS_THAN":2}]`.

use super::{
    frame::{Closers, Next, Opening, Operator},
    grammar::Grammar,
    json::Kind,
    select::Reach,
};
use crate::error::SaveError;

/// What was read of a list and is not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// Nothing.
    Empty,
    /// A brace, which is written.
    After,
    /// A word.
    One,
    /// A word and an operator.
    Two(Operator),
    /// An operator after a brace.
    Bare(Operator),
}

impl Grammar {
    /// A word. `next` is what follows it, if that is known.
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

    /// An operator.
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
            // An operator is no value.
            Window::Two(_) | Window::Bare(_) => self.element(operator.symbol(), Kind::Operator, Next::Unknown),
        }
    }

    /// A brace opens as an element.
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

    /// The list ends here.
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
        let (reach, closers) = self.begin_element(true);
        if reach.is_nothing() {
            return Ok(());
        }
        self.json.value(bytes, kind);
        if closers.line { self.end_value(closers) } else { self.json.settle() }
    }

    /// An element begins: what becomes of it, and what is to be written after it.
    #[inline]
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

    /// An element with an operator begins: a pair in braces, or after a brace its second half.
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
