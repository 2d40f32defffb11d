//! The body of a request, whose sender may not keep it waiting for ever.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

pub struct Upload {
    body: Incoming,
    idle: Duration,
    /// Runs while a read waits.
    over: Pin<Box<Sleep>>,
    waits: bool,
}

/// Why there is no more of an upload.
#[derive(Debug)]
pub enum Broken {
    Connection(hyper::Error),
    Stalled(Duration),
}

impl Upload {
    pub fn new(body: Incoming, idle: Duration) -> Self {
        Self { body, idle, over: Box::pin(sleep(idle)), waits: false }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.waits = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(Broken::Connection)));
        }
        if !this.waits {
            this.waits = true;
            this.over.as_mut().reset(Instant::now() + this.idle);
        }
        this.over.as_mut().poll(cx).map(|()| Some(Err(Broken::Stalled(this.idle))))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Stalled(idle) => write!(f, "nothing came for {} s", idle.as_secs_f64()),
        }
    }
}
