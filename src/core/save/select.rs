//! A selection: the parts of a save to write, given by their paths.
//!
//! A path is `/` and names with `/` between them, from the root down: `/countries/FRA/treasury`. A name is a key in its
//! JSON form. `*` is every key. In a list, names are numbers from 0. In a name, `~1` is `/` and `~0` is `~` (RFC 6901
//! §3). `/` alone is the root.
//!
//! A path selects every value at these keys, with all its content. The objects and lists on the way are written with
//! only their selected parts. A path does not lead through an operator (`a < { … }`), through a header (`rgb { … }`),
//! or into the list after an object's pairs. Such values are selected together with their owner.

use thiserror::Error;

use super::{options::Encoding, scalar};

/// The most paths in one selection.
pub const PATHS: usize = 63;

/// The longest path, in names.
pub const NAMES: usize = 64;

/// The parts of a save to write, and their form: lines or one document. The default is the whole save as one document.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    paths: Vec<Path>,
    lines: Option<Path>,
}

#[derive(Debug, Clone)]
struct Path(Vec<Name>);

#[derive(Debug, Clone)]
enum Name {
    Any,
    /// A name in its JSON form, without quotation marks.
    Is(Vec<u8>),
}

/// An invalid path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadPath {
    /// The path does not start at the root.
    #[error("the path {path:?} does not start with \"/\"")]
    Relative {
        /// The path.
        path: String,
    },
    /// The path has an empty name.
    #[error("the path {path:?} has an empty name")]
    Empty {
        /// The path.
        path: String,
    },
    /// A `~` that is neither `~0` nor `~1`.
    #[error("the path {path:?} has a \"~\" that is neither \"~0\" (~) nor \"~1\" (/)")]
    Escape {
        /// The path.
        path: String,
    },
    /// The path is too long.
    #[error("the path {path:?} has more than {limit} names")]
    TooLong {
        /// The path.
        path: String,
        /// Names.
        limit: usize,
    },
    /// The selection has too many paths.
    #[error("more than {limit} paths are selected")]
    TooMany {
        /// Paths.
        limit: usize,
    },
}

/// A set of paths, as bits.
type Paths = u64;

const WHOLE: Paths = Paths::MAX;

/// The part of a value that a selection keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    /// The paths through this value. [`WHOLE`] if a path ends here or above.
    paths: Paths,
    lines: Lines,
}

/// The position of a value relative to the parent of the lines. Each child of that parent becomes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    Above,
    Here,
    Inside,
}

impl Reach {
    pub(super) const NOTHING: Self = Self { paths: 0, lines: Lines::Inside };

    /// Whether the value is written with all its content.
    pub(super) fn is_whole(self) -> bool {
        self.paths == WHOLE && self.lines == Lines::Inside
    }

    /// Whether no part of the value is written.
    pub(super) fn is_nothing(self) -> bool {
        self.paths == 0
    }

    /// Whether the braces of an object or list are written, in addition to its content.
    pub(super) fn has_braces(self) -> bool {
        self.paths != 0 && self.lines == Lines::Inside
    }

    /// Whether each child is a line of its own.
    pub(super) fn is_lines(self) -> bool {
        self.paths != 0 && self.lines == Lines::Here
    }
}

impl Selection {
    /// Adds a path to the selection.
    ///
    /// # Errors
    ///
    /// The path is not valid, or there are too many paths.
    pub fn with_path(mut self, path: &str) -> Result<Self, BadPath> {
        if self.paths.len() == PATHS {
            return Err(BadPath::TooMany { limit: PATHS });
        }
        self.paths.push(Path::parse(path)?);
        Ok(self)
    }

    /// Writes a line for each child of the value at `path`, and nothing else.
    ///
    /// # Errors
    ///
    /// The path is not valid.
    pub fn with_lines(mut self, path: &str) -> Result<Self, BadPath> {
        self.lines = Some(Path::parse(path)?);
        Ok(self)
    }

    /// Whether the output is lines instead of one document.
    pub fn is_lines(&self) -> bool {
        self.lines.is_some()
    }

    pub(super) fn root(&self) -> Reach {
        let whole = self.paths.is_empty() || self.paths.iter().any(|path| path.0.is_empty());
        Reach {
            paths: if whole { WHOLE } else { (1 << self.paths.len()) - 1 },
            lines: match &self.lines {
                None => Lines::Inside,
                Some(path) if path.0.is_empty() => Lines::Here,
                Some(_) => Lines::Above,
            },
        }
    }

    /// The reach of the child `key` of a value at `depth`. The root is at depth 0.
    pub(super) fn child(&self, parent: Reach, depth: usize, key: &[u8]) -> Reach {
        let lines = match parent.lines {
            Lines::Here | Lines::Inside => Lines::Inside,
            Lines::Above => {
                let names = self.lines.as_ref().map_or(&[][..], |path| &path.0);
                match names.get(depth) {
                    Some(name) if name.matches(key) && names.len() == depth + 1 => Lines::Here,
                    Some(name) if name.matches(key) => Lines::Above,
                    _ => return Reach::NOTHING,
                }
            }
        };
        if parent.paths == WHOLE {
            return Reach { paths: WHOLE, lines };
        }
        let mut paths = 0;
        for (bit, path) in self.paths.iter().enumerate() {
            if parent.paths >> bit & 1 == 1 && path.0.get(depth).is_some_and(|name| name.matches(key)) {
                if path.0.len() == depth + 1 {
                    return Reach { paths: WHOLE, lines };
                }
                paths |= 1 << bit;
            }
        }
        Reach { paths, lines }
    }
}

impl Path {
    fn parse(path: &str) -> Result<Self, BadPath> {
        let Some(names) = path.strip_prefix('/') else { return Err(BadPath::Relative { path: path.into() }) };
        if names.is_empty() {
            return Ok(Self(Vec::new()));
        }
        if names.split('/').count() > NAMES {
            return Err(BadPath::TooLong { path: path.into(), limit: NAMES });
        }
        let mut parsed = Vec::new();
        for name in names.split('/') {
            parsed.push(match name {
                "" => return Err(BadPath::Empty { path: path.into() }),
                "*" => Name::Any,
                _ => match unescaped(name) {
                    Some(name) => Name::Is(name),
                    None => return Err(BadPath::Escape { path: path.into() }),
                },
            });
        }
        Ok(Self(parsed))
    }
}

/// A path's name in its JSON form, without quotation marks.
fn unescaped(name: &str) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        scalar::escaped(
            &mut text,
            match byte {
                b'~' => match bytes.next() {
                    Some(b'0') => b'~',
                    Some(b'1') => b'/',
                    _ => return None,
                },
                byte => byte,
            },
        );
    }
    Some(text)
}

impl Name {
    fn matches(&self, key: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Is(name) => name == key,
        }
    }
}

/// A key in its JSON form, without quotation marks. Returns `key` itself if the form is the same.
pub(super) fn key_text<'a>(key: &'a [u8], encoding: Encoding, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    if scalar::is_plain(key) {
        return key;
    }
    scratch.clear();
    scalar::inner(scratch, key, encoding);
    scratch
}
