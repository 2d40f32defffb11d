//! The grammar. It turns tokens into JSON without a tree.
//!
//! The next token often decides the role of a token. `a` is a key if `=` follows, or else an element. `rgb` is a header
//! if `{` follows, or else a value. `{ a` begins an object if `=` follows, or else a list. So the grammar holds one
//! word back. Its reader calls [`Grammar::settle`] with the kind of the next token before it hands that token over. The
//! words of a list wait in `list.rs`.
//!
//! An object may turn into a list half way (`{ a=b c d }`). The part after its pairs is its rest. The rest has a trap,
//! which the other readers of this format share: after a brace closes, the rest is read as pairs again if it had no
//! list of words inside. [`Frame::is_mixed`] records this.

use super::{
    frame::{Closers, Frame, Next, Opening, Operator, State},
    json::{Json, Kind},
    list::Window,
    options::{Encoding, Options},
    select::{Reach, Selection},
};
use crate::error::{Rule, SaveError};

/// The most braces that may be open at once.
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
    /// The held word: a key, or the first word inside a brace.
    pub(super) held: Vec<u8>,
    pub(super) held_kind: Kind,
    /// Whether the held key was begun before its operator came.
    is_begun: bool,
    /// The reach of the current pair.
    pub(super) pair: Reach,
    pub(super) operator: Operator,
    /// A held value that may be a header.
    pub(super) value: Vec<u8>,
    pub(super) has_value: bool,
    pub(super) window: Window,
    /// The element that waits in the window.
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

    /// Whether the innermost object is in its rest.
    #[inline]
    pub(super) fn in_rest(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.rest.is_some())
    }

    /// Decides the role of the held word by the kind `next` of the next token at `at`.
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

    /// Takes `{`. Returns false if the content is to be skipped. The caller then skips to the end of the brace and
    /// calls [`Self::skipped`].
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
        // Nothing is skipped in mixed content: the content of the brace decides whether the list continues.
        Ok(!self.opening.reach.is_nothing() || self.is_mixed || self.in_rest())
    }

    /// Continues after a skipped brace.
    pub(super) fn skipped(&mut self) {
        self.restore();
        self.window = Window::After;
    }

    /// Takes `}`, or a `]` that closes an object.
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

    /// Takes an operator, after [`Self::settle`] was called for it.
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
                // In `{ x }={ 1 }` (a template) the operator means nothing.
                return Ok(());
            } else {
                return Err(SaveError::Bad { rule: Rule::Operator, offset: at });
            }
        }
        self.element_operator(operator)
    }

    /// Takes a word or quoted text. `next` is the kind of the next token, if it is known.
    #[inline]
    pub(super) fn scalar(&mut self, bytes: &[u8], kind: Kind, next: Next) -> Result<(), SaveError> {
        match self.state {
            State::Key => {
                self.state = State::AfterKey;
                if next == Next::Operator && !self.in_rest() {
                    self.pair = self.begin_key(bytes, kind)?;
                    self.is_begun = true;
                    if self.pair.is_whole() || self.pair.is_nothing() {
                        // The key is already written, or is never written. It need not be held.
                        return Ok(());
                    }
                }
                self.hold(bytes, kind);
                Ok(())
            }
            State::Value => {
                self.state = State::Key;
                // A brace that closes nothing changes nothing, so a header may still follow.
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

    /// Ends the document. The input is complete and its source is whole.
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
            self.json.close_root(root.rest.filter(|_| root.reach.is_whole()))?;
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

    /// Makes the held word a key, because `operator` follows. In a rest, only some operators are tokens of their own.
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

    /// Makes the held word an element.
    fn element_held(&mut self) -> Result<(), SaveError> {
        let held = std::mem::take(&mut self.held);
        let result = self.element(&held, self.held_kind, Next::Unknown);
        self.held = held;
        result
    }

    /// Makes the held word an element of the rest, because it is no key. The object's pairs end before it.
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

    /// Makes the open brace an object or a list.
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

    /// Restores the state around a brace that closed.
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
