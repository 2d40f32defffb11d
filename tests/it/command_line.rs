//! The command line's options that are limits: each at what an archive needs, and at one less.

use std::{fs, process::Command};

use recompress::Limits;

use crate::{
    cases::least_memory_for,
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
