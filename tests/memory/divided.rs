//! Memory of a conversion whose segments the caller encodes: its peak is within what [`Parameters::segment_bytes`] promises.
//!
//! A binary of its own, with one test, because its allocator counts all memory of the process.

use std::num::NonZeroUsize;

use recompress::{Limits, Parameters, SegmentJob, Status, Step, Transcoder};
use recompress_testkit::{
    counting::{Counting, peak_of},
    zip_writer::{archive, stored},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that no encoder shrinks.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(next).collect()
}

fn encode(transcoder: &mut Transcoder, mut job: SegmentJob) {
    let segment = loop {
        if let Some(segment) = job.step().unwrap() {
            break segment;
        }
    };
    transcoder.put_segment(segment);
}

/// Takes every segment that it may have, and encodes the oldest last: so all the others wait in memory. Returns how many there were.
fn convert(zip: &[u8], parameters: Parameters, most: NonZeroUsize) -> usize {
    let mut transcoder = Transcoder::new(parameters, Limits::NATIVE).unwrap().dividing(most);
    let (mut jobs, mut count) = (Vec::new(), 0);
    let mut output = vec![0; 64 << 10];
    let mut rest = zip;
    loop {
        let progress = transcoder.step(rest, &mut output).unwrap();
        rest = &rest[progress.consumed..];
        if let Some(job) = transcoder.take_segment() {
            jobs.push(job);
            count += 1;
        } else if transcoder.waits_for_segment() {
            encode(&mut transcoder, jobs.pop().expect("it waits for one of them"));
        }
        if progress.status == Status::Done {
            return count;
        }
    }
}

#[test]
fn the_memory_of_segments_is_within_their_bound() {
    let noise = noise(100 << 20);
    let zip = archive([stored(b"noise", &noise), stored(b"more", &noise[..16 << 20])]).bytes();
    drop(noise);
    for (parameters, segments) in [
        (Parameters::new(9, 22).unwrap(), 14),
        (Parameters::new(9, 24).unwrap(), 14),
        // One that is encoded by the conversion itself, and four that are not.
        (Parameters::new(5, 18).unwrap(), 4),
    ] {
        for most in [1, 4] {
            let most = NonZeroUsize::new(most).unwrap();
            let (peak, count) = peak_of(|| convert(&zip, parameters, most));
            let segment = parameters.segment_bytes();
            // One encoder at a time, and the segment that is gathered.
            let conversion =
                Transcoder::peak_bytes(parameters, Limits { memory_bytes: 1 << 20, ..Limits::NATIVE }, None);
            let allowed = conversion + parameters.encoder_bytes() + (most.get() as u64 + 1) * segment;
            println!("{parameters:?}, {most} segments: {peak} bytes of {allowed}");
            assert!(peak as u64 <= allowed, "{parameters:?}, {most} segments: {peak} bytes of {allowed}");
            assert_eq!(count, segments, "{parameters:?}");
        }
    }
}
