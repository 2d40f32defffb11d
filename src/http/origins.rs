//! The other origins that may call the service from a page (Fetch standard, CORS protocol). By default there are none.

use http::{
    HeaderMap, HeaderValue,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
    },
    request::Parts,
};

use crate::given;

/// Response headers that a page of another origin may read.
const EXPOSED: &str = "accept-ranges, content-disposition, content-range, etag, location, recompress-directory, recompress-lgwin, recompress-mode, recompress-quality, request-id, retry-after";

/// Request headers that a page of another origin may send, beside the options.
const SENT: &str = "authorization, content-digest, content-disposition, content-type, if-match, if-none-match, if-range, range, request-id";

/// The origins that may call the service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Origins {
    #[default]
    Own,
    These(Vec<String>),
    Any,
}

impl Origins {
    /// Reads `*`, or origins separated by commas or spaces. `None` for any other text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let origins: Vec<_> = text.split([',', ' ']).filter(|origin| !origin.is_empty()).map(str::to_owned).collect();
        let all_are = !origins.is_empty() && origins.iter().all(|origin| is_origin(origin));
        all_are.then_some(Self::These(origins))
    }

    /// Whether a page of the origin that a request states may change what is stored. A page of the service itself may.
    pub(crate) fn permit(&self, head: &Parts) -> bool {
        let Some(origin) = head.headers.get(ORIGIN) else { return true };
        let host = head.headers.get(HOST).map(HeaderValue::as_bytes);
        let host = host.or(head.uri.authority().map(|authority| authority.as_str().as_bytes()));
        let own = || {
            let (_, authority) = origin.to_str().ok()?.split_once("://")?;
            Some(host?.eq_ignore_ascii_case(authority.as_bytes()))
        };
        match self {
            Self::Any => true,
            Self::These(origins) if origins.iter().any(|known| *known == *origin) => true,
            Self::Own | Self::These(_) => own().unwrap_or(false),
        }
    }

    /// Headers that let the calling page read the answer. For a preflight they also list the methods and headers it may send.
    pub(crate) fn headers(&self, request: &HeaderMap, allow: Option<&HeaderValue>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let allowed = match self {
            Self::Own => return headers,
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::These(origins) => {
                // The answer to one origin is not the answer to another.
                headers.append(VARY, HeaderValue::from_static("Origin"));
                let known = |origin: &&HeaderValue| origins.iter().any(|known| *known == **origin);
                request.get(ORIGIN).filter(known).cloned()
            }
        };
        let Some(allowed) = allowed.filter(|_| request.contains_key(ORIGIN)) else { return headers };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        match allow.filter(|_| request.contains_key(ACCESS_CONTROL_REQUEST_METHOD)) {
            Some(allow) => {
                headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allow.clone());
                let names = given::TABLE.iter().fold(SENT.to_owned(), |names, row| names + ", recompress-" + row.name);
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::try_from(names).expect("names of headers"));
                // Seconds: one day. Browsers cap it lower.
                headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
            }
            None => {
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
            }
        }
        headers
    }
}

/// Whether `text` has a browser's form of an origin: scheme, lower-case host, optional port, no path.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
    scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
        && !scheme.is_empty()
        && !authority.is_empty()
        && authority.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    fn found(headers: &HeaderMap) -> Vec<(&str, &str)> {
        let mut found: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn origins_are_as_browsers_write_them() {
        let these = |origins: &[&str]| Some(Origins::These(origins.iter().map(|&origin| origin.to_owned()).collect()));
        for (text, expected) in [
            ("*", Some(Origins::Any)),
            ("https://a.example", these(&["https://a.example"])),
            ("https://a.example, http://localhost:3000", these(&["https://a.example", "http://localhost:3000"])),
            ("https://[::1]:8443 app://x", these(&["https://[::1]:8443", "app://x"])),
            ("", None),
            ("a.example", None),
            ("https://a.example/", None),
            ("https://A.example", None),
            ("https://*.a.example", None),
            ("https://a.example *", None),
            ("null", None),
        ] {
            assert_eq!(Origins::parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn no_other_origin_is_let_in_by_default() {
        let asks = request(&[("origin", "https://a.example"), ("access-control-request-method", "POST")]);
        assert_eq!(found(&Origins::Own.headers(&asks, Some(&HeaderValue::from_static("POST")))), []);
    }

    #[test]
    fn an_origin_that_is_named_may_read_and_another_may_not() {
        let origins = Origins::parse("https://a.example").unwrap();
        let of = |origin| origins.headers(&request(&[("origin", origin)]), None);
        assert_eq!(
            found(&of("https://a.example")),
            [
                ("access-control-allow-origin", "https://a.example"),
                ("access-control-expose-headers", EXPOSED),
                ("vary", "Origin")
            ]
        );
        assert_eq!(found(&of("https://b.example")), [("vary", "Origin")]);
        assert_eq!(found(&of("null")), [("vary", "Origin")]);
        assert_eq!(found(&origins.headers(&HeaderMap::new(), None)), [("vary", "Origin")]);
        assert_eq!(found(&Origins::Any.headers(&HeaderMap::new(), None)), []);
    }

    #[test]
    fn a_preflight_says_what_may_be_sent() {
        let asks = request(&[("origin", "https://a.example"), ("access-control-request-method", "POST")]);
        let headers = Origins::Any.headers(&asks, Some(&HeaderValue::from_static("OPTIONS, POST")));
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers["access-control-allow-methods"], "OPTIONS, POST");
        let names = headers["access-control-allow-headers"].to_str().unwrap();
        for name in ["authorization", "content-type", "recompress-quality", "recompress-lgwin"] {
            assert!(names.split(", ").any(|listed| listed == name), "{names}");
        }
    }
}
