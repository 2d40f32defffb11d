//! The body of an answer, which is given up when its client does not read it.
//!
//! A client that leaves is noticed: the runtime drops the body. One that stays and reads nothing would keep its
//! conversion's memory for ever, and whoever waits for it.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::{AbortHandle, abortable};
use http_body::{Body as _, Frame, SizeHint};
use worker::{Delay, wasm_bindgen_futures::spawn_local};

use crate::upload::RequestBody;
use recompress_http::Body;

/// How long a client may take no piece; given up between one and two of these after the last. Long, because a slow
/// client takes many pieces at once when the buffers on the way to it, some MB, have room again.
const UNREAD: Duration = Duration::from_secs(120);

pub(crate) struct TimedBody {
    answer: Rc<RefCell<Answer>>,
    watch: AbortHandle,
}

struct Answer {
    /// None when it was given up.
    body: Option<Body<RequestBody>>,
    /// Times that the client asked for a piece.
    reads: u64,
    /// Whether it has all that it asked for, so that the next step is its own.
    served: bool,
}

impl TimedBody {
    pub(crate) fn new(body: Body<RequestBody>) -> Self {
        // What needs no more work has no memory that matters, and most answers are that short.
        let needs_watch = body.size_hint().exact().is_none();
        let answer = Rc::new(RefCell::new(Answer { body: Some(body), reads: 0, served: true }));
        let (watching, watch) = abortable(give_up_unread(Rc::downgrade(&answer)));
        if needs_watch {
            spawn_local(async {
                // Aborted with the body.
                let _ = watching.await;
            });
        }
        Self { answer, watch }
    }
}

async fn give_up_unread(answer: Weak<RefCell<Answer>>) {
    let mut reads = 0;
    // Ends with the answer.
    loop {
        Delay::from(UNREAD).await;
        let Some(answer) = answer.upgrade() else { return };
        let mut answer = answer.borrow_mut();
        if answer.served && answer.reads == reads {
            answer.body = None;
            return;
        }
        reads = answer.reads;
    }
}

impl http_body::Body for TimedBody {
    type Data = Bytes;
    type Error = String;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, String>>> {
        let mut answer = self.answer.borrow_mut();
        let Some(body) = &mut answer.body else {
            return Poll::Ready(Some(Err(format!("the answer was not read for {} s", UNREAD.as_secs()))));
        };
        let polled = Pin::new(body).poll_frame(cx);
        answer.reads += 1;
        answer.served = polled.is_ready();
        polled.map_err(|failure| failure.to_string())
    }

    fn is_end_stream(&self) -> bool {
        self.answer.borrow().body.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.borrow().body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for TimedBody {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
