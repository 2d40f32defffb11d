//! The encoder that the Worker has, driven as `src/compress.rs` drives it for a tarball of more than 1 MiB.

use std::cell::RefCell;

use mbrotli::{
    Compressor, EncoderConfig, EncoderSessionOwned, EncoderStatus, InputSize, LiteralContextMode, Operation, Quality,
    StreamConfig, Window,
};

const SHARE: usize = 64 << 10;

struct Job {
    session: EncoderSessionOwned,
    meta_block: usize,
    /// Of the present meta-block.
    taken: usize,
    input: Box<[u8]>,
    output: Box<[u8]>,
    /// Of `input`.
    length: usize,
    consumed: usize,
    ended: bool,
}

thread_local! {
    static JOB: RefCell<Option<Job>> = const { RefCell::new(None) };
}

fn with<T>(act: impl FnOnce(&mut Job) -> T) -> T {
    JOB.with_borrow_mut(|job| act(job.as_mut().expect("begun")))
}

#[unsafe(no_mangle)]
extern "C" fn begin(quality: u8, lgwin: u8, meta_block: usize) {
    let contexts = if quality > 9 { LiteralContextMode::Disabled } else { LiteralContextMode::Auto };
    let config = EncoderConfig::new()
        .with_quality(Quality::try_from(quality).expect("a quality"))
        .with_window(Window::standard(lgwin).expect("a window"))
        .with_literal_context(contexts);
    let compressor = Compressor::new(config).expect("a standard window goes with every quality");
    let session = compressor.into_session(StreamConfig::from(InputSize::Exact(1 << 30))).expect("memory");
    let buffer = || vec![0; SHARE].into_boxed_slice();
    let job =
        Job { session, meta_block, taken: 0, input: buffer(), output: buffer(), length: 0, consumed: 0, ended: false };
    JOB.set(Some(job));
}

/// Where up to 64 KiB of the tarball go.
#[unsafe(no_mangle)]
extern "C" fn input() -> *mut u8 {
    with(|job| job.input.as_mut_ptr())
}

#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    with(|job| job.output.as_ptr())
}

/// Says how much of the tarball is there; nothing at its end.
#[unsafe(no_mangle)]
extern "C" fn given(length: usize) {
    with(|job| (job.length, job.consumed, job.ended) = (length, 0, length == 0));
}

/// Compresses some. Returns the bytes that are in the output, or -1 when it wants more of the tarball, or has it all.
#[unsafe(no_mangle)]
extern "C" fn step() -> i32 {
    with(|job| {
        let room = job.meta_block - job.taken;
        let operation = match () {
            () if job.ended => Operation::Finish,
            () if job.consumed == job.length => return -1,
            () if room == 0 => Operation::Flush,
            () => Operation::Process,
        };
        let end = if let Operation::Process = operation { job.length.min(job.consumed + room) } else { job.consumed };
        let progress = job.session.process(&job.input[job.consumed..end], &mut job.output, operation).expect("memory");
        job.consumed += progress.consumed;
        job.taken += progress.consumed;
        if let Operation::Flush = operation
            && progress.status != EncoderStatus::NeedsOutput
        {
            job.taken = 0;
        }
        if progress.status == EncoderStatus::Finished && progress.produced == 0 {
            return -1;
        }
        progress.produced as i32
    })
}
