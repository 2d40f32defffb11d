//! A tarball that is read from its front: one without an index, or one whose index is compared with it.

use std::io::{self, Read};

use recompress::{
    Limits, StoredError, TarEvent, TarReader,
    seekable::{FrontReader, Index, MemberEvent},
};

use super::{Visit, Wanted};
use crate::CommandError;

const BUFFER: usize = 64 << 10;

/// Shows the wanted members of a `.tar.br` or of a `.tar`, in their order, and reads it to its end.
pub fn read(file: impl Read, wanted: &Wanted, visit: &mut dyn Visit) -> Result<(), CommandError> {
    let mut pieces = Pieces::new(file)?;
    let mut reader = TarReader::new(Limits::NATIVE);
    let mut room = vec![0; BUFFER];
    let mut is_wanted = false;
    loop {
        let (taken, event) = reader.read(pieces.unread(), pieces.ended, &mut room)?;
        pieces.take(taken);
        match event {
            TarEvent::NeedsInput => pieces.next()?,
            TarEvent::Begin(entry) => {
                is_wanted = wanted.has(&entry.name);
                if is_wanted {
                    visit.begin(&entry)?;
                }
            }
            TarEvent::Contents(count) if is_wanted => visit.contents(&room[..count])?,
            TarEvent::End if is_wanted => visit.end()?,
            TarEvent::Working | TarEvent::Contents(_) | TarEvent::End => {}
            TarEvent::Done => return Ok(()),
        }
    }
}

/// Compares the tarball in a file with its index, and with the SHA-256 of what the segments gave.
pub fn compare(file: impl Read, index: &Index, by_index: Option<[u8; 32]>) -> Result<(), CommandError> {
    let mut pieces = Pieces::new(file)?;
    let mut reader = FrontReader::new(index);
    let mut room = vec![0; BUFFER];
    while !pieces.ended {
        let (taken, event) = reader.read(pieces.unread(), &mut room)?;
        pieces.take(taken);
        if matches!(event, MemberEvent::NeedsInput | MemberEvent::Done) {
            pieces.next()?;
        }
    }
    Ok(reader.finish(by_index)?)
}

/// The tarball in a file, decompressed if it is compressed, piece by piece.
struct Pieces<'a> {
    tarball: Box<dyn Read + 'a>,
    piece: Vec<u8>,
    length: usize,
    taken: usize,
    /// Nothing follows the present piece, which is empty then.
    ended: bool,
}

impl<'a> Pieces<'a> {
    fn new(mut file: impl Read + 'a) -> Result<Self, CommandError> {
        let mut start = Vec::new();
        file.by_ref().take(TarReader::START as u64).read_to_end(&mut start).map_err(damaged)?;
        let is_tar = TarReader::recognizes(&start);
        let file = io::Cursor::new(start).chain(file);
        let tarball: Box<dyn Read> =
            if is_tar { Box::new(file) } else { Box::new(brotli_decompressor::Decompressor::new(file, BUFFER)) };
        Ok(Self { tarball, piece: vec![0; BUFFER], length: 0, taken: 0, ended: false })
    }

    fn unread(&self) -> &[u8] {
        &self.piece[self.taken..self.length]
    }

    fn take(&mut self, count: usize) {
        self.taken += count;
    }

    fn next(&mut self) -> Result<(), CommandError> {
        self.length = self.tarball.read(&mut self.piece).map_err(damaged)?;
        self.taken = 0;
        self.ended = self.length == 0;
        Ok(())
    }
}

fn damaged(error: io::Error) -> CommandError {
    let code = StoredError::BadTar { problem: "" }.code();
    CommandError(code, format!("the archive cannot be read: {error}"))
}
