//! A request's body with two handles: one reads the archive, the other reads on after a refusal.

use std::{
    fmt::Display,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use recompress_service::{Sleep, store::Later};

use crate::archives::Toll;

/// Bounds of the upload that is discarded before a refusal: bytes, time in all, and time without a byte.
const DISCARDED_BYTES: u64 = 64 << 20;
const DISCARDING: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(1);

pub(crate) struct Shared<B>(Arc<Mutex<Reading<B>>>);

struct Reading<B> {
    body: B,
    /// Whether the body was ever asked for a frame.
    has_begun: bool,
    /// Whether it gave its end or an error: it must not be asked again.
    has_ended: bool,
    /// Bytes that it gave.
    received: u64,
    /// It is paid before more is received.
    toll: Option<Toll>,
}

impl<B> Clone for Shared<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> Shared<B>
where
    B: Body<Data = Bytes, Error: Display> + Unpin,
{
    pub(crate) fn new(body: B) -> Self {
        Self(Arc::new(Mutex::new(Reading { body, has_begun: false, has_ended: false, received: 0, toll: None })))
    }

    /// From now on, this is paid before more is received.
    pub(crate) fn demand(&self, toll: Toll) {
        self.lock().toll = Some(toll);
    }

    /// Settles the toll. It is not paid for bytes that are received later.
    pub(crate) fn settle(&self) -> Option<Later<'static, ()>> {
        let mut reading = self.lock();
        let received = reading.received;
        reading.toll.take()?.settle(received)
    }

    /// Reads on and discards, so that a refusal reaches its client: many clients read no answer while they send, and a
    /// connection that is closed on unread bytes loses its answer. Bounded in bytes and time.
    ///
    /// A client that `waits` for a 100 (RFC 9110 §10.1.1) has sent nothing if nothing was read, and reads the refusal at once.
    pub(crate) async fn discard(mut self, waits: bool, sleep: Option<Sleep>) {
        let Some(sleep) = sleep else { return };
        let (has_begun, has_ended) = {
            let reading = self.lock();
            (reading.has_begun, reading.has_ended || reading.body.is_end_stream())
        };
        if has_ended || waits && !has_begun {
            return;
        }
        let mut left = DISCARDED_BYTES;
        let mut all = pin!(sleep(DISCARDING));
        // Ends with the upload, with the bytes, or with one of the timers.
        while left > 0 {
            let mut silence = pin!(sleep(SILENCE));
            let read = poll_fn(|cx| match Pin::new(&mut self).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(frame.data_ref().map_or(0, Bytes::len))),
                Poll::Ready(_) => Poll::Ready(None),
                Poll::Pending if all.as_mut().poll(cx).is_ready() || silence.as_mut().poll(cx).is_ready() => {
                    Poll::Ready(None)
                }
                Poll::Pending => Poll::Pending,
            });
            let Some(bytes) = read.await else { return };
            // An empty frame counts, too: a body of nothing else must end.
            left = left.saturating_sub(bytes.max(1) as u64);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Reading<B>> {
        self.0.lock().expect("nothing panics while it reads a body")
    }
}

impl<B> Body for Shared<B>
where
    B: Body<Data = Bytes, Error: Display> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut reading = self.lock();
        let received = reading.received;
        if let Some(toll) = &mut reading.toll {
            ready!(toll.poll(received, cx));
        }
        reading.has_begun = true;
        let frame = Pin::new(&mut reading.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            reading.received += frame.data_ref().map_or(0, Bytes::len) as u64;
        }
        reading.has_ended = matches!(frame, Poll::Ready(None | Some(Err(_))));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.lock().body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::ready, task::Waker};

    use super::*;

    /// Gives `frames` frames of 1 MiB, then ends, or stalls.
    struct Upload {
        frames: usize,
        stalls: bool,
    }

    impl Body for Upload {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.frames {
                0 if self.stalls => Poll::Pending,
                0 => Poll::Ready(None),
                _ => {
                    self.frames -= 1;
                    Poll::Ready(Some(Ok(Frame::data(vec![0; 1 << 20].into()))))
                }
            }
        }
    }

    /// Frames that are left, if the discarding ends without a wait.
    fn left_of(frames: usize, stalls: bool, waits: bool, sleep: Sleep) -> Option<usize> {
        let shared = Shared::new(Upload { frames, stalls });
        let mut discarding = pin!(shared.clone().discard(waits, Some(sleep)));
        let ended = discarding.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        ended.then(|| shared.lock().body.frames)
    }

    const NEVER: Sleep = |_| Box::pin(std::future::pending());
    const AT_ONCE: Sleep = |_| Box::pin(ready(()));

    #[test]
    fn the_rest_of_an_upload_is_read_up_to_a_bound() {
        assert_eq!(left_of(10, false, false, NEVER), Some(0));
        assert_eq!(left_of(100, false, false, NEVER), Some(100 - 64));
    }

    #[test]
    fn a_silent_upload_ends_with_the_timer_and_not_before() {
        assert_eq!(left_of(3, true, false, AT_ONCE), Some(0));
        assert_eq!(left_of(3, true, false, NEVER), None);
    }

    #[test]
    fn a_body_that_has_ended_is_not_asked_again() {
        let mut shared = Shared::new(Upload { frames: 0, stalls: false });
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(Pin::new(&mut shared).poll_frame(&mut cx), Poll::Ready(None)));
        // A body that was asked again would take this frame.
        shared.lock().body.frames = 1;
        assert!(pin!(shared.clone().discard(false, Some(NEVER))).poll(&mut cx).is_ready());
        assert_eq!(shared.lock().body.frames, 1);
    }

    #[test]
    fn a_client_that_waits_for_a_100_is_not_asked_to_send() {
        assert_eq!(left_of(3, false, true, NEVER), Some(3));
    }
}
