//! The page for people: the files that `make page` builds, from a folder or compiled in.
//!
//! The edge serves the same files by wrangler.toml. Like the edge, this gives `/` to clients that prefer HTML and the other
//! files below `/page/`, each with an `ETag`, and adds the headers that the file `_headers` lists.

use std::{
    collections::HashMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::Path,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};
use recompress_http::{Body, prefers_html};

/// The compiled-in files, by their paths in the folder.
#[cfg(feature = "page")]
const COMPILED_IN: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));
#[cfg(not(feature = "page"))]
const COMPILED_IN: &[(&str, &[u8])] = &[];

/// The files of the page, by the paths of their addresses. Empty if there is no page.
pub struct Page(HashMap<String, Asset>);

struct Asset {
    bytes: Bytes,
    headers: HeaderMap,
}

impl Page {
    /// The page in `folder`, or the one that is compiled in.
    ///
    /// # Errors
    ///
    /// If the folder has no page or cannot be read.
    pub fn open(folder: Option<&Path>) -> io::Result<Self> {
        let Some(folder) = folder else {
            return Self::new(COMPILED_IN.iter().map(|(path, bytes)| ((*path).to_owned(), Bytes::from_static(bytes))));
        };
        let read = |name: String| -> io::Result<(String, Bytes)> {
            let path = folder.join(&name);
            let bytes = fs::read(&path)
                .map_err(|error| io::Error::new(error.kind(), format!("--page: {}: {error}", path.display())))?;
            Ok((name, bytes.into()))
        };
        let mut files = vec![read("index.html".to_owned())?, read("_headers".to_owned())?];
        for entry in fs::read_dir(folder.join("page"))? {
            let name = entry?.file_name();
            files.push(read(format!("page/{}", name.to_string_lossy()))?);
        }
        Self::new(files)
    }

    fn new(files: impl IntoIterator<Item = (String, Bytes)>) -> io::Result<Self> {
        let mut files: HashMap<_, _> = files.into_iter().collect();
        let rules = files.remove("_headers").unwrap_or_default();
        let rules = Rules::parse(&String::from_utf8_lossy(&rules)).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "_headers has a line that is neither a path nor a header")
        })?;
        let assets = files.into_iter().map(|(path, bytes)| {
            let address = if path == "index.html" { "/".to_owned() } else { format!("/{path}") };
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            let tag = format!("\"{:016x}\"", hasher.finish());
            let mut headers = HeaderMap::from_iter([
                (CONTENT_TYPE, HeaderValue::from_static(content_type(&path))),
                (CACHE_CONTROL, HeaderValue::from_static("public, max-age=0, must-revalidate")),
                (ETAG, HeaderValue::from_str(&tag).expect("hexadecimal digits")),
            ]);
            headers.extend(rules.of(&address));
            (address, Asset { bytes, headers })
        });
        Ok(Self(assets.collect()))
    }

    /// The answer if the request is for the page or one of its files.
    pub fn answer<U, B>(&self, request: &Request<U>) -> Option<Response<Body<B>>> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let path = request.uri().path();
        let asset = self.0.get(path).filter(|_| reads && (path != "/" || prefers_html(request.headers())))?;
        let mut response = Response::new(Body::default());
        *response.headers_mut() = asset.headers.clone();
        if is_known(request.headers(), &asset.headers[ETAG]) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if request.method() == Method::GET {
            *response.body_mut() = Body::fixed(asset.bytes.clone());
        } else {
            response.headers_mut().insert(CONTENT_LENGTH, asset.bytes.len().into());
        }
        Some(response)
    }
}

/// Whether the client has the file with this tag (RFC 9110 §13.1.2, weak comparison).
fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let tags = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = tags.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|known| known == "*" || known.as_bytes() == tag.as_bytes())
}

fn content_type(path: &str) -> &'static str {
    match Path::new(path).extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

/// The file `_headers`: a path, or its start and `*`, then indented headers.
struct Rules(Vec<(String, HeaderName, HeaderValue)>);

impl Rules {
    fn parse(text: &str) -> Option<Self> {
        let (mut rules, mut path) = (vec![], None);
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.starts_with('/') {
                path = Some(line.to_owned());
            } else {
                let (name, value) = line.trim().split_once(": ")?;
                rules.push((path.clone()?, name.parse().ok()?, value.parse().ok()?));
            }
        }
        Some(Self(rules))
    }

    /// The headers of the file at `address`.
    fn of(&self, address: &str) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let fits = move |path: &str| path.strip_suffix('*').map_or(path == address, |start| address.starts_with(start));
        self.0.iter().filter(move |(path, ..)| fits(path)).map(|(_, name, value)| (name.clone(), value.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        let files = [
            ("index.html", "<p>"),
            ("page/a.js", "1"),
            ("_headers", "# A comment\n/*\n  X-All: 1\n\n/\n  Vary: Accept\n/page/*\n  X-Page: 2\n"),
        ];
        Page::new(files.map(|(path, text)| (path.to_owned(), Bytes::from_static(text.as_bytes())))).unwrap()
    }

    fn answer(page: &Page, method: Method, path: &str, headers: &[(&str, &str)]) -> Option<Response<Body<()>>> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        page.answer(&request.body(()).unwrap())
    }

    const HTML: (&str, &str) = ("accept", "text/html");

    #[test]
    fn only_reads_of_its_own_files_are_answered() {
        let page = page();
        for (method, path, headers, answered) in [
            (Method::GET, "/", &[HTML][..], true),
            (Method::HEAD, "/", &[HTML], true),
            (Method::GET, "/", &[], false),
            (Method::POST, "/", &[HTML], false),
            (Method::GET, "/page/a.js", &[], true),
            (Method::PUT, "/page/a.js", &[], false),
            (Method::GET, "/index.html", &[HTML], false),
            (Method::GET, "/_headers", &[], false),
            (Method::GET, "/page/../_headers", &[], false),
        ] {
            assert_eq!(answer(&page, method.clone(), path, headers).is_some(), answered, "{method} {path}");
        }
        let nothing = Page::new([]).unwrap();
        assert!(answer(&nothing, Method::GET, "/", &[HTML]).is_none());
    }

    #[test]
    fn a_file_has_the_headers_that_its_path_has_in_the_list() {
        let page = page();
        for (path, present, absent) in [("/", "vary", "x-page"), ("/page/a.js", "x-page", "vary")] {
            let response = answer(&page, Method::GET, path, &[HTML]).unwrap();
            let headers = response.headers();
            assert!(headers.contains_key("x-all") && headers.contains_key(present) && !headers.contains_key(absent));
        }
        for broken in ["Vary: Accept", "/\n Vary", "/\n a b: c"] {
            assert!(Rules::parse(broken).is_none(), "{broken:?}");
        }
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let page = page();
        let tag = answer(&page, Method::GET, "/page/a.js", &[]).unwrap().headers()[ETAG].to_str().unwrap().to_owned();
        for (known, status) in [
            (tag.clone(), 304),
            (format!("\"x\", W/{tag}"), 304),
            ("*".to_owned(), 304),
            ("\"x\"".to_owned(), 200),
            (tag.trim_matches('"').to_owned(), 200),
        ] {
            let response = answer(&page, Method::GET, "/page/a.js", &[("if-none-match", &known)]).unwrap();
            assert_eq!(response.status(), status, "{known}");
            assert_eq!(response.headers()[ETAG], tag.as_str());
        }
    }
}
