//! The bounds of a whole archive by its directory: who keeps to them converts as without.

use recompress::{Contents, Limits, Parameters, Transcoder};

use crate::{
    cases::{self, Expected},
    drivers::{Driver, drive, transcoder},
    methods,
    tarball::unbrotli,
    zip_writer::{Claims, Member, archive, deflated, stored},
};

fn contents(zip: &[u8]) -> Option<Contents> {
    Contents::read(zip.len() as u64, |at, to| {
        let at = usize::try_from(at).unwrap();
        to.copy_from_slice(&zip[at..at + to.len()]);
    })
}

#[test]
fn an_archive_converts_within_its_own_bounds_as_without_them() {
    let mut bounded = 0;
    for case in cases::all().into_iter().chain(cases::large()) {
        let Expected::Members(_) = case.expected else { continue };
        let Some(contents) = contents(&case.zip) else { continue };
        let free = drive(&case.zip, Driver::Whole, transcoder(case.limits).unwrap());
        let within = transcoder(contents.within(case.limits)).unwrap().containing(&contents);
        let kept = drive(&case.zip, Driver::Whole, within);
        assert_eq!((&kept.result, &free.result), (&Ok(()), &Ok(())), "{}", case.name);
        assert!(kept.output == free.output, "{}", case.name);
        bounded += 1;
    }
    assert!(bounded > 100, "{bounded}");
}

#[test]
fn the_bounds_have_room_for_the_index_and_for_paths_of_many_folders() {
    let deep: Vec<String> = (0..20_u8).map(|number| format!("{}{number}", "d/".repeat(2000))).collect();
    let tiny: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
    let seekable = Parameters::new(5, 18).unwrap().with_index(true);
    for names in [deep, tiny] {
        let zip = archive(names.iter().map(|name| stored(name.as_bytes(), b"")).collect::<Vec<_>>()).bytes();
        let contents = contents(&zip).unwrap();
        let start = |limits| Transcoder::new(seekable, limits).unwrap();
        let free = drive(&zip, Driver::Whole, start(Limits::NATIVE));
        let kept = drive(&zip, Driver::Whole, start(contents.within(Limits::NATIVE)).containing(&contents));
        assert_eq!((&kept.result, &free.result), (&Ok(()), &Ok(())));
        assert!(kept.output == free.output);
    }
}

#[test]
fn the_bounds_hold_with_a_selection_and_a_report() {
    let noise: Vec<u8> = (0..200_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let members: Vec<String> = (0..50).map(|number| format!("{number}.txt")).collect();
    let many = members.iter().map(|name| deflated(name.as_bytes(), &noise[..4000]));
    let zip = archive(many.chain([stored(b"last", &noise)]).collect::<Vec<_>>()).bytes();
    let contents = contents(&zip).unwrap();
    let selection = recompress::Selection::new(&["*".to_owned()], &["7.txt".to_owned()], &["last".to_owned()]).unwrap();
    let start = |limits| transcoder(limits).unwrap().selecting(selection.clone()).reporting();
    let free = drive(&zip, Driver::Whole, start(Limits::WORKER));
    let kept = drive(&zip, Driver::Whole, start(contents.within(Limits::WORKER)).containing(&contents));
    assert_eq!(kept.result, Ok(()));
    assert!(kept.output == free.output);
}

#[test]
fn a_small_archive_needs_a_small_encoder() {
    let parameters = Parameters::new(9, 22).unwrap();
    let of = |contents: &Contents| Transcoder::peak_bytes_of(parameters, contents.within(Limits::WORKER), contents);
    let any = Transcoder::peak_bytes(parameters, Limits::WORKER, Some(4 << 20));
    let small = contents(&archive([deflated(b"a", &vec![7; 200_000])]).bytes()).unwrap();
    let large = contents(&archive([deflated(b"a", &vec![7; 2_000_000])]).bytes()).unwrap();
    assert!(of(&small) < of(&large) && of(&large) < any, "{} {} {any}", of(&small), of(&large));
    // Another method has a window of its own.
    let zstd = Member { method: 93, data: Some(methods::compress(93, b"hello")), ..stored(b"a", b"hello") };
    let zstd = contents(&archive([zstd]).bytes()).unwrap();
    assert!(zstd.within(Limits::WORKER).memory_bytes > Limits::WORKER.window_bytes);
    assert!(small.within(Limits::WORKER).memory_bytes < 1 << 20);
}

#[test]
fn more_than_the_directory_states_is_refused_before_it_is_compressed() {
    let sevens = vec![7; 2_000_000];
    let told = Member { directory: Claims { size: Some(10), ..Claims::default() }, ..deflated(b"a", &sevens) };
    let zip = archive([told]).bytes();
    let contents = contents(&zip).unwrap();
    let conversion = drive(&zip, Driver::Whole, transcoder(Limits::WORKER).unwrap().containing(&contents));
    let error = conversion.result.unwrap_err();
    assert_eq!(error.code(), "cd_mismatch");
    assert!(error.to_string().contains("2000000"), "{error}");
    assert!(unbrotli(&conversion.output).is_err());
}

#[test]
fn a_directory_that_is_not_plain_gives_no_bounds() {
    let zip = archive([deflated(b"a", b"hello")]).bytes();
    assert!(contents(&zip).is_some());
    for cut in [0, 1, zip.len() / 2, zip.len() - 1] {
        assert_eq!(contents(&zip[..cut]), None, "{cut}");
    }
}
