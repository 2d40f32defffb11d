//! The pool's rules one by one, and a model of many requests at once.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Wake,
    thread,
};

use super::*;

const MIB: u64 = 1 << 20;
const BUDGET: u64 = 84 * MIB;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn grows(place: &Place, part: Part, bytes: u64) -> bool {
    place.grow(part, bytes, Waker::noop())
}

fn converts(place: &Place) -> bool {
    place.has_encoder(Waker::noop())
}

/// A request with this share whose whole upload is there.
fn complete(admission: &Admission, share: u64, upload: u64) -> Place {
    let place = admission.enter(share).unwrap();
    assert!(upload == 0 || grows(&place, Part::Upload, upload));
    place.ask(true);
    place
}

fn parts(admission: &Admission) -> [u64; 3] {
    let Figures { encoders, uploads, results, .. } = admission.figures();
    [encoders, uploads, results]
}

#[test]
fn a_request_holds_what_it_was_given_and_gives_it_back_step_by_step() {
    let admission = Admission::new(BUDGET);
    let place = complete(&admission, 40 * MIB, 4 * MIB);
    assert!(converts(&place));
    place.shrink(Part::Upload, MIB);
    assert!(grows(&place, Part::Result, 2 * MIB));
    assert_eq!(parts(&admission), [40 * MIB, 3 * MIB, 2 * MIB]);
    assert_eq!(admission.figures().converting, 1);
    place.end_conversion();
    assert_eq!(parts(&admission), [0, 0, 2 * MIB]);
    assert_eq!(admission.figures().sending, 1);
    assert_eq!(place.peak(), 45 * MIB);
    drop(place);
    assert_eq!(admission.figures(), Figures { budget: BUDGET, ..Figures::default() });
}

#[test]
fn no_upload_or_result_takes_the_room_of_the_encoder_that_it_needs() {
    let admission = Admission::new(BUDGET);
    let place = admission.enter(70 * MIB).unwrap();
    assert!(grows(&place, Part::Upload, 10 * MIB), "up to the part of the results");
    assert!(!grows(&place, Part::Upload, 1));
    assert!(grows(&place, Part::Result, 4 * MIB));
    assert!(!grows(&place, Part::Result, 1));
    place.ask(false);
    assert!(converts(&place));
    assert_eq!(admission.figures().free(), 0);
}

#[test]
fn the_oldest_upload_always_finds_room_for_a_small_archive() {
    let admission = Admission::new(BUDGET);
    let oldest = admission.enter(60 * MIB).unwrap();
    let other = admission.enter(60 * MIB).unwrap();
    assert!(!grows(&other, Part::Upload, 16 * MIB + 1));
    assert!(grows(&other, Part::Upload, 16 * MIB));
    assert!(!grows(&other, Part::Upload, 1));
    assert!(grows(&oldest, Part::Upload, 4 * MIB));
    assert!(!grows(&oldest, Part::Upload, 1));
}

#[test]
fn complete_uploads_are_first_and_then_the_order_of_arrival_decides() {
    let admission = Admission::new(BUDGET);
    let running = complete(&admission, 60 * MIB, 0);
    let streams = admission.enter(60 * MIB).unwrap();
    streams.ask(false);
    let later = complete(&admission, 60 * MIB, MIB);
    let latest = complete(&admission, 60 * MIB, MIB);
    drop(running);
    assert!(converts(&later) && !converts(&latest) && !converts(&streams));
    later.end_conversion();
    assert!(converts(&latest) && !converts(&streams));
    drop(latest);
    assert!(converts(&streams));
}

#[test]
fn a_small_request_overtakes_only_where_the_first_still_fits_beside_it() {
    let admission = Admission::new(BUDGET);
    let running = complete(&admission, 60 * MIB, 0);
    let first = complete(&admission, 70 * MIB, 0);
    let small = complete(&admission, 5 * MIB, 0);
    let too_much = complete(&admission, 6 * MIB, 0);
    assert!(converts(&running) && converts(&small));
    assert!(!converts(&first) && !converts(&too_much), "5, 6 and 70 MiB are too much beside the results' 4");
    drop(running);
    assert!(converts(&first) && !converts(&too_much));
    drop(small);
    assert!(converts(&too_much));
}

#[test]
fn memory_that_keeps_the_first_out_lets_the_holders_of_uploads_go_first() {
    let admission = Admission::new(BUDGET);
    let reader = complete(&admission, 20 * MIB, 0);
    assert!(grows(&reader, Part::Result, 16 * MIB));
    reader.end_conversion();
    let large = complete(&admission, 76 * MIB, 0);
    assert!(!converts(&large), "16 MiB of a result keep it out");
    let young = admission.enter(20 * MIB).unwrap();
    assert!(!grows(&young, Part::Upload, 1), "a later one leaves room for the large encoder");
    young.ask(false);
    assert!(!converts(&young), "and does not overtake it with nothing in its hands");
    drop(reader);
    assert!(converts(&large));
}

#[test]
fn the_known_archive_may_lower_a_share() {
    let admission = Admission::new(BUDGET);
    let _running = complete(&admission, 70 * MIB, 0);
    let place = admission.enter(70 * MIB).unwrap();
    place.lower_share(3 * MIB);
    place.lower_share(9 * MIB);
    place.ask(true);
    assert!(converts(&place));
    assert_eq!(parts(&admission), [73 * MIB, 0, 0]);
}

#[test]
fn a_waiting_request_is_woken_once_something_is_given_back() {
    let admission = Admission::new(BUDGET);
    let running = complete(&admission, 70 * MIB, 0);
    let second = complete(&admission, 70 * MIB, 0);
    let (former, latter) = (Arc::<Count>::default(), Arc::<Count>::default());
    assert!(!second.has_encoder(&Arc::clone(&former).into()));
    assert!(!second.has_encoder(&Arc::clone(&latter).into()));
    drop(running);
    assert_eq!((former.0.load(Ordering::Relaxed), latter.0.load(Ordering::Relaxed)), (0, 1));
    assert!(second.has_encoder(&former.into()));
}

#[test]
fn one_that_was_woken_and_dropped_before_it_was_polled_gives_its_encoder_back() {
    let admission = Admission::new(BUDGET);
    let running = complete(&admission, 70 * MIB, 0);
    let second = complete(&admission, 70 * MIB, 0);
    let third = complete(&admission, 70 * MIB, 0);
    drop(running);
    drop(second);
    assert!(converts(&third));
    assert_eq!(parts(&admission), [70 * MIB, 0, 0]);
}

#[test]
fn the_pool_has_places_for_so_many_and_no_more() {
    let admission = Admission::new(BUDGET);
    let mut places: Vec<_> = (0..MAX_REQUESTS).map(|_| admission.enter(MIB).unwrap()).collect();
    assert!(admission.enter(MIB).is_none());
    places.pop();
    assert!(admission.enter(MIB).is_some());
}

#[test]
fn many_threads_never_exceed_the_budget_and_give_all_back() {
    let admission = Admission::new(BUDGET);
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let admission = &admission;
            scope.spawn(move || {
                for turn in 0..500 {
                    let place = admission.enter(1 + (thread * 31 + turn * 17) % 70 * MIB).unwrap();
                    grows(&place, Part::Upload, (turn % 7) * MIB);
                    place.ask(turn % 2 == 0);
                    if turn % 3 > 0 {
                        // Every other thread gives its encoder back, so it ends.
                        while !converts(&place) {
                            thread::yield_now();
                        }
                        grows(&place, Part::Result, (turn % 5) * MIB);
                        place.end_conversion();
                    }
                    assert!(admission.figures().reserved() <= BUDGET);
                }
            });
        }
    });
    assert_eq!(parts(&admission), [0; 3]);
}

/// One client of the model: it sends, converts and reads in steps of [`STEP`], whenever the schedule says.
struct Client {
    place: Option<Place>,
    /// Bytes to send, and bytes of the result.
    upload: u64,
    result: u64,
    share: u64,
    /// Most bytes to read ahead; an archive no longer than that must be whole before its conversion.
    ahead: u64,
    held: u64,
    waits: bool,
    made: u64,
    unread: u64,
}

const STEP: u64 = 256 << 10;

impl Client {
    /// Does one thing, if it can. Says whether it could.
    fn step(&mut self, admission: &Admission) -> bool {
        let Some(place) = &self.place else { return false };
        if place.has_encoder(Waker::noop()) {
            return self.convert();
        }
        if self.made == self.result && self.upload == 0 {
            return self.read();
        }
        let is_whole = self.upload == 0;
        if !self.waits && (is_whole || self.held >= self.ahead && self.ahead > UPLOADS_LEAST) {
            self.waits = true;
            place.ask(is_whole);
            return true;
        }
        let bytes = STEP.min(self.upload);
        if bytes > 0 && self.held < self.ahead && place.grow(Part::Upload, bytes, Waker::noop()) {
            self.upload -= bytes;
            self.held += bytes;
            if self.waits && self.upload == 0 {
                place.ask(true);
            }
            return true;
        }
        if !self.waits && bytes > 0 && self.ahead > UPLOADS_LEAST {
            self.waits = true;
            place.ask(false);
            return true;
        }
        let _ = admission;
        false
    }

    /// Converts a step from what was read ahead, or straight from the upload.
    fn convert(&mut self) -> bool {
        let place = self.place.as_ref().unwrap();
        if self.made < self.result {
            let bytes = STEP.min(self.result - self.made);
            if place.grow(Part::Result, bytes, Waker::noop()) {
                self.made += bytes;
                self.unread += bytes;
            } else if !self.read() {
                return false;
            }
        }
        let place = self.place.as_ref().unwrap();
        let taken = STEP.min(self.held);
        place.shrink(Part::Upload, taken);
        self.held -= taken;
        if taken == 0 {
            self.upload -= STEP.min(self.upload);
        }
        if self.held == 0 && self.upload == 0 && self.made == self.result {
            place.end_conversion();
        }
        true
    }

    /// Reads a step of the result, and leaves after the last.
    fn read(&mut self) -> bool {
        let bytes = STEP.min(self.unread);
        let place = self.place.as_ref().unwrap();
        place.shrink(Part::Result, bytes);
        self.unread -= bytes;
        let is_last = self.unread == 0 && self.made == self.result && self.upload == 0 && self.held == 0;
        if is_last && !place.has_encoder(Waker::noop()) {
            self.place = None;
        }
        bytes > 0 || is_last
    }
}

#[test]
fn in_every_schedule_every_request_ends_and_the_budget_holds() {
    for seed in 1..=3000_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut below = |bound: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % bound
        };
        let admission = Admission::new(BUDGET);
        let mut clients = Vec::new();
        let mut left = 5 + below(20);
        let mut stuck = 0;
        // Ends when all have been and gone, or fails.
        while left > 0 || clients.iter().any(|client: &Client| client.place.is_some()) {
            if left > 0 && below(4) == 0 {
                left -= 1;
                let share = [MIB, 5 * MIB, 20 * MIB, 50 * MIB, 70 * MIB, BUDGET - NEVER_LENT][below(6) as usize];
                let is_small = below(2) == 0;
                let upload = if is_small { below(UPLOADS_LEAST) } else { UPLOADS_LEAST + 1 + below(12 * MIB) };
                let ahead = if is_small { UPLOADS_LEAST } else { 6 * MIB };
                let place = admission.enter(share);
                let (result, held, waits, made, unread) = (below(10 * MIB), 0, false, 0, 0);
                clients.push(Client { place, upload, result, share, ahead, held, waits, made, unread });
            }
            // A few at random, as fast and slow clients would; now and then all, to see whether any can go on.
            let all = below(8) == 0;
            let moved = if all {
                clients.iter_mut().fold(false, |moved, client| client.step(&admission) | moved)
            } else {
                let one = below(clients.len().max(1) as u64) as usize;
                clients.get_mut(one).is_some_and(|client| (0..below(30)).fold(false, |moved, _| client.step(&admission) | moved))
            };
            let figures = admission.figures();
            assert!(figures.reserved() <= BUDGET, "seed {seed}: {figures:?}");
            stuck = if moved || !all { 0 } else { stuck + 1 };
            let shares: Vec<_> = clients.iter().filter(|client| client.place.is_some()).map(|client| client.share).collect();
            assert!(stuck == 0 || shares.is_empty(), "seed {seed}: nobody can go on: {figures:?}, {shares:?}");
        }
        assert_eq!(admission.figures().reserved(), 0, "seed {seed}");
    }
}
