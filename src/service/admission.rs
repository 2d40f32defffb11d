//! The memory pool that all requests of a process or an isolate share, and its queue.
//!
//! A request gets its share at once or waits in the queue. The queue is strictly first come, first served: a small request
//! never overtakes a large one, so large ones do not starve. A [`Reservation`] is a guard: dropping it gives back the share
//! or the place in the queue.
//!
//! If you add a way out of the queue, also call [`Pool::admit`]: the next request may fit now.

use std::{
    collections::VecDeque,
    future::poll_fn,
    mem,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Poll, Waker},
};

use crate::platform::Pause;

/// Most requests in the queue. Each costs a connection and the platform's buffer of its upload.
const MAX_WAITING: usize = 64;

/// A handle of the pool; clones share it.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Mutex<Pool>>);

#[derive(Debug)]
struct Pool {
    budget: u64,
    reserved: u64,
    active: usize,
    queue: VecDeque<QueuedRequest>,
    next_ticket: u64,
}

#[derive(Debug)]
struct QueuedRequest {
    ticket: u64,
    bytes: u64,
    waker: Waker,
}

/// The present state of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Bytes of the whole pool.
    pub budget: u64,
    /// Bytes reserved now.
    pub reserved: u64,
    /// Requests that hold a share.
    pub active: usize,
    /// Requests in the queue.
    pub waiting: usize,
}

/// A share of the pool, or a place in the queue: while the ticket is in the queue, the share is not granted.
#[derive(Debug)]
pub struct Reservation {
    admission: Admission,
    ticket: u64,
    bytes: u64,
}

impl Admission {
    /// A pool of `budget` bytes.
    pub fn new(budget: u64) -> Self {
        Self(Arc::new(Mutex::new(Pool { budget, reserved: 0, active: 0, queue: VecDeque::new(), next_ticket: 0 })))
    }

    /// Reserves `bytes`, at most the budget, or waits for them until `patience` ends. With a `pause`, the request polls the
    /// pool after each pause instead of being woken.
    ///
    /// # Errors
    ///
    /// The state of the pool without the request, if the queue is full or `patience` ended.
    pub async fn reserve(
        &self,
        bytes: u64,
        patience: impl Future<Output = ()>,
        pause: Option<Pause>,
    ) -> Result<Reservation, Figures> {
        let reservation = self.ask(bytes).ok_or_else(|| self.figures())?;
        let mut patience = pin!(patience);
        let mut paused = None;
        let granted = poll_fn(|cx| {
            let waker = if pause.is_some() { Waker::noop() } else { cx.waker() };
            let Some(place) = reservation.place_in_queue(waker) else { return Poll::Ready(true) };
            if let Some(pause) = pause
                && paused.get_or_insert_with(|| pause(place)).as_mut().poll(cx).is_ready()
            {
                paused = None;
                cx.waker().wake_by_ref();
            }
            patience.as_mut().poll(cx).map(|()| false)
        })
        .await;
        if granted {
            return Ok(reservation);
        }
        drop(reservation);
        Err(self.figures())
    }

    /// Takes the share or a place in the queue; `None` if the queue is full.
    fn ask(&self, bytes: u64) -> Option<Reservation> {
        let mut ledger = self.lock();
        assert!(bytes <= ledger.budget, "the caller checked that the pool can hold it");
        let at_once = ledger.queue.is_empty() && bytes <= ledger.free();
        if !at_once && ledger.queue.len() == MAX_WAITING {
            return None;
        }
        let ticket = ledger.next_ticket;
        ledger.next_ticket += 1;
        if at_once {
            ledger.grant(bytes);
        } else {
            ledger.queue.push_back(QueuedRequest { ticket, bytes, waker: Waker::noop().clone() });
        }
        drop(ledger);
        Some(Reservation { admission: self.clone(), ticket, bytes })
    }

    /// The present state of the pool.
    pub fn figures(&self) -> Figures {
        let ledger = self.lock();
        Figures { budget: ledger.budget, reserved: ledger.reserved, active: ledger.active, waiting: ledger.queue.len() }
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.0.lock().expect("nothing panics while it holds the pool")
    }
}

impl Figures {
    /// Bytes that are free now.
    pub fn free(&self) -> u64 {
        self.budget - self.reserved
    }
}

impl Reservation {
    /// The number of requests before it in the queue; `None` once it has its share. Granting the share wakes the latest `waker`.
    fn place_in_queue(&self, waker: &Waker) -> Option<usize> {
        let mut ledger = self.admission.lock();
        let place = ledger.place(self.ticket)?;
        let former = mem::replace(&mut ledger.queue[place].waker, waker.clone());
        drop(ledger);
        // Dropping a waker runs code of its executor: never under the lock.
        drop(former);
        Some(place)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut ledger = self.admission.lock();
        let left = match ledger.place(self.ticket) {
            Some(place) => ledger.queue.remove(place),
            None => {
                ledger.reserved -= self.bytes;
                ledger.active -= 1;
                None
            }
        };
        let admitted = ledger.admit();
        drop(ledger);
        drop(left);
        admitted.into_iter().for_each(Waker::wake);
    }
}

impl Pool {
    fn free(&self) -> u64 {
        self.budget - self.reserved
    }

    /// The ticket's place in the queue.
    fn place(&self, ticket: u64) -> Option<usize> {
        self.queue.iter().position(|waiting| waiting.ticket == ticket)
    }

    fn grant(&mut self, bytes: u64) {
        self.reserved += bytes;
        self.active += 1;
    }

    /// Grants the shares of the first requests that fit. The caller wakes them after it releases the lock.
    #[must_use]
    fn admit(&mut self) -> Vec<Waker> {
        let mut admitted = Vec::new();
        while let Some(first) = self.queue.pop_front_if(|first| first.bytes <= self.budget - self.reserved) {
            self.grant(first.bytes);
            admitted.push(first.waker);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        sync::atomic::{AtomicUsize, Ordering},
        task::{Context, Wake},
        thread,
    };

    use futures::executor::block_on;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Never waits: the request is admitted at once or refused.
    fn at_once(admission: &Admission, bytes: u64) -> Result<Reservation, Figures> {
        block_on(admission.reserve(bytes, ready(()), None))
    }

    /// Asks for `bytes`, and takes the place in the queue.
    fn queued(admission: &Admission, bytes: u64) -> (Reservation, Arc<Count>) {
        let reservation = admission.ask(bytes).unwrap();
        let count = Arc::new(Count::default());
        assert!(!is_granted(&reservation, &count));
        (reservation, count)
    }

    fn is_granted(reservation: &Reservation, count: &Arc<Count>) -> bool {
        reservation.place_in_queue(&Arc::clone(count).into()).is_none()
    }

    fn says(admission: &Admission) -> (u64, usize, usize) {
        let Figures { reserved, active, waiting, .. } = admission.figures();
        (reserved, active, waiting)
    }

    #[test]
    fn shares_up_to_the_budget_are_given_at_once_and_one_byte_more_is_not() {
        let admission = Admission::new(100);
        let first = at_once(&admission, 60).unwrap();
        let second = at_once(&admission, 40).unwrap();
        let refused = at_once(&admission, 1).unwrap_err();
        assert_eq!(refused, Figures { budget: 100, reserved: 100, active: 2, waiting: 0 });
        assert_eq!(refused.free(), 0);
        drop(first);
        assert_eq!(says(&admission), (40, 1, 0));
        drop(second);
        assert_eq!(says(&admission), (0, 0, 0));
        at_once(&admission, 100).unwrap();
        at_once(&admission, 0).unwrap();
    }

    #[test]
    fn a_waiting_request_is_admitted_when_there_is_room() {
        let admission = Admission::new(100);
        let first = at_once(&admission, 60).unwrap();
        let (second, woken) = queued(&admission, 50);
        assert_eq!(says(&admission), (60, 1, 1));
        drop(first);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(says(&admission), (50, 1, 0), "its share is its own before it has looked");
        assert!(is_granted(&second, &woken));
        drop(second);
        assert_eq!(says(&admission), (0, 0, 0));
    }

    #[test]
    fn no_request_overtakes_even_if_it_would_fit() {
        let admission = Admission::new(100);
        let first = at_once(&admission, 60).unwrap();
        let (large, large_woken) = queued(&admission, 90);
        let (small, small_woken) = queued(&admission, 10);
        let refused = at_once(&admission, 1).unwrap_err();
        assert_eq!((refused.free(), refused.waiting), (40, 2));
        drop(first);
        assert!(is_granted(&large, &large_woken) && is_granted(&small, &small_woken));
        assert_eq!(says(&admission), (100, 2, 0));
    }

    #[test]
    fn a_waiting_request_that_is_dropped_leaves_the_queue_to_the_next() {
        let admission = Admission::new(100);
        let _first = at_once(&admission, 60).unwrap();
        let (large, _) = queued(&admission, 90);
        let (small, woken) = queued(&admission, 40);
        drop(large);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(is_granted(&small, &woken));
        assert_eq!(says(&admission), (100, 2, 0));
    }

    #[test]
    fn one_that_was_woken_and_dropped_before_it_was_polled_gives_its_share_back() {
        let admission = Admission::new(100);
        let first = at_once(&admission, 100).unwrap();
        let (second, _) = queued(&admission, 100);
        let (third, woken) = queued(&admission, 100);
        drop(first);
        drop(second);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(is_granted(&third, &woken));
        drop(third);
        assert_eq!(says(&admission), (0, 0, 0));
    }

    #[test]
    fn a_future_that_is_dropped_while_it_waits_leaves_the_queue() {
        let admission = Admission::new(100);
        let _first = at_once(&admission, 100).unwrap();
        let mut waits = Box::pin(admission.reserve(1, pending(), None));
        assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(says(&admission), (100, 1, 1));
        drop(waits);
        assert_eq!(says(&admission), (100, 1, 0));
    }

    #[test]
    fn the_latest_waker_is_the_one_that_is_woken() {
        let admission = Admission::new(100);
        let first = at_once(&admission, 100).unwrap();
        let (second, former) = queued(&admission, 1);
        let latter = Arc::default();
        assert!(!is_granted(&second, &latter));
        drop(first);
        assert_eq!((former.0.load(Ordering::Relaxed), latter.0.load(Ordering::Relaxed)), (0, 1));
    }

    #[test]
    fn a_pausing_request_is_not_woken_and_polls_after_each_pause() {
        let admission = Admission::new(100);
        let first = at_once(&admission, 100).unwrap();
        let woken = Arc::<Count>::default();
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        // A pause that ends at once.
        let mut waits = pin!(admission.reserve(
            1,
            pending(),
            Some(|place| {
                assert_eq!(place, 0);
                Box::pin(ready(()))
            })
        ));
        for looks in 1..4 {
            assert!(waits.as_mut().poll(&mut cx).is_pending());
            assert_eq!(woken.0.load(Ordering::Relaxed), looks, "by its own pause");
        }
        drop(first);
        assert_eq!(woken.0.load(Ordering::Relaxed), 3, "not by the request that gave memory back");
        assert!(waits.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn the_queue_has_an_end() {
        let admission = Admission::new(100);
        let first = at_once(&admission, 100).unwrap();
        let mut queue: Vec<_> = (0..MAX_WAITING).map(|_| queued(&admission, 1)).collect();
        // The queue refuses it; its patience never ends.
        let refused = block_on(admission.reserve(1, pending(), None)).unwrap_err();
        assert_eq!(refused, Figures { budget: 100, reserved: 100, active: 1, waiting: MAX_WAITING });
        queue.pop();
        let (_last, _) = queued(&admission, 1);
        drop(first);
        assert_eq!(says(&admission), (64, 64, 0));
    }

    #[test]
    fn shares_of_many_threads_never_exceed_the_budget_and_all_come_back() {
        let admission = Admission::new(100);
        let most = AtomicUsize::new(0);
        thread::scope(|scope| {
            for thread in 0..8 {
                let (admission, most) = (&admission, &most);
                scope.spawn(move || {
                    for turn in 0..500 {
                        let bytes = 1 + (thread * 31 + turn * 17) % 100;
                        let patience = async {
                            if turn % 3 > 0 {
                                pending().await
                            }
                        };
                        if let Ok(_reservation) = block_on(admission.reserve(bytes, patience, None)) {
                            let reserved = admission.figures().reserved;
                            most.fetch_max(usize::try_from(reserved).unwrap(), Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert!((1..=100).contains(&most.into_inner()));
        assert_eq!(says(&admission), (0, 0, 0));
    }
}
