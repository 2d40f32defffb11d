//! The body of an answer.

use std::{
    fmt::{self, Display},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use recompress_service::{
    Answer, Exchange, Failure, Held, RequestLog,
    store::{Contents, StoreError},
};

use crate::{shared::Shared, upload::Upload};

/// The job of an answer that has begun: a future that converts the rest into the body's outbox.
pub(crate) type Job<B> = Exchange<Upload<Shared<B>>>;

/// The body of an answer to a request whose upload is a `B`.
///
/// An error ends it. The tarball is then incomplete, and the broken transfer tells the client so.
pub struct Body<B> {
    content: Content<B>,
    /// The request's log line; written when the body ends.
    log: Option<Box<RequestLog>>,
    /// Memory of the pool for a large document.
    held: Option<Held>,
}

enum Content<B> {
    Fixed(Bytes),
    /// A result, and its job unless a shell took it.
    Result(Answer, Option<Box<Job<B>>>),
    /// Bytes as they are stored.
    Stored(Box<Stored>),
}

/// Bytes from a store, between others.
struct Stored {
    before: Bytes,
    contents: Contents,
    after: Bytes,
    /// Bytes of the contents that are to come.
    left: u64,
}

impl<B> Body<B>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    /// A body that takes the pieces of `answer`.
    pub(crate) fn streaming(answer: Answer, job: Job<B>) -> Self {
        Self { content: Content::Result(answer, Some(Box::new(job))), log: None, held: None }
    }

    /// Takes the job, to poll it as a task of its own: it then goes on while nobody reads the body. Else the body polls it.
    pub fn take_job(&mut self) -> Option<impl Future<Output = ()> + use<B>> {
        match &mut self.content {
            Content::Result(_, job) => job.take(),
            Content::Fixed(_) | Content::Stored(_) => None,
        }
    }
}

impl<B> Body<B> {
    /// A body that is complete from the start.
    pub fn fixed(bytes: Bytes) -> Self {
        Self { content: Content::Fixed(bytes), log: None, held: None }
    }

    /// `length` bytes from a store, between `before` and `after`.
    pub(crate) fn stored(before: Bytes, contents: Contents, length: u64, after: Bytes) -> Self {
        let stored = Stored { before, contents, after, left: length };
        Self { content: Content::Stored(Box::new(stored)), log: None, held: None }
    }

    /// Keeps memory of the pool until the body ends.
    pub(crate) fn holding(mut self, held: Held) -> Self {
        self.held = Some(held);
        self
    }

    /// Whether it holds memory of the pool.
    pub fn holds_memory(&self) -> bool {
        matches!(self.content, Content::Result(..))
    }

    /// Attaches the log line, which is written when the body ends.
    pub(crate) fn logged(mut self, mut log: RequestLog) -> Self {
        if let Content::Fixed(bytes) = &self.content {
            log.bytes_out = bytes.len() as u64;
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
        let Self { content, log, held } = &mut *self;
        let (answer, job) = match content {
            Content::Fixed(bytes) if bytes.is_empty() => {
                *held = None;
                return Poll::Ready(None);
            }
            Content::Fixed(bytes) => return Poll::Ready(Some(Ok(Frame::data(mem::take(bytes))))),
            Content::Stored(stored) => {
                let piece = ready!(stored.poll_next(cx));
                if let Some(log) = log {
                    match &piece {
                        Some(Ok(piece)) => log.bytes_out += piece.len() as u64,
                        Some(Err(failure)) => log.outcome = failure.code(),
                        None => log.outcome = "ok",
                    }
                }
                if !matches!(piece, Some(Ok(_))) {
                    *content = Content::Fixed(Bytes::new());
                    *log = None;
                }
                return Poll::Ready(piece.map(|piece| piece.map(Frame::data)));
            }
            Content::Result(answer, job) => (answer, job),
        };
        if job.as_mut().is_some_and(|job| Pin::new(job).poll(cx).is_ready()) {
            *job = None;
        }
        let piece = ready!(answer.poll_next(cx));
        if let Some(log) = log {
            answer.report(log);
            if let Some(Err(failure)) = &piece {
                log.outcome = failure.code();
            }
        }
        // At the end the memory is free again, and the line is written.
        if !matches!(piece, Some(Ok(_))) || answer.is_at_end() {
            *content = Content::Fixed(Bytes::new());
            *log = None;
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Fixed(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Result(answer, _) => answer.rest().map(SizeHint::with_exact).unwrap_or_default(),
            Content::Stored(stored) => {
                let Stored { before, after, left, .. } = &**stored;
                SizeHint::with_exact((before.len() + after.len()) as u64 + left)
            }
        }
    }
}

impl Stored {
    /// The next piece that is not empty. The contents end with their length, neither before nor after it.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        if !self.before.is_empty() {
            return Poll::Ready(Some(Ok(mem::take(&mut self.before))));
        }
        // Ends with the contents.
        while self.left > 0 {
            let failure = match ready!(self.contents.as_mut().poll_next(cx)) {
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(piece)) if piece.len() as u64 <= self.left => {
                    self.left -= piece.len() as u64;
                    return Poll::Ready(Some(Ok(piece)));
                }
                Some(Ok(_)) => StoreError::Failed("more bytes came than were asked for".to_owned()),
                Some(Err(error)) => error,
                None => StoreError::Failed(format!("{} bytes are missing", self.left)),
            };
            return Poll::Ready(Some(Err(failure.into())));
        }
        let after = mem::take(&mut self.after);
        Poll::Ready(if after.is_empty() { None } else { Some(Ok(after)) })
    }
}

impl<B> Drop for Body<B> {
    fn drop(&mut self) {
        if let (Content::Result(answer, _), Some(log)) = (&self.content, &mut self.log) {
            answer.report(log);
        }
    }
}

impl<B> fmt::Debug for Body<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("holds_memory", &self.holds_memory()).finish_non_exhaustive()
    }
}
