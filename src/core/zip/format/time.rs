//! MS-DOS date and time (APPNOTE §4.4.6) as seconds since 1970.

/// Seconds since 1970-01-01T00:00:00Z, or `None` if the fields are not a valid time.
///
/// The fields are local time in an unknown zone; they are taken as UTC.
pub(crate) fn from_dos(date: u16, time: u16) -> Option<i64> {
    let (year, month, day) = (1980 + i64::from(date >> 9), i64::from(date >> 5 & 15), i64::from(date & 31));
    let (hour, minute, second) = (i64::from(time >> 11), i64::from(time >> 5 & 63), i64::from(time & 31) * 2);
    let leap = i64::from(year % 4 == 0 && year != 2100);
    let days_in_month = match month {
        2 => 28 + leap,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    // Some writers round up to 60 seconds, which is the next minute.
    if !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    // 1980 to 2107: every fourth year is a leap year but 2100.
    let leap_days = (year - 1 - 1968) / 4 - i64::from(year > 2100);
    let days =
        (year - 1970) * 365 + leap_days + DAYS_BEFORE[month as usize - 1] + if month > 2 { leap } else { 0 } + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::from_dos;

    fn dos(year: u16, month: u16, day: u16, hour: u16, minute: u16, second: u16) -> Option<i64> {
        from_dos((year - 1980) << 9 | month << 5 | day, hour << 11 | minute << 5 | (second / 2))
    }

    #[test]
    fn moments_are_those_of_a_calendar() {
        // From `date -ud '…' +%s`.
        assert_eq!(dos(1980, 1, 1, 0, 0, 0), Some(315_532_800));
        assert_eq!(dos(2000, 2, 29, 23, 59, 58), Some(951_868_798));
        assert_eq!(dos(2025, 3, 11, 12, 0, 0), Some(1_741_694_400));
        assert_eq!(dos(2100, 2, 28, 0, 0, 0), Some(4_107_456_000));
        assert_eq!(dos(2100, 3, 1, 0, 0, 0), Some(4_107_542_400));
        assert_eq!(dos(2101, 1, 1, 0, 0, 0), Some(4_133_980_800));
        assert_eq!(dos(2107, 12, 31, 23, 59, 58), Some(4_354_819_198));
    }

    #[test]
    fn fields_that_name_no_moment_are_none() {
        assert_eq!(from_dos(0, 0), None);
        assert_eq!(from_dos(0xffff, 0xffff), None);
        assert_eq!(dos(2023, 2, 29, 0, 0, 0), None);
        assert_eq!(dos(2100, 2, 29, 0, 0, 0), None);
        assert_eq!(dos(2024, 4, 31, 0, 0, 0), None);
        assert_eq!(dos(2024, 4, 30, 24, 0, 0), None);
        assert_eq!(dos(2024, 4, 30, 23, 0, 62), None);
    }

    #[test]
    fn sixty_seconds_are_the_next_minute() {
        assert_eq!(dos(2025, 3, 4, 13, 19, 60), dos(2025, 3, 4, 13, 20, 0));
        assert_eq!(dos(2024, 12, 31, 23, 59, 60), dos(2025, 1, 1, 0, 0, 0));
    }
}
