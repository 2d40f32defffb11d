#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| recompress_fuzz::bodies::directory(input));
