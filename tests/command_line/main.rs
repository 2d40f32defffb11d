//! The command line: its limits, at an archive's need and at one less; its messages for wrong usage; listings.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use recompress::Limits;
use recompress_testkit::{
    drivers::{LGWIN, QUALITY, least_memory_for},
    shared_cases::{folder, path, report, shared_cases},
    tarball::{self, TarMember},
    zip_writer::{Descriptor, Member, archive, deflate, deflated, stored},
};

#[test]
fn a_limit_on_the_command_line_holds_at_its_value_and_not_beyond() {
    let contents = [7; 3000];
    let two = archive([deflated(b"name", &contents), stored(b"n", b"1")]).bytes();
    let held = archive([Member { descriptor: Descriptor::Signed32, ..stored(b"name", &contents) }]).bytes();
    let zeros = vec![0; Limits::RATIO_GRACE as usize + 1];
    let of_zeros = Member { data: Some(deflate(&zeros)), ..deflated(b"z", &zeros) };
    let ratio = (zeros.len() as u64).div_ceil((of_zeros.local_header().len() + of_zeros.data().len()) as u64);
    let rows = [
        ("--max-entries", &two, 2, "too_many_entries"),
        ("--max-unpacked", &two, 3001, "output_limit"),
        ("--max-name", &two, 4, "name_too_long"),
        ("--max-held", &held, 3000, "entry_too_large_without_size"),
        ("--max-memory", &held, least_memory_for(&held), "memory_limit"),
        ("--max-ratio", &archive([of_zeros]).bytes(), ratio, "ratio_limit"),
    ];
    let room = tempfile::tempdir().expect("room for a zip");
    let input = room.path().join("in.zip");
    let output = room.path().join("out.tar.br");
    for (option, zip, needed, code) in rows {
        fs::write(&input, zip).expect("room for a zip");
        let run = |limit: u64| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_recompress"));
            command.args(["-q", "1", option, &limit.to_string()]).arg(&input).arg("-o").arg(&output);
            command.output().expect("the command runs")
        };
        let enough = run(needed);
        assert!(enough.status.success() && output.exists(), "{option} {needed}: {enough:?}");
        fs::remove_file(&output).expect("it was written");
        let too_little = run(needed - 1);
        let stderr = String::from_utf8_lossy(&too_little.stderr);
        assert!(stderr.starts_with(&format!("recompress: {code}: ")), "{option} {}: {stderr:?}", needed - 1);
        assert_eq!((too_little.status.code(), output.exists()), (Some(1), false), "{option}");
    }
}

/// The output for `input` on standard input.
fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_recompress"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command runs");
    // The command may exit before it has read everything.
    let _ = child.stdin.take().expect("it is piped").write_all(input);
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_listing_that_fails_has_no_totals_and_the_exit_status_of_a_refusal() {
    let zip = archive([stored(b"a", b"1"), stored(b"b", b"2")]).bytes();
    let whole = run(&["inspect", "--lines", "-"], &zip);
    assert!(whole.status.success());
    let text = String::from_utf8(whole.stdout).expect("JSON");
    assert_eq!(text.lines().count(), 3);
    assert!(text.lines().last().is_some_and(|last| last.contains("\"complete\":true")));

    let cut = run(&["inspect", "--lines"], &zip[..zip.len() - 1]);
    assert_eq!(cut.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&cut.stderr).starts_with("recompress: truncated: "));
    let cut = String::from_utf8(cut.stdout).expect("JSON");
    assert!(cut.lines().eq(text.lines().take(2)), "{cut}");
}

#[test]
fn a_choice_that_cannot_be_made_is_wrong_usage_and_one_that_is_not_met_a_refusal() {
    let zip = archive([stored(b"a", b"1")]).bytes();
    for (arguments, status, message) in [
        (&["--include", "["][..], 2, "error: include is \"[\": "),
        (
            &["--first", "a", "--exclude", "a"],
            2,
            "error: first is \"a\": it is not among the members that are selected",
        ),
        (&["--mode", "image"], 2, "error: invalid value 'image' for '--mode <MODE>': it must be generic, text, font"),
        (&["--include", "b"], 1, "recompress: nothing_selected: none of the 1 members is selected"),
        (&["--first", "b"], 1, "recompress: first_missing: \"b\" is to come first, and no member has that name"),
    ] {
        let output = run(&[arguments, &["-", "-o", "-"]].concat(), &zip);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.starts_with(message), "{arguments:?}: {stderr}");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
    }
}

#[test]
fn an_estimate_is_one_json_object() {
    let output = run(&["estimate", "1000000", "5000000", "--members", "3", "-q", "5"], b"");
    assert!(output.status.success());
    let estimate: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&estimate["quality"], &estimate["refusal"]), (&5.into(), &serde_json::Value::Null));
}

#[test]
#[ignore = "needs RECOMPRESS_ZIP_CASES"]
fn every_shared_zip_ends_as_expected_at_the_command_line() {
    let room = tempfile::tempdir().expect("room for the output");
    let output = room.path().join("out.tar.br");
    let mut problems = Vec::new();
    for case in shared_cases() {
        let _ = fs::remove_file(&output);
        let ended = ended(&path(&folder(), &case.name), &output);
        let problem = ended.and_then(|ended| case.allows(&ended));
        problems.extend(problem.err().map(|problem| format!("{}: {problem}", case.name)));
    }
    report(problems);
}

/// Members, or the code of the error; `Err` when the command did not keep its word about either.
fn ended(input: &Path, output: &Path) -> Result<Result<Vec<TarMember>, String>, String> {
    let run = Command::new(env!("CARGO_BIN_EXE_recompress"))
        .args(["--quality", &QUALITY.to_string(), "--lgwin", &LGWIN.to_string()])
        .arg(input)
        .arg("-o")
        .arg(output)
        .output()
        .expect("the command runs");
    let stderr = String::from_utf8_lossy(&run.stderr);
    if run.status.success() {
        let tarball = fs::read(output).map_err(|error| format!("exit 0 and no output: {error}"))?;
        return tarball::read(&tarball).map(Ok);
    }
    if run.status.code() != Some(1) || output.exists() {
        return Err(format!("{}, output file: {}, {stderr:?}", run.status, output.exists()));
    }
    let line = stderr.strip_suffix('\n').filter(|line| !line.contains('\n'));
    let error = line.and_then(|line| line.strip_prefix("recompress: ")?.split_once(": "));
    error
        .map(|(code, _)| Err(code.to_owned()))
        .ok_or(format!("stderr is not one line of the form promised: {stderr:?}"))
}
