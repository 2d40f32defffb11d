//! The exchange: one request's way from its upload to its result.
//!
//! ```text
//! receive   the upload is read ahead: a small archive whole, a larger one up to READ_AHEAD or as far as there is room
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
use recompress::{Contents, Limits, SMALL_ARCHIVE_BYTES, Status, Step};

use crate::{
    admission::{Admission, Figures, Place},
    failure::{Failure, UploadError},
    job::{Job, Known, Order},
    memory::Share,
    outbox::{Answer, Ending, Outbox, Progress, outbox},
    platform::Platform,
    read_ahead::ReadAhead,
    request_log::RequestLog,
};

/// Most bytes of one piece. In workerd, 64 KiB cross into JavaScript about 8 times faster than as pieces of 4 KiB.
const PIECE_BYTES: usize = 64 << 10;

/// Memory beside the job's: the output buffer, the piece on its way out, and twice as much for the upload's read buffers.
pub const BUFFERS: u64 = 4 * PIECE_BYTES as u64;

/// Steps of one poll, so that other tasks can run. Without this bound, one poll could convert a whole archive that compresses
/// to less than a piece.
const STEPS_PER_POLL: u32 = 16;

/// Most bytes of a larger archive that are read ahead. Less than most saves would let a slow upload hold an encoder, more
/// would delay the first byte of the answer.
const READ_AHEAD: u64 = 6 << 20;

/// Both sides have stopped if nothing moves for this long: the client sends on before it reads, and its answer outgrew the
/// outbox.
const BOTH_STOPPED: Duration = Duration::from_secs(25);

/// An upload, the job that reads it, and the outbox of its result. As a future it converts until the result ends.
pub struct Exchange<S> {
    work: Work,
    /// The next piece; its first `filled` bytes are output.
    room: Vec<u8>,
    filled: usize,
    source: Source<S>,
    terms: Terms,
    timers: Timers,
    /// Whether the next piece waits for room.
    is_blocked: bool,
    /// Writes a failure as the last line of a result that can hold one.
    last_words: Option<fn(&Failure) -> Vec<u8>>,
    in_use: Option<(u8, u8)>,
    answer: Option<Answer>,
    /// The last field: its memory is given back after all of the above is dropped.
    outbox: Outbox,
}

/// Facts that hold for every request of a service.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The pool.
    pub admission: Admission,
    /// Limits of every archive.
    pub limits: Limits,
    /// The shell's part.
    pub platform: Platform,
    /// How long a request may wait for memory at a time.
    pub wait: Duration,
}

/// The job before it starts, and while it runs.
enum Work {
    Ordered {
        order: Order,
        share: Share,
        contents: Option<Contents>,
        asked: bool,
    },
    Running {
        job: Job,
        needs_input: bool,
        is_done: bool,
    },
    Ended,
}

/// The bytes of the upload: read ahead, then live.
struct Source<S> {
    upload: S,
    has_ended: bool,
    ahead: ReadAhead,
    /// The frame after the read-ahead, or the rest of it that found no room there.
    next: Bytes,
    /// The bytes that the job is at.
    frame: Bytes,
    /// The upload's declared length.
    declared: Option<u64>,
    received: u64,
    /// Whether the first bytes were looked at.
    is_checked: bool,
}

/// Why the read-ahead stops.
enum Stop {
    Ended,
    Full,
    NoRoom,
}

/// Waits of one request.
#[derive(Default)]
struct Timers {
    /// Before the next look at the pool, where nobody may wake this request.
    pause: Option<Timer>,
    /// Before it is told to come back.
    patience: Option<Timer>,
    /// Before a client that neither sends nor reads is dropped; with the bytes that it had taken.
    stopped: Option<(Timer, u64)>,
}

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

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
        let source = Source {
            upload,
            has_ended: false,
            ahead: ReadAhead::default(),
            next: Bytes::new(),
            frame: Bytes::new(),
            declared,
            received: 0,
            is_checked: false,
        };
        Ok(Self {
            work: Work::Ordered { order, share, contents: None, asked: false },
            room: Vec::new(),
            filled: 0,
            source,
            terms,
            timers: Timers::default(),
            is_blocked: false,
            last_words: None,
            in_use: None,
            answer: Some(answer),
            outbox,
        })
    }

    /// A result that fails after the answer has begun ends with this line instead of a broken transfer. For formats with such
    /// a line.
    pub fn with_last_words(self, last_words: fn(&Failure) -> Vec<u8>) -> Self {
        Self { last_words: Some(last_words), ..self }
    }

    /// Brotli quality and lgwin of the tarball, once the answer begins.
    pub fn in_use(&self) -> Option<(u8, u8)> {
        self.in_use
    }

    /// Receives, waits and converts until the answer can begin: at the end of a small archive, at the first piece of a larger
    /// one. Copies the numbers so far into the log.
    ///
    /// # Errors
    ///
    /// Any failure before that.
    pub async fn begin(&mut self, log: &mut RequestLog) -> Result<Answer, Failure> {
        let begun = poll_fn(|cx| {
            if matches!(self.work, Work::Ordered { .. }) {
                ready!(self.poll_receive(cx))?;
            }
            self.poll_first(cx)
        });
        let begun = begun.await;
        self.note();
        let answer = self.answer.take().expect("it begins once");
        answer.report(log);
        begun.map(|()| answer)
    }

    /// Whether the result has ended. There is then nothing left to do.
    pub fn has_ended(&self) -> bool {
        matches!(self.work, Work::Ended)
    }

    /// Receives the upload until an encoder is there, and starts the job.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let pool_waker = pool_waker(self.terms.platform, cx.waker()).clone();
        loop {
            let Work::Ordered { order, share, contents, asked } = &mut self.work else { unreachable!("it is not started") };
            let place = self.outbox.place();
            if *asked && place.has_encoder(&pool_waker) {
                let Work::Ordered { order, share, contents, .. } = mem::replace(&mut self.work, Work::Ended) else {
                    unreachable!("as above")
                };
                let job = order.start(share.limits, contents.as_ref())?;
                self.work = Work::Running { job, needs_input: true, is_done: false };
                self.timers.patience = None;
                return Poll::Ready(Ok(()));
            }
            if self.source.is_whole() {
                return self.poll_wait(cx);
            }
            let Poll::Ready(stop) = self.source.poll_ahead(cx, place, &pool_waker, |start| order.check(start, share.limits))
            else {
                // The client is slow, not the pool: unless it waits for its encoder beside.
                if *asked {
                    return self.poll_wait(cx);
                }
                self.timers.patience = None;
                return Poll::Pending;
            };
            match stop? {
                Stop::Ended => {
                    if self.source.is_small() {
                        let length = self.source.ahead.len();
                        order.expecting(length);
                        *contents = self.source.ahead.contents();
                        let known = Known { upload_bytes: Some(length), contents: *contents };
                        // The first share was for any small archive.
                        if let Ok(lower) = order.share(self.terms.limits, self.terms.admission.figures().budget, known)
                            && lower.bytes <= share.bytes
                        {
                            *share = lower;
                            place.lower_share(lower.bytes);
                        }
                    }
                    *asked = true;
                    place.ask(true);
                }
                Stop::NoRoom if self.source.is_small() => return self.poll_wait(cx),
                Stop::Full | Stop::NoRoom if *asked => return self.poll_wait(cx),
                Stop::Full | Stop::NoRoom => {
                    *asked = true;
                    place.ask(false);
                }
            }
        }
    }

    /// Waits for the pool: a while that ends with a refusal.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.poll_pause(cx);
        if let Some(sleep) = self.terms.platform.sleep {
            let patience = self.timers.patience.get_or_insert_with(|| sleep(self.terms.wait));
            if patience.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Failure::Busy(self.terms.admission.figures())));
            }
        }
        Poll::Pending
    }

    /// Looks at the pool again after a pause, where nobody may wake this request.
    fn poll_pause(&mut self, cx: &mut Context<'_>) {
        let Some(pause) = self.terms.platform.pause else { return };
        let place = self.outbox.place();
        let timer = self.timers.pause.get_or_insert_with(|| pause(place.requests_before()));
        if timer.as_mut().poll(cx).is_ready() {
            self.timers.pause = None;
            cx.waker().wake_by_ref();
        }
    }

    /// Converts until the answer can begin.
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let converted = self.poll_convert(cx);
        let answer = self.answer.as_ref().expect("it has not begun");
        if let Some(failure) = answer.failure() {
            return Poll::Ready(Err(failure));
        }
        // The result of a small archive that outgrows its room begins like one of a larger archive.
        let begins = converted.is_ready() || !self.outbox.is_empty() && (!self.source.is_small() || self.is_blocked);
        if begins { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Converts until the result ends, which the outbox then says.
    fn poll_convert(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_ended() {
            return Poll::Ready(());
        }
        let converted = if self.outbox.is_abandoned(cx.waker()) { Ok(()) } else { ready!(self.poll_steps(cx)) };
        self.note();
        let ending = match (converted, self.last_words) {
            (Ok(()), _) => Ending::Whole,
            (Err(failure), Some(last_words)) if self.answer.is_none() => {
                self.room.truncate(self.filled);
                self.room.extend(last_words(&failure));
                self.filled = self.room.len();
                let line = self.take_piece();
                self.outbox.push(line);
                Ending::Told(failure.code())
            }
            (Err(failure), _) => Ending::Failed(failure),
        };
        (self.work, self.room, self.filled) = (Work::Ended, Vec::new(), 0);
        self.source.clear();
        self.outbox.end(ending);
        Poll::Ready(())
    }

    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
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
            if *needs_input && self.source.frame.is_empty() {
                match self.source.poll_next(cx, self.outbox.place()) {
                    Poll::Ready(received) => received?,
                    Poll::Pending => {
                        // A reader that waits gets what there is.
                        if self.filled > 0 && self.outbox.is_empty() {
                            self.push(cx);
                        }
                        return Poll::Pending;
                    }
                }
            }
            if self.terms.platform.near_cpu_limit.is_some_and(|near| near()) {
                return Poll::Ready(Err(Failure::Cpu { received: self.source.received }));
            }
            if self.room.is_empty() {
                self.room = vec![0; PIECE_BYTES];
            }
            let progress = job.step(&self.source.frame, &mut self.room[self.filled..])?;
            self.source.frame = self.source.frame.slice(progress.consumed..);
            self.filled += progress.produced;
            *needs_input = progress.status == Status::NeedsInput;
            *is_done = progress.status == Status::Done;
            self.in_use = job.in_use();
        }
        self.note();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Moves the piece to the outbox, if that has room.
    fn push(&mut self, cx: &mut Context<'_>) -> bool {
        self.note();
        let pool_waker = pool_waker(self.terms.platform, cx.waker()).clone();
        if !self.outbox.has_room(self.filled as u64, cx.waker(), &pool_waker) {
            return false;
        }
        self.timers.stopped = None;
        let piece = self.take_piece();
        self.outbox.push(piece);
        true
    }

    /// Waits for the reader. If the client still sends, it may be one that reads only after that: then both sides wait for
    /// each other, and nothing but the end of the request helps.
    fn poll_unread(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.poll_pause(cx);
        if let Some(sleep) = self.terms.platform.sleep
            && !self.source.has_ended
            && self.answer.is_none()
        {
            let taken = self.outbox.taken();
            let (timer, before) = self.timers.stopped.get_or_insert_with(|| (sleep(BOTH_STOPPED), taken));
            if *before != taken {
                (*timer, *before) = (sleep(BOTH_STOPPED), taken);
            }
            if timer.as_mut().poll(cx).is_ready() {
                let (received, unread) = (self.source.received, self.outbox.waiting());
                return Poll::Ready(Err(Failure::AnswerUnread { received, unread }));
            }
        }
        Poll::Pending
    }

    fn take_piece(&mut self) -> Bytes {
        let mut piece = mem::take(&mut self.room);
        piece.truncate(mem::take(&mut self.filled));
        if piece.len() < PIECE_BYTES / 2 {
            piece.shrink_to_fit();
        }
        piece.into()
    }

    fn note(&self) {
        let received = self.source.received;
        let progress = match &self.work {
            Work::Running { job, .. } => {
                let (members, unpacked_bytes) = job.so_far();
                Progress { received, work_ns: job.work_ns(), members, unpacked_bytes }
            }
            Work::Ordered { .. } => Progress { received, ..Progress::default() },
            Work::Ended => return,
        };
        self.outbox.note(progress);
    }
}

/// The waker for the pool. None works where one request must not wake another.
fn pool_waker(platform: Platform, waker: &Waker) -> &Waker {
    if platform.pause.is_some() { Waker::noop() } else { waker }
}

impl<S> Future for Exchange<S>
where
    S: Stream<Item = Result<Bytes, UploadError>> + Unpin,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.get_mut().poll_convert(cx)
    }
}

impl<S> Source<S>
where
    S: Stream<Item = Result<Bytes, UploadError>> + Unpin,
{
    /// Whether all of it is read ahead.
    fn is_whole(&self) -> bool {
        self.has_ended && self.next.is_empty()
    }

    /// Whether the archive is small, as far as is known.
    fn is_small(&self) -> bool {
        self.declared.unwrap_or(self.received).max(self.received) <= SMALL_ARCHIVE_BYTES
    }

    /// Reads ahead until something stops it. `check` looks at the first bytes.
    fn poll_ahead(
        &mut self,
        cx: &mut Context<'_>,
        place: &Place,
        pool_waker: &Waker,
        check: impl Fn(&[u8]) -> Result<(), Failure>,
    ) -> Poll<Result<Stop, Failure>> {
        // Ends: each turn takes a frame, and the read-ahead has an end.
        loop {
            if !self.ahead.store(&mut self.next, place, pool_waker) {
                return Poll::Ready(Ok(Stop::NoRoom));
            }
            if let Some(start) = self.ahead.start().filter(|_| !self.is_checked) {
                self.is_checked = true;
                check(start)?;
            }
            if self.has_ended {
                return Poll::Ready(Ok(Stop::Ended));
            }
            if self.ahead.len() >= READ_AHEAD {
                return Poll::Ready(Ok(Stop::Full));
            }
            self.next = ready!(self.poll_upload(cx))?;
        }
    }

    /// The next frame for the job: of the read-ahead, then of the upload. To a step, an empty frame means the end.
    fn poll_next(&mut self, cx: &mut Context<'_>, place: &Place) -> Poll<Result<(), Failure>> {
        self.frame = match self.ahead.take(place) {
            Some(block) => block,
            None if !self.next.is_empty() => mem::take(&mut self.next),
            None => ready!(self.poll_upload(cx))?,
        };
        Poll::Ready(Ok(()))
    }

    /// Waits for a frame that is not empty, or for the end.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Failure>> {
        while !self.has_ended {
            let frame = match ready!(Pin::new(&mut self.upload).poll_next(cx)) {
                Some(Ok(frame)) if frame.is_empty() => continue,
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Err(Failure::of_upload(error, self.received))),
                None => break,
            };
            self.received += frame.len() as u64;
            if let Some(declared) = self.declared.filter(|declared| self.received > *declared) {
                let reason = format!("it is longer than the {declared} bytes that its Content-Length says");
                return Poll::Ready(Err(Failure::Upload { received: self.received, reason }));
            }
            return Poll::Ready(Ok(frame));
        }
        self.has_ended = true;
        Poll::Ready(Ok(Bytes::new()))
    }

    fn clear(&mut self) {
        (self.ahead, self.next, self.frame) = (ReadAhead::default(), Bytes::new(), Bytes::new());
    }
}
