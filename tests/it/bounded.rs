//! Work: a step does a bounded amount of work, for every zip and every length of input.

use recompress::{Event, Limits, Parameters, Status, Step, Transcoder, ZipReader};

use crate::zip_writer::{Archive, Descriptor, Member, archive, deflate_stored_block, deflated, stored};

/// The most that one step may consume, unpack or produce, in bytes.
const SHARE: usize = 64 << 10;

const LENGTH: usize = 8 << 20;

/// Archives in which nearly everything is of one kind, and their sizes unpacked.
fn monotonous() -> Vec<(&'static str, Vec<u8>, usize)> {
    let zeros = vec![0; LENGTH];
    let behind = |member| Member { descriptor: Descriptor::Signed32, ..member };
    let empty_blocks = [deflate_stored_block(b"", false).repeat(LENGTH / 5), deflate_stored_block(b"", true)].concat();
    let of_nothing = || Member { data: Some(empty_blocks.clone()), ..deflated(b"e", b"") };
    let nameless = vec![Member { in_directory: false, ..stored(b"", b"") }; 1000];
    vec![
        ("stored", archive([stored(b"z", &zeros)]).bytes(), LENGTH),
        ("stored, sizes behind", archive([behind(stored(b"z", &zeros))]).bytes(), LENGTH),
        ("deflated", archive([deflated(b"z", &zeros)]).bytes(), LENGTH),
        ("deflated, sizes behind", archive([behind(deflated(b"z", &zeros))]).bytes(), LENGTH),
        ("deflate blocks of nothing", archive([of_nothing()]).bytes(), 0),
        ("deflate blocks of nothing, sizes behind", archive([behind(of_nothing())]).bytes(), 0),
        ("nameless members", archive(nameless).bytes(), 0),
        ("zeros at the end", Archive { trailing: &vec![0; 1 << 20], ..archive([]) }.bytes(), 0),
    ]
}

#[test]
fn no_step_takes_or_gives_more_than_its_share() {
    for (what, zip, unpacked) in monotonous() {
        let mut reader = ZipReader::new(Limits::default());
        let mut scratch = vec![0; LENGTH];
        let (mut rest, mut given, mut steps) = (&zip[..], 0, 0);
        loop {
            let (consumed, event) = reader.read(rest, true, &mut scratch).expect(what);
            assert!(consumed <= SHARE, "{what}: {consumed} bytes taken");
            rest = &rest[consumed..];
            steps += 1;
            match event {
                Event::Contents(count) => {
                    assert!(count <= SHARE, "{what}: {count} bytes given");
                    given += count;
                }
                Event::End => break,
                _ => {}
            }
        }
        assert_eq!(given, unpacked, "{what}");
        // No fewer than it takes with each doing its share, and not many more.
        let shares = zip.len().max(given) / SHARE;
        assert!((shares..=3 * shares + 5000).contains(&steps), "{what}: {steps} steps for {shares} shares");
    }
}

#[test]
fn a_held_member_is_unpacked_in_as_many_steps_as_it_has_shares() {
    let zeros = vec![0; LENGTH];
    let zip = archive([Member { descriptor: Descriptor::Signed32, ..deflated(b"z", &zeros) }]).bytes();
    let mut reader = ZipReader::new(Limits::default());
    let mut scratch = vec![0; LENGTH];
    let (mut rest, mut steps) = (&zip[..], 0);
    loop {
        let (consumed, event) = reader.read(rest, true, &mut scratch).expect("an ordinary archive");
        rest = &rest[consumed..];
        if let Event::Begin(_) = event {
            break;
        }
        steps += 1;
    }
    assert!((LENGTH / SHARE..=LENGTH / SHARE + 10).contains(&steps), "{steps} steps");
}

#[test]
fn no_step_of_the_transcoder_exceeds_its_bound() {
    for (what, zip, unpacked) in monotonous() {
        let parameters = Parameters::new(0, 10).expect("both within their ranges");
        let mut transcoder = Transcoder::new(parameters, Limits::default()).expect("memory for an encoder");
        let mut output = vec![0; LENGTH];
        let (mut rest, mut steps) = (&zip[..], 0);
        loop {
            let progress = transcoder.step(rest, &mut output).expect(what);
            assert!(progress.consumed <= SHARE, "{what}: {} bytes taken", progress.consumed);
            rest = &rest[progress.consumed..];
            steps += 1;
            if progress.status == Status::Done {
                break;
            }
        }
        let shares = zip.len().max(unpacked) / SHARE;
        assert!((shares..=5 * shares + 5000).contains(&steps), "{what}: {steps} steps for {shares} shares");
    }
}
