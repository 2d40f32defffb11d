//! The lexer of unselected parts. It finds the end of a brace and checks nothing else.

use super::text::{is_boundary, is_space};

#[derive(Debug)]
pub(super) struct Skip {
    /// Open braces.
    depth: u64,
    lex: Lex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lex {
    Gap,
    Comment,
    /// A word. Quotation marks inside it mean nothing.
    Word,
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
                Lex::Gap => {
                    at += 1;
                    match rest[0] {
                        b'{' => self.depth += 1,
                        b'}' => {
                            self.depth -= 1;
                            if self.depth == 0 {
                                return at;
                            }
                        }
                        b'"' => self.lex = Lex::Quoted,
                        b'#' => self.lex = Lex::Comment,
                        b'@' => self.lex = Lex::Variable,
                        byte if is_space(byte) => {}
                        // Operators and brackets are words of one byte.
                        byte if is_boundary(byte) => {}
                        _ => self.lex = Lex::Word,
                    }
                }
                Lex::Word => {
                    at += found(is_boundary);
                    if at < input.len() {
                        self.lex = Lex::Gap;
                    }
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
