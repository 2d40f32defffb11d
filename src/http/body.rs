//! The body of an answer.

use std::{
    fmt::{self, Display},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::conversion::{Conversion, Failure, Piece};

/// The body of an answer to a request whose upload is a `B`.
///
/// An error ends it: the tarball is not complete, and its reader must not take it for one.
pub struct Body<B> {
    /// Not yet given.
    ready: Bytes,
    /// What comes after it.
    conversion: Option<Box<Conversion<B>>>,
}

impl<B> Body<B> {
    pub(super) fn empty() -> Self {
        Self::fixed(Bytes::new())
    }

    pub(super) fn fixed(bytes: Bytes) -> Self {
        Self { ready: bytes, conversion: None }
    }

    pub(super) fn converting(first: Bytes, conversion: Conversion<B>) -> Self {
        Self { ready: first, conversion: Some(Box::new(conversion)) }
    }
}

impl<B> Default for Body<B> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<B> http_body::Body for Body<B>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        if self.ready.is_empty()
            && let Some(conversion) = &mut self.conversion
        {
            let piece = ready!(conversion.poll_piece(cx));
            // With the last piece, or an error, the encoder's memory is given back before the client has taken the rest.
            if !matches!(piece, Ok(Piece::More(_))) {
                self.conversion = None;
            }
            let (Piece::More(bytes) | Piece::Last(bytes)) = piece?;
            self.ready = bytes;
        }
        let bytes = mem::take(&mut self.ready);
        Poll::Ready(if bytes.is_empty() { None } else { Some(Ok(Frame::data(bytes))) })
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.conversion.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.conversion {
            None => SizeHint::with_exact(self.ready.len() as u64),
            Some(_) => SizeHint::default(),
        }
    }
}

impl<B> fmt::Debug for Body<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remaining = self.conversion.as_ref().map(|_| "unknown");
        f.debug_struct("Body").field("ready", &self.ready.len()).field("remaining", &remaining).finish()
    }
}
