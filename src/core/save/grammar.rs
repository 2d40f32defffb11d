//! The grammar: tokens in, JSON out, without a tree.
//!
//! A token often says only by the one after it what it is: `a` is a key if `=` follows, or an element; `rgb` is a value, or
//! a header if `{` follows; `{ a` is an object if `=` follows, or a list. So one word is held back, and its reader calls
//! [`Grammar::settle`] with what comes next before it hands over a token. A list's words wait in `list.rs`.
//!
//! An object may turn into a list half way (`{ a=b c d }`): what follows its pairs is its rest. In there the format has
//! a trap that the games' other readers share: after a brace closes, a rest that had no list of words inside is read as
//! pairs again. [`Frame::is_mixed`] remembers which.

use super::{
    frame::{Closers, Frame, Next, Opening, Operator, State},
    json::{Json, Kind},
    list::Window,
    options::{Encoding, Options},
    select::{Reach, Selection},
};
use crate::error::{Rule, SaveError};

/// Braces that may be open at once.
pub(super) const DEPTH: usize = 128;

/// The longest scalar, in bytes.
pub(super) const SCALAR: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Grammar {
    pub(super) state: State,
    pub(super) frames: Vec<Frame>,
    pub(super) opening: Opening,
    /// Whether the innermost list has operators in it.
    pub(super) is_mixed: bool,
    /// The word that is held back: a key, or the first inside a brace.
    pub(super) held: Vec<u8>,
    pub(super) held_kind: Kind,
    /// Whether that key has been taken for one before its operator came.
    is_begun: bool,
    /// What becomes of the pair whose key came.
    pub(super) pair: Reach,
    pub(super) operator: Operator,
    /// A value that may be a header.
    pub(super) value: Vec<u8>,
    pub(super) has_value: bool,
    pub(super) window: Window,
    /// The element that waits in it.
    pub(super) waiting: Vec<u8>,
    pub(super) waiting_kind: Kind,
    /// Whether the last token of a list was a word.
    pub(super) after_word: bool,
    pub(super) lines: u64,
    pub(super) scratch: Vec<u8>,
    pub(super) selection: Selection,
    pub(super) json: Json,
}

impl Grammar {
    pub(super) fn new(options: &Options, encoding: Encoding) -> Self {
        let selection = options.selection.clone();
        let reach = selection.root();
        let mut json = Json::new(options, encoding);
        if reach.has_braces() {
            json.open_object();
        }
        let root = Frame {
            is_list: false,
            is_mixed: false,
            is_empty: true,
            rest: None,
            rest_is_empty: true,
            closers: Closers::default(),
            in_pair: false,
            reach,
            elements: 0,
        };
        Self {
            state: State::Key,
            frames: vec![root],
            opening: Opening { closers: Closers::default(), in_pair: false, reach },
            is_mixed: false,
            held: Vec::new(),
            held_kind: Kind::Word,
            is_begun: false,
            pair: reach,
            operator: Operator::Equal,
            value: Vec::new(),
            has_value: false,
            window: Window::Empty,
            waiting: Vec::new(),
            waiting_kind: Kind::Word,
            after_word: false,
            lines: 0,
            scratch: Vec::new(),
            selection,
            json,
        }
    }

    #[inline]
    pub(super) fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the root is never closed before the end")
    }

    #[inline]
    fn is_root(&self) -> bool {
        self.frames.len() == 1
    }

    /// Whether the innermost object is past its pairs.
    #[inline]
    pub(super) fn in_rest(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.rest.is_some())
    }

    /// Decides about what is held, now that `next` is known. `at` is where that is.
    #[inline]
    pub(super) fn settle(&mut self, next: Next, at: u64) -> Result<(), SaveError> {
        match self.state {
            State::Key if self.has_value => {
                let closes_nothing = self.is_root() && matches!(next, Next::Close | Next::Bracket);
                if next != Next::Open && !closes_nothing { self.release() } else { Ok(()) }
            }
            State::KeyBrace if next != Next::Close => self.header(at),
            State::AfterKey => match next {
                Next::Operator => Ok(()),
                Next::Open => self.key_is_one(Operator::Equal, false),
                _ => self.begin_rest(),
            },
            State::OpenBrace if next != Next::Close => {
                self.is_mixed = false;
                self.push(true, at)?;
                self.open_element()?;
                self.state = State::Open;
                Ok(())
            }
            State::First => {
                let is_object = next == Next::Operator;
                self.push(!is_object, at)?;
                if is_object {
                    self.state = State::AfterKey;
                    Ok(())
                } else {
                    self.state = State::List;
                    self.after_word = true;
                    self.element_held()
                }
            }
            _ => Ok(()),
        }
    }

    /// `{`. False if what is inside is to be skipped up to its end, and [`Self::skipped`] to be called then.
    pub(super) fn open(&mut self) -> Result<bool, SaveError> {
        match self.state {
            State::Key => {
                self.state = State::KeyBrace;
                return Ok(true);
            }
            State::Open => {
                self.state = State::OpenBrace;
                return Ok(true);
            }
            State::Value if self.in_rest() => self.open_element()?,
            State::Value => {
                let reach = self.pair_reach();
                let closers = self.begin_pair(reach)?;
                self.opening = Opening { closers, in_pair: false, reach };
            }
            State::List => self.open_element()?,
            State::KeyBrace | State::AfterKey | State::OpenBrace | State::First => unreachable!("settled before"),
        }
        self.state = State::Open;
        // Whether a list goes on as one depends on what is inside, so that then nothing is skipped.
        Ok(!self.opening.reach.is_nothing() || self.is_mixed || self.in_rest())
    }

    /// What was inside a brace has been skipped, with its end.
    pub(super) fn skipped(&mut self) {
        self.restore();
        self.window = Window::After;
    }

    /// `}`, or `]` where that closes objects.
    pub(super) fn close(&mut self, at: u64) -> Result<(), SaveError> {
        match self.state {
            State::Key if self.is_root() => Ok(()),
            State::Key => self.pop(),
            State::KeyBrace => {
                self.state = State::Key;
                Ok(())
            }
            State::OpenBrace => {
                self.state = State::Open;
                Ok(())
            }
            State::Open => {
                if self.opening.reach.has_braces() {
                    self.json.open_list();
                    self.json.close_list();
                }
                let Opening { closers, in_pair, .. } = self.opening;
                self.end_container(closers, in_pair)
            }
            State::List if self.is_root() => Err(SaveError::Bad { rule: Rule::NothingOpen, offset: at }),
            State::List => self.pop(),
            State::Value => Err(SaveError::Bad { rule: Rule::ValueMissing, offset: at }),
            State::AfterKey | State::First => unreachable!("settled before"),
        }
    }

    /// An operator, where [`Self::settle`] was told of one.
    #[inline]
    pub(super) fn operator(&mut self, operator: Operator, at: u64) -> Result<(), SaveError> {
        if self.state == State::AfterKey {
            return self.key_is_one(operator, operator != Operator::Equal);
        }
        debug_assert_eq!(self.state, State::List);
        if !self.is_mixed {
            if self.after_word {
                self.is_mixed = true;
            } else if operator == Operator::Equal || operator == Operator::Exact {
                // `{ x }={ 1 }`: a template, whose operator means nothing.
                return Ok(());
            } else {
                return Err(SaveError::Bad { rule: Rule::Operator, offset: at });
            }
        }
        self.element_operator(operator)
    }

    /// A word or quoted text. `next` is what follows it, if that is known.
    #[inline]
    pub(super) fn scalar(&mut self, bytes: &[u8], kind: Kind, next: Next) -> Result<(), SaveError> {
        match self.state {
            State::Key => {
                self.state = State::AfterKey;
                if next == Next::Operator && !self.in_rest() {
                    self.pair = self.begin_key(bytes, kind)?;
                    self.is_begun = true;
                    if self.pair.is_whole() || self.pair.is_nothing() {
                        // The key is written, or never will be: it need not be held.
                        return Ok(());
                    }
                }
                self.hold(bytes, kind);
                Ok(())
            }
            State::Value => {
                self.state = State::Key;
                // A brace that closes nothing changes nothing, so that a header may still follow.
                let may_be_header = match next {
                    Next::Open | Next::Unknown => true,
                    Next::Close | Next::Bracket => self.is_root(),
                    Next::Operator | Next::Other => false,
                };
                if kind == Kind::Word && may_be_header {
                    self.value.clear();
                    self.value.extend_from_slice(bytes);
                    self.has_value = true;
                    return Ok(());
                }
                self.write_value(bytes, kind)
            }
            State::Open => {
                if self.is_mixed && !self.is_root() {
                    self.frame().is_mixed = true;
                }
                self.is_mixed = false;
                self.hold(bytes, kind);
                self.state = State::First;
                Ok(())
            }
            State::List => {
                self.after_word = true;
                self.element(bytes, kind, next)
            }
            State::KeyBrace | State::AfterKey | State::OpenBrace | State::First => unreachable!("settled before"),
        }
    }

    /// The input has ended, and so has what it was taken from.
    pub(super) fn end(&mut self, at: u64) -> Result<(), SaveError> {
        if self.state == State::AfterKey && self.is_root() && is_checksum(&self.held) {
            self.begin_rest()?;
            self.state = State::Key;
        }
        // The format forgives one missing brace.
        if self.state != State::Key || self.frames.len() > 2 {
            return Err(SaveError::Bad { rule: Rule::Ended, offset: at });
        }
        if self.has_value {
            self.release()?;
        }
        if !self.is_root() {
            self.pop()?;
        }
        self.end_elements()?;
        let root = *self.frame();
        if root.reach.has_braces() {
            self.json.close_root(root.rest)?;
        } else {
            self.json.close_lines(self.lines);
        }
        Ok(())
    }

    pub(super) fn hold(&mut self, bytes: &[u8], kind: Kind) {
        self.held.clear();
        self.held.extend_from_slice(bytes);
        self.held_kind = kind;
    }

    /// The held word is a key, as `operator` follows. In a rest, only some operators are tokens of their own.
    pub(super) fn key_is_one(&mut self, operator: Operator, is_token: bool) -> Result<(), SaveError> {
        self.state = State::Value;
        self.operator = operator;
        if self.in_rest() {
            self.element_held()?;
            return if is_token { self.element_operator(operator) } else { Ok(()) };
        }
        if !std::mem::take(&mut self.is_begun) {
            let held = std::mem::take(&mut self.held);
            self.pair = self.begin_key(&held, self.held_kind)?;
            self.held = held;
        }
        Ok(())
    }

    /// The held word is an element.
    fn element_held(&mut self) -> Result<(), SaveError> {
        let held = std::mem::take(&mut self.held);
        let result = self.element(&held, self.held_kind, Next::Unknown);
        self.held = held;
        result
    }

    /// The held word is no key: the pairs of this object end before it.
    fn begin_rest(&mut self) -> Result<(), SaveError> {
        if !self.in_rest() {
            let is_first = self.frame().is_empty;
            let at = if self.frame().reach.is_whole() { self.json.open_rest(is_first) } else { 0 };
            let frame = self.frame();
            frame.rest = Some(at);
            frame.rest_is_empty = true;
            self.window = Window::Empty;
        }
        self.state = State::List;
        self.is_mixed = true;
        self.after_word = true;
        self.element_held()
    }

    /// The open brace is an object or a list from here on.
    pub(super) fn push(&mut self, is_list: bool, at: u64) -> Result<(), SaveError> {
        if self.frames.len() > DEPTH {
            return Err(SaveError::TooDeep { offset: at, limit: DEPTH });
        }
        let Opening { closers, in_pair, reach } = self.opening;
        if reach.has_braces() {
            if is_list { self.json.open_list() } else { self.json.open_object() }
        }
        self.window = Window::Empty;
        self.frames.push(Frame {
            is_list,
            is_mixed: false,
            is_empty: true,
            rest: None,
            rest_is_empty: true,
            closers,
            in_pair,
            reach,
            elements: 0,
        });
        Ok(())
    }

    fn pop(&mut self) -> Result<(), SaveError> {
        self.end_elements()?;
        let frame = self.frames.pop().expect("the root is never closed before the end");
        if frame.reach.has_braces() {
            if frame.is_list {
                self.json.close_list();
            } else {
                self.json.close_object(frame.rest.filter(|_| frame.reach.is_whole()))?;
            }
        }
        self.end_container(frame.closers, frame.in_pair)
    }

    fn end_container(&mut self, closers: Closers, in_pair: bool) -> Result<(), SaveError> {
        self.restore();
        self.window = if in_pair { Window::Empty } else { Window::After };
        self.end_value(closers)
    }

    /// Goes on where the brace that closed was opened.
    fn restore(&mut self) {
        self.has_value = false;
        self.after_word = false;
        let frame = self.frames.last().expect("the root is never closed before the end");
        self.is_mixed = frame.is_mixed;
        self.state = if frame.is_list || frame.is_mixed { State::List } else { State::Key };
    }
}

/// Europa Universalis III ends its saves with a checksum that has no key.
fn is_checksum(word: &[u8]) -> bool {
    word.len() == 32 && word.iter().all(u8::is_ascii_hexdigit)
}
