//! Uploads whose directory is read before their members.

use recompress::SMALL_ARCHIVE_BYTES;

use super::*;

/// A program and a link to it, which only the directory tells from other files. `padding` bytes follow them.
fn tool(padding: usize) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("tool", options.unix_permissions(0o755)).unwrap();
    writer.write_all(b"#!/bin/sh\n").unwrap();
    writer.add_symlink("link", "tool", options).unwrap();
    writer.start_file("padding", options).unwrap();
    writer.write_all(&noise(padding)).unwrap();
    writer.finish().unwrap().into_inner()
}

/// An archive of exactly `length` bytes.
fn tool_of(length: u64) -> Vec<u8> {
    let zip = tool(length as usize - tool(0).len());
    assert_eq!(zip.len() as u64, length);
    zip
}

/// What the header says, the tarball's first mode, and the type of its second member.
fn seen(response: Response<Body<Upload>>) -> (String, u32, tar::EntryType) {
    assert_eq!(response.status(), StatusCode::OK);
    let said = response.headers()["recompress-directory"].to_str().unwrap().to_owned();
    let tar_br = bytes(response.into_body());
    let mut tarball = tar::Archive::new(brotli::Decompressor::new(&tar_br[..], 4096));
    let mut entries = tarball.entries().unwrap().map(Result::unwrap);
    let mode = entries.next().unwrap().header().mode().unwrap();
    (said, mode, entries.next().unwrap().header().entry_type())
}

fn first() -> (String, u32, tar::EntryType) {
    ("first".to_owned(), 0o755, tar::EntryType::Symlink)
}

fn last() -> (String, u32, tar::EntryType) {
    ("last".to_owned(), 0o644, tar::EntryType::Regular)
}

#[test]
fn the_length_alone_decides_and_not_the_way_it_arrives() {
    let small = tool_of(SMALL_ARCHIVE_BYTES);
    let large = tool_of(SMALL_ARCHIVE_BYTES + 1);
    for (zip, expected) in [(&small, first()), (&large, last())] {
        let uri = "/?quality=1";
        let length = zip.len().to_string();
        assert_eq!(seen(answer("POST", uri, &[("content-length", &length)], whole(zip))), expected);
        assert_eq!(seen(answer("POST", uri, &[], whole(zip))), expected);
        assert_eq!(seen(answer("POST", uri, &[], cut(zip, 100_000, &[Event::Pause]))), expected);
        // A form is longer than its file.
        let body = form(&[("file", Some("a.zip"), zip)]);
        let length = body.len().to_string();
        let headers = [FORM[0], ("content-length", &length)];
        assert_eq!(seen(answer("POST", uri, &headers, cut(&body, 100_000, &[]))), expected);
    }
}

#[test]
fn an_upload_that_finds_no_room_waits_until_it_is_whole() {
    // Room for one upload, and a little of another one.
    let budget = share(1, 22, None) + SMALL_ARCHIVE_BYTES + (1 << 20);
    let service = Service::new(Settings::new(Limits::WORKER), budget, Platform::default());
    let stalled = Upload([Event::Data(vec![b'P'; 100].into()), Event::Stall].into());
    let mut oldest = Box::pin(service.serve(request("POST", "/?quality=1", &[], stalled), visit()));
    assert!(poll_once(oldest.as_mut()).is_pending());

    let body = form(&[("file", Some("a.zip"), &tool_of(SMALL_ARCHIVE_BYTES))]);
    let length = body.len().to_string();
    let headers = [FORM[0], ("content-length", &length)];
    let upload = cut(&body, 64 << 10, &[]);
    let mut next = Box::pin(service.serve(request("POST", "/?quality=1", &headers, upload), visit()));
    assert!(poll_once(next.as_mut()).is_pending(), "there is no room for all of it");
    drop(oldest);
    assert_eq!(seen(block_on(next)), first());
}

#[test]
fn a_request_chooses() {
    let zip = tool(0);
    for (uri, headers, expected) in [
        ("/?directory=auto", &[][..], first()),
        ("/?directory=first", &[], first()),
        ("/?directory=last", &[], last()),
        ("/", &[("recompress-directory", "last")], last()),
    ] {
        assert_eq!(seen(answer("POST", uri, headers, whole(&zip))), expected, "{uri}");
    }
    let refused = answer("POST", "/inspect?directory=last", &[], whole(&zip));
    assert_eq!(json(refused)["detail"], "directory is not an option of this route");
}

#[test]
fn a_larger_archive_cannot_be_read_from_its_end() {
    let zip = tool_of(SMALL_ARCHIVE_BYTES + 1);
    let refused = answer("POST", "/?directory=first", &[], cut(&zip, 1 << 20, &[]));
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(json(refused)["code"], "directory_not_at_hand");
}

#[test]
fn the_report_says_the_same_as_the_header() {
    for (uri, directory) in [("/?report=1", "first"), ("/?report=1&directory=last", "last")] {
        let response = answer("POST", uri, &[], whole(&tool(0)));
        assert_eq!(response.headers()["recompress-directory"], directory);
        let tar_br = bytes(response.into_body());
        let record = String::from_utf8(tar_br[tar_br.len() - 1025..][..1024].to_vec()).unwrap();
        assert!(record.contains(&format!(r#""directory":"{directory}""#)), "{record}");
    }
}

#[test]
fn a_link_that_leads_outside_is_a_400_of_a_small_upload() {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("link", "../out", SimpleFileOptions::default()).unwrap();
    let zip = writer.finish().unwrap().into_inner();
    let refused = answer("POST", "/", &[], whole(&zip));
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(json(refused)["code"], "unsafe_link");
    assert_eq!(answer("POST", "/?directory=last", &[], whole(&zip)).status(), StatusCode::OK);
}
