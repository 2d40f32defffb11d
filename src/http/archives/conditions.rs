//! Conditions and ranges of requests for what is stored (RFC 9110 §13, §14).

use std::ops::Range;

use http::{
    HeaderMap, HeaderName,
    header::{IF_RANGE, RANGE},
};

/// Whether a list of entity tags names one of `tags`, which have no quotes. Weak tags count only where `weak` ones may.
pub(crate) fn names(headers: &HeaderMap, name: &HeaderName, tags: &[&str], weak: bool) -> Option<bool> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    let mut listed = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim);
    Some(listed.any(|listed| {
        let strong = listed.strip_prefix("W/").filter(|_| weak).unwrap_or(listed);
        let tag = strong.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        listed == "*" || tag.is_some_and(|tag| tags.contains(&tag))
    }))
}

/// The part of a body that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    All,
    These(Range<u64>),
    /// The range begins after the end.
    None,
}

/// The part of `length` bytes with this entity tag. A range that is no single range of bytes counts as none (RFC 9110 §14.2).
pub(crate) fn part(headers: &HeaderMap, length: u64, tag: &str) -> Part {
    let (Some(range), None) = ({ headers.get(RANGE) }, headers.get_all(RANGE).iter().nth(1)) else { return Part::All };
    // A date never matches: there is no Last-Modified.
    let is_current = headers.get(IF_RANGE).is_none_or(|given| given.as_bytes() == format!("\"{tag}\"").as_bytes());
    let Some(range) = range.to_str().ok().and_then(|range| range.strip_prefix("bytes=")).filter(|_| is_current) else {
        return Part::All;
    };
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let Some((first, last)) = range.trim().split_once('-') else { return Part::All };
    let range = match (first, last) {
        ("", last) => number(last).map(|count: u64| length.saturating_sub(count)..length),
        (first, "") => number(first).map(|first| first..length),
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Some(first..length.min(last.saturating_add(1))),
            _ => None,
        },
    };
    match range {
        None => Part::All,
        Some(range) if range.start >= range.end => Part::None,
        Some(range) => Part::These(range),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::IF_NONE_MATCH};

    use super::*;

    #[test]
    fn a_list_of_tags_names_one_or_all() {
        for (line, weak, expected) in [
            ("*", false, true),
            ("\"a\"", false, true),
            ("\"x\", \"b\"", false, true),
            ("\"x\"", false, false),
            ("W/\"a\"", false, false),
            ("W/\"a\"", true, true),
            ("a", true, false),
            ("\"a", true, false),
        ] {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(line))]);
            assert_eq!(names(&headers, &IF_NONE_MATCH, &["a", "b"], weak), Some(expected), "{line}");
        }
        assert_eq!(names(&HeaderMap::new(), &IF_NONE_MATCH, &["a"], true), None);
    }

    #[test]
    fn a_part_is_one_range_within_the_length() {
        use Part::{All, None, These};
        for (line, expected) in [
            ("bytes=0-", These(0..100)),
            ("bytes=0-0", These(0..1)),
            ("bytes=10-19", These(10..20)),
            ("bytes=90-1000", These(90..100)),
            ("bytes=0-18446744073709551615", These(0..100)),
            ("bytes=-1", These(99..100)),
            ("bytes=-1000", These(0..100)),
            ("bytes=-0", None),
            ("bytes=100-", None),
            ("bytes=100-200", None),
            ("bytes=20-10", All),
            ("bytes=0-1,5-6", All),
            ("bytes=a-b", All),
            ("bytes=+1-2", All),
            ("bytes=-", All),
            ("bytes=", All),
            ("lines=0-1", All),
        ] {
            let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(line))]);
            assert_eq!(part(&headers, 100, "tag"), expected, "{line}");
        }
        assert_eq!(part(&HeaderMap::new(), 100, "tag"), All);
        for (tag, expected) in [("\"tag\"", These(0..1)), ("\"other\"", All), ("W/\"tag\"", All)] {
            let lines = [(RANGE, "bytes=0-0"), (IF_RANGE, tag)];
            let headers = lines.map(|(name, line)| (name, HeaderValue::from_static(line))).into_iter().collect();
            assert_eq!(part(&headers, 100, "tag"), expected, "{tag}");
        }
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-0"))]);
        assert_eq!(part(&headers, 0, "tag"), None);
    }
}
