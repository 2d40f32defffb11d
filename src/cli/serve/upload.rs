//! The body of a request, with a timeout for senders that stop.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use tokio::{
    runtime::Handle,
    time::{Instant, Sleep, sleep, timeout},
};

/// If it is dropped early, a task reads on and discards for a while. Closing the connection on a client that still sends
/// would lose the answer.
pub struct UploadBody {
    /// `Some` until it is dropped.
    body: Option<Incoming>,
    idle: Duration,
    /// Runs while a read is pending.
    over: Pin<Box<Sleep>>,
    waits: bool,
}

/// How long the discarding lasts.
const LINGER: Duration = Duration::from_secs(5);

/// Why an upload ended early.
#[derive(Debug)]
pub enum UploadBroken {
    Connection(hyper::Error),
    Stalled(Duration),
}

impl UploadBody {
    pub fn new(body: Incoming, idle: Duration) -> Self {
        Self { body: Some(body), idle, over: Box::pin(sleep(idle)), waits: false }
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = UploadBroken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadBroken>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(this.body.as_mut().expect("it is not dropped")).poll_frame(cx) {
            this.waits = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(UploadBroken::Connection)));
        }
        if !this.waits {
            this.waits = true;
            this.over.as_mut().reset(Instant::now() + this.idle);
        }
        this.over.as_mut().poll(cx).map(|()| Some(Err(UploadBroken::Stalled(this.idle))))
    }
}

impl Drop for UploadBody {
    fn drop(&mut self) {
        let body = self.body.take().filter(|body| !body.is_end_stream());
        // At the end of the process there is no runtime.
        if let (Some(mut body), Ok(runtime)) = (body, Handle::try_current()) {
            runtime.spawn(timeout(LINGER, async move {
                // Ends with the upload or the connection.
                while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {}
            }));
        }
    }
}

impl fmt::Display for UploadBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Stalled(idle) => write!(f, "nothing came for {} s", idle.as_secs_f64()),
        }
    }
}
