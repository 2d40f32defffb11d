//! The report after a tarball, and the readers that must not see it.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use recompress::{Limits, Parameters, Selection, Transcoder};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    cases::b,
    drivers::{Conversion, LARGE, QUALITY, SplitMix, drive, select_in_every_way},
    tarball,
    zip_writer::{Archive, Member, archive, deflated, folder, stored},
};

fn zip() -> Vec<u8> {
    let link = Member { external_attributes: 0o120777 << 16, ..stored(b"ln", b"target") };
    let program = Member { external_attributes: 0o100755 << 16, ..deflated(b"d/program", &[7; 5000]) };
    Archive { comment: b"a comment", ..archive([folder(b"d/"), program, link, b()]) }.bytes()
}

/// A tarball with its report.
fn with_report(zip: &[u8], selection: &Selection) -> Vec<u8> {
    let conversion = select_in_every_way(zip, Limits::WORKER, selection, true);
    conversion.result.expect("a good archive");
    tarball::unbrotli(&conversion.output).expect("a whole stream")
}

/// The report found as docs/http.md describes.
fn report(tar: &[u8]) -> Value {
    let record = std::str::from_utf8(&tar[tar.len() - 2048..tar.len() - 1024]).expect("text");
    let comment = record.strip_prefix("1024 comment=").and_then(|rest| rest.strip_suffix('\n')).expect("a comment");
    serde_json::from_str(comment).expect("JSON")
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_report_has_the_hashes_of_zip_and_tarball() {
    let zip = zip();
    let plain = select_in_every_way(&zip, Limits::WORKER, &Selection::default(), false);
    let plain = tarball::unbrotli(&plain.output).unwrap();
    let tar = with_report(&zip, &Selection::default());
    assert!(tar[..plain.len()] == plain, "what stands before it is the tarball without it");
    assert_eq!(tar.len(), plain.len() + 512 + 1024 + 1024);
    let expected = serde_json::json!({
        "members": 4,
        "zip_bytes": zip.len(),
        "zip_sha256": hex(&zip),
        "tar_bytes": plain.len(),
        "tar_sha256": hex(&plain),
        "quality": QUALITY,
        "quality_at_end": QUALITY,
        "directory": "last",
        "warnings": { "time_without_zone": 4, "mode_lost": 1, "symlink_as_file": 1, "comment_lost": 1 },
    });
    assert_eq!(report(&tar), expected);
}

#[test]
fn the_report_is_read_from_the_end_of_the_compressed_file_without_decoding() {
    // Small, larger than what is gathered before the encoder starts, and incompressible to the end.
    let noise: Vec<u8> =
        (0..5_u32 << 19).map(|number| (number.wrapping_mul(0x9e37_79b9).rotate_left(9) >> 13) as u8).collect();
    let text = b"some text, and more of it. ".repeat(100_000);
    let start = || Transcoder::new(Parameters::new(5, 18).unwrap(), Limits::WORKER).unwrap().reporting();
    let large = [archive([stored(b"text", &text)]), archive([stored(b"noise", &noise)])];
    let large = large.iter().flat_map(|zip| LARGE.iter().map(|driver| drive(&zip.bytes(), *driver, start())));
    let small = select_in_every_way(&zip(), Limits::WORKER, &Selection::default(), true);
    for Conversion { output, result } in large.chain([small]) {
        result.expect("a good archive");
        let (record, last) = output[output.len() - 1025..].split_at(1024);
        assert_eq!(last, [3], "the empty last meta-block");
        let read: serde_json::Value = serde_json::from_slice(record).expect("JSON and spaces");
        assert_eq!(read, report(&tarball::unbrotli(&output).expect("a whole stream")));
    }
}

#[test]
fn a_report_says_the_quality_at_the_start_and_at_the_end() {
    let mut random = SplitMix(0);
    let words: Vec<u8> = (0..6 << 20).map(|_| b"etaoin shrdlu\n"[random.below(14) as usize]).collect();
    let [small, large] = [&words[..5000], &words].map(|words| archive([deflated(b"words", words)]).bytes());
    let auto = Parameters::auto(22).unwrap();
    for (zip, parameters, first, last) in [
        (&small, Parameters::new(5, 22).unwrap(), 5..=5, 5..=5),
        (&small, auto, 11..=11, 11..=11),
        (&large, Parameters::default().or_lower(), 5..=9, 2..=8),
        (&large, auto, 3..=9, 2..=8),
    ] {
        let limits = Limits { cpu_ms: 1500, ..Limits::WORKER };
        let transcoder = Transcoder::new(parameters.expecting(Some(zip.len() as u64)), limits).unwrap().reporting();
        let Conversion { output, result } = drive(zip, LARGE[0], transcoder);
        result.expect("a good archive");
        let report = report(&tarball::unbrotli(&output).expect("a whole stream"));
        let quality = |key: &str| report[key].as_u64().expect("a number");
        assert!(
            first.contains(&quality("quality")) && last.contains(&quality("quality_at_end")),
            "{parameters:?}: {report}"
        );
    }
}

#[test]
fn a_report_covers_the_selected_members() {
    let tar = with_report(&zip(), &Selection::new(["ln"], [], []).unwrap());
    let report = report(&tar);
    assert_eq!(report["members"], 1);
    assert_eq!(report["zip_sha256"], hex(&zip()));
    let warnings = serde_json::json!({ "time_without_zone": 1, "symlink_as_file": 1, "comment_lost": 1 });
    assert_eq!(report["warnings"], warnings);
}

/// The output of a program that reads a tarball on its standard input; it must not complain.
fn listed_by(program: &str, arguments: &[&str], tar: &[u8]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    child.stdin.take().expect("it is piped").write_all(tar).expect("a program that reads all");
    let output = child.wait_with_output().expect("it ends");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{program}: {complaint}");
    String::from_utf8(output.stdout).expect("names in UTF-8")
}

#[test]
fn no_reader_sees_a_report_or_complains_of_it() {
    const LIST: &str = "import sys, tarfile
for member in tarfile.open(fileobj=sys.stdin.buffer, mode='r|'): print(member.name, member.size, member.mtime)";
    let selection = Selection::default();
    let plain = select_in_every_way(&zip(), Limits::WORKER, &selection, false);
    let plain = tarball::unbrotli(&plain.output).unwrap();
    let tar = with_report(&zip(), &selection);
    for (program, arguments) in [
        ("tar", &["-tv"][..]),
        ("tar", &["-tv", "--ignore-zeros"]),
        ("bsdtar", &["-tv", "-f", "-"]),
        ("python3", &["-c", LIST]),
    ] {
        let listed = listed_by(program, arguments, &tar);
        assert_eq!(listed, listed_by(program, arguments, &plain), "{program}");
        assert_eq!(listed.lines().count(), 4, "{program}: {listed}");
    }
    // The `tar` crate.
    let compressed = select_in_every_way(&zip(), Limits::WORKER, &selection, true);
    assert_eq!(tarball::read(&compressed.output).unwrap().len(), 4);
}
