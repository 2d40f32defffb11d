#![no_main]

use recompress_testkit::counting::Counting;

// The body compares the peak with what an index may take.
#[global_allocator]
static MEMORY: Counting = Counting;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    recompress_testkit::stored_body::file(input);
});
