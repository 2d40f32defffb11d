//! The headers of stored bodies. Their bytes come from strangers, and a browser must not take them for a page of ours.

use http::{
    HeaderMap, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG},
};

use crate::{filename, settings::Settings};

/// The types that a browser may show, by extension. All others are bytes to save.
const SHOWN: [(&str, &str); 6] = [
    ("json", "application/json"),
    ("txt", "text/plain; charset=utf-8"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
];

/// Nothing in a stored body runs, loads anything, or has an origin.
const SANDBOX: &str = "sandbox; default-src 'none'";

/// The headers of a stored member.
pub(super) fn of_member(name: &str) -> HeaderMap {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let shown =
        SHOWN.iter().find(|(known, _)| extension.is_some_and(|extension| known.eq_ignore_ascii_case(extension)));
    let mut headers = sandboxed();
    match shown {
        Some((_, content_type)) => headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type)),
        None => {
            headers.insert(CONTENT_DISPOSITION, filename::content_disposition_of(name));
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
        }
    };
    headers
}

/// The headers of every stored body.
pub(super) fn sandboxed() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX))])
}

/// The headers by which a cache asks whether what it has is still there: an archive can be deleted or replaced at any time.
pub(super) fn cached(settings: &Settings, tag: &str) -> HeaderMap {
    let control =
        if settings.archives.private { "private, no-cache, no-transform" } else { "public, no-cache, no-transform" };
    HeaderMap::from_iter([
        (CACHE_CONTROL, HeaderValue::from_static(control)),
        (ETAG, HeaderValue::try_from(format!("\"{tag}\"")).expect("tags are plain ASCII")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_types_are_shown_and_all_others_are_saved() {
        for (name, expected) in [
            ("a/meta.json", "application/json"),
            ("readme.TXT", "text/plain; charset=utf-8"),
            ("shot.png", "image/png"),
            ("a.jpeg", "image/jpeg"),
            ("a.webp", "image/webp"),
        ] {
            let headers = of_member(name);
            assert_eq!(headers[CONTENT_TYPE], expected);
            assert!(!headers.contains_key(CONTENT_DISPOSITION));
            assert_eq!(headers[CONTENT_SECURITY_POLICY], SANDBOX);
        }
        for name in
            ["a.html", "a.svg", "a.xml", "a.js", "a.pdf", "a.xhtml", "gamestate", "png", ".json.", "a.json/b", "a.gif"]
        {
            let headers = of_member(name);
            assert_eq!(headers[CONTENT_TYPE], "application/octet-stream", "{name}");
            assert!(headers[CONTENT_DISPOSITION].as_bytes().starts_with(b"attachment; filename="), "{name}");
            assert_eq!(headers[CONTENT_SECURITY_POLICY], SANDBOX);
        }
    }
}
