//! Storing: a result on its way into a store, and memory for what is read from one.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Poll, Waker},
};

use bytes::Bytes;
use futures::Stream;
use recompress::Summary;

use crate::{
    admission::{Part, Place},
    exchange::{Exchange, MOST_WAITS, Terms},
    failure::{Failure, UploadError},
    outbox::Answer,
    platform::Timer,
    store::{PART_BYTES, Parts, Store},
};

/// Buffers of a large result: a part that is filled, and a copy of it that the platform sends.
const BUFFERS: u64 = 2 * PART_BYTES as u64;

/// Where a result goes, and how large it may be.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The key of the object. Nothing has it yet.
    pub key: &'a str,
    /// Most bytes of the object.
    pub most_bytes: u64,
    /// Most bytes of the upload.
    pub most_received: u64,
}

/// Converts on and writes `answer` to the target, which then has the whole result or nothing. Gives its length, and the summary of
/// the conversion.
///
/// # Errors
///
/// The failure of the conversion, of the store, or of a limit. What was written is given up.
pub async fn store<S>(
    mut job: Exchange<S>,
    answer: &Answer,
    target: Target<'_>,
    terms: &Terms,
) -> Result<(u64, Box<Summary>), Failure>
where
    S: Stream<Item = Result<Bytes, UploadError>> + Unpin,
{
    let mut work = pin!(write(answer, target, terms));
    let mut has_ended = false;
    let bytes = poll_fn(|cx| {
        if !has_ended {
            has_ended = Pin::new(&mut job).poll(cx).is_ready();
        }
        work.as_mut().poll(cx)
    });
    let bytes = bytes.await?;
    Ok((bytes, answer.take_summary().expect("a whole result has one, as it was ordered")))
}

async fn write(answer: &Answer, target: Target<'_>, terms: &Terms) -> Result<u64, Failure> {
    let wanted = answer.rest().map_or(BUFFERS, |rest| rest.min(BUFFERS));
    wait_for(answer.place(), Part::Buffer, wanted.min(terms.admission.most_buffers()), terms).await?;
    let mut parts = target.store.begin(target.key).await?;
    match write_to(&mut *parts, answer, target).await {
        Ok(bytes) => {
            parts.finish().await?;
            Ok(bytes)
        }
        Err(failure) => {
            parts.abort().await;
            Err(failure)
        }
    }
}

async fn write_to(parts: &mut dyn Parts, answer: &Answer, target: Target<'_>) -> Result<u64, Failure> {
    let mut bytes = 0;
    // Ends with the result.
    while let Some(piece) = poll_fn(|cx| answer.poll_next(cx)).await {
        let piece = piece?;
        bytes += piece.len() as u64;
        target.check(bytes, answer.received())?;
        parts.write(piece).await?;
    }
    target.check(bytes, answer.received())?;
    Ok(bytes)
}

impl Target<'_> {
    fn check(&self, bytes: u64, received: u64) -> Result<(), Failure> {
        let limits = [("tarball", bytes, self.most_bytes), ("zip", received, self.most_received)];
        match limits.into_iter().find(|(_, bytes, limit)| bytes > limit) {
            Some((what, _, limit)) => Err(Failure::TooLargeToStore { what, limit }),
            None => Ok(()),
        }
    }
}

/// Memory of the pool that a read holds. Dropping it gives it back.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "it is held")] Place);

/// Waits for `bytes` of memory for something that is read from a store.
///
/// # Errors
///
/// `Busy` if none comes free.
pub async fn hold(bytes: u64, terms: &Terms) -> Result<Held, Failure> {
    let place = terms.admission.enter(0).ok_or_else(|| Failure::Busy(terms.admission.figures()))?;
    // It waits for no encoder.
    place.end_conversion();
    wait_for(&place, Part::Result, bytes, terms).await?;
    Ok(Held(place))
}

async fn wait_for(place: &Place, part: Part, bytes: u64, terms: &Terms) -> Result<(), Failure> {
    let platform = &terms.platform;
    let mut patience = platform.sleep.map(|sleep| sleep(terms.wait * MOST_WAITS));
    let mut look: Option<Timer> = None;
    poll_fn(|cx| {
        let waker = if platform.pause.is_some() { Waker::noop() } else { cx.waker() };
        if place.grow(part, bytes, waker) {
            return Poll::Ready(Ok(()));
        }
        if patience.as_mut().is_some_and(|patience| patience.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Err(Failure::Busy(terms.admission.figures())));
        }
        if let Some(pause) = platform.pause {
            let timer = look.get_or_insert_with(|| pause(place.requests_before()));
            if timer.as_mut().poll(cx).is_ready() {
                look = None;
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    })
    .await
}
