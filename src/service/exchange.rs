//! The exchange: one request's way from its upload to its result.
//!
//! ```text
//! receive   the upload is read ahead: a small archive whole, a larger one as far as there is room, up to 6 MiB
//! wait      for an encoder: whole uploads first, then in order of arrival
//! convert   from the read-ahead, then straight from the upload, into the outbox
//! send      the outbox holds what the client has not taken yet; the encoder is free again when the conversion ends
//! ```
//!
//! Neither the room nor any timing changes the result: the same bytes go through the same [`Step`].

use std::{
    future::poll_fn,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use futures::Stream;
use recompress::{Contents, Limits, Status, Step};

use crate::{
    admission::{Admission, Figures},
    failure::{Failure, UploadError},
    job::{Job, Known, Order},
    memory::Share,
    outbox::{Answer, Ending, Outbox, Progress, outbox},
    pace::{Floor, Pace},
    platform::{Platform, Timer},
    request_log::RequestLog,
    source::{Source, Stop},
};

/// Most bytes of one piece. In workerd, 64 KiB cross into JavaScript about 8 times faster than as pieces of 4 KiB.
const PIECE_BYTES: usize = 64 << 10;

/// Memory beside the job's: the output buffer, the piece on its way out, and twice as much for the upload's read buffers.
pub const BUFFERS: u64 = 4 * PIECE_BYTES as u64;

/// Steps of one poll, so that other tasks can run. Without this bound, one poll could convert a whole archive that compresses
/// to less than a piece.
const STEPS_PER_POLL: u32 = 16;

/// Both sides have stopped if nothing moves for this long: the client sends on before it reads, and its answer outgrew the
/// outbox.
const BOTH_STOPPED: Duration = Duration::from_secs(25);

/// Most time for the rest of an upload whose client did not read its answer.
const DISCARDING: Duration = Duration::from_secs(60);

/// A request waits at most this many times as long as for a queue that does not move.
pub const MOST_WAITS: u32 = 10;

/// An upload, the job that reads it, and the outbox of its result. As a future it converts until the result ends, and then
/// watches its reader.
pub struct Exchange<S> {
    work: Work,
    /// The next piece; its first `filled` bytes are output.
    room: Vec<u8>,
    filled: usize,
    source: Source<S>,
    /// The bytes of the source that the job is at.
    frame: Bytes,
    terms: Terms,
    timers: Timers,
    /// Whether the next piece waits for room.
    is_blocked: bool,
    /// Writes a failure as the last line of a result that can hold one.
    last_words: Option<fn(&Failure) -> Vec<u8>>,
    /// The result is read by a store, not by the client: the client need not read it.
    is_for_store: bool,
    begun_with: Option<(u8, u8)>,
    read_directory_first: bool,
    /// Until it begins.
    answer: Option<Answer>,
    /// The last field: its memory is given back after all of the above is dropped.
    outbox: Outbox,
}

/// The facts that hold for every request of a service.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The pool.
    pub admission: Admission,
    /// Limits of every archive.
    pub limits: Limits,
    /// The shell's part.
    pub platform: Platform,
    /// How long a request waits for memory while the queue does not move.
    pub wait: Duration,
    /// The slowest that a client may be while others wait.
    pub floor: Floor,
    /// Most bytes of one result that wait for its reader. A result up to this size need not be read before its upload ends,
    /// if the pool has room for it.
    pub most_unread: u64,
}

/// The job before it starts, while it runs, and after it.
enum Work {
    Ordered(Box<Ordered>),
    Running {
        job: Job,
        needs_input: bool,
        is_done: bool,
    },
    /// The result is in the outbox.
    Sending,
    /// The rest of the upload is discarded for a while, so that a client that sends before it reads learns of the failure.
    Discarding(Option<Timer>),
    Ended,
}

/// A job that waits for its upload or its encoder.
struct Ordered {
    order: Order,
    share: Share,
    /// Once the upload is here as a whole, if that lowered the share.
    contents: Option<Contents>,
    asked: Asked,
}

/// Whether a request asked for its encoder, and with how much of its upload.
#[derive(PartialEq, Eq)]
enum Asked {
    No,
    WithPart,
    WithAll,
}

/// The waits of one request. They wake the task that polled them first, so each task has its own.
#[derive(Default)]
struct Timers {
    /// Before the next look at the pool, where nobody may wake this request.
    pause: Option<Timer>,
    /// Before the next steps, where others run only while this request waits.
    turn: Option<Timer>,
    /// Before it is told to come back, since the queue moved; the encoders that had come back then.
    patience: Option<(Timer, u64)>,
    /// The same in all.
    most_patience: Option<Timer>,
    /// Before a client that neither sends nor reads is dropped; with the bytes that it had taken.
    stopped: Option<(Timer, u64)>,
    upload: Pace,
    download: Pace,
}

impl<S> Exchange<S>
where
    S: Stream<Item = Result<Bytes, UploadError>> + Unpin,
{
    /// An exchange that has read nothing yet. `declared` is the upload's length in bytes, if the request states it.
    ///
    /// # Errors
    ///
    /// The state of the pool if it has no place left.
    pub fn new(order: Order, share: Share, upload: S, declared: Option<u64>, terms: Terms) -> Result<Self, Figures> {
        let place = terms.admission.enter(share.bytes).ok_or_else(|| terms.admission.figures())?;
        let (outbox, answer) = outbox(place);
        Ok(Self {
            work: Work::Ordered(Box::new(Ordered { order, share, contents: None, asked: Asked::No })),
            room: Vec::new(),
            filled: 0,
            source: Source::new(upload, declared),
            frame: Bytes::new(),
            terms,
            timers: Timers::default(),
            is_blocked: false,
            last_words: None,
            is_for_store: false,
            begun_with: None,
            read_directory_first: false,
            answer: Some(answer),
            outbox,
        })
    }

    /// A result that fails after the answer has begun ends with this line instead of a broken transfer. For formats with such
    /// a line.
    pub fn with_last_words(self, last_words: fn(&Failure) -> Vec<u8>) -> Self {
        Self { last_words: Some(last_words), ..self }
    }

    /// The result goes into a store, and not to the client.
    pub fn for_store(self) -> Self {
        Self { is_for_store: true, ..self }
    }

    /// Brotli quality and lgwin of the begin of the result, once the answer begins.
    pub fn begun_with(&self) -> Option<(u8, u8)> {
        self.begun_with
    }

    /// Whether the archive's directory was read before its members. The length of the archive alone decides, unless the request
    /// asks for one of the two.
    pub fn read_directory_first(&self) -> bool {
        self.read_directory_first
    }

    /// Receives, waits and converts until the answer can begin: at the end of a small archive, at the first piece of a larger
    /// one. Copies the numbers so far into the log.
    ///
    /// # Errors
    ///
    /// Any failure before that.
    pub async fn begin(&mut self, log: &mut RequestLog) -> Result<Answer, Failure> {
        let begun = poll_fn(|cx| {
            if matches!(self.work, Work::Ordered(_)) {
                ready!(self.poll_receive(cx))?;
            }
            self.poll_first(cx)
        });
        let begun = begun.await;
        self.note();
        self.timers = Timers::default();
        let answer = self.answer.take().expect("it begins once");
        answer.report(log);
        begun.map(|()| answer)
    }

    /// Receives the upload until an encoder is there, and starts the job.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let pool_waker = self.pool_waker(cx);
        // Ends: each turn reads a part of the upload ahead, and the read-ahead has an end.
        loop {
            let Work::Ordered(ordered) = &mut self.work else { unreachable!("it is not started") };
            let place = self.outbox.place();
            if ordered.asked != Asked::No && place.has_encoder(&pool_waker) {
                let Work::Ordered(ordered) = mem::replace(&mut self.work, Work::Ended) else {
                    unreachable!("as above")
                };
                let Ordered { order, share: Share { limits, .. }, contents, .. } = *ordered;
                // A small archive is here as a whole, whatever the pool holds.
                let directory = match order.reads_directory(self.source.is_small())? {
                    Some(names) => self.source.directory(limits, names)?,
                    None => None,
                };
                self.read_directory_first = directory.is_some();
                let job = order.start(limits, contents.as_ref(), directory)?;
                self.work = Work::Running { job, needs_input: true, is_done: false };
                return Poll::Ready(Ok(()));
            }
            let Ordered { order, share, contents, asked } = &mut **ordered;
            let had_start = self.source.start().is_some();
            let Poll::Ready(stop) = self.source.poll_ahead(cx, place, &pool_waker) else {
                if *asked != Asked::No {
                    return self.poll_wait(cx);
                }
                // The pool waits for the client.
                (self.timers.patience, self.timers.most_patience) = (None, None);
                return self.poll_sender(cx);
            };
            match stop? {
                None => {
                    if let Some(start) = self.source.start().filter(|_| !had_start) {
                        order.check(start, share.limits)?;
                    }
                    if self.source.is_surely_large() {
                        order.reads_directory(false)?;
                    }
                }
                Some(Stop::Ended) if *asked != Asked::WithAll => {
                    let known = Known { upload_bytes: Some(self.source.ahead()), contents: self.source.contents() };
                    let lower = order.share(self.terms.limits, self.terms.admission.figures().budget, known);
                    // The first share was for any archive.
                    if let Ok(lower) = lower
                        && lower.bytes <= share.bytes
                    {
                        (*share, *contents) = (lower, known.contents);
                        place.lower_share(lower.bytes);
                    }
                    *asked = Asked::WithAll;
                    place.ask(true);
                }
                Some(Stop::Full) if *asked == Asked::No => {
                    *asked = Asked::WithPart;
                    place.ask(false);
                }
                // Others come first: what they hold is worth more once it is whole.
                Some(Stop::NoRoom)
                    if *asked == Asked::No && self.source.is_surely_large() && place.is_oldest_upload() =>
                {
                    *asked = Asked::WithPart;
                    place.ask(false);
                }
                Some(_) => return self.poll_wait(cx),
            }
        }
    }

    /// Waits for the pool: as long as the queue moves, within reason.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.poll_pause(cx);
        let wait = self.terms.wait;
        if let Some(sleep) = self.terms.platform.sleep {
            let returned = self.outbox.place().returned();
            let (patience, since) = self.timers.patience.get_or_insert_with(|| (sleep(wait), returned));
            if *since != returned {
                (*patience, *since) = (sleep(wait), returned);
            }
            let most_patience = self.timers.most_patience.get_or_insert_with(|| sleep(wait * MOST_WAITS));
            if patience.as_mut().poll(cx).is_ready() || most_patience.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Failure::Busy(self.terms.admission.figures())));
            }
        }
        Poll::Pending
    }

    /// Looks at the pool again after a pause, where nobody may wake this request.
    fn poll_pause(&mut self, cx: &mut Context<'_>) {
        // The client is not asked for more meanwhile.
        self.timers.upload = Pace::default();
        let Some(pause) = self.terms.platform.pause else { return };
        let place = self.outbox.place();
        let timer = self.timers.pause.get_or_insert_with(|| pause(place.requests_before()));
        if timer.as_mut().poll(cx).is_ready() {
            self.timers.pause = None;
            cx.waker().wake_by_ref();
        }
    }

    /// Waits for the client's upload.
    fn poll_sender<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Failure>> {
        let (received, place) = (self.source.received(), self.outbox.place());
        let Terms { platform: Platform { sleep, .. }, floor, .. } = self.terms;
        let moved = (received, self.work_ns());
        if self.timers.upload.is_too_slow(cx, sleep, floor, moved, || place.is_wanted()) {
            return Poll::Ready(Err(Failure::SlowUpload { received, floor }));
        }
        Poll::Pending
    }

    /// Waits for the client to read.
    fn poll_reader<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Failure>> {
        let (taken, place) = (self.outbox.taken(), self.outbox.place());
        let Terms { platform: Platform { sleep, .. }, floor, .. } = self.terms;
        if self.timers.download.is_too_slow(cx, sleep, floor, (taken, 0), || place.is_wanted()) {
            return Poll::Ready(Err(Failure::SlowDownload { taken, floor }));
        }
        Poll::Pending
    }

    /// Converts until the answer can begin.
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let converted = self.poll_convert(cx);
        let answer = self.answer.as_ref().expect("it has not begun");
        if let Some(failure) = answer.failure() {
            return Poll::Ready(Err(failure));
        }
        // The result of a small archive that outgrows its room begins like that of a larger one.
        let begins = converted.is_ready() || !self.outbox.is_empty() && (!self.source.is_small() || self.is_blocked);
        if begins { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Converts until the result ends, as the outbox then says.
    fn poll_convert(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !matches!(self.work, Work::Running { .. }) {
            return Poll::Ready(());
        }
        let converted = if self.outbox.is_abandoned(cx.waker()) { Ok(()) } else { ready!(self.poll_steps(cx)) };
        self.note();
        if let Work::Running { job, is_done: true, .. } = &self.work {
            self.outbox.conclude(job.summary());
        }
        // The job's memory is free before the pool may lend it again.
        let partial = mem::take(&mut self.room);
        let filled = mem::take(&mut self.filled);
        self.work = Work::Sending;
        self.frame = Bytes::new();
        let ending = match (converted, self.last_words) {
            (Ok(()), _) => Ending::Whole,
            (Err(failure), _) if failure.is_of_reader() => {
                if matches!(failure, Failure::AnswerUnread { .. }) {
                    self.work = Work::Discarding(self.terms.platform.sleep.map(|sleep| sleep(DISCARDING)));
                }
                self.source.clear();
                self.outbox.give_up(failure);
                return Poll::Ready(());
            }
            (Err(failure), Some(last_words)) if self.answer.is_none() => {
                let line = [&partial[..filled], &last_words(&failure)].concat();
                self.outbox.push(line.into());
                Ending::Told(failure.code())
            }
            (Err(failure), _) => Ending::Failed(failure),
        };
        self.source.clear();
        self.outbox.end(ending);
        Poll::Ready(())
    }

    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        if let Some(turn) = &mut self.timers.turn {
            if turn.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timers.turn = None;
        }
        for _ in 0..STEPS_PER_POLL {
            let Work::Running { job, needs_input, is_done } = &mut self.work else { unreachable!("it has not ended") };
            if self.filled == PIECE_BYTES || *is_done && self.filled > 0 {
                self.is_blocked = !self.push(cx);
                if self.is_blocked {
                    return self.poll_unread(cx);
                }
                continue;
            }
            if *is_done {
                return Poll::Ready(Ok(()));
            }
            if *needs_input && self.frame.is_empty() {
                let keeps = self.source.is_small();
                match self.source.poll_next(cx, self.outbox.place(), keeps) {
                    Poll::Ready(frame) => self.frame = frame?,
                    Poll::Pending => {
                        // A reader that waits gets what there is.
                        if self.filled > 0 && self.outbox.is_empty() {
                            self.push(cx);
                        }
                        return self.poll_sender(cx);
                    }
                }
            }
            if self.terms.platform.near_cpu_limit.is_some_and(|near| near()) {
                return Poll::Ready(Err(Failure::Cpu { received: self.source.received() }));
            }
            if self.room.is_empty() {
                self.room = vec![0; PIECE_BYTES];
            }
            let progress = job.step(&self.frame, &mut self.room[self.filled..])?;
            self.frame = self.frame.slice(progress.consumed..);
            self.filled += progress.produced;
            *needs_input = progress.status == Status::NeedsInput;
            *is_done = progress.status == Status::Done;
            self.begun_with = job.begun_with();
        }
        self.note();
        if let (Some(_), Some(sleep)) = (self.terms.platform.pause, self.terms.platform.sleep) {
            // Waking alone goes on at once there: no other request would be heard until this one is converted.
            self.timers.turn = Some(sleep(Duration::ZERO));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Moves the piece to the outbox, if that has room.
    fn push(&mut self, cx: &mut Context<'_>) -> bool {
        self.note();
        if self.outbox.is_empty() {
            // The reader waited for us.
            self.timers.download = Pace::default();
        }
        let (pool_waker, most) = (self.pool_waker(cx), self.terms.most_unread);
        if !self.outbox.has_room(self.filled as u64, most, cx.waker(), &pool_waker) {
            return false;
        }
        self.timers.stopped = None;
        let mut piece = mem::take(&mut self.room);
        piece.truncate(mem::take(&mut self.filled));
        if piece.len() < PIECE_BYTES / 2 {
            piece.shrink_to_fit();
        }
        self.outbox.push(piece.into());
        true
    }

    /// Waits for the reader. If the client still sends, it may be one that reads only after that: then both sides wait for
    /// each other, and nothing but the end of the request helps.
    fn poll_unread(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.poll_pause(cx);
        if self.answer.is_some() || self.is_for_store {
            return Poll::Pending;
        }
        if let Some(sleep) = self.terms.platform.sleep
            && !self.source.is_received()
        {
            let taken = self.outbox.taken();
            let (timer, before) = self.timers.stopped.get_or_insert_with(|| (sleep(BOTH_STOPPED), taken));
            if *before != taken {
                (*timer, *before) = (sleep(BOTH_STOPPED), taken);
            }
            if timer.as_mut().poll(cx).is_ready() {
                let (received, unread) = (self.source.received(), self.outbox.waiting());
                return Poll::Ready(Err(Failure::AnswerUnread { received, unread, most: self.terms.most_unread }));
            }
        }
        self.poll_reader(cx)
    }

    fn work_ns(&self) -> u64 {
        if let Work::Running { job, .. } = &self.work { job.work_ns() } else { 0 }
    }

    fn note(&self) {
        let received = self.source.received();
        let progress = match &self.work {
            Work::Running { job, .. } => {
                let (members, unpacked_bytes) = job.so_far();
                Progress { quality: job.quality(), received, work_ns: job.work_ns(), members, unpacked_bytes }
            }
            Work::Ordered(_) => Progress { received, ..Progress::default() },
            Work::Sending | Work::Discarding(_) | Work::Ended => return,
        };
        self.outbox.note(progress);
    }

    /// The waker for the pool. One that wakes nobody where one request must not wake another.
    fn pool_waker(&self, cx: &Context<'_>) -> Waker {
        if self.terms.platform.pause.is_some() { Waker::noop().clone() } else { cx.waker().clone() }
    }
}

impl<S> Future for Exchange<S>
where
    S: Stream<Item = Result<Bytes, UploadError>> + Unpin,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        ready!(this.poll_convert(cx));
        match &mut this.work {
            Work::Sending if this.outbox.is_taken(cx.waker()) => {}
            Work::Sending if this.is_for_store => return Poll::Pending,
            Work::Sending => {
                if let Err(failure) = ready!(this.poll_reader::<()>(cx)) {
                    this.outbox.give_up(failure);
                }
            }
            Work::Discarding(timer) => {
                let is_over = timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
                if !is_over && !this.outbox.is_abandoned(cx.waker()) {
                    ready!(this.source.poll_discard(cx));
                }
            }
            Work::Ordered(_) | Work::Running { .. } | Work::Ended => {}
        }
        this.work = Work::Ended;
        Poll::Ready(())
    }
}
