//! The stated memory of an encoder, against the memory that it takes.

mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use recompress_encoder::{Encoder, End};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        NOW.fetch_add(layout.size(), SeqCst);
        CALLS.fetch_add(1, SeqCst);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), SeqCst);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn all_memory_is_taken_at_the_start_and_is_no_more_than_announced() {
    // Short copies of many kinds: many commands, types and codes.
    let mut state = 1_u32;
    let input: Vec<u8> = (0..5 << 20)
        .map(|at: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (at >> 14) as u8 & 0xf0 | (state >> 29) as u8
        })
        .collect();
    for lgwin in [10, 18, 22, 24] {
        for expected in [None, Some(0), Some(1 << 20)] {
            let options = recompress_encoder::Options { expected, ..common::options(9, lgwin) };
            let mut room = vec![0; 1 << 20];
            let before = NOW.load(SeqCst);
            let mut encoder = Encoder::new(&options).unwrap();
            let taken = (NOW.load(SeqCst) - before) as u64;
            assert!(taken <= Encoder::memory_bytes(&options), "{taken} bytes, {}", Encoder::memory_bytes(&options));
            let calls = CALLS.load(SeqCst);
            let mut rest = &input[..];
            while !rest.is_empty() {
                rest = &rest[encoder.write(rest, &mut room).consumed..];
            }
            while !encoder.finish(End::Stream, &mut room).finished {}
            assert_eq!(CALLS.load(SeqCst), calls, "lgwin {lgwin}, {expected:?}");
        }
    }
}
