//! Stored archives: listed, unpacked and tested, from files and from servers.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use recompress_testkit::{
    text::text,
    zip_writer::{Member, archive, deflated, folder, stored},
};

use crate::run_in;

fn with_mode(member: Member<'static>, mode: u32) -> Member<'static> {
    Member { external_attributes: mode << 16, ..member }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn refused(room: &Path, arguments: &[&str], message: &str) {
    let output = run_in(room, arguments);
    let said = said(&output);
    assert!(output.status.code() == Some(1) && said.starts_with(message), "{arguments:?}: {said}");
}

#[track_caller]
fn done(room: &Path, arguments: &[&str]) -> String {
    let output = run_in(room, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn an_archive_is_listed_unpacked_and_tested() {
    let room = tempfile::tempdir().expect("room");
    let room = room.path();
    let zip = archive([
        folder(b"bin/"),
        with_mode(deflated(b"bin/tool", b"#!/bin/sh\n"), 0o100755),
        with_mode(stored(b"bin/link", b"tool"), 0o120777),
        deflated(b"read me.txt", b"read me\n"),
    ])
    .bytes();
    fs::write(room.join("a.zip"), zip).expect("room");
    for (quality, how) in [("9", "by the index"), ("2", "read through: the archive has no index")] {
        let folder = format!("out{quality}");
        done(room, &["a.zip", "-f", "-q", quality]);
        let list = done(room, &["list", "a.tar.br"]);
        assert!(list.contains("bin/link -> tool") && list.ends_with(&format!("{how}\n")), "{list}");
        let lines = done(room, &["list", "--json", "a.tar.br"]);
        assert_eq!(lines.lines().count(), 4);
        assert!(
            lines.contains(
                r#"{"name":"bin/link","kind":"link","size":0,"mode":"0777","mtime":1741694400,"target":"tool"}"#
            ),
            "{lines}"
        );
        done(room, &["extract", "a.tar.br", "-C", &folder]);
        let out = room.join(&folder);
        assert_eq!(fs::read(out.join("bin/link")).expect("a link to a file"), b"#!/bin/sh\n");
        assert_eq!(fs::metadata(out.join("bin/tool")).expect("a file").permissions().mode() & 0o111, 0o111);
        assert_eq!(fs::metadata(out.join("read me.txt")).expect("a file").permissions().mode() & 0o111, 0);
        refused(room, &["extract", "a.tar.br", "-C", &folder], "recompress: output_exists: ");
        assert_eq!(done(room, &["extract", "a.tar.br", "-o", "-", "read me.txt"]), "read me\n");
        done(room, &["extract", "a.tar.br", "-C", &format!("{folder}.part"), "bin"]);
        assert!(room.join(format!("{folder}.part/bin/tool")).exists());
        assert!(!room.join(format!("{folder}.part/read me.txt")).exists());
        refused(
            room,
            &["extract", "a.tar.br", "-C", "nothing", "tool"],
            "recompress: no_member: the file has no member \"tool\"",
        );
        refused(room, &["extract", "a.tar.br", "-o", "-", "bin"], "recompress: bad_member: ");
        done(room, &["test", "a.tar.br"]);
        let mut broken = fs::read(room.join("a.tar.br")).expect("the archive");
        let middle = broken.len() / 3;
        broken[middle] ^= 1;
        fs::write(room.join("broken"), &broken).expect("room");
        refused(room, &["test", "broken"], "recompress: ");
        fs::write(room.join("cut"), &broken[..broken.len() - 1]).expect("room");
        refused(room, &["test", "cut"], "recompress: ");
    }
}

#[test]
fn nothing_is_written_outside_the_folder_or_through_a_link() {
    let room = tempfile::tempdir().expect("room");
    let room = room.path();
    fs::create_dir(room.join("elsewhere")).expect("room");
    fs::write(room.join("a.zip"), archive([deflated(b"d/a", b"text")]).bytes()).expect("room");
    done(room, &["a.zip"]);
    fs::create_dir(room.join("out")).expect("room");
    symlink("../elsewhere", room.join("out/d")).expect("a link");
    refused(room, &["extract", "a.tar.br", "-C", "out"], "recompress: output_exists: out/d exists and is no folder");
    assert_eq!(fs::read_dir(room.join("elsewhere")).expect("a folder").count(), 0);

    // Tarballs of others.
    let tar = |entries: &[(&str, tar::EntryType, &str)]| {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, target) in entries {
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            header.set_size(0);
            header.set_link_name(target).expect("a short name");
            header.set_cksum();
            builder.append(&header, &[][..]).expect("memory");
        }
        builder.into_inner().expect("memory")
    };
    use tar::EntryType::{Char, Link, Regular, Symlink};
    for (name, entries, message) in [
        ("up", &[("../a", Regular, "x")][..], "recompress: unsafe_name: "),
        ("absolute", &[("/etc/a", Regular, "x")], "recompress: unsafe_name: "),
        ("hard", &[("a", Link, "b")], "recompress: bad_member: \"a\" is refused: it is a hard link"),
        ("device", &[("a", Char, "b")], "recompress: bad_member: \"a\" is refused: it is a device"),
        ("leads out", &[("a", Symlink, "../../x")], "recompress: unsafe_link: "),
        ("through", &[("l", Symlink, "."), ("l/a", Regular, "x")], "recompress: "),
        ("by a link", &[("l", Symlink, "."), ("y", Symlink, "l/..")], "recompress: unsafe_link: "),
    ] {
        let file = format!("{name}.tar");
        fs::write(room.join(&file), tar(entries)).expect("room");
        refused(room, &["extract", &file, "-C", name], message);
        let made = |path: &Path| {
            fs::read_dir(path).map_or(0, |entries| entries.flatten().filter(|entry| entry.path().is_symlink()).count())
        };
        assert_eq!(made(&room.join(name)), 0, "{name}");
    }
    assert!(!room.join("a").exists() && !room.join("x").exists());
}

/// A server of one file. It counts the bytes of the bodies that it sends.
struct Server {
    address: String,
    sent: Arc<AtomicU64>,
}

fn serve(file: Vec<u8>, has_ranges: bool) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A client that has what it wants may leave.
            let _ = answer(connection, &file, has_ranges, &counter);
        }
    });
    Server { address, sent }
}

fn answer(connection: TcpStream, file: &[u8], has_ranges: bool, sent: &AtomicU64) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let path = lines.next().transpose()?.unwrap_or_default();
    let (mut range, mut connection) = (None, connection);
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        let line = line.to_ascii_lowercase();
        range = range.or(line
            .strip_prefix("range: bytes=")
            .and_then(|range| range.split_once('-').map(|(a, b)| (a.to_owned(), b.to_owned()))));
    }
    if path.contains("/moved") {
        return write!(
            connection,
            "HTTP/1.1 302 Found\r\nLocation: /file\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    if path.contains("/for-ever") {
        return write!(
            connection,
            "HTTP/1.1 302 Found\r\nLocation: /for-ever\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    if !path.contains("/file") {
        return write!(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let size = file.len();
    let (status, body) = match range.filter(|_| has_ranges) {
        Some((first, last)) => {
            let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
                (Ok(first), Ok(last)) => (first, (last + 1).min(size)),
                (Ok(first), Err(_)) => (first, size),
                (Err(_), Ok(last)) => (size.saturating_sub(last), size),
                _ => (0, size),
            };
            (
                format!("206 Partial Content\r\nContent-Range: bytes {start}-{}/{size}\r\nETag: \"1\"", end - 1),
                &file[start..end],
            )
        }
        None => ("200 OK".to_owned(), file),
    };
    write!(connection, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    for piece in body.chunks(1 << 14) {
        connection.write_all(piece)?;
        sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

#[test]
fn a_small_member_of_a_large_archive_on_a_server_costs_little() {
    let room = tempfile::tempdir().expect("room");
    let room = room.path();
    let (state, ai) = (text(1, 6 << 20), text(2, 3 << 20));
    let zip = archive([deflated(b"meta", b"date=1444.11.11\n"), deflated(b"gamestate", &state), deflated(b"ai", &ai)])
        .bytes();
    fs::write(room.join("a.zip"), zip).expect("room");
    done(room, &["a.zip", "-q", "5"]);
    let file = fs::read(room.join("a.tar.br")).expect("the archive");
    assert!(file.len() > 1 << 20, "{} bytes", file.len());
    let server = serve(file.clone(), true);
    for path in ["file", "moved"] {
        let before = server.sent.load(Ordering::Relaxed);
        let url = format!("{}/{path}", server.address);
        assert_eq!(done(room, &["extract", &url, "meta", "-o", "-"]), "date=1444.11.11\n");
        let sent = server.sent.load(Ordering::Relaxed) - before;
        assert!(sent < 70_000, "{sent} bytes for a small member");
    }
    let url = format!("{}/file", server.address);
    assert!(done(room, &["list", &url]).ends_with("3 members, by the index\n"));
    assert!(done(room, &["test", &url]).ends_with("the same by its index and from its front\n"));
    done(room, &["extract", &url, "-C", "all"]);
    assert!(fs::read(room.join("all/gamestate")).expect("a file") == state);

    let plain = serve(file, false);
    let url = format!("{}/file", plain.address);
    assert_eq!(done(room, &["extract", &url, "meta", "-o", "-"]), "date=1444.11.11\n");
    assert!(done(room, &["list", &url]).contains("read through"));
    for (path, message) in [("none", "404 Not Found"), ("for-ever", "redirect")] {
        let output = run_in(room, &["list", &format!("{}/{path}", server.address)]);
        assert!(output.status.code() == Some(1) && said(&output).contains(message), "{path}: {}", said(&output));
    }
}

/// The core's tests take every prefix and every bit; here the three commands take some.
#[test]
fn a_prefix_or_a_flipped_bit_is_an_error_or_changes_nothing() {
    let room = tempfile::tempdir().expect("room");
    let room = room.path();
    fs::write(room.join("a.zip"), archive([deflated(b"a.txt", &text(3, 900)), deflated(b"d/b", b"text")]).bytes())
        .expect("room");
    done(room, &["a.zip"]);
    let sound = fs::read(room.join("a.tar.br")).expect("the archive");
    let commands: [&[&str]; 3] = [&["list", "b"], &["test", "b"], &["extract", "b", "a.txt", "-o", "-"]];
    fs::write(room.join("b"), &sound).expect("room");
    let expected = commands.map(|command| done(room, command));
    let mut refusals = [0; 3];
    let mut check = |bytes: &[u8], what: &str| {
        fs::write(room.join("b"), bytes).expect("room");
        for (number, command) in commands.iter().enumerate() {
            let output = run_in(room, command);
            if output.status.success() {
                assert_eq!(String::from_utf8_lossy(&output.stdout), expected[number], "{what}: {command:?}");
            } else {
                assert_eq!(output.status.code(), Some(1), "{what}: {command:?}: {}", said(&output));
                refusals[number] += 1;
            }
        }
    };
    let prefixes = (0..sound.len()).step_by(41).chain([sound.len() - 1]);
    prefixes.clone().for_each(|length| check(&sound[..length], &format!("{length} bytes")));
    for bit in (0..8 * sound.len()).step_by(197) {
        let mut other = sound.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        check(&other, &format!("bit {bit}"));
    }
    assert!(refusals.iter().all(|&count| count >= prefixes.clone().count()), "{refusals:?}");
}
