//! Routes: the paths, and the methods of each.

use http::{Method, request::Parts};

use crate::{
    archives::{self, Match},
    filename,
    problem::Problem,
};

/// The target of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Page,
    Health,
    Description,
    Docs,
    Convert {
        /// The upload's name, if the path contains it.
        name: Option<String>,
    },
    Inspect,
    Json,
    Estimate,
    Archives(archives::Route),
    /// `OPTIONS`: lists the methods of the path.
    Options {
        allow: &'static str,
    },
}

/// Paths with their methods, in the form of `Allow`.
pub(crate) const PATHS: [(&str, &str); 8] = [
    ("/", "GET, HEAD, OPTIONS, POST, PUT"),
    ("/health", READ),
    ("/openapi.json", READ),
    ("/docs", READ),
    ("/inspect", "OPTIONS, POST, PUT"),
    ("/json", "OPTIONS, POST, PUT"),
    ("/estimate", READ),
    // Any name, not only `*.zip`: saves are zips with other extensions, and `curl -T` keeps the name.
    ("/{name}", "OPTIONS, PUT"),
];

const READ: &str = "GET, HEAD, OPTIONS";

impl Route {
    /// `stores` says whether there is a store.
    pub(crate) fn of(head: &Parts, stores: bool) -> Result<Self, Problem> {
        let path = head.uri.path();
        match archives::Route::of(head).filter(|_| stores) {
            Some(Match::Route(route)) => return Ok(Self::Archives(route)),
            Some(Match::Methods(allow)) if head.method == Method::OPTIONS => return Ok(Self::Options { allow }),
            Some(Match::Methods(allow)) => return Err(Problem::method_not_allowed(&head.method, allow)),
            None => {}
        }
        let reads = matches!(head.method, Method::GET | Method::HEAD);
        let (pattern, allow) = *PATHS
            .iter()
            .find(|(pattern, _)| *pattern == path)
            // A GET of a name is a 404, not a 405: there is no such page.
            .or_else(|| PATHS.last().filter(|_| !reads && !path[1..].contains('/')))
            .ok_or_else(|| Problem::not_found(path))?;
        match (pattern, &head.method) {
            (_, &Method::OPTIONS) => Ok(Self::Options { allow }),
            ("/", _) if reads => Ok(Self::Page),
            ("/health", _) if reads => Ok(Self::Health),
            ("/openapi.json", _) if reads => Ok(Self::Description),
            ("/docs", _) if reads => Ok(Self::Docs),
            ("/estimate", _) if reads => Ok(Self::Estimate),
            ("/inspect", &Method::POST | &Method::PUT) => Ok(Self::Inspect),
            ("/json", &Method::POST | &Method::PUT) => Ok(Self::Json),
            // `curl -T - URL/` sends a pipe to the path itself.
            ("/", &Method::POST | &Method::PUT) => Ok(Self::Convert { name: None }),
            ("/{name}", &Method::PUT) => Ok(Self::Convert { name: Some(filename::from_path(&path[1..])) }),
            _ => Err(Problem::method_not_allowed(&head.method, allow)),
        }
    }

    /// The route's name in the log. It contains no user data.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Health => "health",
            Self::Description => "openapi",
            Self::Docs => "docs",
            Self::Convert { .. } => "convert",
            Self::Inspect => "inspect",
            Self::Json => "json",
            Self::Estimate => "estimate",
            Self::Archives(route) => route.word(),
            Self::Options { .. } => "options",
        }
    }

    /// Whether it needs a token and counts against the rate limit: it takes work and memory.
    pub(crate) fn is_costly(&self) -> bool {
        matches!(self, Self::Convert { .. } | Self::Inspect | Self::Json)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn route(method: &str, path: &str) -> Result<Route, Problem> {
        Route::of(&Request::builder().method(method).uri(path).body(()).unwrap().into_parts().0, true)
    }

    #[test]
    fn every_path_takes_just_the_methods_that_it_allows() {
        for (pattern, allow) in PATHS.into_iter().chain(archives::PATHS) {
            let path = pattern.replace("{name}", "save.zip").replace("{id}", "a");
            for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
                let allowed = allow.split(", ").any(|allowed| allowed == method);
                assert_eq!(route(method, &path).is_ok(), allowed, "{method} {path}");
            }
        }
    }

    #[test]
    fn a_name_is_one_segment() {
        let named = |name: &str| Route::Convert { name: Some(name.to_owned()) };
        assert_eq!(route("PUT", "/a%2Fb.zip").unwrap(), named("a/b.zip"));
        assert_eq!(route("PUT", "/health.zip").unwrap(), named("health.zip"));
        assert_eq!(route("PUT", "/").unwrap(), Route::Convert { name: None });
        for (method, path) in [("PUT", "/a/b.zip"), ("PUT", "/a/"), ("GET", "/a.zip"), ("OPTIONS", "/a/b")] {
            assert!(format!("{:?}", route(method, path).unwrap_err()).contains("not_found"), "{method} {path}");
        }
    }
}
