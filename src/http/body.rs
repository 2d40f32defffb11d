//! The body of an answer.

use std::{
    fmt::{self, Display},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use recompress_service::{Exchange, Failure, Piece, RequestLog};

use crate::{shared::Shared, upload::Upload};

/// The body of an answer to a request whose upload is a `B`.
///
/// An error ends it. The tarball is then incomplete, and the broken transfer tells the client so.
pub struct Body<B> {
    /// Bytes that were produced and not yet sent.
    ready: Bytes,
    /// The job that produces the rest.
    exchange: Option<Box<Exchange<Upload<Shared<B>>>>>,
    /// The request's log line; written when the body ends.
    log: Option<Box<RequestLog>>,
}

impl<B> Body<B> {
    /// A body that is complete from the start.
    pub fn fixed(bytes: Bytes) -> Self {
        Self { ready: bytes, exchange: None, log: None }
    }

    /// A body that starts with `first`; the exchange produces the rest.
    pub(crate) fn streaming(first: Piece, exchange: Exchange<Upload<Shared<B>>>, log: &mut RequestLog) -> Self {
        match first {
            Piece::More(first) => Self { ready: first, exchange: Some(Box::new(exchange)), log: None },
            Piece::Last(only) => {
                log.outcome = "ok";
                Self::fixed(only)
            }
            Piece::Told(..) => unreachable!("before the first piece a failure becomes the status"),
        }
    }

    /// Attaches the log line, which is written when the body ends.
    pub(crate) fn logged(mut self, mut log: RequestLog) -> Self {
        if self.exchange.is_none() {
            log.bytes_out = self.ready.len() as u64;
        }
        self.log = Some(Box::new(log));
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
            && let Some(exchange) = &mut this.exchange
        {
            let polled = exchange.poll_piece(cx);
            if let Some(log) = &mut this.log {
                exchange.report(log);
                log.quality_at_end = exchange.present_quality();
                match &polled {
                    Poll::Ready(Ok(Piece::Last(_))) => log.outcome = "ok",
                    Poll::Ready(Ok(Piece::Told(_, code))) => log.outcome = code,
                    Poll::Ready(Err(failure)) => log.outcome = failure.code(),
                    _ => {}
                }
            }
            let piece = ready!(polled);
            // After the last piece, or an error, the memory is free again even if the client has not read everything yet.
            if !matches!(piece, Ok(Piece::More(_))) {
                this.exchange = None;
                this.log = None;
            }
            let (Piece::More(bytes) | Piece::Last(bytes) | Piece::Told(bytes, _)) = piece?;
            this.ready = bytes;
        }
        let bytes = mem::take(&mut this.ready);
        Poll::Ready(if bytes.is_empty() { None } else { Some(Ok(Frame::data(bytes))) })
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.exchange.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.exchange {
            None => SizeHint::with_exact(self.ready.len() as u64),
            Some(_) => SizeHint::default(),
        }
    }
}

impl<B> fmt::Debug for Body<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remaining = self.exchange.as_ref().map(|_| "unknown");
        f.debug_struct("Body").field("ready", &self.ready.len()).field("remaining", &remaining).finish()
    }
}
