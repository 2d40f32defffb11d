//! A decoder for one segment of a stream, which must mean the same alone and in its stream.
//!
//! A copy from before the segment's start is a word of the static dictionary to a decoder that sees the segment alone, and a
//! valid copy to one that has read what precedes it. A crafted file could so have two contents. This decoder refuses all that
//! depends on what precedes the segment: such copies, the last distances of others, and the first two literals where their
//! contexts matter. It knows no dictionary.

mod code;
mod fault;
mod header;
mod input;
mod text;
mod window;

pub use self::fault::Fault;
use self::{
    header::{Codes, CodesReader, Kind, Read},
    input::Input,
    text::{Part, Source, Text},
    window::Window,
};
use crate::contract::OutOfMemory;

/// Bytes that one call takes or gives at most.
const SHARE: usize = 64 << 10;

/// The memory of the codes of one meta-block is less than this.
const CODES_BYTES: u64 = 2 << 20;

/// How the bytes of a decoder begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// With a stream's header. The stream ends by itself.
    Stream,
    /// With a segment, at a whole byte of a stream. It ends with the input; nothing in it ends the stream.
    Segment,
}

/// The result of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes taken from the front of the input.
    pub consumed: usize,
    /// Bytes written to the front of the output.
    pub produced: usize,
    /// All is decoded.
    pub finished: bool,
}

/// Decodes one stream, or a segment and those that continue it.
#[derive(Debug)]
pub struct Decoder {
    input: Input,
    text: Text,
    stage: Stage,
    /// The stream ends after this meta-block.
    last: bool,
    origin: Origin,
    /// Base-2 logarithm of the window, or of the largest one that a stream may have.
    lgwin: u8,
    /// Bytes of the whole output at most.
    expected: u64,
}

#[derive(Debug)]
enum Stage {
    Window,
    Kind,
    Metadata,
    Plain,
    Head(Box<CodesReader>),
    Commands(Box<Codes>, Part),
    End,
    Failed(Fault),
}

impl Decoder {
    /// Memory that a decoder takes in all, in bytes.
    pub fn memory_bytes(lgwin: u8, expected: u64) -> u64 {
        Window::bytes(lgwin, expected) as u64 + CODES_BYTES
    }

    /// A decoder of at most `expected` bytes. `lgwin` is the base-2 logarithm of a segment's window, or of the largest that a
    /// stream may have; 10 to 24.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub fn new(origin: Origin, lgwin: u8, expected: u64) -> Result<Self, OutOfMemory> {
        debug_assert!((10..=24).contains(&lgwin));
        let window = Window::new(lgwin, expected).ok_or_else(|| OutOfMemory(Self::memory_bytes(lgwin, expected)))?;
        let stage = if origin == Origin::Stream { Stage::Window } else { Stage::Kind };
        Ok(Self {
            input: Input::default(),
            text: Text::new(window, origin, lgwin),
            stage,
            last: false,
            origin,
            lgwin,
            expected,
        })
    }

    /// Takes bytes from the front of `input` and writes to the front of `output`. Does a bounded amount of work. `ended` says that
    /// no more input follows; offer what is left of it again.
    ///
    /// # Errors
    ///
    /// The first fault, then and in every later call.
    pub fn decode(&mut self, input: &[u8], ended: bool, output: &mut [u8]) -> Result<Decoded, Fault> {
        let mut rest = &input[..input.len().min(SHARE)];
        let (given, ended) = (rest.len(), ended && rest.len() == input.len());
        let before = self.text.window.total();
        let room = output.len().min(SHARE) as u64;
        let fault = match self.run(&mut rest, ended, before + room) {
            // What follows the end reads as zeros, which mean anything.
            _ if self.input.is_short() => Fault::Truncated,
            Ok(()) if self.text.window.total() <= self.expected => {
                let produced = (self.text.window.total() - before) as usize;
                self.text.window.last(&mut output[..produced]);
                return Ok(Decoded {
                    consumed: given - rest.len(),
                    produced,
                    finished: matches!(self.stage, Stage::End),
                });
            }
            Ok(()) => Fault::Invalid("it has more bytes than it should"),
            Err(fault) => fault,
        };
        self.stage = Stage::Failed(fault);
        Err(fault)
    }

    /// Goes on with a segment that continues the one which has ended.
    pub fn resume(&mut self) {
        debug_assert!(matches!(self.stage, Stage::End) && self.origin == Origin::Segment);
        self.stage = Stage::Kind;
    }

    /// Works until the input is used up, or the output has `end` bytes.
    fn run(&mut self, input: &mut &[u8], ended: bool, end: u64) -> Result<(), Fault> {
        while !self.input.is_short() {
            let is_ready = self.input.fill(input) || ended;
            match &mut self.stage {
                Stage::Window | Stage::Kind | Stage::Head(_) if !is_ready => return Ok(()),
                Stage::Window => {
                    let lgwin = header::window(&mut self.input)?;
                    if lgwin > self.lgwin {
                        return Err(Fault::Invalid("its window is too large"));
                    }
                    self.text.reach = header::reach(lgwin);
                    self.stage = Stage::Kind;
                }
                Stage::Kind => {
                    if ended && self.origin == Origin::Segment && self.input.is_empty() {
                        self.stage = Stage::End;
                        continue;
                    }
                    let (kind, last) = header::kind(&mut self.input)?;
                    if last && self.origin == Origin::Segment {
                        return Err(Fault::Invalid("it ends the stream"));
                    }
                    self.last = last;
                    (self.stage, self.text.left) = match kind {
                        Kind::End => (self.ended()?, 0),
                        Kind::Metadata(length) => (Stage::Metadata, length),
                        Kind::Plain(length) => (Stage::Plain, length),
                        Kind::Compressed(length) => (Stage::Head(Box::new(CodesReader::new())), length),
                    };
                }
                Stage::Metadata | Stage::Plain => {
                    let is_plain = matches!(self.stage, Stage::Plain);
                    let room = if is_plain { (end - self.text.window.total()) as usize } else { usize::MAX };
                    let bytes = self.input.bytes(input, self.text.left.min(room));
                    let count = bytes.ready + bytes.rest.len();
                    if is_plain {
                        self.text.window.extend(&bytes.first[..bytes.ready]);
                        self.text.window.extend(bytes.rest);
                    }
                    self.text.left -= count;
                    if self.text.left == 0 {
                        self.stage = Stage::Kind;
                    } else if room > 0 && count == 0 {
                        return if ended { Err(Fault::Truncated) } else { Ok(()) };
                    } else if room == count {
                        return Ok(());
                    }
                }
                Stage::Head(_) => {
                    let Stage::Head(reader) = std::mem::replace(&mut self.stage, Stage::Kind) else {
                        unreachable!("as above")
                    };
                    self.stage = match reader.read(&mut self.input)? {
                        Read::Going(reader) => Stage::Head(reader),
                        Read::Complete(codes) => Stage::Commands(codes, Part::Lengths),
                    };
                }
                Stage::Commands(codes, part) => {
                    let mut source = Source { bits: &mut self.input, input, ended };
                    if !self.text.commands(codes, part, &mut source, end)? {
                        return Ok(());
                    }
                    self.stage = if self.last { self.ended()? } else { Stage::Kind };
                }
                Stage::End if self.input.is_empty() && input.is_empty() => return Ok(()),
                Stage::End => return Err(Fault::Invalid("more follows its end")),
                Stage::Failed(fault) => return Err(*fault),
            }
        }
        Ok(())
    }

    fn ended(&mut self) -> Result<Stage, Fault> {
        header::aligned(&mut self.input)?;
        Ok(Stage::End)
    }
}
