//! The memory pool that all requests of a process or an isolate share, and its queue.
//!
//! The pool has three parts. *Encoders* are lent for a conversion and come back when it ends: nobody holds one while a
//! client is slow to take a finished result. *Uploads* are the bytes that were read ahead, and *results* the bytes that
//! wait for their readers; both are charged as they grow.
//!
//! # No deadlock
//!
//! Whatever is held, the encoder of every request that holds a part of its upload still fits beside all uploads and
//! results ([`Pool::may_grow`] checks that before either grows). So if no encoder is lent, each of these requests can get
//! one, read the rest of its upload straight into it, and give its memory back. An archive that must be whole before its
//! conversion needs room for the rest of it: the oldest such upload always finds [`UPLOADS_LEAST`], because all others
//! leave it free. An upload that finds no room stays unread. An encoder that waits for its own client, and a result that
//! waits for its reader, end by the floors of `exchange` when others wait for them.
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

/// Bytes that are kept for the oldest incomplete upload: a small archive is received whole.
const UPLOADS_LEAST: u64 = SMALL_ARCHIVE_BYTES;

/// Bytes that are kept for results.
const RESULTS_LEAST: u64 = 4 << 20;

/// Bytes of a pool that no encoder can have.
pub const NEVER_LENT: u64 = UPLOADS_LEAST + RESULTS_LEAST;

/// A handle of the pool; clones share it.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Mutex<Pool>>);

#[derive(Debug)]
struct Pool {
    budget: u64,
    /// In order of arrival.
    requests: Vec<Request>,
    next_ticket: u64,
}

#[derive(Debug)]
struct Request {
    ticket: u64,
    stage: Stage,
    /// Bytes of its encoder, buffers, and the held parts of the archive. Lent to it while it converts.
    share: u64,
    upload: u64,
    result: u64,
    /// The most bytes that it held so far.
    peak: u64,
    /// To be woken when anything is given back. None if nobody waits, or must not be woken.
    waker: Option<Waker>,
}

/// Where a request is on its way.
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
}

/// Requests in one stage, and the bytes that all requests hold of one part.
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
    /// Requests whose upload is read ahead.
    pub receiving: usize,
    /// Requests that wait for an encoder.
    pub waiting: usize,
    /// Requests that have one.
    pub converting: usize,
    /// Requests whose finished result waits for its reader.
    pub sending: usize,
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

    /// Requests in all stages.
    pub fn requests(&self) -> usize {
        self.receiving + self.waiting + self.converting + self.sending
    }
}

/// A request's place in the pool, with all that it holds. Dropping it gives everything back.
#[derive(Debug)]
pub struct Place {
    admission: Admission,
    ticket: u64,
}

impl Admission {
    /// A pool of `budget` bytes.
    pub fn new(budget: u64) -> Self {
        Self(Arc::new(Mutex::new(Pool { budget, requests: Vec::new(), next_ticket: 0 })))
    }

    /// A place for a request whose conversion takes `share` bytes, at most the budget without [`NEVER_LENT`]. It holds
    /// nothing yet. `None` if all places are taken.
    pub fn enter(&self, share: u64) -> Option<Place> {
        let mut pool = self.lock();
        assert!(share + NEVER_LENT <= pool.budget, "the caller checked that the pool can lend it");
        if pool.requests.len() == MAX_REQUESTS {
            return None;
        }
        let ticket = pool.next_ticket;
        pool.next_ticket += 1;
        let stage = Stage::Receiving;
        pool.requests.push(Request { ticket, stage, share, upload: 0, result: 0, peak: 0, waker: None });
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
            ..Figures::default()
        };
        for request in &pool.requests {
            *match request.stage {
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
        if !pool.may_grow(index, part, bytes) {
            pool.requests[index].keep(waker);
            return false;
        }
        *pool.requests[index].held(part) += bytes;
        pool.note_peak(index);
        true
    }

    /// Gives back `bytes` that were charged.
    pub fn shrink(&self, part: Part, bytes: u64) {
        self.change(|pool, index| *pool.requests[index].held(part) -= bytes);
    }

    /// Asks for an encoder. `complete` says that the upload has ended.
    pub fn ask(&self, complete: bool) {
        self.change(|pool, index| pool.requests[index].stage = Stage::Waiting { complete });
    }

    /// Lowers the share of a conversion that has not started, once the archive is known.
    pub fn lower_share(&self, share: u64) {
        self.change(|pool, index| pool.requests[index].share = pool.requests[index].share.min(share));
    }

    /// Whether the encoder that was asked for is there. If not, keeps `waker` until something is given back.
    pub fn has_encoder(&self, waker: &Waker) -> bool {
        let mut pool = self.admission.lock();
        let index = pool.index(self.ticket);
        let has = pool.requests[index].stage == Stage::Converting;
        if !has {
            pool.requests[index].keep(waker);
        }
        has
    }

    /// Gives the encoder and the upload back; the result stays.
    pub fn end_conversion(&self) {
        self.change(|pool, index| {
            let request = &mut pool.requests[index];
            (request.stage, request.share, request.upload) = (Stage::Sending, 0, 0);
        });
    }

    /// The number of requests that arrived before it and are still here.
    pub fn requests_before(&self) -> usize {
        self.admission.lock().index(self.ticket)
    }

    /// The most bytes that it held so far.
    pub fn peak(&self) -> u64 {
        let pool = self.admission.lock();
        pool.requests[pool.index(self.ticket)].peak
    }

    fn change(&self, change: impl FnOnce(&mut Pool, usize)) {
        let mut pool = self.admission.lock();
        let index = pool.index(self.ticket);
        change(&mut pool, index);
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
        }
    }

    fn keep(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
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
        self.requests.iter().map(|request| request.result).sum()
    }

    /// Uploads and results, with the bytes that are kept for results.
    fn moving(&self) -> u64 {
        self.uploads() + self.results().max(RESULTS_LEAST)
    }

    /// The rule at the top of this file. A request also leaves room for the encoders of those that arrived before it, so
    /// that a large encoder is not kept out for ever by small ones.
    fn may_grow(&self, index: usize, part: Part, bytes: u64) -> bool {
        let grows = &self.requests[index];
        let owed = self.requests.iter().filter(|request| request.is_before_encoder());
        let owed = owed.filter(|request| request.upload > 0 || request.ticket <= grows.ticket);
        let encoders = owed.map(|request| request.share).max().unwrap_or(0).max(self.encoders());
        let oldest = self.requests.iter().find(|request| request.is_incomplete() && request.ticket != grows.ticket);
        let kept = match oldest {
            Some(oldest) if part == Part::Result || oldest.ticket < grows.ticket => {
                UPLOADS_LEAST.saturating_sub(oldest.upload)
            }
            _ => 0,
        };
        let results = self.results();
        match part {
            Part::Upload => self.moving() + kept + bytes + encoders <= self.budget,
            Part::Result if results + bytes <= RESULTS_LEAST => true,
            Part::Result => self.uploads() + results + kept + bytes + encoders <= self.budget,
        }
    }

    fn note_peak(&mut self, index: usize) {
        let request = &mut self.requests[index];
        let lent = if request.stage == Stage::Converting { request.share } else { 0 };
        request.peak = request.peak.max(lent + request.upload + request.result);
    }

    /// Lends encoders that are free, and takes the wakers of all that wait. The caller wakes them after it releases the
    /// lock.
    #[must_use]
    fn changed(&mut self) -> Vec<Waker> {
        // Each turn lends one.
        while let Some(index) = self.next_to_convert() {
            self.requests[index].stage = Stage::Converting;
            self.note_peak(index);
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
        let lent = self.encoders();
        let free = self.budget.saturating_sub(self.moving());
        let fits = |bytes: u64| bytes <= free;
        let first = queue.next()?;
        let head = &self.requests[first];
        if fits(lent + head.share) {
            return Some(first);
        }
        if lent == 0 {
            // Memory of others keeps it out: they go first, and it stays the next.
            return queue.find(|index| self.requests[*index].upload > 0 && fits(self.requests[*index].share));
        }
        let is_converting_beside =
            |request: &&Request| request.stage == Stage::Converting && request.ticket > head.ticket;
        let beside: u64 = self.requests.iter().filter(is_converting_beside).map(|request| request.share).sum();
        queue.find(|index| {
            let share = self.requests[*index].share;
            fits(lent + share) && fits(beside + share + head.share)
        })
    }
}

#[cfg(test)]
mod tests;
