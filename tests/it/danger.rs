//! Archives that readers understand differently, one for each class of danger, with the outcome of each reader: the table in
//! `docs/danger.md`.
//!
//! `make danger` writes the table, with the versions of the readers on this machine. The tests check our own column and the
//! `zip` crate's.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use recompress::Limits;
use serde_json::Value;
use zip::{ZipArchive, unstable::stream::ZipStreamReader};

use crate::{
    cases::quoted_overlap,
    drivers::{ALL, Driver, LARGE, convert, same},
    extra_field::{field, unicode_path},
    record::{Record, length32},
    tarball::{self, Kind},
    zip_writer::{
        Archive, Claims, Descriptor, EndClaims, MADE_BY_DOS, Member, STORED, Zip64, archive, deflate, deflated, folder,
        stored,
    },
};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/danger.md");

/// One class.
struct Danger {
    what: &'static str,
    zip: Vec<u8>,
    /// Whether a cell has contents and not names alone.
    shows_contents: bool,
    /// Whether readers differ and the conversion is one of the readings, which the document then gives reasons for.
    we_choose: bool,
}

fn danger(what: &'static str, zip: Archive<'_>) -> Danger {
    of_bytes(what, zip.bytes())
}

fn of_bytes(what: &'static str, zip: Vec<u8>) -> Danger {
    Danger { what, zip, shows_contents: false, we_choose: false }
}

fn in_contents(what: &'static str, zip: Archive<'_>) -> Danger {
    Danger { shows_contents: true, ..danger(what, zip) }
}

fn chosen(what: &'static str, zip: Archive<'_>) -> Danger {
    Danger { we_choose: true, ..danger(what, zip) }
}

fn dangers() -> Vec<Danger> {
    [directory_or_header(), ends(), between(), data(), names(), choices()].into_iter().flatten().collect()
}

const ONE: &[u8] = b"one";
const TWO: &[u8] = b"two";

fn one() -> Member<'static> {
    stored(b"one.txt", ONE)
}

fn two() -> Member<'static> {
    stored(b"two.txt", TWO)
}

/// The central directory and the local headers, each of which some readers believe.
fn directory_or_header() -> Vec<Danger> {
    let truth = Claims::default();
    // One of them says that the data is deflated, the other that it is not, and both have the right CRC-32.
    let data = deflate(ONE);
    let as_stored = Claims {
        method: Some(STORED),
        crc32: Some(crc32fast::hash(&data)),
        compressed_size: Some(length32(&data)),
        size: Some(length32(&data)),
        ..truth
    };
    let shorter = Claims { crc32: Some(crc32fast::hash(b"o")), compressed_size: Some(1), size: Some(1), ..truth };
    let listed_as_two =
        Member { in_local: false, directory: Claims { offset: Some(0), ..truth }, ..stored(b"two.txt", ONE) };
    vec![
        danger(
            "The directory names a member otherwise than its local header",
            archive([Member { local: Claims { name: Some(b"evil.txt"), ..truth }, ..stored(b"good.txt", ONE) }]),
        ),
        in_contents(
            "The directory gives another compression method, and the CRC-32 that goes with it",
            archive([Member { directory: as_stored, ..deflated(b"a.txt", ONE) }]),
        ),
        in_contents(
            "The directory gives smaller sizes, and the CRC-32 that goes with them",
            archive([Member { directory: shorter, ..stored(b"a.txt", ONE) }]),
        ),
        danger("A member that the directory does not list", archive([one(), Member { in_directory: false, ..two() }])),
        danger("The directory lists a member that is not there", archive([one(), Member { in_local: false, ..two() }])),
        danger("The directory lists one member under two names", archive([one(), listed_as_two])),
        danger(
            "Encrypted, by the directory alone",
            archive([Member { directory: Claims { flags: Some(1), ..truth }, ..one() }]),
        ),
        of_bytes("Members that overlap: each quotes the next one's header", quoted_overlap()),
        danger(
            "A folder, by its attributes alone",
            archive([Member { external_attributes: 0x10, made_by: MADE_BY_DOS, ..one() }, two()]),
        ),
        in_contents(
            "A device, by its attributes alone",
            archive([Member { external_attributes: 0o060644 << 16, ..one() }]),
        ),
        danger(
            "A volume label, by its attributes alone",
            archive([Member { external_attributes: 0x08, made_by: MADE_BY_DOS, ..one() }, two()]),
        ),
        in_contents("Two files of one name", archive([stored(b"a.txt", ONE), stored(b"a.txt", TWO)])),
        in_contents("A file twice, with the same contents", archive([stored(b"a.txt", ONE), deflated(b"a.txt", ONE)])),
        in_contents(
            "A file twice, with the same contents, one of them a symbolic link",
            archive([stored(b"a.txt", ONE), Member { external_attributes: 0o120777 << 16, ..stored(b"a.txt", ONE) }]),
        ),
    ]
}

/// The end of the archive, for readers that search from its end.
fn ends() -> Vec<Danger> {
    let evil = archive([stored(b"evil.txt", TWO)]).bytes();
    let empty_end = archive([]).bytes();
    let mut across_the_length = vec![b' '; 0x4b50];
    across_the_length[..empty_end.len() - 2].copy_from_slice(&empty_end[2..]);
    let zip64 = Archive { zip64: Zip64::Needless, ..archive([]) }.bytes();
    let record_and_locator = &zip64[..zip64.len() - empty_end.len()];
    let record = &record_and_locator[..record_and_locator.len() - 20];
    let in_extra = field(0xcafe, record_and_locator);
    let first = archive([one()]).bytes();
    let fewer = EndClaims { members: Some(1), ..EndClaims::default() };
    let mut disagreeing = Archive { zip64: Zip64::Needless, ..archive([one(), two()]) }.bytes();
    let classic = disagreeing.len() - empty_end.len();
    disagreeing[classic + 8] = 1;
    disagreeing[classic + 10] = 1;
    let mut counted = Archive { zip64: Zip64::Needless, ..archive([one()]) }.bytes();
    let record_at = counted.len() - empty_end.len() - 20 - record.len();
    counted[record_at + 4] += 12;
    let whole = archive([one(), two()]).bytes();
    let cut = whole.len() - 60;
    vec![
        of_bytes("Two archives, one behind the other", [&first[..], &evil].concat()),
        danger("An archive in the comment", Archive { comment: &evil, ..archive([one()]) }),
        danger(
            "An end record that begins in the length of the comment",
            Archive { comment: &across_the_length, ..archive([one()]) },
        ),
        danger(
            "A zip64 end record in the directory's last extra field",
            archive([Member { directory_extra: in_extra, ..one() }]),
        ),
        danger(
            "A zip64 end record in the extensible data of the real one",
            Archive { zip64: Zip64::Needed, extensible_data: record, ..archive([one()]) },
        ),
        of_bytes("The two end records count differently", disagreeing),
        danger("The end record counts too few", Archive { end: fewer, ..archive([one(), two()]) }),
        danger("Data behind the end", Archive { trailing: b"behind", ..archive([one()]) }),
        danger("Line ends behind the end", Archive { trailing: b"\r\n\r\n", ..archive([one()]) }),
        danger("More line ends behind the end", Archive { trailing: b"\n\n\n\n\n", ..archive([one()]) }),
        of_bytes("A zip64 end record that counts itself", counted),
        of_bytes("Cut off inside the directory", whole[..cut].to_vec()),
    ]
}

/// Bytes in places that no reader has to look at.
fn between() -> Vec<Danger> {
    let hidden = stored(b"evil.txt", TWO);
    let hidden = [hidden.local_header(), hidden.data()].concat();
    let size = (hidden.len() + 24) as u64;
    let signing_block = Record::new().u64(size).bytes(&hidden).u64(size).bytes(b"APK Sig Block 42").done();
    let crc32 = crc32fast::hash(ONE);
    let length = length32(ONE);
    let planted =
        Record::new().bytes(ONE).bytes(b"PK\x07\x08").u32(crc32).u32(length).u32(length).bytes(&hidden).done();
    vec![
        danger("Data in front of the first member", Archive { prefix: b"#!/bin/sh\n", ..archive([one()]) }),
        danger("Bytes between two members", archive([one(), Member { before: b"between", ..two() }])),
        danger(
            "A member inside an APK signing block",
            Archive { before_directory: &signing_block, ..archive([one()]) },
        ),
        danger(
            "A stored member without a size, with a data descriptor and a member in its contents",
            archive([Member { descriptor: Descriptor::Signed32, ..stored(b"a.txt", &planted) }]),
        ),
    ]
}

fn data() -> Vec<Danger> {
    let wrong = Claims { crc32: Some(9), ..Claims::default() };
    let zeros = vec![0; Limits::RATIO_GRACE as usize + 1];
    let behind = [deflate(ONE), TWO.to_vec()].concat();
    vec![
        danger("A wrong CRC-32", archive([Member { local: wrong, directory: wrong, ..one() }])),
        danger(
            "A data descriptor of other data, where the directory is right",
            archive([Member { descriptor: Descriptor::claiming(9, 5, 3), ..deflated(b"a.txt", ONE) }]),
        ),
        danger(
            "Bytes behind the end of the deflated data, counted as its own",
            archive([Member { data: Some(behind), ..deflated(b"a.txt", ONE) }]),
        ),
        danger("64 MiB and a byte of zeros in 64 KiB", archive([deflated(b"zeros", &zeros)])),
    ]
}

fn names() -> Vec<Danger> {
    let named = |name: &'static [u8]| archive([stored(name, ONE)]);
    let path = unicode_path(1, crc32fast::hash(b"good.txt"), "evil.txt");
    let link = Member { external_attributes: 0o120777 << 16, ..stored(b"ln", b"..") };
    vec![
        danger("`..` in a name", named(b"../evil.txt")),
        danger("An absolute name", named(b"/recompress-evil.txt")),
        danger("A name with a NUL", named(b"good.txt\0.exe")),
        danger("A name with a line break", named(b"a\nb.txt")),
        danger("A name that ends in a carriage return", named(b"Icon\r")),
        danger("A name that starts with a drive", named(b"A:B.txt")),
        danger("A backslash after a byte that is not ASCII", named(b"\x95\\.txt")),
        danger("A name that turns text around", named("a\u{202e}txt.exe".as_bytes())),
        danger(
            "A Unicode path field with another name",
            archive([Member { extra: path.clone(), directory_extra: path, ..stored(b"good.txt", ONE) }]),
        ),
        danger("A file that is a folder too", archive([stored(b"a", ONE), stored(b"a/b", TWO)])),
        danger("A file behind a symbolic link", archive([link, stored(b"ln/evil.txt", ONE)])),
    ]
}

/// Where readers differ on archives that are in daily use.
fn choices() -> Vec<Danger> {
    let named = |name| archive([stored(name, ONE)]);
    let link = Member { external_attributes: 0o120777 << 16, ..stored(b"ln", b"target") };
    vec![
        chosen("A name in UTF-8, not flagged", named("é.txt".as_bytes())),
        chosen("A name in code page 437", named(b"\x82.txt")),
        chosen("Backslashes between folders", named(b"a\\b.txt")),
        Danger { shows_contents: true, ..chosen("A symbolic link", archive([link])) },
        Danger {
            shows_contents: true,
            ..chosen(
                "A pipe or socket, by its attributes alone",
                archive([Member { external_attributes: 0o140644 << 16, ..one() }]),
            )
        },
        chosen("An entry `/`, as Dropbox writes", archive([folder(b"/"), one()])),
        chosen("Directional marks that a name closes again", named("\u{202b}a\u{202c}.txt".as_bytes())),
        chosen("NULs at the end of a name", named(b"a.txt\0\0")),
        chosen("A version number behind a semicolon", named(b"a.txt;1")),
    ]
}

/// The outcome of a reader on an archive.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    ended: Ended,
    /// The files it created, by path: a link's contents are `-> TARGET`.
    files: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Ended {
    Well,
    WithWarnings,
    Refused(Option<&'static str>),
}

impl Outcome {
    fn cell(&self, danger: &Danger) -> String {
        let show = |(name, contents): (&String, &Vec<u8>)| {
            let name = name.replace('|', "\\|").escape_debug().to_string();
            match std::str::from_utf8(contents) {
                _ if !danger.shows_contents => format!("`{name}`"),
                Ok(text) if text.chars().all(|char| char.is_ascii_graphic() || char == ' ') => {
                    format!("`{name}` {text:?}")
                }
                _ => format!("`{name}` {} bytes", contents.len()),
            }
        };
        let files: Vec<_> = self.files.iter().map(show).collect();
        let files = if files.is_empty() { "nothing".to_owned() } else { files.join(", ") };
        match self.ended {
            Ended::Well => files,
            Ended::WithWarnings => format!("{files}, warns"),
            Ended::Refused(Some(code)) => format!("**refused** `{code}`"),
            Ended::Refused(None) if self.files.is_empty() => "refused".to_owned(),
            Ended::Refused(None) => format!("fails, leaves {files}"),
        }
    }

    fn is_refusal(&self) -> bool {
        matches!(self.ended, Ended::Refused(_))
    }
}

fn ours(danger: &Danger) -> Outcome {
    let drivers = if danger.zip.len() < 50_000 { ALL } else { LARGE };
    let conversion = convert(&danger.zip, Limits::default(), Driver::Whole);
    for driver in drivers {
        let other = convert(&danger.zip, Limits::default(), *driver);
        same(&conversion, &other).unwrap_or_else(|problem| panic!("{}, {driver:?}: {problem}", danger.what));
    }
    match conversion.result {
        Err(error) => Outcome { ended: Ended::Refused(Some(error.code())), files: BTreeMap::new() },
        Ok(()) => {
            let members = tarball::read(&conversion.output).expect("a tarball");
            let files = members.into_iter().filter(|member| member.kind == Kind::File);
            Outcome { ended: Ended::Well, files: files.map(|member| (member.name, member.contents)).collect() }
        }
    }
}

/// A folder to extract to, inside a folder that shows escaped files.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().expect("room to extract to"));
        fs::create_dir(room.jail()).expect("room");
        room
    }

    fn jail(&self) -> PathBuf {
        self.0.path().join("jail")
    }

    fn outcome(&self, ended: Ended) -> Outcome {
        let mut files = BTreeMap::new();
        list(self.0.path(), "", &mut files);
        let inside = |name: String| name.strip_prefix("jail/").map_or(format!("../{name}"), str::to_owned);
        let mut files: BTreeMap<_, _> = files.into_iter().map(|(name, contents)| (inside(name), contents)).collect();
        let absolute = "/recompress-evil.txt";
        if let Ok(contents) = fs::read(absolute) {
            files.insert(absolute.to_owned(), contents);
            let _ = fs::remove_file(absolute);
        }
        Outcome { ended, files }
    }
}

fn list(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            list(&entry.path(), &format!("{name}/"), files);
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).expect("a link");
            files.insert(name, format!("-> {}", target.display()).into_bytes());
        } else if kind.is_file() {
            files.insert(name, fs::read(entry.path()).expect("a file"));
        } else {
            files.insert(name, b"a device".to_vec());
        }
    }
}

fn zip_crate(danger: &Danger) -> Outcome {
    let room = Room::new();
    let extracted = ZipArchive::new(Cursor::new(&danger.zip)).and_then(|mut archive| archive.extract(room.jail()));
    room.outcome(if extracted.is_ok() { Ended::Well } else { Ended::Refused(None) })
}

fn zip_crate_streaming(danger: &Danger) -> Outcome {
    let room = Room::new();
    let extracted = ZipStreamReader::new(Cursor::new(&danger.zip)).extract(room.jail());
    room.outcome(if extracted.is_ok() { Ended::Well } else { Ended::Refused(None) })
}

/// Both ways of a reader in one cell.
fn cell_of_two(danger: &Danger, file: &Outcome, stream: &Outcome) -> String {
    let [file, stream] = [file, stream].map(|outcome| outcome.cell(danger));
    if file == stream { file } else { format!("{file}; from a stream: {stream}") }
}

/// The lines of the document's table, by their first cell: our cell, and the `zip` crate's.
fn documented() -> BTreeMap<String, (String, String)> {
    let document = fs::read_to_string(DOCUMENT).expect("docs/danger.md is there");
    let cells = document.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.split(" | ").collect();
        Some((cells[0].to_owned(), (cells[1].to_owned(), cells[2].to_owned())))
    });
    cells.collect()
}

#[test]
fn the_table_of_dangers_matches_our_behaviour() {
    let documented = documented();
    for danger in dangers() {
        let zip_crate = cell_of_two(&danger, &zip_crate(&danger), &zip_crate_streaming(&danger));
        let cells = (ours(&danger).cell(&danger), zip_crate);
        assert_eq!(documented.get(danger.what), Some(&cells), "{}: `make danger` writes the table", danger.what);
    }
}

#[test]
#[ignore = "`make danger` runs it, with programs that the other tests do not need"]
fn write_the_table_of_dangers() {
    let dangers = dangers();
    let room = tempfile::tempdir().expect("room for the zips");
    let paths: Vec<PathBuf> = dangers
        .iter()
        .enumerate()
        .map(|(number, danger)| {
            let path = room.path().join(format!("{number}.zip"));
            fs::write(&path, &danger.zip).expect("room");
            path
        })
        .collect();
    let go = go(&paths);

    let mut table = format!(
        "| | recompress | zip {} | {} | {} | {} | {} |\n|{}\n",
        locked_version("zip"),
        version("bsdtar", &["--version"], 1),
        version("unzip", &["-v"], 1),
        version("go", &["version"], 2),
        version("python3", &["--version"], 1),
        " --- |".repeat(7)
    );
    let mut broken = Vec::new();
    for ((danger, path), go) in dangers.iter().zip(&paths).zip(go) {
        let ours = ours(danger);
        let others = [
            zip_crate(danger),
            zip_crate_streaming(danger),
            bsdtar(path, false),
            bsdtar(path, true),
            unzip(path),
            go,
            python(path),
        ];
        let [file, stream, bsdtar, bsdtar_stream, unzip, go, python] = &others;
        let cells = [
            danger.what.to_owned(),
            ours.cell(danger),
            cell_of_two(danger, file, stream),
            cell_of_two(danger, bsdtar, bsdtar_stream),
            unzip.cell(danger),
            go.cell(danger),
            python.cell(danger),
        ];
        table += &format!("| {} |\n", cells.join(" | "));
        // The promise: an archive that two readers understand differently is refused, with the exceptions in the document.
        let differs = others.iter().any(|other| !other.is_refusal() && other.files != ours.files);
        if !ours.is_refusal() && differs && !danger.we_choose {
            broken.push(danger.what);
        }
    }
    let document = fs::read_to_string(DOCUMENT).expect("docs/danger.md is there");
    let (before, rest) = document.split_once("<!-- table -->\n").expect("the document says where the table starts");
    let (_, after) = rest.split_once("<!-- end of table -->").expect("the document says where the table ends");
    fs::write(DOCUMENT, format!("{before}<!-- table -->\n{table}<!-- end of table -->{after}"))
        .expect("docs/danger.md");
    assert!(broken.is_empty(), "converted, and understood differently: {broken:#?}");
}

fn bsdtar(path: &Path, piped: bool) -> Outcome {
    let room = Room::new();
    let mut command = in_utf8("bsdtar");
    command.args(["-x", "-C"]).arg(room.jail());
    let output = if piped {
        run_with_input(command.args(["-f", "-"]), &fs::read(path).expect("a zip"))
    } else {
        run(command.arg("-f").arg(path))
    };
    room.outcome(if output.status.success() { Ended::Well } else { Ended::Refused(None) })
}

fn unzip(path: &Path) -> Outcome {
    let room = Room::new();
    let output = run(in_utf8("unzip").args(["-qq", "-o"]).arg(path).arg("-d").arg(room.jail()));
    room.outcome(match output.status.code() {
        Some(0) => Ended::Well,
        // "One or more warning errors were encountered, but processing completed successfully anyway."
        Some(1) => Ended::WithWarnings,
        _ => Ended::Refused(None),
    })
}

fn python(path: &Path) -> Outcome {
    let room = Room::new();
    let extract = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    let output = run(in_utf8("python3").args(["-W", "ignore", "-c", extract]).arg(path).arg(room.jail()));
    room.outcome(if output.status.success() { Ended::Well } else { Ended::Refused(None) })
}

/// Go's library extracts nothing: these are the names that it hands out.
fn go(paths: &[PathBuf]) -> Vec<Outcome> {
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/danger/reader.go");
    let output = run(in_utf8("go").args(["run", reader]).args(paths));
    assert!(output.status.success(), "go run: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let outcome = |line: &str| {
        let outcome: Value = serde_json::from_str(line).expect("a line of JSON");
        let ended = if outcome["failed"] == true { Ended::Refused(None) } else { Ended::Well };
        let files = outcome["files"].as_object().expect("files by name").iter();
        let files = files.map(|(name, contents)| (name.clone(), base64(contents.as_str().expect("base64"))));
        // An error is all that its caller has to look at.
        let files = if ended == Ended::Well { files.collect() } else { BTreeMap::new() };
        Outcome { ended, files }
    };
    lines.lines().map(outcome).collect()
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| DIGITS.iter().position(|&digit| digit == byte));
    let (mut bits, mut count, mut bytes) = (0, 0, Vec::new());
    for digit in digits {
        bits = bits << 6 | digit;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}

fn in_utf8(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn run_with_input(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut pipe = child.stdin.take().expect("its input is a pipe");
    // A reader that has seen enough closes the pipe.
    let _ = pipe.write_all(input);
    drop(pipe);
    child.wait_with_output().expect("it was started")
}

/// The first `words` after the name in the first line of a program's version output.
fn version(program: &str, argument: &[&str], words: usize) -> String {
    let output = run(in_utf8(program).args(argument));
    let output = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&output);
    let mut line = text.lines().next().expect("a line").split_whitespace();
    line.next();
    let name = if program == "unzip" { "Info-ZIP" } else { program };
    format!("{name} {}", line.by_ref().take(words).last().expect("a version").trim_start_matches("go"))
}

fn locked_version(name: &str) -> String {
    let lock =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).expect("Cargo.lock is there");
    let (_, package) = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).expect("it is locked");
    package.split_once('"').expect("a version").0.to_owned()
}
