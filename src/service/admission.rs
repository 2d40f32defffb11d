//! The memory pool that all requests of a process or an isolate share, and its queue.
//!
//! The pool has three parts. *Encoders* are lent for a conversion and come back when it ends: nobody holds one while a
//! client is slow to take a finished result. *Uploads* are the bytes that were read ahead, and *results* the bytes that
//! wait for their readers; both are charged as they grow.
//!
//! Beside the pool there are *buffers*: memory of the platform, such as JavaScript's, that results fill on their way into a
//! store. A request takes its buffers when it has its encoder, or needs none any more, so those that have buffers can end.
//!
//! # No deadlock
//!
//! An upload or a result grows only as long as every request that holds a part of its upload could have its encoder beside
//! all uploads and results ([`Pool::may_grow`]). So if no encoder is lent, the first in the queue gets one. It can then read
//! the rest of its upload straight into the encoder, and gives its memory back when it ends. Only a small archive must be
//! whole first: the oldest incomplete upload always finds [`UPLOADS_LEAST`], because all others leave it free. An upload
//! that finds no room stays unread. A client that is waited for ends by a floor when others wait ([`crate::pace`]).
//!
//! If you add a way to give memory back, also call [`Pool::changed`]: another request may go on now.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard},
    task::Waker,
};

use recompress::SMALL_ARCHIVE_BYTES;

/// Most requests with a place in the pool. Each costs a connection and the platform's buffer of its upload.
const MAX_REQUESTS: usize = 256;

/// Uploads are charged in blocks. A client that sends byte by byte takes no more than one for its first 16 KiB.
pub const BLOCK_BYTES: usize = 16 << 10;

/// The buffer that an upload is read into. It is charged from the second block on: for the first one, shells read in small
/// pieces. The conversion has read buffers of its own ([`crate::exchange::BUFFERS`]).
pub const READ_BUFFER_BYTES: u64 = 64 << 10;

/// Bytes that are kept for the oldest incomplete upload, and that no encoder can have: a small archive is received whole,
/// with a block more to learn that it has ended.
pub const UPLOADS_LEAST: u64 = SMALL_ARCHIVE_BYTES + BLOCK_BYTES as u64 + READ_BUFFER_BYTES;

/// Milliseconds for which an encoder is lent, until a few conversions have shown it. A default conversion of a save takes
/// about as long.
const FIRST_LENT_MS: u64 = 2000;

/// The least and the most seconds after which a refused request is told to come back.
const LEAST_SECONDS: u64 = 2;
const MOST_SECONDS: u64 = 120;

/// Bytes of buffers for all requests together, unless the shell says otherwise: two large results at once.
const BUFFERS: u64 = 20 << 20;

/// A handle of the pool; clones share it.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Mutex<Pool>>);

#[derive(Debug)]
struct Pool {
    budget: u64,
    /// Bytes of buffers, which are not in the budget.
    buffers: u64,
    /// In order of arrival.
    requests: Vec<Request>,
    next_ticket: u64,
    /// Encoders that came back so far.
    returned: u64,
    /// Milliseconds of a monotonic clock.
    now: fn() -> u64,
    /// Milliseconds for which an encoder was lent: a moving average.
    lent_ms: u64,
}

#[derive(Debug)]
struct Request {
    ticket: u64,
    stage: Stage,
    /// Bytes of its encoder, buffers, and the held parts of the archive. Lent to it while it converts.
    share: u64,
    upload: u64,
    result: u64,
    /// Bytes that its upload gave back, kept for its result until the conversion ends.
    kept: u64,
    /// Bytes of buffers.
    buffer: u64,
    /// When it got its encoder.
    lent_at: u64,
    /// The most bytes that it held so far.
    peak: u64,
    /// Whether it was refused memory, or an encoder, and still wants it.
    waits: bool,
    /// To be woken when anything is given back.
    waker: Option<Waker>,
}

/// The step of a request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its upload is read ahead.
    Receiving,
    /// It waits for an encoder, with the whole upload or with as much of it as there is room for.
    Waiting { complete: bool },
    /// It has its encoder.
    Converting,
    /// Its result waits for the client.
    Sending,
}

/// A part of the pool that a request charges as it grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Bytes of an upload that wait for their conversion.
    Upload,
    /// Bytes of a result that wait for their reader.
    Result,
    /// Buffers of the platform.
    Buffer,
}

/// The present state of the pool: the bytes of its parts, and the requests in each step.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Bytes of the whole pool.
    pub budget: u64,
    /// Bytes lent to conversions: encoders, buffers, held parts of archives.
    pub encoders: u64,
    /// Bytes of uploads that wait for their conversion.
    pub uploads: u64,
    /// Bytes of results that wait for their readers.
    pub results: u64,
    /// Bytes of buffers, beside the budget.
    pub buffers: u64,
    /// Requests whose upload is read ahead.
    pub receiving: usize,
    /// Requests that wait for room or for an encoder.
    pub waiting: usize,
    /// Requests that have one.
    pub converting: usize,
    /// Requests whose finished result waits for its reader.
    pub sending: usize,
    /// Milliseconds for which an encoder is lent at present.
    pub lent_ms: u64,
}

impl Figures {
    /// Bytes in use now.
    pub fn reserved(&self) -> u64 {
        self.encoders + self.uploads + self.results
    }

    /// Bytes that are free now.
    pub fn free(&self) -> u64 {
        self.budget - self.reserved()
    }

    /// Seconds after which a request that is refused now may find an encoder: those before it are done by then, at the
    /// present number of conversions at once and the time that each takes.
    pub fn retry_after(&self) -> u64 {
        let before = (self.waiting + self.converting) as u64;
        let at_once = self.converting.max(1) as u64;
        (before * self.lent_ms / at_once).div_ceil(1000).clamp(LEAST_SECONDS, MOST_SECONDS)
    }
}

/// A request's place in the pool, with all that it holds. Dropping it gives everything back.
#[derive(Debug)]
pub struct Place {
    admission: Admission,
    ticket: u64,
}

impl Admission {
    /// A pool of `budget` bytes. `now` are milliseconds of a monotonic clock.
    pub fn new(budget: u64, now: fn() -> u64) -> Self {
        let (requests, lent_ms) = (Vec::new(), FIRST_LENT_MS);
        let pool = Pool { budget, buffers: BUFFERS, requests, next_ticket: 0, returned: 0, now, lent_ms };
        Self(Arc::new(Mutex::new(pool)))
    }

    /// Sets the bytes of buffers for all requests together.
    pub fn with_buffers(self, buffers: u64) -> Self {
        self.lock().buffers = buffers;
        self
    }

    /// Bytes of buffers for all requests together.
    pub(crate) fn most_buffers(&self) -> u64 {
        self.lock().buffers
    }

    /// A place for a request whose conversion takes `share` bytes, at most the budget without `UPLOADS_LEAST`. It holds
    /// nothing yet. `None` if all places are taken.
    pub fn enter(&self, share: u64) -> Option<Place> {
        let mut pool = self.lock();
        assert!(share + UPLOADS_LEAST <= pool.budget, "the caller checked that the pool can lend it");
        if pool.requests.len() == MAX_REQUESTS {
            return None;
        }
        let ticket = pool.next_ticket;
        pool.next_ticket += 1;
        pool.requests.push(Request {
            ticket,
            stage: Stage::Receiving,
            share,
            upload: 0,
            result: 0,
            kept: 0,
            buffer: 0,
            lent_at: 0,
            peak: 0,
            waits: false,
            waker: None,
        });
        drop(pool);
        Some(Place { admission: self.clone(), ticket })
    }

    /// The present state of the pool.
    pub fn figures(&self) -> Figures {
        let pool = self.lock();
        let mut figures = Figures {
            budget: pool.budget,
            encoders: pool.encoders(),
            uploads: pool.uploads(),
            results: pool.results(),
            buffers: pool.requests.iter().map(|request| request.buffer).sum(),
            lent_ms: pool.lent_ms(),
            ..Figures::default()
        };
        for request in &pool.requests {
            *match request.stage {
                Stage::Receiving if request.waits => &mut figures.waiting,
                Stage::Receiving => &mut figures.receiving,
                Stage::Waiting { .. } => &mut figures.waiting,
                Stage::Converting => &mut figures.converting,
                Stage::Sending => &mut figures.sending,
            } += 1;
        }
        figures
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.0.lock().expect("nothing panics while it holds the pool")
    }
}

impl Place {
    /// Charges `bytes` more, or keeps `waker` until something is given back.
    pub fn grow(&self, part: Part, bytes: u64, waker: &Waker) -> bool {
        let mut pool = self.admission.lock();
        let index = pool.index(self.ticket);
        let kept = if part == Part::Result { pool.requests[index].kept.min(bytes) } else { 0 };
        if !pool.may_grow(index, part, bytes - kept) {
            pool.requests[index].refuse(waker);
            return false;
        }
        let request = &mut pool.requests[index];
        request.kept -= kept;
        request.waits = false;
        *request.held(part) += bytes;
        request.note_peak();
        true
    }

    /// Gives back `bytes` that were charged.
    pub fn shrink(&self, part: Part, bytes: u64) {
        self.change(|request| *request.held(part) -= bytes);
    }

    /// Keeps `bytes` of the upload for the result. They are given back when the conversion ends.
    pub fn keep_for_result(&self, bytes: u64) {
        self.change(|request| {
            request.upload -= bytes;
            request.kept += bytes;
        });
    }

    /// Asks for an encoder. `complete` says that the upload has ended.
    pub fn ask(&self, complete: bool) {
        self.change(|request| {
            debug_assert!(request.upload > 0, "the rule about deadlocks counts on it");
            request.stage = Stage::Waiting { complete };
        });
    }

    /// Lowers the share of a conversion that has not started, once the archive is known.
    pub fn lower_share(&self, share: u64) {
        self.change(|request| request.share = request.share.min(share));
    }

    /// Whether the encoder that was asked for is there. If not, keeps `waker` until something is given back.
    pub fn has_encoder(&self, waker: &Waker) -> bool {
        let mut pool = self.admission.lock();
        let index = pool.index(self.ticket);
        let request = &mut pool.requests[index];
        let has = request.stage == Stage::Converting;
        if has {
            request.waits = false;
        } else {
            request.refuse(waker);
        }
        has
    }

    /// Gives the encoder and the upload back; the result stays.
    pub fn end_conversion(&self) {
        self.change(|request| {
            (request.stage, request.waits) = (Stage::Sending, false);
            (request.share, request.upload, request.kept) = (0, 0, 0);
        });
    }

    /// The number of requests that arrived before it and are still here.
    pub fn requests_before(&self) -> usize {
        self.admission.lock().index(self.ticket)
    }

    /// Whether no upload that arrived before it is incomplete.
    pub fn is_oldest_upload(&self) -> bool {
        let pool = self.admission.lock();
        pool.oldest_upload().is_none_or(|oldest| oldest.ticket >= self.ticket)
    }

    /// Whether it holds memory while others wait for some.
    pub fn is_wanted(&self) -> bool {
        let pool = self.admission.lock();
        let request = &pool.requests[pool.index(self.ticket)];
        request.total() + request.buffer > 0
            && pool.requests.iter().any(|other| other.waits && other.ticket != self.ticket)
    }

    /// Encoders that came back so far: while the number grows, the queue moves.
    pub fn returned(&self) -> u64 {
        self.admission.lock().returned
    }

    /// The most bytes that it held so far.
    pub fn peak(&self) -> u64 {
        let pool = self.admission.lock();
        pool.requests[pool.index(self.ticket)].peak
    }

    fn change(&self, change: impl FnOnce(&mut Request)) {
        let mut pool = self.admission.lock();
        let index = pool.index(self.ticket);
        let lent_at = pool.requests[index].lent_at();
        change(&mut pool.requests[index]);
        if let Some(lent_at) = lent_at.filter(|_| pool.requests[index].stage != Stage::Converting) {
            pool.note_return(lent_at);
        }
        let woken = pool.changed();
        drop(pool);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut pool = self.admission.lock();
        let index = pool.index(self.ticket);
        let left = pool.requests.remove(index);
        if let Some(lent_at) = left.lent_at() {
            pool.note_return(lent_at);
        }
        let woken = pool.changed();
        drop(pool);
        // Dropping a waker runs code of its executor, and waking too: never under the lock.
        drop(left);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Request {
    fn held(&mut self, part: Part) -> &mut u64 {
        match part {
            Part::Upload => &mut self.upload,
            Part::Result => &mut self.result,
            Part::Buffer => &mut self.buffer,
        }
    }

    fn refuse(&mut self, waker: &Waker) {
        self.waits = true;
        if !self.waker.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }

    /// Bytes that it holds of all parts.
    fn total(&self) -> u64 {
        let lent = if self.stage == Stage::Converting { self.share } else { 0 };
        lent + self.moving()
    }

    fn moving(&self) -> u64 {
        self.upload + self.result + self.kept
    }

    /// When it got the encoder that it has.
    fn lent_at(&self) -> Option<u64> {
        (self.stage == Stage::Converting).then_some(self.lent_at)
    }

    fn note_peak(&mut self) {
        self.peak = self.peak.max(self.total());
    }

    /// Whether it will still need its encoder.
    fn is_before_encoder(&self) -> bool {
        matches!(self.stage, Stage::Receiving | Stage::Waiting { .. })
    }

    fn is_incomplete(&self) -> bool {
        matches!(self.stage, Stage::Receiving | Stage::Waiting { complete: false })
    }
}

impl Pool {
    fn index(&self, ticket: u64) -> usize {
        self.requests.binary_search_by_key(&ticket, |request| request.ticket).expect("a place is left once")
    }

    fn encoders(&self) -> u64 {
        self.requests.iter().filter(|request| request.stage == Stage::Converting).map(|request| request.share).sum()
    }

    fn uploads(&self) -> u64 {
        self.requests.iter().map(|request| request.upload).sum()
    }

    fn results(&self) -> u64 {
        self.requests.iter().map(|request| request.result + request.kept).sum()
    }

    fn moving(&self) -> u64 {
        self.requests.iter().map(Request::moving).sum()
    }

    /// Milliseconds for which an encoder is lent: as those that came back, or longer if those that are lent now are.
    fn lent_ms(&self) -> u64 {
        let now = (self.now)();
        let ages = self.requests.iter().filter_map(Request::lent_at).map(|lent_at| now.saturating_sub(lent_at));
        let (count, sum) = ages.fold((0, 0), |(count, sum), age| (count + 1, sum + age));
        self.lent_ms.max(sum / u64::max(count, 1))
    }

    fn note_return(&mut self, lent_at: u64) {
        self.returned += 1;
        self.lent_ms = (3 * self.lent_ms + (self.now)().saturating_sub(lent_at)) / 4;
    }

    fn oldest_upload(&self) -> Option<&Request> {
        self.requests.iter().find(|request| request.is_incomplete())
    }

    /// The rule at the top of this file. A request also leaves room for the encoders of those that arrived before it, so
    /// that a large encoder is not kept out for ever by small ones.
    fn may_grow(&self, index: usize, part: Part, bytes: u64) -> bool {
        if part == Part::Buffer {
            return self.requests.iter().map(|request| request.buffer).sum::<u64>() + bytes <= self.buffers;
        }
        let ticket = self.requests[index].ticket;
        let is_owed = |request: &&Request| request.upload > 0 || request.ticket <= ticket;
        let owed = self.requests.iter().filter(|request| request.is_before_encoder()).filter(is_owed);
        let encoders = owed.map(|request| request.share).max().unwrap_or(0).max(self.encoders());
        let oldest = self.oldest_upload().filter(|oldest| oldest.ticket != ticket);
        let left_free = oldest.map_or(0, |oldest| UPLOADS_LEAST.saturating_sub(oldest.upload));
        bytes == 0 || self.moving() + bytes + left_free + encoders <= self.budget
    }

    /// Lends encoders that are free, and takes the wakers of all that wait. The caller wakes them after it releases the
    /// lock.
    #[must_use]
    fn changed(&mut self) -> Vec<Waker> {
        // Each turn lends one.
        while let Some(index) = self.next_to_convert() {
            let request = &mut self.requests[index];
            (request.stage, request.lent_at) = (Stage::Converting, (self.now)());
            request.note_peak();
        }
        self.requests.iter_mut().filter_map(|request| mem::take(&mut request.waker)).collect()
    }

    /// The request that gets the next encoder: complete uploads first, then in order of arrival.
    ///
    /// If the first one does not fit, others may overtake it as long as it will still fit beside them.
    fn next_to_convert(&self) -> Option<usize> {
        let waiting = |wanted| {
            let is_wanted = move |request: &Request| request.stage == Stage::Waiting { complete: wanted };
            (0..self.requests.len()).filter(move |index| is_wanted(&self.requests[*index]))
        };
        let mut queue = waiting(true).chain(waiting(false));
        let first = queue.next()?;
        let (lent, free) = (self.encoders(), self.budget - self.moving());
        let head = &self.requests[first];
        if lent + head.share <= free {
            return Some(first);
        }
        debug_assert!(lent > 0, "the rule at the top of this file");
        let overtook = |request: &&Request| request.stage == Stage::Converting && request.ticket > head.ticket;
        let beside: u64 = self.requests.iter().filter(overtook).map(|request| request.share).sum();
        queue.find(|index| {
            let share = self.requests[*index].share;
            lent + share <= free && beside + share + head.share <= free
        })
    }
}

#[cfg(test)]
mod tests;
