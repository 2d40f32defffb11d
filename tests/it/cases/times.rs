//! Times of modification: the local header's best field wins, 0x5455 before NTFS before 0x5855 before MS-DOS's, read as UTC.

use super::{Case, a, a_out, accept};
use crate::{
    drivers::{self, check},
    extra_field::{extended_timestamp, ntfs, ntfs_attribute, unix1, unix2, unix3},
    tarball::{MTIME, TarMember, directory},
    zip_writer::{Descriptor, Member, folder},
};

/// Three times that are not the MS-DOS one, each field its own.
const EXTENDED: i32 = 1_700_000_001;
const NTFS: i64 = 1_700_000_002;
const UNIX1: u32 = 1_700_000_003;
/// 2040-05-07T12:00:00Z.
const IN_2040: u32 = 2_220_004_800;
const ACCESSED: i32 = 1_700_000_004;

pub fn rows() -> Vec<Case> {
    [dos(), extra_fields(), precedence()].into_iter().flatten().collect()
}

fn dos() -> Vec<Case> {
    let at = |date, time| [Member { modified: (dos_time(time), dos_date(date)), ..a() }];
    let raw = |modified| [Member { modified, ..a() }];
    let noon = (12, 0, 0);
    vec![
        accept("time-dos-zero", raw((0, 0)), out(0)),
        accept("time-dos-bad", raw((0xffff, 0xffff)), out(0)),
        accept("time-dos-first", at((1980, 1, 1), (0, 0, 0)), out(315_532_800)),
        accept("time-dos-last", at((2107, 12, 31), (23, 59, 58)), out(4_354_819_198)),
        accept("time-dos-leap-day", at((2024, 2, 29), (23, 59, 58)), out(1_709_251_198)),
        accept("time-dos-leap-day-2000", at((2000, 2, 29), (0, 0, 0)), out(951_782_400)),
        accept("time-dos-no-leap-day-2100", at((2100, 2, 29), noon), out(0)),
        accept("time-dos-february-30", at((2024, 2, 30), noon), out(0)),
        accept("time-dos-april-31", at((2024, 4, 31), noon), out(0)),
        accept("time-dos-month-0", at((2024, 0, 1), noon), out(0)),
        accept("time-dos-month-13", at((2024, 13, 1), noon), out(0)),
        accept("time-dos-day-0", at((2024, 1, 0), noon), out(0)),
        accept("time-dos-hour-24", at((2024, 1, 1), (24, 0, 0)), out(0)),
        accept("time-dos-minute-60", at((2024, 1, 1), (23, 60, 0)), out(0)),
        // 60 seconds are the next minute, as writers that round up mean them.
        accept("time-dos-second-60", at((2024, 1, 1), (23, 59, 60)), out(1_704_153_600)),
        accept("time-dos-second-60-inside-an-hour", at((2025, 3, 4), (13, 19, 60)), out(1_741_094_400)),
        accept("time-dos-second-62", at((2024, 1, 1), (23, 59, 62)), out(0)),
    ]
}

fn extra_fields() -> Vec<Case> {
    let with = |extra| [Member { extra, ..a() }];
    let dos_2040 = (dos_time((12, 0, 0)), dos_date((2040, 5, 7)));
    let with_dos_2040 = |extra| [Member { extra, modified: dos_2040, ..a() }];
    vec![
        accept("time-5455", with(extended_timestamp(3, &[EXTENDED, ACCESSED])), out(EXTENDED.into())),
        accept("time-5455-negative", with(extended_timestamp(1, &[-86400])), out(-86400)),
        accept("time-5455-first", with(extended_timestamp(1, &[i32::MIN])), out(i32::MIN.into())),
        // 2040 in 32 bits without a sign, where the MS-DOS time agrees; without that it is 1904.
        accept("time-5455-2040", with_dos_2040(extended_timestamp(1, &[IN_2040 as i32])), out(IN_2040.into())),
        accept("time-5855-2040", with_dos_2040(unix1(0, IN_2040)), out(IN_2040.into())),
        accept(
            "time-5455-2040-without-a-dos-time",
            with(extended_timestamp(1, &[IN_2040 as i32])),
            out(i64::from(IN_2040 as i32)),
        ),
        accept("time-5455-zero", with(extended_timestamp(1, &[0])), out(0)),
        accept("time-5455-without-mtime", with(extended_timestamp(2, &[ACCESSED])), out(MTIME)),
        accept("time-5455-cut-off", with(extended_timestamp(1, &[])), out(MTIME)),
        accept("time-ntfs", with(ntfs(ticks(NTFS, 1_234_567))), out(NTFS)),
        accept("time-ntfs-before-1970", with(ntfs(ticks(-2, 5_000_000))), out(-2)),
        accept("time-ntfs-other-attribute", with(ntfs_attribute(2, ticks(NTFS, 0))), out(MTIME)),
        accept("time-5855", with(unix1(ACCESSED as u32, UNIX1)), out(UNIX1.into())),
        // The later Unix fields have owners and no times.
        accept("time-7855", with(unix2(1000, 1000)), out(MTIME)),
        accept("time-ux", with(unix3(1000, 1000)), out(MTIME)),
        accept(
            "time-5455-dir",
            [Member { extra: extended_timestamp(1, &[EXTENDED]), ..folder(b"d/") }],
            [TarMember { mtime: EXTENDED.into(), ..directory("d/") }],
        ),
        accept(
            "time-5455-dd",
            [Member { descriptor: Descriptor::Signed32, ..with(extended_timestamp(1, &[EXTENDED]))[0].clone() }],
            out(EXTENDED.into()),
        ),
        // The directory's fields come after the tarball's header is written.
        accept(
            "time-5455-cd-only",
            [Member { directory_extra: extended_timestamp(1, &[EXTENDED]), ..a() }],
            out(MTIME),
        ),
    ]
}

fn precedence() -> Vec<Case> {
    let with = |fields: &[Vec<u8>]| [Member { extra: fields.concat(), ..a() }];
    let extended = extended_timestamp(1, &[EXTENDED]);
    let ntfs = ntfs(ticks(NTFS, 0));
    let unix1 = unix1(ACCESSED as u32, UNIX1);
    vec![
        accept("time-5455-before-all", with(&[unix1.clone(), ntfs.clone(), extended.clone()]), out(EXTENDED.into())),
        accept("time-5455-before-all-first", with(&[extended, ntfs.clone(), unix1.clone()]), out(EXTENDED.into())),
        accept("time-ntfs-before-5855", with(&[unix1.clone(), ntfs.clone()]), out(NTFS)),
        accept("time-ntfs-for-5455-without-mtime", with(&[extended_timestamp(2, &[ACCESSED]), ntfs]), out(NTFS)),
        accept("time-5855-before-dos", with(&[unix2(1000, 1000), unix1]), out(UNIX1.into())),
    ]
}

fn out(mtime: i64) -> [TarMember; 1] {
    [TarMember { mtime, ..a_out() }]
}

/// Year, month, day in a MS-DOS date (APPNOTE §4.4.6).
fn dos_date((year, month, day): (u16, u16, u16)) -> u16 {
    ((year - 1980) << 9) | (month << 5) | day
}

/// Hour, minute, second in a MS-DOS time, which has every other second.
fn dos_time((hour, minute, second): (u16, u16, u16)) -> u16 {
    (hour << 11) | (minute << 5) | (second / 2)
}

/// Hundreds of nanoseconds since 1601 at so many after a second since 1970.
fn ticks(seconds: i64, hundred_nanoseconds: u64) -> u64 {
    (seconds + 11_644_473_600) as u64 * 10_000_000 + hundred_nanoseconds
}

#[test]
fn a_time_is_the_best_that_the_local_header_has() {
    check(&rows(), drivers::ALL);
}
