//! Extra fields: additional data in a header (APPNOTE §4.5).
//!
//! Real archives contain broken extra fields, and other readers ignore them. So does this one. If an id occurs twice,
//! the first field counts, except for names: there readers differ.

use super::record::Fields;

const ZIP64: u16 = 0x0001;
const NTFS: u16 = 0x000a;
const EXTENDED_TIMESTAMP: u16 = 0x5455;
const INFO_ZIP_UNIX1: u16 = 0x5855;
const LIBARCHIVE: u16 = 0x6c78;
const UNICODE_PATH: u16 = 0x7075;
const ASI_UNIX: u16 = 0x756e;

/// 100 ns ticks from 1601-01-01, where NTFS starts to count, to 1970-01-01.
const NTFS_EPOCH: i64 = 116_444_736_000_000_000;

/// The content of the first field with this `id`.
fn find(extra: &[u8], id: u16) -> Option<&[u8]> {
    find_all(extra, id).next()
}

/// The contents of all fields with this `id`.
fn find_all(extra: &[u8], id: u16) -> impl Iterator<Item = &[u8]> {
    let mut fields = Fields(extra);
    let field = move || {
        let found = fields.u16()?;
        let length = fields.u16()?;
        Some((found, fields.bytes(length.into())?))
    };
    std::iter::from_fn(field).filter(move |&(found, _)| found == id).map(|(_, content)| content)
}

/// The 64-bit values that replace 32-bit ones (§4.5.3), in their order: size, compressed size, offset.
///
/// Only `wanted` values are in the field. Surplus bytes are ignored: some writers always add the field.
pub(crate) fn zip64<const N: usize>(extra: &[u8], wanted: [bool; N]) -> [Option<u64>; N] {
    let mut fields = Fields(find(extra, ZIP64).unwrap_or_default());
    wanted.map(|wanted| if wanted { fields.u64() } else { None })
}

/// Versions and names of the Info-ZIP Unicode Path fields (§4.6.9) that belong to the name `raw`. Only version 1 is
/// known.
pub(crate) fn unicode_paths<'a>(extra: &'a [u8], raw: &[u8]) -> impl Iterator<Item = (u8, &'a [u8])> {
    // Computed once: there may be thousands of fields.
    let raw_crc32 = crc32fast::hash(raw);
    find_all(extra, UNICODE_PATH).filter_map(move |field| {
        let mut fields = Fields(field);
        let version = fields.u8()?;
        (fields.u32()? == raw_crc32).then_some((version, fields.0))
    })
}

/// The time of last modification in seconds since 1970, from the most precise field. `dos` is the header's own time.
pub(crate) fn mtime(extra: &[u8], dos: Option<i64>) -> Option<i64> {
    let unix = |seconds| unix_seconds(seconds, dos);
    extended_timestamp(extra).map(unix).or_else(|| ntfs(extra)).or_else(|| info_zip_unix1(extra).map(unix))
}

fn extended_timestamp(extra: &[u8]) -> Option<u32> {
    let mut fields = Fields(find(extra, EXTENDED_TIMESTAMP)?);
    let has_mtime = fields.u8()? & 1 != 0;
    has_mtime.then(|| fields.u32()).flatten()
}

fn ntfs(extra: &[u8]) -> Option<i64> {
    let mut fields = Fields(find(extra, NTFS)?);
    fields.bytes(4)?;
    // Attribute 1 holds the times; the last modification is the first of three (§4.5.5).
    let mut times = Fields(find(fields.0, 1)?);
    let ticks = i64::try_from(times.u64()?).ok()?;
    (ticks != 0).then(|| (ticks - NTFS_EPOCH).div_euclid(10_000_000))
}

fn info_zip_unix1(extra: &[u8]) -> Option<u32> {
    let mut fields = Fields(find(extra, INFO_ZIP_UNIX1)?);
    fields.bytes(4)?;
    fields.u32()
}

/// Unix times in zip have 32 bits with a sign. Some writers go on without it from 2038: they are believed if the header's
/// MS-DOS time agrees within two days, which is more than any zone is off.
fn unix_seconds(seconds: u32, dos: Option<i64>) -> i64 {
    const TWO_DAYS: u64 = 2 * 86_400;
    let unsigned = i64::from(seconds);
    let agrees = dos.is_some_and(|dos| dos.abs_diff(unsigned) <= TWO_DAYS);
    if agrees { unsigned } else { i64::from(seconds as i32) }
}

/// The Unix mode in a local header, if any: file type and permissions.
pub(crate) fn unix_mode(extra: &[u8]) -> Option<u32> {
    asi_unix(extra).or_else(|| libarchive(extra))
}

/// Ant, Commons Compress: the CRC-32 of the rest, then the mode.
fn asi_unix(extra: &[u8]) -> Option<u32> {
    let mut fields = Fields(find(extra, ASI_UNIX)?);
    let crc32 = fields.u32()?;
    (crc32 == crc32fast::hash(fields.0)).then_some(())?;
    fields.u16().map(u32::from)
}

/// libarchive: a bitmap of the central header's fields that follow, in the order of the bits.
fn libarchive(extra: &[u8]) -> Option<u32> {
    const UNIX: u16 = 3;
    let mut fields = Fields(find(extra, LIBARCHIVE)?);
    let bitmap = fields.u8()?;
    let has = |bit: u8| bitmap & 1 << bit != 0;
    let made_by = if has(0) { fields.u16()? >> 8 } else { UNIX };
    if has(1) {
        fields.u16()?;
    }
    (has(2) && made_by == UNIX).then(|| fields.u32()).flatten().map(|attributes| attributes >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(id: u16, content: &[u8]) -> Vec<u8> {
        [&id.to_le_bytes()[..], &(content.len() as u16).to_le_bytes(), content].concat()
    }

    #[test]
    fn a_field_after_others_is_found_and_a_cut_one_is_not() {
        let extra = [field(0x9999, b"other"), field(EXTENDED_TIMESTAMP, &[1, 5, 0, 0, 0])].concat();
        assert_eq!(mtime(&extra, None), Some(5));
        for cut in 0..extra.len() {
            assert_eq!(mtime(&extra[..cut], None), None);
        }
    }

    #[test]
    fn zip64_values_are_read_for_wanted_fields_only() {
        let extra = field(ZIP64, &[7u64.to_le_bytes(), 9u64.to_le_bytes()].concat());
        assert_eq!(zip64(&extra, [true, true, false]), [Some(7), Some(9), None]);
        assert_eq!(zip64(&extra, [false, true, false]), [None, Some(7), None]);
        assert_eq!(zip64(&extra, [true, true, true]), [Some(7), Some(9), None]);
        assert_eq!(zip64(&[], [true]), [None]);
    }

    #[test]
    fn the_most_precise_time_wins() {
        let unix1 = field(INFO_ZIP_UNIX1, &[[0; 4], 3u32.to_le_bytes()].concat());
        let ticks = (NTFS_EPOCH as u64 + 49_999_999).to_le_bytes();
        let ntfs = field(NTFS, &[&[0; 4][..], &field(1, &[ticks, ticks, ticks].concat())].concat());
        let timestamp = field(EXTENDED_TIMESTAMP, &[&[1][..], &(-5i32).to_le_bytes()].concat());
        assert_eq!(mtime(&unix1, None), Some(3));
        assert_eq!(mtime(&[unix1.clone(), ntfs.clone()].concat(), None), Some(4));
        assert_eq!(mtime(&[unix1, ntfs, timestamp].concat(), None), Some(-5));
        assert_eq!(mtime(&field(EXTENDED_TIMESTAMP, &[2, 5, 0, 0, 0]), None), None, "only an access time");
    }

    #[test]
    fn a_time_after_2038_is_unsigned_if_the_dos_time_agrees() {
        let in_2040 = 2_220_000_000_u32;
        let extra = field(EXTENDED_TIMESTAMP, &[&[1][..], &in_2040.to_le_bytes()].concat());
        for (dos, seconds) in [
            (Some(i64::from(in_2040)), 2_220_000_000),
            (Some(i64::from(in_2040) + 2 * 86_400), 2_220_000_000),
            (Some(i64::from(in_2040) - 2 * 86_400 - 1), 2_220_000_000 - (1 << 32)),
            (Some(0), 2_220_000_000 - (1 << 32)),
            (None, 2_220_000_000 - (1 << 32)),
        ] {
            assert_eq!(mtime(&extra, dos), Some(seconds), "{dos:?}");
        }
    }

    #[test]
    fn modes_are_read_from_both_local_carriers() {
        let asi = [0xedu8, 0x81, 0, 0, 0, 0, 0, 0, 0, 0];
        let content = [&crc32fast::hash(&asi).to_le_bytes()[..], &asi].concat();
        assert_eq!(unix_mode(&field(ASI_UNIX, &content)), Some(0o100755));
        assert_eq!(unix_mode(&field(ASI_UNIX, &[&[0; 4][..], &asi].concat())), None, "its crc is wrong");
        let attributes = (0o100750u32 << 16).to_le_bytes();
        assert_eq!(unix_mode(&field(LIBARCHIVE, &[&[7, 0, 3, 0, 0][..], &attributes].concat())), Some(0o100750));
        assert_eq!(unix_mode(&field(LIBARCHIVE, &[&[7, 0, 0, 0, 0][..], &attributes].concat())), None, "made on DOS");
    }

    #[test]
    fn a_unicode_path_for_another_name_is_not_used() {
        let content = [&[1][..], &crc32fast::hash(b"caf?").to_le_bytes(), "café".as_bytes()].concat();
        assert_eq!(
            unicode_paths(&field(UNICODE_PATH, &content), b"caf?").collect::<Vec<_>>(),
            [(1, "café".as_bytes())]
        );
        assert_eq!(unicode_paths(&field(UNICODE_PATH, &content), b"cafe").next(), None);
    }
}
