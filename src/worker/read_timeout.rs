//! The body of an answer with a timeout for clients that stop reading.
//!
//! The runtime drops the body when a client disconnects. A client that stays connected and reads nothing would hold its
//! memory forever.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{
    Stream,
    future::{AbortHandle, abortable},
};
use http_body::Body as _;
use worker::{Delay, wasm_bindgen_futures::spawn_local};

use crate::upload::RequestBody;
use recompress_http::Body;

/// Drop a client that reads nothing for this long (in practice 1–2×). Long, because the buffers on the way to a slow client
/// hold some MB: it then reads many pieces at once, after a long pause.
const UNREAD: Duration = Duration::from_secs(120);

pub(crate) struct TimedBody {
    answer: Rc<RefCell<Answer>>,
    watch: AbortHandle,
}

struct Answer {
    /// None after the timeout.
    body: Option<Body<RequestBody>>,
    /// Times that the client asked for a piece.
    reads: u64,
    /// Whether every requested piece was delivered, so that the client has to act next.
    served: bool,
}

impl TimedBody {
    pub(crate) fn new(body: Body<RequestBody>) -> Self {
        let needs_watch = body.holds_memory();
        let answer = Rc::new(RefCell::new(Answer { body: Some(body), reads: 0, served: true }));
        let (watching, watch) = abortable(give_up_unread(Rc::downgrade(&answer)));
        if needs_watch {
            spawn_local(async {
                // `Drop` of the body aborts it.
                let _ = watching.await;
            });
        }
        Self { answer, watch }
    }
}

async fn give_up_unread(answer: Weak<RefCell<Answer>>) {
    let mut reads = 0;
    // Ends when the answer is dropped.
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

impl Stream for TimedBody {
    /// The error is `code: message`. The caller of a service binding gets it.
    type Item = Result<Bytes, worker::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut answer = self.answer.borrow_mut();
        let Some(body) = &mut answer.body else {
            let reason = format!("unread: the client read nothing for {} s", UNREAD.as_secs());
            return Poll::Ready(Some(Err(reason.into())));
        };
        let polled = Pin::new(body).poll_frame(cx);
        answer.reads += 1;
        answer.served = polled.is_ready();
        polled.map(|frame| match frame? {
            Ok(frame) => frame.into_data().ok().map(Ok),
            Err(failure) => Some(Err(format!("{}: {failure}", failure.code()).into())),
        })
    }
}

impl Drop for TimedBody {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
