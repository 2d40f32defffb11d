//! The outbox: the pieces of a result that wait for their reader, charged to the pool's part of results.
//!
//! One side converts, the other one sends; both belong to one request. Dropping either side ends the other one's work.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use recompress::Summary;

use crate::{
    admission::{Part, Place},
    failure::Failure,
    request_log::RequestLog,
};

/// How a result ended.
#[derive(Debug)]
pub enum Ending {
    /// It is complete.
    Whole,
    /// It is incomplete and says the reason itself: this is its code.
    Told(&'static str),
    /// It is incomplete.
    Failed(Failure),
}

/// The facts about a conversion for the log.
#[derive(Debug, Default, Clone, Copy)]
pub struct Progress {
    /// Brotli quality in use.
    pub quality: Option<u8>,
    pub received: u64,
    pub work_ns: u64,
    pub members: u64,
    pub unpacked_bytes: u64,
}

/// The converting side.
#[derive(Debug)]
pub struct Outbox(Arc<Shared>);

/// The sending side: the result of a request, piece by piece.
#[derive(Debug)]
pub struct Answer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    place: Place,
}

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Bytes>,
    ending: Option<Ending>,
    /// Bytes of the pieces, and the part of them that is charged: the conversion's own buffers hold one piece.
    waiting: u64,
    charged: u64,
    /// Bytes that were taken.
    taken: u64,
    progress: Progress,
    summary: Option<Box<Summary>>,
    /// Each side's waker.
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Whether the other side is gone.
    is_left: bool,
    is_abandoned: bool,
}

/// Both sides of the result of the request at `place`.
pub fn outbox(place: Place) -> (Outbox, Answer) {
    let shared = Arc::new(Shared { queue: Mutex::default(), place });
    (Outbox(Arc::clone(&shared)), Answer(shared))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("nothing panics while it holds the queue")
    }
}

impl Queue {
    /// Takes the pieces, and the number of bytes that were charged for them.
    fn empty(&mut self) -> (VecDeque<Bytes>, u64) {
        self.waiting = 0;
        (mem::take(&mut self.pieces), mem::take(&mut self.charged))
    }
}

impl Outbox {
    /// The request's place in the pool.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// Charges `bytes` for a piece if no more than `most` then wait and the pool has room, else keeps `waker` until there may
    /// be. A reader that waits for a piece gets it in any case: it is in one of the conversion's own buffers.
    pub fn has_room(&self, bytes: u64, most: u64, waker: &Waker, pool_waker: &Waker) -> bool {
        let mut queue = self.0.lock();
        if queue.pieces.is_empty() {
            // It waits for the pool no more.
            return self.0.place.grow(Part::Result, 0, pool_waker);
        }
        if queue.waiting + bytes > most || !self.0.place.grow(Part::Result, bytes, pool_waker) {
            queue.writer = Some(waker.clone());
            return false;
        }
        queue.charged += bytes;
        true
    }

    /// Adds a piece for which there is room.
    pub fn push(&self, piece: Bytes) {
        let mut queue = self.0.lock();
        queue.waiting += piece.len() as u64;
        queue.pieces.push_back(piece);
        let reader = queue.reader.take();
        drop(queue);
        reader.into_iter().for_each(Waker::wake);
    }

    /// Whether every piece was taken; the reader then waits for the next.
    pub fn is_empty(&self) -> bool {
        self.0.lock().pieces.is_empty()
    }

    /// Bytes that wait for the reader.
    pub fn waiting(&self) -> u64 {
        self.0.lock().waiting
    }

    /// Bytes taken by the reader so far.
    pub fn taken(&self) -> u64 {
        self.0.lock().taken
    }

    /// Whether the reader is gone. If not, keeps `waker` until it goes.
    pub fn is_abandoned(&self, waker: &Waker) -> bool {
        let mut queue = self.0.lock();
        queue.writer = Some(waker.clone());
        queue.is_abandoned
    }

    /// Whether nothing waits for the reader any more. If not, keeps `waker` until it takes a piece.
    pub fn is_taken(&self, waker: &Waker) -> bool {
        let mut queue = self.0.lock();
        queue.writer = Some(waker.clone());
        queue.pieces.is_empty() || queue.is_abandoned
    }

    /// Drops what waits for the reader, and ends the result with `failure`.
    pub fn give_up(&self, failure: Failure) {
        let mut queue = self.0.lock();
        let (pieces, charged) = queue.empty();
        drop(queue);
        drop(pieces);
        self.0.place.shrink(Part::Result, charged);
        self.end(Ending::Failed(failure));
    }

    /// Notes the progress for the log.
    pub fn note(&self, progress: Progress) {
        self.0.lock().progress = progress;
    }

    /// Notes the summary of a conversion that has ended.
    pub fn conclude(&self, summary: Option<Box<Summary>>) {
        self.0.lock().summary = summary;
    }

    /// Ends the result. The job and its buffers must be gone: their memory is given back.
    pub fn end(&self, ending: Ending) {
        let mut queue = self.0.lock();
        // The first piece was in one of the conversion's own buffers. What is left of it counts as a result from now on.
        let uncharged = queue.waiting - queue.charged;
        if uncharged > 0 && self.0.place.grow(Part::Result, uncharged, Waker::noop()) {
            queue.charged = queue.waiting;
        }
        queue.ending = Some(ending);
        let reader = queue.reader.take();
        drop(queue);
        self.0.place.end_conversion();
        reader.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.is_left = true;
        let is_open = queue.ending.is_none();
        let reader = queue.reader.take();
        drop(queue);
        if is_open {
            self.0.place.end_conversion();
        }
        reader.into_iter().for_each(Waker::wake);
    }
}

impl Answer {
    /// The next piece; None at the end of a whole result.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let mut queue = self.0.lock();
        if let Some(piece) = queue.pieces.pop_front() {
            let bytes = piece.len() as u64;
            queue.taken += bytes;
            queue.waiting -= bytes;
            let surplus = queue.charged.saturating_sub(queue.waiting);
            queue.charged -= surplus;
            let writer = queue.writer.take();
            drop(queue);
            self.0.place.shrink(Part::Result, surplus);
            writer.into_iter().for_each(Waker::wake);
            return Poll::Ready(Some(Ok(piece)));
        }
        match &queue.ending {
            Some(Ending::Failed(_)) => {
                let Some(Ending::Failed(failure)) = queue.ending.replace(Ending::Whole) else {
                    unreachable!("as above")
                };
                Poll::Ready(Some(Err(failure)))
            }
            Some(_) => Poll::Ready(None),
            // The conversion was dropped, as in a panic.
            None if queue.is_left => Poll::Ready(Some(Err(Failure::Stopped))),
            None => {
                queue.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The bytes to come, once the result has ended. A failure comes after an unknown number.
    pub fn rest(&self) -> Option<u64> {
        let queue = self.0.lock();
        matches!(queue.ending, Some(Ending::Whole | Ending::Told(_))).then_some(queue.waiting)
    }

    /// The summary of a conversion that has ended, if one was ordered.
    pub fn take_summary(&self) -> Option<Box<Summary>> {
        self.0.lock().summary.take()
    }

    /// Bytes received of the upload so far.
    pub fn received(&self) -> u64 {
        self.0.lock().progress.received
    }

    /// The request's place in the pool.
    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }

    /// Whether every byte of the result was taken.
    pub fn is_at_end(&self) -> bool {
        self.rest() == Some(0)
    }

    /// The failure of a result of which nothing was taken yet.
    pub fn failure(&self) -> Option<Failure> {
        let mut queue = self.0.lock();
        match queue.ending.take() {
            Some(Ending::Failed(failure)) => Some(failure),
            other => {
                queue.ending = other;
                None
            }
        }
    }

    /// Copies the numbers so far into the log.
    pub fn report(&self, log: &mut RequestLog) {
        let queue = self.0.lock();
        let Progress { quality, received, work_ns, members, unpacked_bytes } = queue.progress;
        // A refusal has no quality.
        log.quality_at_end = log.quality.and(quality);
        (log.bytes_in, log.bytes_out, log.work_ns) = (received, queue.taken, work_ns);
        (log.members, log.unpacked_bytes) = (members, unpacked_bytes);
        log.reserved_bytes = self.0.place.peak();
        match &queue.ending {
            Some(Ending::Whole) if queue.pieces.is_empty() => log.outcome = "ok",
            Some(Ending::Told(code)) => log.outcome = code,
            Some(Ending::Failed(failure)) => log.outcome = failure.code(),
            _ => {}
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.is_abandoned = true;
        let (pieces, charged) = queue.empty();
        let writer = queue.writer.take();
        drop(queue);
        drop(pieces);
        self.0.place.shrink(Part::Result, charged);
        writer.into_iter().for_each(Waker::wake);
    }
}
