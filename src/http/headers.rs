//! Headers: our own, and the ones of every answer.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

/// The parameters that a tarball was compressed with.
pub(crate) const QUALITY: HeaderName = HeaderName::from_static("recompress-quality");
pub(crate) const LGWIN: HeaderName = HeaderName::from_static("recompress-lgwin");
pub(crate) const MODE: HeaderName = HeaderName::from_static("recompress-mode");

/// Whether the zip's directory was read `first` or `last`.
pub(crate) const DIRECTORY: HeaderName = HeaderName::from_static("recompress-directory");

/// Identifies a request in the log: the client's own id, or one of ours.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The edge's id of a request.
const RAY: HeaderName = HeaderName::from_static("cf-ray");

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The headers of every answer.
///
/// No answer loads other files or may be shown in a frame. Strict-Transport-Security is the edge's job: only the edge knows
/// whether there is a certificate.
pub(crate) fn every_answer(request_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([
        // `no-transform` stops proxies from compressing or decoding the brotli stream (RFC 9111 §5.2.2.6).
        (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
        (RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]);
    if !request_id.is_empty() {
        headers.insert(REQUEST_ID, HeaderValue::from_str(request_id).expect("a request id is plain ASCII"));
    }
    headers
}

/// Adds the headers of every answer, where the answer has none of its own.
pub(crate) fn complete(headers: &mut HeaderMap, request_id: &str) {
    for (name, value) in &every_answer(request_id) {
        headers.entry(name).or_insert_with(|| value.clone());
    }
}

/// A header's text. New clients send UTF-8; clients that follow RFC 2616 send ISO 8859-1.
pub(crate) fn text(value: &HeaderValue) -> String {
    match str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// The client's id of its request, or the edge's, if it is safe to log.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let plain = |id: &&str| (1..=64).contains(&id.len()) && id.bytes().all(is_plain);
    [REQUEST_ID, RAY].iter().find_map(|name| headers.get(name)?.to_str().ok().filter(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_a_short_word() {
        let longest = "x".repeat(64);
        let long = "x".repeat(65);
        for (id, taken) in [
            ("9d3f1c2e-77aa_B.1:2", true),
            (&longest, true),
            (&long, false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            ("a,b", false),
            ("{}", false),
        ] {
            let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(id).unwrap())]);
            assert_eq!(request_id(&headers), taken.then_some(id), "{id:?}");
        }
        assert_eq!(request_id(&HeaderMap::new()), None);
        let edge = [(RAY, HeaderValue::from_static("8c1-FRA")), (REQUEST_ID, HeaderValue::from_static("mine"))];
        assert_eq!(request_id(&HeaderMap::from_iter(edge[..1].to_vec())), Some("8c1-FRA"));
        assert_eq!(request_id(&HeaderMap::from_iter(edge)), Some("mine"));
    }
}
