//! The exchange: a conversion or an inspection, fed by an upload.

use std::{
    future::poll_fn,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::Stream;
use recompress::{CompressedJson, Error, Inspection, Progress, SaveJson, Status, Step, Transcoder};

use crate::{
    admission::Reservation,
    failure::{Failure, UploadError},
    platform::Platform,
    request_log::RequestLog,
};

/// Most bytes of one piece. In workerd, 64 KiB cross into JavaScript about 8 times faster than as pieces of 4 KiB.
const PIECE_BYTES: usize = 64 << 10;

/// Memory beside the job's: the output buffer, the piece on its way out, and twice as much for the upload's read buffers.
pub const BUFFERS: u64 = 4 * PIECE_BYTES as u64;

/// Steps of one poll, so that other tasks can run. Without this bound, one poll could convert a whole archive that compresses
/// to less than a piece.
const STEPS_PER_POLL: u32 = 16;

/// A part of the tarball, in the order of the stream.
#[derive(Debug)]
pub enum Piece {
    /// Never empty.
    More(Bytes),
    /// The rest of a complete stream, perhaps empty. The exchange can be dropped.
    Last(Bytes),
    /// The end of an incomplete stream, which states the reason itself. The exchange can be dropped.
    Told(Bytes, &'static str),
}

/// The work on an archive.
pub enum Job {
    /// To a tarball.
    Convert(Box<Transcoder>),
    /// To a listing.
    Inspect(Box<Inspection>),
    /// To the JSON of a save.
    Json(Box<SaveJson>),
    /// To the JSON of a save, compressed.
    CompressedJson(Box<CompressedJson>),
}

impl Job {
    /// Members of the archive so far, and their unpacked bytes.
    fn so_far(&self) -> (u64, u64) {
        match self {
            Self::Convert(transcoder) => transcoder.so_far(),
            Self::Inspect(inspection) => inspection.so_far(),
            Self::Json(json) => json.so_far(),
            Self::CompressedJson(json) => json.so_far(),
        }
    }
}

impl Step for Job {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        match self {
            Self::Convert(transcoder) => transcoder.step(input, output),
            Self::Inspect(inspection) => inspection.step(input, output),
            Self::Json(json) => json.step(input, output),
            Self::CompressedJson(json) => json.step(input, output),
        }
    }

    fn work_ns(&self) -> u64 {
        match self {
            Self::Convert(transcoder) => transcoder.work_ns(),
            Self::Inspect(inspection) => inspection.work_ns(),
            Self::Json(json) => json.work_ns(),
            Self::CompressedJson(json) => json.work_ns(),
        }
    }
}

/// An upload, the job that reads it, and the pieces that come out.
pub struct Exchange<S> {
    job: Job,
    /// Whether the job needs input before it can go on.
    needs_input: bool,
    upload: S,
    upload_ended: bool,
    /// The upload's declared length. The reservation was computed from it.
    declared: Option<u64>,
    received: u64,
    given: u64,
    /// The unread rest of the upload's latest frame.
    frame: Bytes,
    /// The next piece; its first `filled` bytes are output.
    room: Vec<u8>,
    filled: usize,
    platform: Platform,
    /// Whether a short first piece waits for more output while the upload pauses.
    holds_first: bool,
    /// Writes a failure as the last line of a result that can hold one.
    last_words: Option<fn(&Failure) -> Vec<u8>>,
    /// The last field: dropped after the memory that it accounts for.
    _reservation: Reservation,
}

impl<S> Exchange<S>
where
    S: Stream<Item = Result<Bytes, UploadError>> + Unpin,
{
    /// An exchange that has read nothing yet. `declared` is the upload's length in bytes, if the request states it.
    pub fn new(job: Job, upload: S, declared: Option<u64>, platform: Platform, reservation: Reservation) -> Self {
        Self {
            job,
            needs_input: true,
            upload,
            upload_ended: false,
            declared,
            received: 0,
            given: 0,
            frame: Bytes::new(),
            room: Vec::new(),
            filled: 0,
            platform,
            holds_first: false,
            last_words: None,
            _reservation: reservation,
        }
    }

    /// A result that fails after its first piece ends with this line instead of a broken transfer. For formats with such a
    /// line.
    pub fn with_last_words(self, last_words: fn(&Failure) -> Vec<u8>) -> Self {
        Self { last_words: Some(last_words), ..self }
    }

    /// Holds the first piece until it is full or the result is complete. A small upload then gets a true status however
    /// it arrives.
    pub fn holding_first(self) -> Self {
        Self { holds_first: true, ..self }
    }

    /// Brotli quality at the start of the result, and lgwin, final once there is a piece of it.
    pub fn in_use(&self) -> Option<(u8, u8)> {
        match &self.job {
            Job::Convert(transcoder) => Some(transcoder.in_use()),
            Job::CompressedJson(json) => Some(json.in_use()),
            Job::Inspect(_) | Job::Json(_) => None,
        }
    }

    /// Brotli quality at present. It drops where the CPU budget demands it.
    pub fn present_quality(&self) -> Option<u8> {
        match &self.job {
            Job::Convert(transcoder) => Some(transcoder.present_quality()),
            _ => self.in_use().map(|(quality, _)| quality),
        }
    }

    /// Copies the numbers so far into the log.
    pub fn report(&self, log: &mut RequestLog) {
        log.bytes_in = self.received;
        log.bytes_out = self.given;
        log.work_ns = self.job.work_ns();
        (log.members, log.unpacked_bytes) = self.job.so_far();
    }

    /// The first piece, with which the answer begins.
    pub async fn first_piece(&mut self, log: &mut RequestLog) -> Result<Piece, Failure> {
        poll_fn(|cx| {
            let first = self.poll_piece(cx);
            self.report(log);
            first
        })
        .await
    }

    /// Returns the next piece: a full one, or a shorter one while the upload pauses.
    ///
    /// The network decides where the stream is cut, never its bytes. Output before an error is dropped: before the first
    /// piece the error becomes the status, later it breaks the transfer. Only a listing in lines can end with a line that
    /// states the error. Do not call it again after an error or any piece but [`Piece::More`].
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Failure>> {
        match (ready!(self.poll_stream(cx)), self.last_words) {
            (Err(failure), Some(last_words)) if self.given > 0 => {
                self.room.truncate(self.filled);
                self.room.extend(last_words(&failure));
                self.filled = self.room.len();
                Poll::Ready(Ok(Piece::Told(self.take_piece(), failure.code())))
            }
            (piece, _) => Poll::Ready(piece),
        }
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Failure>> {
        for _ in 0..STEPS_PER_POLL {
            if self.needs_input && !self.upload_ended {
                match self.poll_upload(cx) {
                    Poll::Ready(received) => received?,
                    Poll::Pending if self.filled > 0 && !(self.holds_first && self.given == 0) => {
                        return Poll::Ready(Ok(Piece::More(self.take_piece())));
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            if self.platform.near_cpu_limit.is_some_and(|near| near()) {
                return Poll::Ready(Err(Failure::Cpu { received: self.received }));
            }
            if self.room.is_empty() {
                self.room = vec![0; PIECE_BYTES];
            }
            let progress = self.job.step(&self.frame, &mut self.room[self.filled..])?;
            self.frame = self.frame.slice(progress.consumed..);
            self.filled += progress.produced;
            self.needs_input = progress.status == Status::NeedsInput;
            if progress.status == Status::Done {
                return Poll::Ready(Ok(Piece::Last(self.take_piece())));
            }
            if self.filled == self.room.len() {
                return Poll::Ready(Ok(Piece::More(self.take_piece())));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Waits for a frame that is not empty (to a step, empty input means the end), or for the end.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        while self.frame.is_empty() && !self.upload_ended {
            match ready!(Pin::new(&mut self.upload).poll_next(cx)) {
                Some(Ok(frame)) => self.frame = frame,
                Some(Err(error)) => return Poll::Ready(Err(Failure::of_upload(error, self.received))),
                None => self.upload_ended = true,
            }
            self.received += self.frame.len() as u64;
            if let Some(declared) = self.declared.filter(|declared| self.received > *declared) {
                let reason = format!("it is longer than the {declared} bytes that its Content-Length says");
                return Poll::Ready(Err(Failure::Upload { received: self.received, reason }));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn take_piece(&mut self) -> Bytes {
        let mut piece = mem::take(&mut self.room);
        piece.truncate(mem::take(&mut self.filled));
        self.given += piece.len() as u64;
        piece.into()
    }
}
