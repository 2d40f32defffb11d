//! The pool's rules one by one, and a model of many requests at once.

use std::{
    cell::Cell,
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

/// A request with this share whose whole upload is there, of this many bytes and one.
fn complete(admission: &Admission, share: u64, upload: u64) -> Place {
    let place = admission.enter(share).unwrap();
    assert!(grows(&place, Part::Upload, upload.max(1)));
    place.ask(true);
    place
}

fn parts(admission: &Admission) -> [u64; 3] {
    let Figures { encoders, uploads, results, .. } = admission.figures();
    [encoders, uploads, results]
}

#[test]
fn a_request_holds_what_it_was_given_and_gives_it_back_step_by_step() {
    let admission = Admission::new(BUDGET, || 0);
    let place = complete(&admission, 40 * MIB, 4 * MIB);
    assert!(converts(&place));
    place.shrink(Part::Upload, MIB);
    assert!(grows(&place, Part::Result, 2 * MIB));
    assert_eq!(parts(&admission), [40 * MIB, 3 * MIB, 2 * MIB]);
    assert_eq!(admission.figures().converting, 1);
    place.end_conversion();
    assert_eq!(parts(&admission), [0, 0, 2 * MIB]);
    assert_eq!(admission.figures().sending, 1);
    assert_eq!((place.peak(), place.returned()), (45 * MIB, 1));
    drop(place);
    let free = Figures { budget: BUDGET, lent_ms: admission.figures().lent_ms, ..Figures::default() };
    assert_eq!(admission.figures(), free);
}

#[test]
fn no_upload_or_result_takes_the_room_of_the_encoder_that_it_needs() {
    let admission = Admission::new(BUDGET, || 0);
    let place = admission.enter(70 * MIB).unwrap();
    assert!(grows(&place, Part::Upload, 14 * MIB));
    assert!(!grows(&place, Part::Upload, 1));
    assert!(!grows(&place, Part::Result, 1));
    place.ask(false);
    assert!(converts(&place));
    assert_eq!(admission.figures().free(), 0);
}

#[test]
fn the_room_of_a_converted_upload_can_be_kept_for_its_result() {
    let admission = Admission::new(BUDGET, || 0);
    let place = complete(&admission, 70 * MIB, 14 * MIB);
    let other = admission.enter(70 * MIB).unwrap();
    assert!(converts(&place));
    place.keep_for_result(2 * MIB);
    assert!(!grows(&other, Part::Upload, 1), "it is not free for others");
    assert!(grows(&place, Part::Result, MIB));
    assert!(grows(&place, Part::Result, MIB));
    assert!(!grows(&place, Part::Result, 1));
    assert_eq!(parts(&admission), [70 * MIB, 12 * MIB, 2 * MIB]);
    place.end_conversion();
    assert_eq!(parts(&admission), [0, 0, 2 * MIB]);
    assert!(grows(&other, Part::Upload, MIB));
}

#[test]
fn the_oldest_upload_always_finds_room_for_a_small_archive() {
    let admission = Admission::new(BUDGET, || 0);
    let oldest = admission.enter(60 * MIB).unwrap();
    let other = admission.enter(60 * MIB).unwrap();
    assert!(oldest.is_oldest_upload() && !other.is_oldest_upload());
    let room = BUDGET - 60 * MIB - UPLOADS_LEAST;
    assert!(!grows(&other, Part::Upload, room + 1));
    assert!(grows(&other, Part::Upload, room));
    assert!(!grows(&other, Part::Upload, 1));
    assert!(grows(&oldest, Part::Upload, UPLOADS_LEAST));
    assert!(!grows(&oldest, Part::Upload, 1));
    oldest.ask(true);
    assert!(other.is_oldest_upload());
}

#[test]
fn memory_is_wanted_while_another_request_waits_for_some() {
    let admission = Admission::new(BUDGET, || 0);
    let holder = complete(&admission, 70 * MIB, MIB);
    let other = admission.enter(70 * MIB).unwrap();
    assert!(!holder.is_wanted());
    assert!(!grows(&other, Part::Upload, 20 * MIB));
    assert_eq!(admission.figures().waiting, 1);
    assert!(holder.is_wanted() && !other.is_wanted(), "the other one holds nothing");
    assert!(grows(&other, Part::Upload, MIB));
    assert_eq!(admission.figures().receiving, 1);
    assert!(!holder.is_wanted());
    other.ask(true);
    assert!(!converts(&other));
    assert!(holder.is_wanted());
    holder.end_conversion();
    assert!(converts(&other));
    assert!(!holder.is_wanted());
}

/// Milliseconds of a clock that each test sets in its own thread.
fn clock() -> u64 {
    CLOCK.get()
}

thread_local! {
    static CLOCK: Cell<u64> = const { Cell::new(0) };
}

#[test]
fn the_longer_the_queue_the_later_it_is_to_come_back() {
    let admission = Admission::new(BUDGET, clock);
    assert_eq!(admission.figures().retry_after(), 2);
    // Two are converted at once, one waits: three of 2 s each.
    let mut places: Vec<_> = (0..3).map(|_| complete(&admission, 40 * MIB, MIB)).collect();
    assert_eq!((admission.figures().converting, admission.figures().retry_after()), (2, 3));
    places.extend((0..20).map(|_| complete(&admission, 40 * MIB, 1)));
    assert_eq!(admission.figures().retry_after(), 23);
    places.extend((0..200).map(|_| complete(&admission, 40 * MIB, 1)));
    assert_eq!(admission.figures().retry_after(), 120);
}

#[test]
fn the_time_to_come_back_follows_the_time_of_conversions() {
    let admission = Admission::new(BUDGET, clock);
    for _ in 0..20 {
        let quick = complete(&admission, 70 * MIB, MIB);
        assert!(converts(&quick));
        CLOCK.set(clock() + 500);
        quick.end_conversion();
    }
    let mut places: Vec<_> = (0..11).map(|_| complete(&admission, 70 * MIB, 1)).collect();
    assert_eq!(admission.figures().converting, 1);
    assert_eq!(admission.figures().retry_after(), 6, "eleven of half a second each");
    CLOCK.set(clock() + 4000);
    assert_eq!(admission.figures().retry_after(), 44, "the one that runs takes 4 s already");
    places.remove(0);
    assert_eq!(admission.figures().lent_ms / 100, 13, "a quarter of 4 s and three of half a second");
    // Dropping one that waits is no return.
    let before = places[0].returned();
    places.pop();
    assert_eq!(places[0].returned(), before);
}

#[test]
fn complete_uploads_are_first_and_then_the_order_of_arrival_decides() {
    let admission = Admission::new(BUDGET, || 0);
    let running = complete(&admission, 60 * MIB, 0);
    let streams = admission.enter(60 * MIB).unwrap();
    assert!(grows(&streams, Part::Upload, MIB));
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
    let admission = Admission::new(BUDGET, || 0);
    let running = complete(&admission, 60 * MIB, MIB);
    let first = complete(&admission, 70 * MIB, MIB);
    let small = complete(&admission, 5 * MIB, MIB);
    let too_much = complete(&admission, 7 * MIB, MIB);
    assert!(converts(&running) && converts(&small));
    assert!(!converts(&first) && !converts(&too_much), "5, 7 and 70 MiB are too much beside 4 of uploads");
    drop(running);
    assert!(converts(&first) && !converts(&too_much));
    drop(small);
    assert!(converts(&too_much));
}

#[test]
fn a_later_upload_leaves_room_for_the_encoders_of_earlier_ones() {
    let admission = Admission::new(BUDGET, || 0);
    let reader = complete(&admission, 20 * MIB, 16 * MIB);
    assert!(converts(&reader));
    reader.keep_for_result(16 * MIB);
    assert!(grows(&reader, Part::Result, 16 * MIB));
    reader.end_conversion();
    let large = admission.enter(76 * MIB).unwrap();
    assert!(!grows(&large, Part::Upload, 1), "a result keeps its encoder out");
    let later = admission.enter(20 * MIB).unwrap();
    assert!(!grows(&later, Part::Upload, 1));
    drop(reader);
    assert!(!grows(&later, Part::Upload, 4 * MIB), "what is kept for the oldest upload");
    assert!(grows(&large, Part::Upload, 4 * MIB));
}

#[test]
fn the_known_archive_may_lower_a_share() {
    let admission = Admission::new(BUDGET, || 0);
    let _running = complete(&admission, 70 * MIB, 0);
    let place = admission.enter(70 * MIB).unwrap();
    assert!(grows(&place, Part::Upload, MIB));
    place.lower_share(3 * MIB);
    place.lower_share(9 * MIB);
    place.ask(true);
    assert!(converts(&place));
    assert_eq!(parts(&admission), [73 * MIB, MIB + 1, 0]);
}

#[test]
fn a_waiting_request_is_woken_once_something_is_given_back() {
    let admission = Admission::new(BUDGET, || 0);
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
    let admission = Admission::new(BUDGET, || 0);
    let running = complete(&admission, 70 * MIB, 0);
    let second = complete(&admission, 70 * MIB, 0);
    let third = complete(&admission, 70 * MIB, 0);
    drop(running);
    drop(second);
    assert!(converts(&third));
    assert_eq!(parts(&admission), [70 * MIB, 1, 0]);
}

#[test]
fn the_pool_has_places_for_so_many_and_no_more() {
    let admission = Admission::new(BUDGET, || 0);
    let mut places: Vec<_> = (0..MAX_REQUESTS).map(|_| admission.enter(MIB).unwrap()).collect();
    assert!(admission.enter(MIB).is_none());
    places.pop();
    assert!(admission.enter(MIB).is_some());
}

#[test]
fn many_threads_never_exceed_the_budget_and_give_all_back() {
    let admission = Admission::new(BUDGET, || 0);
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let admission = &admission;
            scope.spawn(move || {
                for turn in 0..500 {
                    let place = admission.enter(1 + (thread * 31 + turn * 17) % 70 * MIB).unwrap();
                    let asks = grows(&place, Part::Upload, (turn % 3) * MIB / 2 + 1);
                    if asks {
                        place.ask(turn % 2 == 0);
                    }
                    if asks && turn % 3 > 0 {
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
    /// Bytes to send, and bytes of the result to come.
    upload: u64,
    result: u64,
    /// Whether the archive must be whole before its conversion, and its result before it is read.
    is_small: bool,
    /// Bytes read ahead.
    held: u64,
    asked: bool,
    converting: bool,
    unread: u64,
}

const STEP: u64 = 256 << 10;
const READ_AHEAD: u64 = 6 * MIB;

impl Client {
    /// Does one thing, if it can. Says whether it could.
    fn step(&mut self) -> bool {
        let Some(place) = &self.place else { return false };
        if self.converting {
            return self.convert();
        }
        if self.asked && place.has_encoder(Waker::noop()) {
            self.converting = true;
            return true;
        }
        if self.upload == 0 && self.held == 0 && self.result == 0 {
            return self.read();
        }
        let bytes = STEP.min(self.upload);
        let is_full = self.held >= READ_AHEAD;
        if self.asked && (self.upload == 0 || is_full) {
            return false;
        }
        // A whole upload holds memory in any case: a block, before its end is known.
        if !is_full && bytes > 0 && place.grow(Part::Upload, bytes, Waker::noop()) {
            self.upload -= bytes;
            self.held += bytes;
            if self.asked && self.upload == 0 {
                place.ask(true);
            }
            return true;
        }
        let may_ask = self.upload == 0 || is_full || !self.is_small && self.held > 0 && place.is_oldest_upload();
        if !self.asked && may_ask {
            self.asked = true;
            place.ask(self.upload == 0);
            return true;
        }
        false
    }

    /// Converts a step from what was read ahead, or straight from the upload.
    fn convert(&mut self) -> bool {
        let place = self.place.as_ref().unwrap();
        let taken = STEP.min(self.held);
        if taken > 0 {
            if self.is_small {
                place.keep_for_result(taken);
            } else {
                place.shrink(Part::Upload, taken);
            }
            self.held -= taken;
        } else {
            self.upload -= STEP.min(self.upload);
        }
        let bytes = STEP.min(self.result);
        if place.grow(Part::Result, bytes, Waker::noop()) {
            self.result -= bytes;
            self.unread += bytes;
        } else if taken == 0 && !self.read() {
            // One piece is in the conversion's own buffers: its reader takes it, sooner or later.
            self.result -= bytes;
        }
        if self.held == 0 && self.upload == 0 && self.result == 0 {
            place_of(&self.place).end_conversion();
            self.converting = false;
        }
        true
    }

    /// Reads a step of the result, and leaves after the last.
    fn read(&mut self) -> bool {
        let bytes = STEP.min(self.unread);
        place_of(&self.place).shrink(Part::Result, bytes);
        self.unread -= bytes;
        let is_last = self.unread == 0 && self.result == 0 && !self.converting;
        if is_last {
            self.place = None;
        }
        bytes > 0 || is_last
    }
}

fn place_of(place: &Option<Place>) -> &Place {
    place.as_ref().unwrap()
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
        let admission = Admission::new(BUDGET, || 0);
        let mut clients: Vec<Client> = Vec::new();
        let mut left = 5 + below(20);
        // Ends when all have been and gone, or fails.
        while left > 0 || clients.iter().any(|client| client.place.is_some()) {
            if left > 0 && below(4) == 0 {
                left -= 1;
                let share = [MIB, 5 * MIB, 20 * MIB, 50 * MIB, 70 * MIB, BUDGET - UPLOADS_LEAST][below(6) as usize];
                let is_small = below(2) == 0;
                let upload = if is_small { 1 + below(4 * MIB) } else { 4 * MIB + 1 + below(12 * MIB) };
                let (place, result) = (admission.enter(share), below(10 * MIB));
                let (held, asked, converting, unread) = (0, false, false, 0);
                clients.push(Client { place, upload, result, is_small, held, asked, converting, unread });
            }
            // One at random, as fast and slow clients would; now and then all, to see whether any can go on.
            if below(8) == 0 {
                let moved = clients.iter_mut().fold(false, |moved, client| client.step() | moved);
                let waiting = clients.iter().filter(|client| client.place.is_some()).count();
                assert!(moved || waiting == 0, "seed {seed}: none of {waiting} can go on: {:?}", admission.figures());
            } else {
                let one = below(clients.len().max(1) as u64) as usize;
                if let Some(client) = clients.get_mut(one) {
                    (0..below(30)).for_each(|_| _ = client.step());
                }
            }
            let figures = admission.figures();
            assert!(figures.reserved() <= BUDGET, "seed {seed}: {figures:?}");
        }
        assert_eq!(admission.figures().reserved(), 0, "seed {seed}");
    }
}
