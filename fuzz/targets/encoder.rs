#![no_main]

use mbrotli::{DecoderConfig, Decompressor};
use recompress_testkit::encoding::{self, Encoding};

// The body decodes with brotli-decompressor; this is the second decoder.
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Encoding { contents, stream, alone } = encoding::encoder(input);
    let mut decoder = Decompressor::new(DecoderConfig::default()).expect("the default is valid");
    assert!(decoder.decompress(&stream).expect("a whole stream") == contents);
    for (part, stream) in alone {
        assert!(decoder.decompress(&stream).expect("a whole stream") == contents[part]);
    }
});
