//! The lexer of unselected parts. It finds the end of a brace and checks nothing else.

use super::text::is_boundary;

#[derive(Debug)]
pub(super) struct Skip {
    /// Open braces.
    depth: u64,
    lex: Lex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lex {
    /// Before a token.
    Gap,
    /// Inside a word. Quotation marks there mean nothing.
    Word,
    Comment,
    Quoted,
    Escaped,
    Variable,
    Interpolated,
}

impl Skip {
    /// Starts inside one open brace.
    pub(super) fn new() -> Self {
        Self { depth: 1, lex: Lex::Gap }
    }

    pub(super) fn is_done(&self) -> bool {
        self.depth == 0
    }

    /// Reads up to the brace that closes the first one, or to the end of the input. Returns the number of bytes read.
    pub(super) fn read(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            let found = |test: fn(u8) -> bool| rest.iter().position(|&b| test(b)).unwrap_or(rest.len());
            match self.lex {
                Lex::Gap | Lex::Word => {
                    let length = before_mark(rest);
                    at += length;
                    let starts = match length {
                        0 => self.lex == Lex::Gap,
                        // Operators and brackets are words of one byte.
                        _ => is_boundary(rest[length - 1]),
                    };
                    self.lex = if starts { Lex::Gap } else { Lex::Word };
                    let Some(&mark) = rest.get(length) else { return at };
                    at += 1;
                    self.lex = match mark {
                        b'{' => {
                            self.depth += 1;
                            Lex::Gap
                        }
                        b'}' => {
                            self.depth -= 1;
                            if self.depth == 0 {
                                return at;
                            }
                            Lex::Gap
                        }
                        b'#' => Lex::Comment,
                        b'"' if starts => Lex::Quoted,
                        b'@' if starts => Lex::Variable,
                        _ => Lex::Word,
                    };
                }
                Lex::Comment => {
                    at += found(|b| b == b'\n');
                    if at < input.len() {
                        self.lex = Lex::Gap;
                    }
                }
                Lex::Quoted => {
                    at += found(|b| b == b'"' || b == b'\\');
                    match input.get(at) {
                        None => {}
                        Some(b'"') => {
                            self.lex = Lex::Gap;
                            at += 1;
                        }
                        Some(_) => {
                            self.lex = Lex::Escaped;
                            at += 1;
                        }
                    }
                }
                Lex::Escaped => {
                    self.lex = Lex::Quoted;
                    at += 1;
                }
                Lex::Variable => self.lex = if rest[0] == b'[' { Lex::Interpolated } else { Lex::Word },
                Lex::Interpolated => {
                    at += found(|b| b == b']');
                    if at < input.len() {
                        self.lex = Lex::Gap;
                        at += 1;
                    }
                }
            }
        }
        at
    }
}

/// Bytes that are checked at once. The compiler makes a few instructions of it.
const CHUNK: usize = 16;

/// The number of bytes before the next one that can matter to a part that is skipped.
fn before_mark(bytes: &[u8]) -> usize {
    let is_mark = |&b: &u8| matches!(b, b'{' | b'}' | b'"' | b'#' | b'@');
    let mut at = 0;
    for chunk in bytes.chunks_exact(CHUNK) {
        if chunk.iter().fold(false, |found, b| found | is_mark(b)) {
            break;
        }
        at += CHUNK;
    }
    at + bytes[at..].iter().position(is_mark).unwrap_or(bytes.len() - at)
}
