//! A conversion whose segments are encoded on several threads. The result does not depend on their number.

use std::{
    any::Any,
    io,
    num::NonZeroUsize,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use recompress::{EncodedSegment, Error, Parameters, Progress, SegmentJob, Step, Transcoder};

/// Segments that wait for a thread. One is enough: the next is gathered meanwhile.
const WAITING: usize = 1;

/// The most segments that are not in the result yet, for so many threads: those that wait or are encoded, and as many that are
/// encoded and wait for the ones before them.
fn most_segments(threads: NonZeroUsize) -> NonZeroUsize {
    threads.saturating_mul(NonZeroUsize::MIN.saturating_add(1)).saturating_add(WAITING)
}

/// Upper bound of the memory that so many threads take, with their segments and the one that is gathered, in bytes.
pub fn memory_bytes(parameters: Parameters, threads: NonZeroUsize) -> u64 {
    let segments = most_segments(threads).get() as u64 + 1;
    threads.get() as u64 * parameters.encoder_bytes() + segments * parameters.segment_bytes()
}

/// The most threads whose memory is at most `bytes`, up to `most`. One thread is the conversion itself, and takes nothing more.
pub fn threads_within(bytes: u64, parameters: Parameters, most: NonZeroUsize) -> NonZeroUsize {
    let mut several = (2..=most.get()).rev().filter_map(NonZeroUsize::new);
    several.find(|&threads| memory_bytes(parameters, threads) <= bytes).unwrap_or(NonZeroUsize::MIN)
}

/// A conversion and its threads. This thread reads, inflates and writes; the others encode.
pub struct SideBySide {
    transcoder: Transcoder,
    jobs: Option<Sender<SegmentJob>>,
    encoded: Receiver<Encoded>,
    threads: Vec<JoinHandle<()>>,
    /// Segments that threads have, or will have.
    under_way: usize,
    stopped: Arc<AtomicBool>,
}

/// A segment, its error, or the panic of its thread.
type Encoded = Result<Result<EncodedSegment, Error>, Box<dyn Any + Send>>;

impl SideBySide {
    /// A conversion on so many threads beside this one.
    pub fn new(transcoder: Transcoder, threads: NonZeroUsize) -> io::Result<Self> {
        let (jobs, waiting) = channel();
        let (results, encoded) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let stopped = Arc::new(AtomicBool::new(false));
        let mut this = Self {
            transcoder: transcoder.dividing(most_segments(threads)),
            jobs: Some(jobs),
            encoded,
            threads: Vec::new(),
            under_way: 0,
            stopped,
        };
        for _ in 0..threads.get() {
            let (waiting, results, stopped) = (Arc::clone(&waiting), results.clone(), Arc::clone(&this.stopped));
            let work = move || encode_all(&waiting, &results, &stopped);
            this.threads.push(thread::Builder::new().name("encoder".to_owned()).spawn(work)?);
        }
        Ok(this)
    }

    /// Takes an encoded segment, and waits for it if need be.
    fn collect(&mut self) -> Result<(), Error> {
        let encoded = self.encoded.recv().expect("a thread sends a result for each segment");
        self.put(encoded)
    }

    fn put(&mut self, encoded: Encoded) -> Result<(), Error> {
        self.under_way -= 1;
        let encoded = encoded.unwrap_or_else(|panic| panic::resume_unwind(panic));
        self.transcoder.put_segment(encoded?);
        Ok(())
    }
}

impl Step for SideBySide {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        while let Ok(encoded) = self.encoded.try_recv() {
            self.put(encoded)?;
        }
        let progress = self.transcoder.step(input, output)?;
        if let Some(job) = self.transcoder.take_segment() {
            if self.under_way == self.threads.len() + WAITING {
                self.collect()?;
            }
            self.under_way += 1;
            let jobs = self.jobs.as_ref().expect("it is there until the end");
            jobs.send(job).expect("the threads take segments until the end");
        } else if self.transcoder.waits_for_segment() {
            self.collect()?;
        }
        Ok(progress)
    }

    fn work_ns(&self) -> u64 {
        self.transcoder.work_ns()
    }
}

impl Drop for SideBySide {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // Its panic was passed on with its segment.
            let _ = thread.join();
        }
    }
}

/// The work of a thread: one segment after the other, until there are no more.
fn encode_all(waiting: &Mutex<Receiver<SegmentJob>>, results: &Sender<Encoded>, stopped: &AtomicBool) {
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let encoded = panic::catch_unwind(AssertUnwindSafe(|| encode(job, stopped)));
        let Some(encoded) = encoded.transpose() else { return };
        if results.send(encoded).is_err() {
            return;
        }
    }
}

/// Encodes one segment; `None` if the conversion is over.
fn encode(mut job: SegmentJob, stopped: &AtomicBool) -> Option<Result<EncodedSegment, Error>> {
    while !stopped.load(Ordering::Relaxed) {
        match job.step() {
            Ok(None) => {}
            Ok(Some(segment)) => return Some(Ok(segment)),
            Err(error) => return Some(Err(error)),
        }
    }
    None
}
