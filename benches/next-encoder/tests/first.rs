mod common;
use common::*;
#[test]
fn small_inputs_decode() {
    for input in [
        &b""[..],
        b"a",
        b"ab",
        b"aaaaaaaaaa",
        b"abcabcabcabcabcabcabcabcabcabc",
        b"hello world, hello world, hello",
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    ] {
        let c = whole(input, &options(9, 22));
        assert_decodes(&c, input, &format!("{input:?}, {c:02x?}"));
    }
    let text = std::fs::read("src/metablock.rs").unwrap();
    for n in (0..text.len()).step_by(97) {
        let c = whole(&text[..n], &options(9, 22));
        assert_decodes(&c, &text[..n], &format!("{n}"));
    }
}
