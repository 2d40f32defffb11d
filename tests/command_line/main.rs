//! The command line: its limits, at an archive's need and at one less; its messages for wrong usage; listings.

mod stored;

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use recompress::{Limits, SMALL_ARCHIVE_BYTES};
use recompress_testkit::{
    drivers::{LGWIN, QUALITY, SplitMix, least_memory_for},
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
            command.args(["-q", "1", "--streamed", option, &limit.to_string()]).arg(&input).arg("-o").arg(&output);
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
        (&["--first", "b"], 1, "recompress: first_missing: \"b\" must come first, but no member has that name"),
    ] {
        let output = run(&[arguments, &["-", "-o", "-"]].concat(), &zip);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.starts_with(message), "{arguments:?}: {stderr}");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
    }
}

#[test]
fn a_pipe_gives_the_bytes_of_the_file_up_to_the_size_of_a_small_archive() {
    let script = |padding: usize| {
        let script = Member { external_attributes: 0o100755 << 16, ..stored(b"script", b"#!/bin/sh\n") };
        archive([script, stored(b"padding", vec![0; padding].leak())]).bytes()
    };
    let least = script(0).len();
    let small = script(SMALL_ARCHIVE_BYTES as usize - least);
    let large = script(SMALL_ARCHIVE_BYTES as usize - least + 1);
    let room = tempfile::tempdir().expect("room for a zip");
    let path = room.path().join("in.zip");
    let name = path.to_str().expect("a plain name");
    for (zip, by_pipe, pipe_says) in
        [(&small, &["--directory", "first"][..], "first"), (&large, &["--streamed"], "last")]
    {
        fs::write(&path, zip).expect("room for a zip");
        for (chosen, says) in [(&[][..], pipe_says), (by_pipe, pipe_says), (&["--directory", "last"], "last")] {
            let arguments = [&["-q", "1", "--report", "-c"], chosen].concat();
            let piped = run(&[&arguments[..], &["-"]].concat(), zip);
            assert!(piped.status.success(), "{chosen:?}: {piped:?}");
            let text = String::from_utf8_lossy(&piped.stdout[piped.stdout.len() - 1025..]).into_owned();
            assert!(text.contains(&format!("\"directory\":\"{says}\"")), "{text}");
            let modes: Vec<_> =
                tarball::read(&piped.stdout).expect("a tarball").iter().map(|member| member.mode).collect();
            assert_eq!(modes[0], if says == "first" { 0o755 } else { 0o644 });
            if says == "first" {
                assert!(run(&[&arguments[..], &[name]].concat(), b"").stdout == piped.stdout, "{chosen:?}");
            }
        }
    }
    let refused = run(&["--directory", "first", "-c", "-"], &large);
    assert_eq!(refused.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(stderr.starts_with("recompress: directory_not_at_hand: "), "{stderr}");
    assert!(run(&["--directory", "first", "-c", name], b"").status.success(), "a file of any length");
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let mut random = SplitMix(5);
    let words: Vec<u8> = (0..9 << 20).map(|_| b"etaoin shrdlu\n"[random.below(14) as usize]).collect();
    let zip = archive([stored(b"words", &words), stored(b"more", &words[..5 << 20]), stored(b"end", b"1")]).bytes();
    let room = tempfile::tempdir().expect("room for a zip");
    let path = room.path().join("in.zip");
    fs::write(&path, &zip).expect("room for a zip");
    let name = path.to_str().expect("a plain name");
    let convert = |threads: &[&str]| {
        let arguments = ["-q", "9", "-w", "18", "--segment-bytes", "2097152", "-c", name];
        let output = run(&[threads, &arguments[..]].concat(), b"");
        assert!(output.status.success(), "{threads:?}: {output:?}");
        output.stdout
    };
    let expected = convert(&["--threads", "1"]);
    for threads in [&[][..], &["--threads", "2"], &["-T3"], &["--threads", "8"]] {
        assert!(convert(threads) == expected, "{threads:?}");
    }
    // Fewer threads by default where there is little memory; those that were asked for are refused.
    assert!(convert(&["--max-memory", "16777216"]) == expected);
    assert!(convert(&["--max-memory", "160000000", "--threads", "2"]) == expected);
    let arguments = ["--threads", "8", "--max-memory", "160000000", "-q", "9", "-w", "18", name];
    let refused = run(&arguments, b"");
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(stderr.starts_with("recompress: memory_limit: 8 threads can take "), "{stderr}");
    assert!(stderr.contains("use --threads 2, or"), "{stderr}");
    assert_eq!((refused.status.code(), files(room.path()).len()), (Some(1), 1), "no unfinished file is left");
    let members: Vec<_> =
        tarball::read(&expected).expect("a tarball").into_iter().map(|member| member.contents).collect();
    assert!(members[0] == words && members[1] == words[..5 << 20]);

    let broken = path.with_extension("broken.zip");
    fs::write(&broken, &zip[..zip.len() - 1]).expect("room for a zip");
    let refused = run(&["--threads", "3", broken.to_str().expect("a plain name")], b"");
    assert!(String::from_utf8_lossy(&refused.stderr).starts_with("recompress: truncated: "));
    assert_eq!((refused.status.code(), files(room.path()).len()), (Some(1), 2), "no unfinished file is left");
    for (arguments, message) in [
        (&["--threads", "2", "--max-cpu", "1000"][..], "error: --max-cpu counts the work of one thread"),
        (&["--threads", "0"], "error: invalid value '0' for '--threads <N>': it must be 1 to 256"),
        (&["--threads", "257"], "error: invalid value '257' for '--threads <N>': it must be 1 to 256"),
    ] {
        let refused = run(&[arguments, &["-c", name]].concat(), b"");
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert!(stderr.starts_with(message) && refused.status.code() == Some(2), "{arguments:?}: {stderr}");
    }
}

#[test]
fn an_estimate_is_a_table_or_json_and_a_file_gives_its_own_numbers() {
    let output = run(&["estimate", "1000000", "5000000", "--members", "3", "-q", "5", "--json"], b"");
    assert!(output.status.success());
    let estimate: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&estimate["quality"], &estimate["refusal"]), (&5.into(), &serde_json::Value::Null));

    let zip = archive([stored(b"a", &[7; 3000]), stored(b"b", b"2")]).bytes();
    let of_file = run(&["estimate", "-"], &zip);
    let of_numbers = run(&["estimate", &zip.len().to_string(), "3001", "--members", "2"], b"");
    assert!(of_file.status.success() && of_file.stdout == of_numbers.stdout, "{of_file:?} {of_numbers:?}");
    let of_file = String::from_utf8(of_file.stdout).expect("a table");
    assert!(of_file.ends_with(" at most\n") && of_file.contains("3.00 kB unpacked, 2 members\n"), "{of_file}");
    let broken = run(&["estimate", "-"], &zip[..zip.len() - 1]);
    assert!(String::from_utf8_lossy(&broken.stderr).starts_with("recompress: truncated: "));
}

/// A folder with `a.zip` and `b.zip`.
fn folder_of_two() -> tempfile::TempDir {
    let room = tempfile::tempdir().expect("room for two zips");
    for name in ["a", "b"] {
        let zip = archive([deflated(name.as_bytes(), &[7; 3000])]).bytes();
        fs::write(room.path().join(name).with_extension("zip"), zip).expect("room for a zip");
    }
    room
}

fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_recompress"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).output().expect("the command runs")
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().expect("ASCII")).collect();
    names.sort();
    names
}

#[test]
fn several_inputs_are_converted_next_to_themselves_or_into_a_folder() {
    let room = folder_of_two();
    let next_to = run_in(room.path(), &["a.zip", "b.zip", "-1", "-k"]);
    assert!(next_to.status.success() && next_to.stderr.is_empty(), "{next_to:?}");
    assert_eq!(files(room.path()), ["a.tar.br", "a.zip", "b.tar.br", "b.zip"]);
    let into = run_in(room.path(), &["a.zip", "b.zip", "-1", "--output-dir", "out"]);
    assert!(into.status.success(), "{into:?}");
    for name in ["a.tar.br", "b.tar.br"] {
        let result = |folder: &Path| fs::read(folder.join(name)).expect("a result");
        assert_eq!(result(&room.path().join("out")), result(room.path()));
    }
    let stdout = run_in(room.path(), &["-c", "-q", "1", "a.zip"]);
    assert_eq!(stdout.stdout, fs::read(room.path().join("a.tar.br")).expect("a result"));
}

#[test]
fn one_failed_input_of_several_is_named_and_the_others_are_converted() {
    let room = folder_of_two();
    fs::write(room.path().join("bad.zip"), b"not a zip").expect("room");
    let output = run_in(room.path(), &["a.zip", "bad.zip", "b.zip", "-1", "-v"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!((output.status.code(), lines.len()), (Some(1), 3), "{stderr}");
    assert!(lines[0].starts_with("a.zip: ") && lines[0].ends_with(" s, a.tar.br"), "{stderr}");
    assert!(lines[1].starts_with("recompress: not_zip: bad.zip: "), "{stderr}");
    assert_eq!(files(room.path()), ["a.tar.br", "a.zip", "b.tar.br", "b.zip", "bad.zip"]);
}

#[test]
fn options_that_would_lose_a_result_are_wrong_usage() {
    let room = folder_of_two();
    for arguments in [
        &["a.zip", "b.zip", "-c"][..],
        &["a.zip", "b.zip", "-o", "c.tar.br"],
        &["a.zip", "./a.zip", "--output-dir", "."],
        &["a.zip", "-c", "-o", "c.tar.br"],
        &["a.zip", "-q", "-v"],
    ] {
        assert_eq!(run_in(room.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(files(room.path()), ["a.zip", "b.zip"]);
}

#[test]
fn the_input_is_never_the_output() {
    let room = folder_of_two();
    let before = fs::read(room.path().join("a.zip")).expect("a zip");
    std::os::unix::fs::symlink("a.zip", room.path().join("link.zip")).expect("a link");
    fs::hard_link(room.path().join("a.zip"), room.path().join("hard.zip")).expect("a link");
    for output in ["a.zip", "./a.zip", "link.zip", "hard.zip"] {
        let refused = run_in(room.path(), &["a.zip", "-f", "-o", output]);
        assert!(String::from_utf8_lossy(&refused.stderr).starts_with("recompress: same_file: "), "{refused:?}");
        assert_eq!(refused.status.code(), Some(1));
    }
    let mut redirected = Command::new(env!("CARGO_BIN_EXE_recompress"));
    redirected.current_dir(room.path()).args(["-f", "-o", "a.zip"]);
    redirected.stdin(fs::File::open(room.path().join("a.zip")).expect("a zip"));
    let refused = redirected.output().expect("the command runs");
    assert!(String::from_utf8_lossy(&refused.stderr).starts_with("recompress: same_file: "), "{refused:?}");
    assert_eq!(fs::read(room.path().join("a.zip")).expect("a zip"), before);
}

#[test]
fn a_signal_removes_the_unfinished_file() {
    let room = folder_of_two();
    for (signal, status) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_recompress"));
        command.current_dir(room.path()).args(["-", "-o", "out.tar.br"]).stdin(Stdio::piped());
        let mut child = command.spawn().expect("the command runs");
        // Held open: `wait` would close it, and the end of the input is another reason to end.
        let stdin = child.stdin.take();
        // Ends when the command has made its temporary file, or has exited.
        while files(room.path()).len() == 2 {
            assert_eq!(child.try_wait().expect("a child"), None);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let kill = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
        assert_eq!(child.wait().expect("a child").code(), Some(status), "SIG{signal}");
        drop(stdin);
        assert_eq!(files(room.path()), ["a.zip", "b.zip"], "SIG{signal}");
    }
}

#[test]
fn a_quality_drops_only_for_a_limit_and_only_if_it_is_not_asked_for() {
    let zip = archive([deflated(b"a", &b"some text, and more. ".repeat(500_000))]).bytes();
    let convert = |arguments: &[&str]| {
        let output = run(&[arguments, &["-", "-c"]].concat(), &zip);
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let default = convert(&[]);
    assert_eq!(convert(&["-q", "auto", "-w", "22"]), default);
    assert_ne!(convert(&["-q", "auto", "-w", "22", "--max-cpu", "60"]), default);
    assert_ne!(convert(&["--max-cpu", "60"]), default);
    let fixed = run(&["-9", "--max-cpu", "60", "-", "-c"], &zip);
    assert!(String::from_utf8_lossy(&fixed.stderr).contains("CPU"), "{fixed:?}");
}

#[test]
fn a_table_has_a_row_for_each_member_and_json_the_same_facts() {
    let zip = archive([stored(b"first", b"1"), stored(b"second", b"22")]).bytes();
    let text = |arguments: &[&str]| String::from_utf8(run(arguments, &zip).stdout).expect("UTF-8");
    let table = text(&["inspect"]);
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows[0].trim_start().starts_with("size "), "{table}");
    assert!(rows[1].trim_start().starts_with("1 ") && rows[1].ends_with("  first"), "{table}");
    assert!(rows.iter().any(|row| row.ends_with("  second")) && table.contains("3            3  2 members"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&text(&["inspect", "--json"])).expect("JSON");
    assert_eq!((&json["members"][1]["name"], &json["totals"]["size"]), (&"second".into(), &3.into()));
}

#[test]
fn the_metadata_of_a_save_is_in_the_listing_if_asked_for() {
    let save = b"EU4txt\ndate=1444.11.11\nplayer=\"FRA\"\nmod_enabled={ \"a\" \"b\" }\n";
    let zip = archive([deflated(b"gamestate", save)]).bytes();
    for input in [&zip[..], save] {
        let table = String::from_utf8(run(&["inspect", "--meta"], input).stdout).expect("UTF-8");
        for line in ["game_name: Europa Universalis IV", "date: 1444.11.11", "player: FRA", "mods: a, b", "form: text"]
        {
            assert!(table.lines().any(|row| row == line), "{line}: {table}");
        }
        let json = run(&["inspect", "--meta", "--json"], input).stdout;
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!((&json["save"]["game"], &json["save"]["player"]), (&"eu4".into(), &"FRA".into()));
    }
    let other = run(&["inspect", "--meta"], &archive([stored(b"a", b"1")]).bytes());
    assert!(String::from_utf8_lossy(&other.stdout).lines().any(|row| row == "not a save"), "{other:?}");
    for (arguments, input) in [(&["inspect", "--meta"][..], &b"words"[..]), (&["inspect"], save)] {
        let refused = run(arguments, input);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).starts_with("recompress: not_zip: "), "{refused:?}");
    }

    let room = tempfile::tempdir().expect("room for a list");
    let list = room.path().join("words.txt");
    fs::write(&list, "0x284d date\n").expect("room for a list");
    let binary = b"EU4bin\x4d\x28\x01\x00\x0c\x00\x10\x77\x5d\x03";
    let list = list.to_str().expect("UTF-8");
    let table = run(&["inspect", "--meta", "--tokens", list], binary).stdout;
    let table = String::from_utf8(table).expect("UTF-8");
    assert!(table.contains("date: 1444.11.11\n") && table.contains("form: binary\n"), "{table}");
}

#[test]
fn completions_and_the_manual_name_the_options() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell], b"");
        assert!(script.status.success() && String::from_utf8_lossy(&script.stdout).contains("output-dir"), "{shell}");
    }
    let page = String::from_utf8(run(&["man"], b"").stdout).expect("UTF-8");
    assert!(page.contains(".TH recompress 1") && page.contains(r"\-\-output\-dir"), "{page}");
    assert!(run(&["help"], b"").status.success());
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

#[test]
fn a_save_becomes_json_by_the_options() {
    let text = b"EU4txt\nb=1 b=\"2\" name=\"\xc9ire\" countries={ FRA={ treasury=10.5 } ENG={ treasury=7 } }\n";
    let zip = archive([stored(b"meta", b"date=1.1.1\n"), deflated(b"gamestate", text)]).bytes();
    for (arguments, expected) in [
        (&[][..], r#"{"b":1,"b":"2","name":"Éire","countries":{"FRA":{"treasury":10.5},"ENG":{"treasury":7}}}"#),
        (&["--keys", "group", "--narrow", "all", "--select", "/b"], r#"{"b":[1,2]}"#),
        (&["--keys", "pairs", "--narrow", "none", "--select", "/b"], r#"{"type":"obj","val":[["b","1"],["b","2"]]}"#),
        (&["--select", "/countries/*/treasury"], r#"{"countries":{"FRA":{"treasury":10.5},"ENG":{"treasury":7}}}"#),
        (&["--encoding", "utf-8", "--select", "/name"], r#"{"name":"�ire"}"#),
        (&["--member", "meta"], r#"{"date":"1.1.1"}"#),
        (
            &["--lines", "/countries", "--select", "/countries/ENG"],
            "{\"key\":\"ENG\",\"value\":{\"treasury\":7}}\n{\"complete\":true,\"lines\":1}\n",
        ),
    ] {
        let output = run(&[&["json"], arguments].concat(), &zip);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{arguments:?}");
    }
}

#[test]
fn a_save_that_cannot_become_json_is_a_refusal_and_leaves_no_file() {
    let room = tempfile::tempdir().expect("room for saves");
    let write = |name: &str, bytes: &[u8]| fs::write(room.path().join(name), bytes).expect("room for a file");
    write("binary.ck3", &[0x34, 0x12, 1, 0, 0x0c, 0, 7, 0, 0, 0]);
    write("words", b"0x1234 name\n");
    write("others", b"0x1235 other\n");
    write("bad", b"name\n");
    write("cut.eu4", b"EU4txt\na={");
    let tell = |arguments: &[&str]| run_in(room.path(), &[&["json"], arguments].concat());
    assert_eq!(tell(&["binary.ck3", "--tokens", "words"]).stdout, br#"{"name":7}"#);
    assert_eq!(tell(&["binary.ck3", "--tokens", "others"]).stdout, br#"{"__unknown_0x1234":7}"#);
    for (arguments, status, message) in [
        (&["binary.ck3"][..], 1, "recompress: binary_save: this Crusader Kings III save is binary"),
        (&["binary.ck3", "--tokens", "others", "--strict"], 1, "recompress: unknown_token: "),
        (&["binary.ck3", "--tokens", "bad"], 1, "recompress: bad_tokens: bad: line 1 of the token list is not like"),
        (&["cut.eu4"], 1, "recompress: bad_text: the save breaks a rule at byte "),
        (&["cut.eu4", "-o", "cut.eu4"], 1, "recompress: same_file: "),
        (&["cut.eu4", "--member", "x", "--select", "a"], 2, "error: the path \"a\" does not start with \"/\""),
        (&["cut.eu4", "--keys", "all"], 2, "error: invalid value 'all' for '--keys <KEYS>': it must be preserve"),
        (&["cut.eu4", "--strict"], 2, "error: the following required arguments were not provided"),
    ] {
        let output = tell(&[&["-o", "out.json"], arguments].concat()[if arguments.contains(&"-o") { 2 } else { 0 }..]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.starts_with(message), "{arguments:?}: {stderr}");
        assert_eq!((output.status.code(), room.path().join("out.json").exists()), (Some(status), false));
    }
    assert!(tell(&["binary.ck3", "--tokens", "words", "-o", "out.json"]).status.success());
    assert_eq!(fs::read(room.path().join("out.json")).expect("a result"), br#"{"name":7}"#);
}
