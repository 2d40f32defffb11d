//! The source of a job: the bytes of an upload, read ahead first, then live.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use futures::Stream;
use recompress::{Contents, Directory, Error, Limits, Names, SMALL_ARCHIVE_BYTES};

use crate::{
    admission::Place,
    failure::{Failure, UploadError},
    read_ahead::ReadAhead,
};

/// Most bytes of a larger archive that are read ahead. With less than most saves have, a slow upload would hold an encoder;
/// more would delay the first byte of the answer.
const READ_AHEAD: u64 = 6 << 20;

/// The bytes of an upload.
pub struct Source<S> {
    upload: S,
    /// Whether the upload gave its end: it must not be asked again.
    has_ended: bool,
    ahead: ReadAhead,
    /// The rest of a frame that found no room in the read-ahead.
    next: Bytes,
    /// The upload's declared length.
    declared: Option<u64>,
    received: u64,
}

/// Why the read-ahead stops.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    Ended,
    Full,
    NoRoom,
}

impl<S> Source<S>
where
    S: Stream<Item = Result<Bytes, UploadError>> + Unpin,
{
    pub fn new(upload: S, declared: Option<u64>) -> Self {
        Self { upload, has_ended: false, ahead: ReadAhead::default(), next: Bytes::new(), declared, received: 0 }
    }

    /// Bytes received in all.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether the archive is small, as far as is known. The declared length of a form is more than its archive has.
    pub fn is_small(&self) -> bool {
        let declared = self.declared.filter(|_| !self.has_ended).unwrap_or(0);
        declared.max(self.received) <= SMALL_ARCHIVE_BYTES
    }

    /// Whether the archive is certain not to be small.
    pub fn is_surely_large(&self) -> bool {
        self.received > SMALL_ARCHIVE_BYTES
    }

    /// Whether the client has sent everything.
    pub fn is_received(&self) -> bool {
        self.has_ended || self.declared == Some(self.received)
    }

    /// The first bytes of the read-ahead, if there are enough to tell an archive from other data.
    pub fn start(&self) -> Option<&[u8]> {
        self.ahead.start()
    }

    /// Bytes of the read-ahead.
    pub fn ahead(&self) -> u64 {
        self.ahead.len()
    }

    /// The contents of an archive that was read ahead as a whole.
    pub fn contents(&self) -> Option<Contents> {
        self.ahead.contents()
    }

    /// The directory of an archive that was read ahead as a whole; `None` if it was not found.
    pub fn directory(&self, limits: Limits, names: Names) -> Result<Option<Directory>, Error> {
        self.ahead.directory(limits, names)
    }

    /// Reads ahead a frame's worth: pending while the client is waited for, `None` if it can go on.
    pub fn poll_ahead(
        &mut self,
        cx: &mut Context<'_>,
        place: &Place,
        pool_waker: &Waker,
    ) -> Poll<Result<Option<Stop>, Failure>> {
        if self.has_ended && self.next.is_empty() {
            return Poll::Ready(Ok(Some(Stop::Ended)));
        }
        if self.ahead.len() >= READ_AHEAD {
            return Poll::Ready(Ok(Some(Stop::Full)));
        }
        if !self.ahead.has_room(place, pool_waker) {
            return Poll::Ready(Ok(Some(Stop::NoRoom)));
        }
        if self.next.is_empty() {
            self.next = ready!(self.poll_upload(cx))?;
        }
        self.ahead.store(&mut self.next);
        Poll::Ready(Ok(None))
    }

    /// The next frame for the job: of the read-ahead, then of the upload. An empty one is the end. The room of the read-ahead is
    /// given back to `place`, or kept for the result.
    pub fn poll_next(&mut self, cx: &mut Context<'_>, place: &Place, keeps: bool) -> Poll<Result<Bytes, Failure>> {
        match self.ahead.take(place, keeps) {
            Some(block) => Poll::Ready(Ok(block)),
            None if !self.next.is_empty() => Poll::Ready(Ok(mem::take(&mut self.next))),
            None => self.poll_upload(cx),
        }
    }

    /// Reads on and discards until the upload ends.
    pub fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.clear();
        // Ends with the upload, which takes no longer than its client's patience.
        while !self.has_ended {
            if ready!(self.poll_upload(cx)).is_err() {
                break;
            }
        }
        Poll::Ready(())
    }

    /// Drops the bytes that are here.
    pub fn clear(&mut self) {
        (self.ahead, self.next) = (ReadAhead::default(), Bytes::new());
    }

    /// Waits for a frame that is not empty, or for the end.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Failure>> {
        while !self.has_ended {
            let frame = match ready!(Pin::new(&mut self.upload).poll_next(cx)) {
                Some(Ok(frame)) if frame.is_empty() => continue,
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Err(Failure::of_upload(error, self.received))),
                None => break,
            };
            self.received += frame.len() as u64;
            if let Some(declared) = self.declared.filter(|declared| self.received > *declared) {
                let reason = format!("it is longer than the {declared} bytes that its Content-Length says");
                return Poll::Ready(Err(Failure::Upload { received: self.received, reason }));
            }
            return Poll::Ready(Ok(frame));
        }
        self.has_ended = true;
        Poll::Ready(Ok(Bytes::new()))
    }
}
