//! Reads a file with an index from its front: the decoded tarball in, the members out.
//!
//! Another decoder has decoded it. Together with a [`MemberReader`](super::MemberReader) this proves that the file has one
//! content: their SHA-256 agree.

use std::borrow::Borrow;

use super::{index::Index, members::MemberEvent, tarball::Tarball};
use crate::error::StoredError;

/// Compares a decoded tarball with the index of its file.
#[derive(Debug)]
pub struct FrontReader<I>(Tarball<I>);

impl<I: Borrow<Index>> FrontReader<I> {
    /// Starts with the first byte of the tarball.
    pub fn new(index: I) -> Self {
        let members = 0..index.borrow().members.len();
        let mut tarball = Tarball::new(index, members, true, 0);
        tarball.digest();
        Self(tarball)
    }

    /// SHA-256 of the bytes so far.
    pub fn sha256(&self) -> [u8; 32] {
        self.0.sha256().expect("it is counted")
    }

    /// Takes bytes of the tarball from the front of `input`, and may write to the front of `output`, which has room. Says how
    /// many it took. After [`MemberEvent::Done`] there must be no more bytes.
    ///
    /// # Errors
    ///
    /// `two_faces` if the tarball is not what the index says.
    pub fn read(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, MemberEvent), StoredError> {
        if input.is_empty() && self.0.needs_bytes() {
            return Ok((0, MemberEvent::NeedsInput));
        }
        match self.0.read(input, output) {
            Ok((count, MemberEvent::Done)) if count < input.len() => {
                Err(StoredError::TwoFaces { problem: "the tarball is longer than the index says".to_owned() })
            }
            Err(StoredError::BadMember { name, problem }) => {
                Err(StoredError::TwoFaces { problem: format!("{name:?}: {problem}") })
            }
            Err(StoredError::BadIndex { problem }) => Err(StoredError::TwoFaces { problem: problem.to_owned() }),
            result => result,
        }
    }

    /// Ends the comparison: `by_index` is the SHA-256 of what the segments gave.
    ///
    /// # Errors
    ///
    /// `two_faces` if the tarball is shorter, or is another one.
    pub fn finish(mut self, by_index: Option<[u8; 32]>) -> Result<(), StoredError> {
        let differ = |problem: &str| Err(StoredError::TwoFaces { problem: problem.to_owned() });
        // Each call ends a part of the tarball.
        loop {
            match self.read(&[], &mut [0])?.1 {
                MemberEvent::Done => break,
                MemberEvent::NeedsInput => return differ("the tarball is shorter than the index says"),
                _ => {}
            }
        }
        if by_index != Some(self.sha256()) { differ("the segments give another tarball") } else { Ok(()) }
    }
}
