//! Files whose index tells another story than their stream are refused, and so are segments that could mean two things.

use crate::{
    by_index,
    seekable_writer::{Line, Seekable, part, stored, tarball_of},
    tarball,
};

const TEXT: &[u8] = b"The government of the people, by the people, for the people, shall not perish from the earth.";

/// Two members of one block each, the tarball in three segments of a header or of contents, and the rest.
fn sound() -> (Vec<u8>, Seekable) {
    let members = ["a.txt", "b.txt"].map(|name| Line::file(name, TEXT));
    let tar = tarball_of(members.iter().map(|line| (line, TEXT)));
    let segments = [0..512, 512..512 + TEXT.len(), 512 + TEXT.len()..tar.len()];
    let segments = segments.map(|range| (stored(&tar[range.clone()]), range.len() as u64)).to_vec();
    (tar, Seekable { segments, members: members.into() })
}

/// The code of the refusal, of all members at once and of the first alone.
fn codes(file: &Seekable) -> [&'static str; 2] {
    let bytes = file.write();
    let opened = match by_index::open(&bytes) {
        Ok(opened) => opened,
        Err(error) => return [error.code(); 2],
    };
    [0..opened.index.members.len(), 0..1]
        .map(|members| opened.read(members, 1000).map_or_else(|error| error.code(), |_| "read"))
}

#[test]
fn a_file_that_follows_the_specification_is_read() {
    let (tar, file) = sound();
    let bytes = file.write();
    assert_eq!(tarball::unbrotli(&bytes).unwrap(), tar);
    assert_eq!(by_index::members(&bytes).unwrap(), tarball::read(&bytes).unwrap());
}

#[test]
fn a_segment_that_refers_to_what_precedes_it_or_to_the_dictionary_is_refused() {
    let (tar, file) = sound();
    for use_dictionary in [false, true] {
        let mut other = file.clone();
        let before = if use_dictionary { &[][..] } else { &tar[..] };
        other.segments[1].0 = part(before, TEXT, use_dictionary);
        assert_eq!(codes(&other), ["bad_segment"; 2], "dictionary: {use_dictionary}");
    }
}

#[test]
fn an_index_that_says_something_else_than_the_tarball_is_refused() {
    let (_, file) = sound();
    let expect = |codes_expected: [&str; 2], change: &dyn Fn(&mut Seekable)| {
        let mut other = file.clone();
        change(&mut other);
        assert_eq!(codes(&other), codes_expected);
    };
    expect(["bad_member"; 2], &|file| file.members[0].name = "c.txt".to_owned());
    expect(["bad_member"; 2], &|file| file.members[0].mtime += 1);
    expect(["bad_member"; 2], &|file| file.members[0].kind = 0o755 << 2);
    expect(["bad_member"; 2], &|file| file.members[0].crc32 ^= 1);
    expect(["bad_member", "read"], &|file| file.members[1].crc32 ^= 1);
    expect(["bad_member"; 2], &|file| file.members[1].name = "a.txt".to_owned());
    expect(["bad_member"; 2], &|file| file.members[1].name = "../b".to_owned());
    // The sizes are those of headers and padding, so one more byte moves nothing but the contents' end.
    expect(["bad_member"; 2], &|file| file.members[0].size += 1);
    expect(["bad_index"; 2], &|file| file.members[0].size += 512);
    expect(["bad_index"; 2], &|file| file.segments[2].1 += 1);
    expect(["bad_segment"; 2], &|file| {
        file.segments[0].1 -= 1;
        file.segments[1].1 += 1;
    });
    expect(["bad_index"; 2], &|file| {
        file.members.pop();
    });
}

#[test]
fn a_segment_that_ends_the_stream_is_refused() {
    let (_, mut file) = sound();
    file.segments[1].0.push(3);
    assert_eq!(codes(&file), ["bad_segment"; 2]);
}
