//! docs/format.md: its example is a file that this version writes and reads.

use std::{fmt::Write, fs, path::Path};

use recompress::{Limits, Parameters, Transcoder};

use crate::{
    by_index,
    drivers::{self, Driver},
    tarball::{self, file},
    zip_writer::{archive, stored},
};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/format.md");

/// The bytes of a hexdump: offset, up to 16 bytes, and whatever follows two spaces.
fn bytes_of(dump: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in dump.lines() {
        let (offset, rest) = line.split_once("  ").expect("an offset");
        assert_eq!(usize::from_str_radix(offset, 16).expect("a hexadecimal offset"), bytes.len());
        let digits = rest.split("  ").next().expect("digits");
        bytes.extend(digits.split(' ').map(|digits| u8::from_str_radix(digits, 16).expect("a byte")));
    }
    bytes
}

fn dump_of(bytes: &[u8]) -> String {
    let mut dump = String::new();
    for (row, line) in bytes.chunks(16).enumerate() {
        let digits: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String =
            line.iter().map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '.' }).collect();
        writeln!(dump, "{:04x}  {:<47}  {text}", 16 * row, digits.join(" ")).expect("memory");
    }
    dump
}

#[test]
fn the_example_of_the_specification_is_what_is_written_and_read() {
    let zip = archive([stored(b"a.txt", b"hello\n"), stored(b"b.txt", b"hello, hello\n")]).bytes();
    let transcoder = Transcoder::new(Parameters::new(9, 22).unwrap(), Limits::default()).unwrap();
    let written = drivers::drive(&zip, Driver::Whole, transcoder).output;
    let document = fs::read_to_string(Path::new(DOCUMENT)).expect("the document");
    let (before, rest) = document.split_once("```hexdump\n").expect("an example");
    let (example, after) = rest.split_once("```").expect("its end");
    if std::env::var_os("UPDATE").is_some() {
        let anew = format!("{before}```hexdump\n{}```{after}", dump_of(&written));
        fs::write(DOCUMENT, anew).expect("the document is written");
    } else {
        assert_eq!(example, dump_of(&written), "UPDATE=1 writes it anew");
        let bytes = bytes_of(example);
        let members = [file("a.txt", b"hello\n"), file("b.txt", b"hello, hello\n")];
        assert_eq!(tarball::read(&bytes).unwrap(), members);
        assert_eq!(by_index::members(&bytes).unwrap(), members);
    }
}
