//! Random archives by the `zip` crate, in all its ways of writing: the `tar` crate reads the same members back.
//!
//! A failure prints the smallest archive that shows it, and its seed goes to `proptest-regressions/`, to be tried first from
//! then on.

use std::io::{Cursor, Write};

use proptest::{collection::vec, option, prelude::*, sample::select};
use recompress::Limits;
use zip::{
    CompressionMethod, DateTime, ZipArchive, ZipWriter,
    result::ZipResult,
    write::{FullFileOptions, ZipFileBuilder},
};

use crate::{
    cases::{Case, Expected},
    drivers::{self, check},
    tarball::{Kind, TarMember},
};

/// How the crate is asked to write.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// To a seekable file: sizes in the local header.
    Seekable,
    /// The same, with zip64 fields where they might be needed.
    SeekableAutoLarge,
    /// To a stream: sizes in a data descriptor.
    Streamed,
    /// The first half of the members copied from another archive, as they are.
    Merged,
    /// Each member compressed apart from the archive.
    Prepared,
    PreparedStreamed,
}

const WAYS: &[Way] =
    &[Way::Seekable, Way::SeekableAutoLarge, Way::Streamed, Way::Merged, Way::Prepared, Way::PreparedStreamed];

#[derive(Clone, Debug)]
struct Archive {
    way: Way,
    members: Vec<Member>,
    comment: String,
}

#[derive(Clone, Debug)]
struct Member {
    name: String,
    what: What,
    /// Deflate's level, or stored.
    level: Option<i64>,
    large_file: bool,
    alignment: u16,
    permissions: Option<u32>,
    /// Year, month, day, hour, minute, half of the second.
    modified: (u16, u8, u8, u8, u8, u8),
    comment: Option<String>,
    /// An extra field with an unassigned id, in both headers or in the directory alone.
    extra: Option<(Vec<u8>, bool)>,
}

#[derive(Clone, Debug)]
enum What {
    File(Vec<u8>),
    Directory,
    Link(String),
}

fn archives() -> impl Strategy<Value = Archive> {
    (select(WAYS), vec(member(), 0..6), text(40)).prop_map(|(way, mut members, comment)| {
        // No two of a name, nothing both a file and a directory.
        for (number, member) in members.iter_mut().enumerate() {
            member.name.push_str(&format!("{number}"));
        }
        Archive { way, members, comment }
    })
}

fn member() -> impl Strategy<Value = Member> {
    let folders = vec(prop_oneof!["[a-z é日._~=-]{0,8}[a-z]/", "d{50,90}/"], 0..4).prop_map(|parts| parts.concat());
    let base = prop_oneof![4 => text(12), 1 => "[a-zß]{90,160}"];
    let what = prop_oneof![
        6 => contents().prop_map(What::File),
        1 => Just(What::Directory),
        1 => "[a-z./]{1,20}".prop_map(What::Link),
    ];
    let level = option::of(1..=9i64);
    let modified = (1980..=2107u16, 1..=12u8, 1..=28u8, 0..=23u8, 0..=59u8, 0..=29u8);
    let extra = option::weighted(0.2, (vec(any::<u8>(), 0..40), any::<bool>()));
    let alignment = select(&[1, 4, 512, 4096][..]);
    let permissions = option::of(0..=0o7777u32);
    let comment = option::of(text(20));
    (folders, base, what, level, any::<bool>(), alignment, permissions, modified, comment, extra).prop_map(
        |(folders, base, what, level, large_file, alignment, permissions, modified, comment, extra)| Member {
            name: format!("{folders}{base}"),
            what,
            level,
            large_file,
            alignment,
            permissions,
            modified,
            comment,
            extra,
        },
    )
}

/// Names and comments: ASCII, code page 437's characters and others.
fn text(most: usize) -> impl Strategy<Value = String> {
    vec(select(&['a', 'b', 'Z', '9', ' ', '.', '_', '-', '=', '~', 'é', 'ß', '日', '😀'][..]), 0..most)
        .prop_map(String::from_iter)
}

/// Contents that compress, contents that do not, and contents with records in them.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let signatures: &[&[u8]] = &[b" PK\x03\x04", b" PK\x07\x08", b" PK\x01\x02", b" PK\x05\x06", b" PK\x06\x08"];
    let piece = prop_oneof![
        vec(any::<u8>(), 0..400),
        (any::<u8>(), 0..5_000usize).prop_map(|(byte, count)| vec![byte; count]),
        select(signatures).prop_map(<[u8]>::to_vec),
    ];
    vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

impl Member {
    fn stored_name(&self) -> String {
        if matches!(self.what, What::Directory) { format!("{}/", self.name) } else { self.name.clone() }
    }

    fn options(&self) -> FullFileOptions<'static, 'static> {
        let (year, month, day, hour, minute, half_second) = self.modified;
        let modified = DateTime::from_date_and_time(year, month, day, hour, minute, 2 * half_second).expect("a time");
        let method = self.level.map_or(CompressionMethod::Stored, |_| CompressionMethod::Deflated);
        let mut options = FullFileOptions::default()
            .compression_method(method)
            .compression_level(self.level)
            .large_file(self.large_file)
            .with_alignment(self.alignment)
            .last_modified_time(modified);
        if let Some(permissions) = self.permissions {
            options = options.unix_permissions(permissions);
        }
        if let Some(comment) = &self.comment {
            options = options.with_file_comment(comment.as_str());
        }
        if let Some((bytes, directory_alone)) = &self.extra {
            options.add_extra_field(0xcafe, bytes.as_slice(), *directory_alone).expect("room for the field");
        }
        options
    }

    fn write<W: Write + std::io::Seek>(&self, writer: &mut ZipWriter<W>) -> ZipResult<()> {
        match &self.what {
            What::File(contents) => {
                writer.start_file(&self.name, self.options())?;
                // In two pieces, as a program that streams does.
                let (first, second) = contents.split_at(contents.len() / 2);
                writer.write_all(first)?;
                writer.write_all(second)?;
                Ok(())
            }
            What::Directory => writer.add_directory(&self.name, self.options()),
            What::Link(target) => writer.add_symlink(&self.name, target, self.options()),
        }
    }

    fn write_prepared<W: Write + std::io::Seek>(&self, writer: &mut ZipWriter<W>) -> ZipResult<()> {
        let What::File(contents) = &self.what else { return self.write(writer) };
        let mut prepared = ZipFileBuilder::new(&self.name, self.options())?;
        prepared.write_all(contents)?;
        writer.add_prepared_file(prepared.finish()?)
    }

    /// The expected member of the tarball. A link is a file with its target as contents. Permissions are in the directory, too late.
    fn expected(&self) -> TarMember {
        let (kind, mode, contents) = match &self.what {
            What::File(contents) => (Kind::File, 0o644, contents.clone()),
            What::Directory => (Kind::Directory, 0o755, Vec::new()),
            What::Link(target) => (Kind::File, 0o644, target.clone().into_bytes()),
        };
        TarMember { name: self.stored_name(), kind, mode, mtime: self.mtime(), contents }
    }

    /// Seconds since 1970, of a time that is taken as UTC.
    fn mtime(&self) -> i64 {
        let (year, month, day, hour, minute, half_second) = self.modified;
        let is_leap = |year: u16| year.is_multiple_of(4) && year != 2100;
        let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let days_of_years: i64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
        let days_of_months: i64 = lengths[..usize::from(month) - 1].iter().sum();
        let days = days_of_years + days_of_months + i64::from(day) - 1;
        ((days * 24 + i64::from(hour)) * 60 + i64::from(minute)) * 60 + i64::from(half_second) * 2
    }
}

impl Archive {
    fn zip(&self) -> ZipResult<Vec<u8>> {
        let new = || ZipWriter::new(Cursor::new(Vec::new()));
        let (first, second) = self.members.split_at(self.members.len() / 2);
        let written = |mut writer: ZipWriter<Cursor<Vec<u8>>>, members: &[Member]| {
            members.iter().try_for_each(|member| member.write(&mut writer))?;
            ZipResult::Ok(writer)
        };
        let mut writer = match self.way {
            Way::Seekable => written(new(), &self.members)?,
            Way::SeekableAutoLarge => written(new().set_auto_large_file(), &self.members)?,
            Way::Merged => {
                let mut writer = new();
                writer.merge_archive(ZipArchive::new(written(new(), first)?.finish()?)?)?;
                written(writer, second)?
            }
            Way::Prepared => {
                let mut writer = new();
                self.members.iter().try_for_each(|member| member.write_prepared(&mut writer))?;
                writer
            }
            Way::Streamed | Way::PreparedStreamed => {
                let write = if matches!(self.way, Way::Streamed) { Member::write } else { Member::write_prepared };
                let mut writer = ZipWriter::new_stream(Vec::new());
                self.members.iter().try_for_each(|member| write(member, &mut writer))?;
                writer.set_comment(self.comment.as_str())?;
                return Ok(writer.finish()?.into_inner());
            }
        };
        writer.set_comment(self.comment.as_str())?;
        Ok(writer.finish()?.into_inner())
    }
}

proptest! {
    #[test]
    fn the_tar_crate_reads_the_members_that_the_zip_crate_wrote(archive in archives()) {
        let zip = archive.zip().expect("the crate writes what it is asked to");
        let members = archive.members.iter().map(Member::expected).collect();
        let name = format!("{:?}", archive.way);
        check(&[Case { name, zip, limits: Limits::default(), expected: Expected::Members(members) }], drivers::ALL);
    }
}

/// A closed archive of one file, changed by `make` before it is closed.
fn with_a_file(make: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>) -> ZipResult<()>) -> Vec<u8> {
    let write = || {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("a.txt", FullFileOptions::default())?;
        writer.write_all(b"contents")?;
        make(&mut writer)?;
        writer.finish().map(Cursor::into_inner)
    };
    write().expect("the crate writes what it is asked to")
}

fn refused(name: &str, zip: Vec<u8>, code: &'static str) -> Case {
    Case { name: name.to_owned(), zip, limits: Limits::default(), expected: Expected::Refusal(code) }
}

#[test]
fn members_that_the_directory_lacks_or_lists_twice_are_refused() {
    let hidden = with_a_file(|writer| {
        writer.start_file("hidden.txt", FullFileOptions::default())?;
        writer.write_all(b"hidden")?;
        writer.hide_file("hidden.txt")
    });
    let listed_twice = with_a_file(|writer| writer.shallow_copy_file("a.txt", "b.txt"));
    check(
        &[refused("hidden", hidden, "cd_mismatch"), refused("listed twice", listed_twice, "cd_mismatch")],
        drivers::ALL,
    );
}

#[test]
fn an_archive_that_the_zip_crate_appended_to_is_refused() {
    let append = || {
        let mut writer = ZipWriter::new_append(Cursor::new(with_a_file(|_| Ok(()))))?;
        writer.start_file("b.txt", FullFileOptions::default())?;
        writer.write_all(b"contents")?;
        writer.finish().map(Cursor::into_inner)
    };
    let appended = append().expect("the crate writes what it is asked to");
    check(&[refused("appended", appended, "unexpected_record")], drivers::ALL);
}
