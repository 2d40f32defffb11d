//! The choice among the ways to label an answer.

use http::{
    HeaderMap, HeaderName,
    header::{ACCEPT, ACCEPT_ENCODING},
};

use recompress::Listing;

const COMPRESSED_TAR: &str = "application/x-brotli-compressed-tar";
const TAR: &str = "application/x-tar";
pub(crate) const JSON: &str = "application/json";
pub(crate) const LINES: &str = "application/x-ndjson";

/// How a tarball is labelled. There are two ways to say that it is compressed with brotli; the bytes are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// A `.tar.br` file: brotli is part of the file format.
    CompressedTar,
    /// A `.tar` file with `Content-Encoding: br`: a browser's `fetch` decodes it and reads the tarball itself.
    EncodedTar,
}

impl Variant {
    /// A compressed file, unless the request names `application/x-tar`, prefers it, and accepts brotli as an encoding.
    ///
    /// Wildcards do not choose the encoded form: clients that send `*/*` mostly save the bytes to a file.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Self {
        let prefers_tar = prefers(headers, TAR, COMPRESSED_TAR);
        if prefers_tar && accepts_brotli(headers) { Self::EncodedTar } else { Self::CompressedTar }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::CompressedTar => COMPRESSED_TAR,
            Self::EncodedTar => TAR,
        }
    }

    pub(crate) fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::CompressedTar => None,
            Self::EncodedTar => Some("br"),
        }
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::CompressedTar => ".tar.br",
            Self::EncodedTar => ".tar",
        }
    }
}

/// Whether a person reads the answer in a browser: the request names HTML and does not prefer plain text. A client that
/// accepts everything, like curl, gets text.
pub fn prefers_html(headers: &HeaderMap) -> bool {
    let weight = |media_type| weight(headers, &ACCEPT, media_type);
    weight("text/html").is_some_and(|html| html > 0 && html >= weight("text/plain").unwrap_or(0))
}

/// Whether a request accepts brotli as an encoding, and does not prefer none.
pub(crate) fn accepts_brotli(headers: &HeaderMap) -> bool {
    let weight = |encoding| weight(headers, &ACCEPT_ENCODING, encoding);
    let brotli = weight("br").or_else(|| weight("*")).unwrap_or(0);
    brotli > 0 && brotli >= weight("identity").unwrap_or(0)
}

/// How a listing is written: a document, unless the request names NDJSON and prefers it.
pub(crate) fn listing(headers: &HeaderMap) -> (Listing, &'static str) {
    if prefers(headers, LINES, JSON) { (Listing::Lines, LINES) } else { (Listing::Json, JSON) }
}

/// Whether a request names the type `wanted` and prefers it to `usual`.
fn prefers(headers: &HeaderMap, wanted: &str, usual: &str) -> bool {
    let weight = |media_type| weight(headers, &ACCEPT, media_type);
    match (weight(wanted), weight(usual)) {
        (None, _) => false,
        (Some(wanted), Some(usual)) => wanted > usual,
        // Named is preferred to matched by a wildcard of the same weight (RFC 9110 §12.5.1).
        (Some(wanted), None) => wanted > 0 && wanted >= weight("application/*").or_else(|| weight("*/*")).unwrap_or(0),
    }
}

fn weight(headers: &HeaderMap, header: &HeaderName, value: &str) -> Option<u16> {
    ranges(headers, header).find(|range| range.0.eq_ignore_ascii_case(value)).map(|range| range.1)
}

/// The members of a list header with their weights (RFC 9110 §12.4.2). A weight that is not a number counts as 0.
fn ranges<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = (&'a str, u16)> {
    headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(
        |member| {
            let mut parts = member.split(';').map(str::trim);
            let value = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            (value, weight.map_or(1000, thousandths))
        },
    )
}

/// A weight in thousandths: a digit and up to three more after a point. Further digits are ignored. The
/// standard library's parser of floating-point numbers has tables of 10 kB, which the Worker would carry for this alone.
fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    if whole.len() != 1 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    let digits = whole.bytes().chain(fraction.bytes()).chain(*b"000").take(4);
    digits.fold(0, |weight, digit| weight * 10 + u16::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_an_explicit_and_preferred_tar_is_encoded() {
        use Variant::{CompressedTar, EncodedTar};
        for (accept, accept_encoding, expected) in [
            ("", "", CompressedTar),
            ("*/*", "gzip, br", CompressedTar),
            ("application/*", "br", CompressedTar),
            ("application/x-tar", "br", EncodedTar),
            ("Application/X-Tar", "BR", EncodedTar),
            ("application/x-tar", "gzip, deflate, br, zstd", EncodedTar),
            ("application/x-tar", "gzip;q=1.0, br;q=0.001", EncodedTar),
            ("application/x-tar", "*", EncodedTar),
            ("application/x-tar", "*;q=0", CompressedTar),
            ("application/x-tar", "br;q=0, *", CompressedTar),
            ("application/x-tar", "gzip", CompressedTar),
            ("application/x-tar", "identity", CompressedTar),
            ("application/x-tar", "", CompressedTar),
            ("application/x-tar;q=0", "br", CompressedTar),
            ("application/x-tar;q=0.0", "br", CompressedTar),
            ("application/x-tar;q=none", "br", CompressedTar),
            ("application/x-tar, */*", "br", EncodedTar),
            ("application/x-tar, */*;q=0.8", "br", EncodedTar),
            ("application/x-tar;q=0.5, */*;q=0.8", "br", CompressedTar),
            ("application/x-tar;q=0.5, application/*;q=0.4, */*", "br", EncodedTar),
            ("text/html, application/x-tar ; q=0.9", "br", EncodedTar),
            ("application/x-tar;v=1;q=0", "br", CompressedTar),
            ("application/x-tar, application/x-brotli-compressed-tar", "br", CompressedTar),
            ("application/x-tar, application/x-brotli-compressed-tar;q=0.9", "br", EncodedTar),
            ("application/x-tar;q=0.8, application/x-brotli-compressed-tar;q=0.9", "br", CompressedTar),
            ("application/x-tarball", "br", CompressedTar),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accept_encoding));
            assert_eq!(Variant::negotiate(&headers), expected, "{accept:?} with {accept_encoding:?}");
        }
    }

    #[test]
    fn html_is_for_requests_that_name_it() {
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            ("text/*", false),
            ("text/html", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json, Text/HTML;q=0.5", true),
            ("text/html;q=0", false),
            ("text/html;q=0.5, text/plain", false),
            ("text/html, text/plain", true),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(prefers_html(&headers), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_listing_is_a_document_unless_lines_are_preferred() {
        for (accept, expected) in [
            ("", Listing::Json),
            ("*/*", Listing::Json),
            ("application/json", Listing::Json),
            ("application/x-ndjson", Listing::Lines),
            ("application/x-ndjson, */*", Listing::Lines),
            ("application/x-ndjson, application/json", Listing::Json),
            ("application/x-ndjson, application/json;q=0.9", Listing::Lines),
            ("application/x-ndjson;q=0", Listing::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(super::listing(&headers).0, expected, "{accept}");
        }
    }

    #[test]
    fn several_lines_of_a_header_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT, HeaderValue::from_static("text/html"));
        headers.append(ACCEPT, HeaderValue::from_static("application/x-tar"));
        headers.append(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        headers.append(ACCEPT_ENCODING, HeaderValue::from_static("br"));
        assert_eq!(Variant::negotiate(&headers), Variant::EncodedTar);
    }
}
