//! A pair of an object: its key, its operator, its value.

use super::{
    frame::{Closers, Next, Opening, Operator, State},
    grammar::Grammar,
    json::Kind,
    select::{self, Reach},
};
use crate::error::{Rule, SaveError};

impl Grammar {
    /// Writes a held value that proved to be no header.
    #[cold]
    pub(super) fn release(&mut self) -> Result<(), SaveError> {
        self.has_value = false;
        let value = std::mem::take(&mut self.value);
        let result = self.write_value(&value, Kind::Word);
        self.value = value;
        result
    }

    #[inline]
    pub(super) fn write_value(&mut self, bytes: &[u8], kind: Kind) -> Result<(), SaveError> {
        if self.in_rest() {
            return self.element(bytes, kind, Next::Unknown);
        }
        if !self.pair.is_whole() {
            return Ok(());
        }
        if self.operator == Operator::Equal && self.frame().reach.is_whole() && !self.json.is_pairs() {
            // Most pairs: no marks come around the value.
            self.json.value(bytes, kind);
            return self.json.settle();
        }
        let closers = self.begin_pair(self.pair)?;
        self.json.value(bytes, kind);
        self.end_value(closers)
    }

    /// Opens the brace of a held value that proved to be a header.
    pub(super) fn header(&mut self, at: u64) -> Result<(), SaveError> {
        if !std::mem::take(&mut self.has_value) {
            return Err(SaveError::Bad { rule: Rule::Header, offset: at });
        }
        if self.in_rest() {
            self.open_element()?;
        } else {
            let reach = if self.pair.is_whole() { self.pair } else { Reach::NOTHING };
            let closers = self.begin_pair(reach)?;
            self.opening = Opening { closers, in_pair: false, reach };
        }
        if self.opening.reach.is_whole() {
            self.json.byte(b'{');
            self.json.text(&self.value);
            self.json.byte(b':');
            self.opening.closers.braces += 1;
        } else {
            self.opening.reach = Reach::NOTHING;
        }
        self.state = State::Open;
        Ok(())
    }

    /// The reach of the brace after a key. A path does not lead through an operator.
    pub(super) fn pair_reach(&self) -> Reach {
        if self.operator == Operator::Equal || self.pair.is_whole() { self.pair } else { Reach::NOTHING }
    }

    fn child_reach(&mut self, key: &[u8], kind: Kind) -> Reach {
        let depth = self.frames.len() - 1;
        let parent = self.frame().reach;
        if parent.is_whole() || parent.is_nothing() {
            return parent;
        }
        let bracket: &[u8] = match kind {
            Kind::Parameter => b"[",
            Kind::Undefined => b"[!",
            _ => {
                return self.selection.child(
                    parent,
                    depth,
                    select::key_text(key, self.json.encoding(), &mut self.scratch),
                );
            }
        };
        let key = [bracket, select::key_text(key, self.json.encoding(), &mut self.scratch), b"]"].concat();
        self.selection.child(parent, depth, &key)
    }

    /// Begins a pair and returns the reach of its value. The key is written now if its value is certain to be written.
    #[inline]
    pub(super) fn begin_key(&mut self, key: &[u8], kind: Kind) -> Result<Reach, SaveError> {
        let frame = self.frames.last_mut().expect("the root is never closed before the end");
        if frame.reach.is_whole() {
            self.json.key(key, kind, std::mem::take(&mut frame.is_empty))?;
            return Ok(frame.reach);
        }
        let reach = self.child_reach(key, kind);
        if reach.is_whole() {
            self.write_key(key, kind)?;
        }
        Ok(reach)
    }

    #[inline]
    fn write_key(&mut self, key: &[u8], kind: Kind) -> Result<(), SaveError> {
        let frame = self.frames.last_mut().expect("the root is never closed before the end");
        if frame.reach.is_lines() {
            self.json.line(key, kind);
        } else if frame.reach.has_braces() {
            self.json.key(key, kind, std::mem::take(&mut frame.is_empty))?;
        }
        Ok(())
    }

    /// Begins the value of a pair. Returns the marks to write after it.
    #[inline]
    pub(super) fn begin_pair(&mut self, reach: Reach) -> Result<Closers, SaveError> {
        if reach.is_nothing() {
            return Ok(Closers::default());
        }
        if !reach.is_whole() {
            let held = std::mem::take(&mut self.held);
            self.write_key(&held, self.held_kind)?;
            self.held = held;
        }
        let parent = self.frame().reach;
        let mut closers =
            Closers { braces: 0, bracket: parent.has_braces() && self.json.is_pairs(), line: parent.is_lines() };
        if self.operator != Operator::Equal {
            self.json.byte(b'{');
            self.json.text(self.operator.name());
            self.json.byte(b':');
            closers.braces = 1;
        }
        Ok(closers)
    }

    #[inline]
    pub(super) fn end_value(&mut self, closers: Closers) -> Result<(), SaveError> {
        for _ in 0..closers.braces {
            self.json.byte(b'}');
        }
        if closers.bracket {
            self.json.byte(b']');
        }
        if closers.line {
            self.json.end_line();
            self.lines += 1;
        }
        self.json.settle()
    }
}
