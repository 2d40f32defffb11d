//! Names that could lead out of the target folder, and the behaviour of three programs: each name is refused,
//! or every program puts the file into the folder, where the name says. Nothing else changes, with and without the programs' own
//! safeguards.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use recompress::Limits;

use crate::{
    drivers::{Driver, convert},
    extra_field::{asi_unix, unicode_path},
    tarball,
    zip_writer::{Archive, Member, UTF8, archive, deflated, folder, stored},
};

const CONTENTS: &[u8] = b"contents";

/// The expected outcome of a row.
enum Expected {
    /// The converter's error.
    Refused(&'static str),
    /// Files, by their paths in the folder, and nothing else.
    Files(Vec<(String, Vec<u8>)>),
    /// Files of these paths, not all of them.
    Some(Vec<String>),
    /// One file, or nothing where the file system has no room for such a name.
    FileIfItFits(String),
}

struct Row {
    what: String,
    zip: Vec<u8>,
    expected: Expected,
}

fn refused(names: &[&[u8]], code: &'static str) -> Row {
    let members: Vec<_> = names.iter().map(|name| deflated(name, CONTENTS)).collect();
    refused_zip(
        &names.iter().map(|name| name.escape_ascii().to_string()).collect::<Vec<_>>().join(", "),
        archive(members),
        code,
    )
}

fn refused_zip(what: &str, zip: Archive<'_>, code: &'static str) -> Row {
    Row { what: what.chars().take(60).collect(), zip: zip.bytes(), expected: Expected::Refused(code) }
}

/// Names that are kept as they are.
fn kept(names: &[&str]) -> Row {
    moved(&names.iter().map(|name| (*name, *name)).collect::<Vec<_>>())
}

/// Names, and where their files end up.
fn moved(names: &[(&str, &str)]) -> Row {
    let members: Vec<_> =
        names.iter().map(|(name, _)| Member { flags: UTF8, ..deflated(name.as_bytes(), CONTENTS) }).collect();
    let files = names.iter().map(|(_, path)| (path.to_string(), CONTENTS.to_vec())).collect();
    accepted(&format!("{:?}", names[0].0), archive(members), files)
}

fn accepted(what: &str, zip: Archive<'_>, files: Vec<(String, Vec<u8>)>) -> Row {
    Row { what: what.chars().take(60).collect(), zip: zip.bytes(), expected: Expected::Files(files) }
}

fn some_of(names: &[&str]) -> Row {
    Row { expected: Expected::Some(names.iter().map(|name| name.to_string()).collect()), ..kept(names) }
}

fn if_it_fits(name: &str) -> Row {
    let zip = archive([deflated(name.as_bytes(), CONTENTS)]);
    let expected = Expected::FileIfItFits(name.to_owned());
    Row { what: format!("{} bytes", name.len()), zip: zip.bytes(), expected }
}

/// `outside` is a place that an absolute name can point to.
fn rows(outside: &Path) -> Vec<Row> {
    [upwards_and_absolute(outside), deceptive(), odd_but_harmless(), special_to_tar(), several(), links(), long()]
        .into_iter()
        .flatten()
        .collect()
}

fn upwards_and_absolute(outside: &Path) -> Vec<Row> {
    let outside = outside.join("evil").into_os_string().into_string().expect("a path in UTF-8");
    let doubled = format!("/{outside}");
    let upwards = "../".repeat(20) + "evil";
    let names: [&[u8]; 32] = [
        outside.as_bytes(),
        doubled.as_bytes(),
        upwards.as_bytes(),
        b"/",
        b"/evil",
        b"/etc/../evil",
        b"..",
        b"../",
        b"../evil",
        b"./../evil",
        b".//../evil",
        b"a/../../evil",
        b"a/b/../../../evil",
        b"a/..",
        b"a/../evil",
        b".. /evil",
        b"..  ",
        b"..\\evil",
        b"a\\..\\..\\evil",
        b"..\\../evil",
        b"..\\/evil",
        b"\\evil",
        b"\\\\server\\share\\evil",
        b"//server/share/evil",
        b"\\\\?\\C:\\evil",
        b"\\??\\C:\\evil",
        b"C:\\evil",
        b"C:/evil",
        b"c:evil",
        b"a:b",
        b"z:",
        b"a/b\\evil",
    ];
    let mut rows: Vec<_> = names.into_iter().map(|name| refused(&[name], "unsafe_name")).collect();
    rows.extend([
        refused_zip("a folder upwards", archive([folder(b"../evil/")]), "unsafe_name"),
        // `..` in more bytes than UTF-8 allows.
        refused_zip(
            "overlong",
            archive([Member { flags: UTF8, ..deflated(b"\xc0\xae\xc0\xae/evil", CONTENTS) }]),
            "bad_name",
        ),
    ]);
    for hidden in ["../évil", "/évil", "é\0/../evil", "é\n"] {
        let field = unicode_path(1, crc32fast::hash(b"../?/ evil"), hidden);
        let member = Member { extra: field.clone(), directory_extra: field, ..deflated(b"../?/ evil", CONTENTS) };
        rows.push(refused_zip(&format!("{hidden:?} in a Unicode path field"), archive([member]), "unsafe_name"));
        let field = unicode_path(1, crc32fast::hash(b"good"), hidden);
        let member = Member { extra: field.clone(), directory_extra: field, ..deflated(b"good", CONTENTS) };
        rows.push(refused_zip(
            &format!("{hidden:?} in a Unicode path field of good"),
            archive([member]),
            "unsafe_name",
        ));
    }
    rows
}

fn deceptive() -> Vec<Row> {
    let names: [&[u8]; 14] = [
        b"",
        b".",
        b"a\0b",
        b"evil\0.txt",
        b"a\nb",
        b"a\r",
        b"a\tb",
        b"\x1b]0;evil\x07",
        b"a\x7f",
        "a\u{85}b".as_bytes(),
        "a\u{202e}txt.exe".as_bytes(),
        "a\u{2066}b".as_bytes(),
        // Text that looks like a second record of a pax header, and one more.
        "é\n16 path=../evil\n".as_bytes(),
        "é\n20 linkpath=/evil\n".as_bytes(),
    ];
    names.into_iter().map(|name| refused(&[name], "unsafe_name")).collect()
}

/// To these programs. To a shell, a terminal or Windows some are not.
fn odd_but_harmless() -> Vec<Row> {
    let names = [
        "...",
        "..../a",
        "..a",
        "a..",
        "a.",
        "a. . ",
        " ",
        " a",
        "-",
        "-rf",
        "--checkpoint=1",
        "--checkpoint-action=exec=touch evil",
        "--to-command=touch evil",
        "-C",
        "@evil",
        "~",
        "~root/evil",
        "$HOME/evil",
        "`touch evil`",
        "$(touch evil)",
        "a;touch evil",
        "*",
        "a\"b'c<d>e|f?g",
        "%2e%2e%2fevil",
        "&#46;&#46;/evil",
        "．．/evil",
        "..∕evil",
        "ab:c",
        "a.txt:stream",
        "CON",
        "aux.txt",
        "COM1/a",
        "NUL.tar.gz",
        "desktop.ini",
        ".bashrc",
        ".git/config",
        "a\u{200e}b",
        "a\u{200f}b",
        "a\u{feff}b",
        "a\u{200b}b",
    ];
    vec![
        kept(&names),
        moved(&[("./a", "a")]),
        moved(&[("a//b", "a/b")]),
        moved(&[("a/./b", "a/b")]),
        moved(&[("....//a", "..../a")]),
        moved(&[("a\\b", "a/b")]),
        moved(&[("a\\\\b", "a/b")]),
        accepted(
            "the folder itself",
            archive([folder(b"./"), stored(b"a", CONTENTS)]),
            vec![("a".into(), CONTENTS.into())],
        ),
        // `..` in more bytes than UTF-8 allows is code page 437 where it is not flagged.
        accepted(
            "overlong, not flagged",
            archive([deflated(b"\xc0\xae\xc0\xae/evil", CONTENTS)]),
            vec![("└«└«/evil".into(), CONTENTS.into())],
        ),
    ]
}

/// Names that tar programs give to headers of their own, and text that looks like a pax header's syntax.
fn special_to_tar() -> Vec<Row> {
    let long = "n".repeat(120);
    let in_pax = ["@LongLink", "=path=../evil", " 16 path=evil", "=../evil"].map(|end| format!("é{long}{end}"));
    let mut rows = vec![
        moved(&[("././@LongLink", "@LongLink")]),
        moved(&[("././@PaxHeader", "@PaxHeader")]),
        kept(&["@LongLink", "PaxHeaders/a", "PaxHeaders.0/a", "pax_global_header", "GNUSparseFile.0/a", "a"]),
        kept(&["path=evil", "é=path=evil", "16 path=evil", "size=0"]),
        kept(&["._a", "a", "__MACOSX/._a"]),
    ];
    rows.push(kept(&in_pax.each_ref().map(String::as_str)));
    // The header of an extended header has the last part of the name.
    rows.push(kept(&[&format!("PaxHeaders/{long}é"), &format!("{long}é")]));
    rows
}

/// Members with names that collide, here or on another system.
fn several() -> Vec<Row> {
    vec![
        refused_zip("a twice", archive([deflated(b"a", CONTENTS), deflated(b"a", b"other")]), "duplicate_name"),
        accepted(
            "a twice, the same",
            archive([deflated(b"a", CONTENTS), deflated(b"a", CONTENTS)]),
            vec![("a".to_owned(), CONTENTS.to_vec())],
        ),
        refused(&[b"a", b"./a"], "duplicate_name"),
        refused(&[b"d/a", b"d\\a"], "duplicate_name"),
        refused(&[b"\x82", "é".as_bytes()], "duplicate_name"),
        refused(&[b"foo", b"foo/bar"], "name_conflict"),
        refused(&[b"foo/bar", b"foo"], "name_conflict"),
        refused_zip("foo, foo/", archive([deflated(b"foo", CONTENTS), folder(b"foo/")]), "name_conflict"),
        refused(&[b"foo/"], "directory_with_data"),
        refused(&[b"foo", b"foo/../../evil"], "unsafe_name"),
        kept(&["readme", "README", "Readme"]),
        kept(&["a/b", "A/b"]),
        // Composed and decomposed. bsdtar composes, as some file systems do, and so writes the second over the first.
        some_of(&["\u{e9}", "e\u{301}"]),
        kept(&["ß", "ss", "ẞ"]),
        kept(&["a", "a ", "a."]),
    ]
}

/// Symbolic links, of which the directory alone tells, and files that would go through them.
fn links() -> Vec<Row> {
    let link = |name, target| Member { external_attributes: 0o120777 << 16, ..stored(name, target) };
    let file = |name| deflated(name, CONTENTS);
    let as_file = |name: &str, target: &[u8]| (name.to_owned(), target.to_vec());
    vec![
        accepted("a link", archive([link(b"ln", b"../target")]), vec![as_file("ln", b"../target")]),
        accepted("an absolute link", archive([link(b"ln", b"/")]), vec![as_file("ln", b"/")]),
        accepted(
            "a link whose local header has its mode",
            archive([Member { extra: asi_unix(0o120777), ..link(b"ln", b"../target") }]),
            vec![as_file("ln", b"../target")],
        ),
        refused_zip("through a link", archive([link(b"ln", b"../target"), file(b"ln/evil")]), "name_conflict"),
        refused_zip("over a link", archive([link(b"ln", b"../canary"), file(b"ln")]), "duplicate_name"),
        refused_zip(
            "over a link, otherwise named",
            archive([link(b"ln", b"../canary"), file(b"./ln")]),
            "duplicate_name",
        ),
        refused_zip(
            "a folder that is a link",
            archive([link(b"ln/", b"../target"), file(b"ln/evil")]),
            "directory_with_data",
        ),
        accepted(
            "through a link of another case",
            archive([link(b"ln", b"../target"), file(b"LN/evil")]),
            vec![as_file("ln", b"../target"), as_file("LN/evil", CONTENTS)],
        ),
        refused_zip(
            "a device",
            archive([Member { external_attributes: 0o060666 << 16, ..stored(b"dev", b"") }]),
            "cd_mismatch",
        ),
    ]
}

fn long() -> Vec<Row> {
    let deep = |length: usize| ["d"; 2048].join("/")[..length].to_owned();
    let wide = |length: usize| ["w".repeat(99).as_str(); 42].join("/")[..length].to_owned();
    vec![
        kept(&[
            &"n".repeat(100),
            &"n".repeat(255),
            &"é".repeat(127),
            &format!("{}/{}", "d".repeat(155), "n".repeat(100)),
            &format!("{}/{}", "d".repeat(200), "n".repeat(200)),
            &deep(1001),
            &wide(3801),
        ]),
        if_it_fits(&"n".repeat(256)),
        if_it_fits(&"é".repeat(128)),
        if_it_fits(&"n".repeat(4096)),
        refused(&["n".repeat(4097).as_bytes()], "name_too_long"),
        refused(&[wide(4097).as_bytes()], "name_too_long"),
        refused(&[&[b'n'; 65535]], "name_too_long"),
    ]
}

/// Ways to extract: a program, and whether it looks at names itself.
const READERS: [&str; 6] =
    ["GNU tar", "GNU tar that trusts", "bsdtar", "bsdtar that trusts", "Python", "Python that trusts"];

/// A folder with a tarball and a place for each reader: the jail, and files around it that must not change.
struct Room(PathBuf);

impl Room {
    fn new(path: PathBuf, tar: &[u8]) -> Self {
        for reader in READERS {
            let place = path.join(reader);
            fs::create_dir_all(place.join("jail")).expect("room");
            fs::create_dir(place.join("target")).expect("room");
            fs::write(place.join("canary"), "canary").expect("room");
            fs::write(place.join("target/canary"), "canary").expect("room");
        }
        fs::write(path.join("in.tar"), tar).expect("room");
        Self(path)
    }

    fn tar(&self) -> PathBuf {
        self.0.join("in.tar")
    }

    fn place(&self, reader: &str) -> PathBuf {
        self.0.join(reader)
    }

    /// The files that `reader` left in its jail, or the files that it changed outside.
    fn found(&self, reader: &str) -> Result<BTreeMap<String, Vec<u8>>, String> {
        let mut all = BTreeMap::new();
        list(&self.place(reader), "", &mut all)?;
        let mut outside = BTreeMap::from(["canary", "target/canary"].map(|name| (name.to_owned(), b"canary".to_vec())));
        let jailed = |name: &String| name.starts_with("jail/");
        let inside = all
            .extract_if(.., |name, _| jailed(name))
            .map(|(name, contents)| (name["jail/".len()..].to_owned(), contents));
        let inside: BTreeMap<_, _> = inside.collect();
        let mut got_out: Vec<_> = all.keys().filter(|&name| outside.remove(name).as_ref() != all.get(name)).collect();
        got_out.extend(outside.keys());
        if got_out.is_empty() { Ok(inside) } else { Err(format!("outside of the jail changed: {got_out:?}")) }
    }
}

/// Every file below `folder`, by path; an error for anything else than a file or a folder.
fn list(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    for entry in fs::read_dir(folder).map_err(|error| format!("{below}: {error}"))? {
        let entry = entry.map_err(|error| error.to_string())?;
        let name = format!("{below}{}", entry.file_name().to_str().ok_or("a name that is not UTF-8")?);
        let kind = entry.file_type().map_err(|error| error.to_string())?;
        if kind.is_dir() {
            list(&entry.path(), &format!("{name}/"), files)?;
        } else if kind.is_file() {
            let contents = fs::read(entry.path()).map_err(|error| format!("{name}: {error}"))?;
            files.insert(name, contents);
        } else {
            return Err(format!("{name} is no file"));
        }
    }
    Ok(())
}

const PYTHON: &str = "
import sys, tarfile
for line in sys.stdin.read().split('\\0')[:-1]:
    path, jail, trust = line.split('\\n')
    try:
        with tarfile.open(path, 'r:') as tar:
            tar.extractall(jail, filter=trust)
    except (OSError, tarfile.FilterError):
        pass  # what is left behind is looked at
";

/// Extracts every tarball with every program. The messages do not matter; the extracted files do.
fn extract(rooms: &[Room]) {
    let mut python = Vec::new();
    for room in rooms {
        for reader in READERS {
            let place = room.place(reader);
            let program = match reader {
                "GNU tar" | "GNU tar that trusts" => "tar",
                "bsdtar" | "bsdtar that trusts" => "bsdtar",
                _ => {
                    let trust = if reader == "Python" { "data" } else { "fully_trusted" };
                    python.push(format!("{}\n{}\n{trust}\0", room.tar().display(), place.join("jail").display()));
                    continue;
                }
            };
            let trust = reader.ends_with("trusts").then_some("-P");
            let ran = in_utf8(program)
                .args(trust)
                .arg("-xf")
                .arg(room.tar())
                .args(["-C", "jail"])
                .current_dir(place)
                .output();
            ran.unwrap_or_else(|error| panic!("{program}, that .ci/test-programs installs: {error}"));
        }
    }
    let mut program =
        in_utf8("python3").args(["-c", PYTHON]).stdin(Stdio::piped()).spawn().expect("python3 is installed");
    let mut input = program.stdin.take().expect("its input is a pipe");
    std::io::Write::write_all(&mut input, python.concat().as_bytes()).expect("python3 reads its input");
    drop(input);
    assert!(program.wait().expect("it was started").success(), "python3 failed");
}

fn in_utf8(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C.UTF-8");
    command
}

#[test]
fn no_name_leads_out_of_the_folder_it_is_extracted_to() {
    let room = tempfile::tempdir().expect("room to extract to");
    let (mut problems, mut rooms, mut expectations) = (Vec::new(), Vec::new(), Vec::new());
    for (number, row) in rows(room.path()).into_iter().enumerate() {
        let conversion = convert(&row.zip, Limits::default(), Driver::Whole);
        match (row.expected, conversion.result) {
            (Expected::Refused(code), Err(error)) if error.code() == code => {}
            (Expected::Refused(code), result) => {
                problems.push(format!("{}: expected {code}, got {result:?}", row.what))
            }
            (_, Err(error)) => problems.push(format!("{}: {error}", row.what)),
            (expected, Ok(())) => {
                let tar = tarball::unbrotli(&conversion.output).expect("a whole stream");
                rooms.push(Room::new(room.path().join(number.to_string()), &tar));
                expectations.push((row.what, expected));
            }
        }
    }
    extract(&rooms);
    for ((what, expected), room) in expectations.iter().zip(&rooms) {
        for reader in READERS {
            let problem = match (room.found(reader), expected) {
                (Err(problem), _) => problem,
                (Ok(found), Expected::Files(files)) if found == files.iter().cloned().collect() => continue,
                (Ok(found), Expected::Some(names))
                    if !found.is_empty() && found.keys().all(|name| names.contains(name)) =>
                {
                    continue;
                }
                (Ok(found), Expected::FileIfItFits(_)) if found.is_empty() => continue,
                (Ok(found), Expected::FileIfItFits(name)) if found == [(name.clone(), CONTENTS.to_vec())].into() => {
                    continue;
                }
                (Ok(found), _) => format!("left {:?}", found.keys()),
            };
            problems.push(format!("{what}, {reader}: {problem}"));
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    let elsewhere = fs::read_dir(room.path()).expect("the room").count() - rooms.len();
    assert_eq!(elsewhere, 0, "something is where absolute names point to");
}

/// Proves that the test above would see an escape: the same programs, with a tarball of ours that has a worse name.
#[test]
fn a_name_that_leads_out_of_the_folder_is_seen() {
    let zip = archive([stored(b"ab/evil", CONTENTS)]).bytes();
    let conversion = convert(&zip, Limits::default(), Driver::Whole);
    let mut tar = tarball::unbrotli(&conversion.output).expect("a whole stream");
    let mut header = tar::Header::from_byte_slice(&tar[..512]).clone();
    header.as_mut_bytes()[..2].copy_from_slice(b"..");
    header.set_cksum();
    tar[..512].copy_from_slice(header.as_bytes());
    let room = tempfile::tempdir().expect("room to extract to");
    let room = Room::new(room.path().join("0"), &tar);
    extract(std::slice::from_ref(&room));
    for reader in READERS {
        assert_eq!(room.found(reader).is_err(), reader.ends_with("trusts"), "{reader}: {:?}", room.found(reader));
    }
}
