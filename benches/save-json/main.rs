//! One conversion of a save's text to JSON, by this crate or by jomini's tape, with its CPU time and peak memory.
//!
//! ```text
//! save-json ours|tape FILE [--keys preserve|pairs|group] [--select PATH]...
//! ```
//!
//! The JSON is counted and discarded. `benches/saves.mjs` pairs the runs.

use std::{
    fs::{self, File},
    hash::Hasher,
    io::{self, Read, Write},
    process::exit,
};

use jomini::{
    TextTape,
    json::{DuplicateKeyMode, JsonOptions, TypeNarrowing},
};
use recompress::{
    Status,
    save::{Converter, Encoding, Keys, Options, Selection},
};

/// Bytes of one read and of one write, as at the command line.
const BUFFER: usize = 256 << 10;

/// The bytes after the header of a save that has one. The tape does not know it.
const MARKS: [&[u8]; 3] = [b"EU4txt", b"HOI4txt", b"CK2txt"];

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(reader), Some(file)) = (arguments.next(), arguments.next()) else { usage() };
    let (mut keys, mut selection, mut digest) = (Keys::Preserve, Selection::default(), false);
    while let Some(option) = arguments.next() {
        match (option.as_str(), arguments.next()) {
            ("--keys", Some(name)) => keys = Keys::named(&name).unwrap_or_else(|| usage()),
            ("--select", Some(path)) => selection = selection.with_path(&path).unwrap_or_else(|_| usage()),
            ("--digest", None) => digest = true,
            _ => usage(),
        }
    }
    let mut sink = Sink { digest: digest.then(Default::default), ..Sink::default() };
    match reader.as_str() {
        "ours" => ours(&file, Options { keys, selection, group_bytes: usize::MAX, ..Options::default() }, &mut sink)?,
        "tape" => tape(&file, keys, &mut sink)?,
        _ => usage(),
    }
    let Sink { bytes, read_before, digest } = sink;
    let digest = digest.map_or(String::new(), |hash| format!(r#","digest":"{:016x}""#, hash.finish()));
    let (cpu_ticks, peak_kib) = used()?;
    println!(
        r#"{{"json_bytes":{bytes},"read_before_first":{read_before},"cpu_ticks":{cpu_ticks},"peak_kib":{peak_kib}{digest}}}"#
    );
    Ok(())
}

fn usage() -> ! {
    eprintln!("usage: save-json ours|tape FILE [--keys preserve|pairs|group] [--select PATH]... [--digest]");
    exit(2);
}

/// Counts what is written.
#[derive(Default)]
struct Sink {
    bytes: u64,
    /// Bytes of the save that had been read when the first JSON came.
    read_before: u64,
    digest: Option<std::hash::DefaultHasher>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.write(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ours(file: &str, options: Options, sink: &mut Sink) -> io::Result<()> {
    let mut file = File::open(file)?;
    let mut converter = Converter::new(options);
    let (mut read, mut written) = (vec![0; BUFFER], vec![0; BUFFER]);
    let (mut unread, mut total) = (0..0, 0);
    loop {
        let progress = converter.step(&read[unread.clone()], &mut written).expect("a good save");
        unread.start += progress.consumed;
        if progress.produced > 0 && sink.bytes == 0 {
            sink.read_before = total;
        }
        sink.write_all(&written[..progress.produced])?;
        match progress.status {
            Status::NeedsInput => {
                unread = 0..file.read(&mut read)?;
                total += unread.end as u64;
            }
            Status::NeedsOutput | Status::Working => {}
            Status::Done => return Ok(()),
        }
    }
}

fn tape(file: &str, keys: Keys, sink: &mut Sink) -> io::Result<()> {
    let text = fs::read(file)?;
    let start = MARKS.iter().find(|mark| text.starts_with(mark)).map_or(0, |mark| mark.len());
    let tape = TextTape::from_slice(&text[start..]).expect("a good save");
    let keys = match keys {
        Keys::Preserve => DuplicateKeyMode::Preserve,
        Keys::Pairs => DuplicateKeyMode::KeyValuePairs,
        Keys::Group => DuplicateKeyMode::Group,
    };
    let options = JsonOptions::new().with_duplicate_keys(keys).with_type_narrowing(TypeNarrowing::Unquoted);
    let game = Converter::new(Options::default());
    sink.read_before = text.len() as u64;
    let encoding = {
        let mut converter = game;
        let _ = converter.step(&text[..text.len().min(64)], &mut [0; 512]);
        converter.game().map_or(Encoding::Windows1252, |game| game.encoding())
    };
    match encoding {
        Encoding::Utf8 => tape.utf8_reader().json().with_options(options).to_writer(sink)?,
        Encoding::Windows1252 => tape.windows1252_reader().json().with_options(options).to_writer(sink)?,
    }
    Ok(())
}

/// CPU time of this process, in hundredths of a second, and its peak of memory in KiB. Linux only.
fn used() -> io::Result<(u64, u64)> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    Ok((ticks(11) + ticks(12), peak.unwrap_or(0)))
}
