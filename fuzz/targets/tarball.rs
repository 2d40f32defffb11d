#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    recompress_testkit::stored_body::tarball(input);
});
