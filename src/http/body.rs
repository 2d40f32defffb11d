//! The body of an answer.

use std::{
    fmt::{self, Display},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::{
    account::Account,
    conversion::{Conversion, Failure, Piece},
};

/// The body of an answer to a request whose upload is a `B`.
///
/// An error ends it: the tarball is not complete, and its reader must not take it for one.
pub struct Body<B> {
    /// Not yet given.
    ready: Bytes,
    /// What comes after it.
    conversion: Option<Box<Conversion<B>>>,
    /// Of the request, until this is the end of it.
    account: Option<Box<Account>>,
}

impl<B> Body<B> {
    pub(super) fn fixed(bytes: Bytes) -> Self {
        Self { ready: bytes, conversion: None, account: None }
    }

    /// What comes after the first piece, if that is not all.
    pub(super) fn converting(first: Piece, conversion: Conversion<B>, account: &mut Account) -> Self {
        match first {
            Piece::More(first) => Self { ready: first, conversion: Some(Box::new(conversion)), account: None },
            Piece::Last(only) => {
                account.outcome = "ok";
                Self::fixed(only)
            }
            Piece::Told(..) => unreachable!("with nothing given before it, a failure becomes the status"),
        }
    }

    /// Has the account end with the body.
    pub(super) fn accounted(mut self, mut account: Account) -> Self {
        if self.conversion.is_none() {
            account.bytes_out = self.ready.len() as u64;
        }
        self.account = Some(Box::new(account));
        self
    }
}

impl<B> Default for Body<B> {
    fn default() -> Self {
        Self::fixed(Bytes::new())
    }
}

impl<B> http_body::Body for Body<B>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let this = &mut *self;
        if this.ready.is_empty()
            && let Some(conversion) = &mut this.conversion
        {
            let polled = conversion.poll_piece(cx);
            if let Some(account) = &mut this.account {
                conversion.report(account);
                match &polled {
                    Poll::Ready(Ok(Piece::Last(_))) => account.outcome = "ok",
                    Poll::Ready(Ok(Piece::Told(_, code))) => account.outcome = code,
                    Poll::Ready(Err(failure)) => account.outcome = failure.code(),
                    _ => {}
                }
            }
            let piece = ready!(polled);
            // With the last piece, or an error, the encoder's memory is given back before the client has taken the rest.
            if !matches!(piece, Ok(Piece::More(_))) {
                this.conversion = None;
                this.account = None;
            }
            let (Piece::More(bytes) | Piece::Last(bytes) | Piece::Told(bytes, _)) = piece?;
            this.ready = bytes;
        }
        let bytes = mem::take(&mut this.ready);
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
