//! Foreign files: common formats that are uploaded by mistake, recognised by their first bytes.

/// Bytes that tell these formats apart: up to the end of a tar header's magic (POSIX.1-2017 pax, "ustar Interchange Format").
pub(crate) const START_BYTES: usize = TAR_MAGIC_OFFSET + TAR_MAGIC.len();

const TAR_MAGIC_OFFSET: usize = 257;
const TAR_MAGIC: &[u8] = b"ustar";

/// Bytes shown of a file of unknown format.
const SHOWN_BYTES: usize = 4;

const REPACK: &str = "unpack it and make a zip of its files";

/// The magic bytes at the start of a format, and its name with advice. The source of each is the format's specification, or
/// its own documentation where there is none.
const FORMATS: &[(&[u8], &str, &str)] = &[
    (b"7z\xbc\xaf", "is a 7z archive", REPACK),
    (b"Rar!", "is a RAR archive", REPACK),
    // RFC 1952 §2.3.1.
    (b"\x1f\x8b", "is gzip data, perhaps a .tar.gz", REPACK),
    // RFC 8878 §3.1.1.
    (b"\x28\xb5\x2f\xfd", "is zstd data, perhaps a .tar.zst", REPACK),
    (b"\xfd7zX", "is xz data, perhaps a .tar.xz", REPACK),
    (b"BZh", "is bzip2 data, perhaps a .tar.bz2", REPACK),
    (b"<!DO", "is a web page", WEB_PAGE),
    (b"<!do", "is a web page", WEB_PAGE),
    (b"<htm", "is a web page", WEB_PAGE),
    (b"<HTM", "is a web page", WEB_PAGE),
    (b"%PDF", "is a PDF document", "make a zip of it first"),
    (b"\xff\xd8\xff", "is a JPEG image", "make a zip of it first"),
    (b"\x89PNG", "is a PNG image", "make a zip of it first"),
    // APPNOTE §4.3.12: a central directory without the members before it.
    (b"PK\x01\x02", "is the last part of a split zip", "join the parts first: zip -s 0 parts.zip --out whole.zip"),
];

const WEB_PAGE: &str = "the download of the zip may have failed; open the file to see why";

/// Whether a file that starts like this has one of these formats.
pub(crate) fn is_known(start: &[u8]) -> bool {
    known(start).is_some()
}

/// Describes a file that does not start like a zip, with advice. `start` has [`START_BYTES`] bytes, or the whole of a shorter
/// file; four bytes are enough for formats with a magic of their own.
pub(crate) fn describe(start: &[u8]) -> String {
    if let Some((_, name, advice)) = known(start) {
        format!("{name}; {advice}")
    } else if start.get(TAR_MAGIC_OFFSET..START_BYTES) == Some(TAR_MAGIC) {
        format!("is a tar archive; {REPACK}")
    } else if start.is_empty() {
        "is empty".to_owned()
    } else {
        format!("starts with \"{}\", a zip starts with \"PK\"", start[..SHOWN_BYTES.min(start.len())].escape_ascii())
    }
}

/// Whether more bytes would change the description.
pub(crate) fn needs_more(start: &[u8]) -> bool {
    start.len() < START_BYTES && known(start).is_none()
}

fn known(start: &[u8]) -> Option<&'static (&'static [u8], &'static str, &'static str)> {
    FORMATS.iter().find(|(magic, ..)| start.starts_with(magic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_common_format_is_named_with_advice() {
        let tar = [b"a.txt".as_slice(), &[0; TAR_MAGIC_OFFSET - 5], b"ustar\x0000"].concat();
        for (start, expected) in [
            (&b""[..], "is empty"),
            (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it and make a zip of its files"),
            (b"Rar!\x1a\x07\x01\0", "is a RAR archive; unpack it and make a zip of its files"),
            (b"\x1f\x8b\x08", "is gzip data, perhaps a .tar.gz; unpack it and make a zip of its files"),
            (b"\x28\xb5\x2f\xfd\x04", "is zstd data, perhaps a .tar.zst; unpack it and make a zip of its files"),
            (b"\xfd7zXZ\0", "is xz data, perhaps a .tar.xz; unpack it and make a zip of its files"),
            (b"BZh91AY", "is bzip2 data, perhaps a .tar.bz2; unpack it and make a zip of its files"),
            (&tar, "is a tar archive; unpack it and make a zip of its files"),
            (b"<!DOCTYPE html>", "is a web page; the download of the zip may have failed; open the file to see why"),
            (b"%PDF-1.7", "is a PDF document; make a zip of it first"),
            (b"\xff\xd8\xff\xe0", "is a JPEG image; make a zip of it first"),
            (b"\x89PNG\r\n", "is a PNG image; make a zip of it first"),
            (
                b"PK\x01\x02\x14\0",
                "is the last part of a split zip; join the parts first: zip -s 0 parts.zip --out whole.zip",
            ),
            (b"some text", "starts with \"some\", a zip starts with \"PK\""),
            (b"\0", r#"starts with "\x00", a zip starts with "PK""#),
            // Too short for its magic.
            (&tar[..TAR_MAGIC_OFFSET + 4], "starts with \"a.tx\", a zip starts with \"PK\""),
        ] {
            assert_eq!(describe(start), expected);
        }
    }
}
