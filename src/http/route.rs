//! The paths there are, and what may be done at each.

use http::{Method, request::Parts};

use crate::{filename, problem::Problem};

/// What a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Page,
    Health,
    Description,
    Docs,
    Convert {
        /// The upload's name, if the path has it.
        name: Option<String>,
    },
    Inspect,
    Estimate,
    /// What may be done at the path.
    Options {
        allow: &'static str,
    },
}

/// Paths with their methods, as `Allow` has them.
pub(crate) const PATHS: [(&str, &str); 7] = [
    ("/", "GET, HEAD, OPTIONS, POST, PUT"),
    ("/health", READ),
    ("/openapi.json", READ),
    ("/docs", READ),
    ("/inspect", "OPTIONS, POST, PUT"),
    ("/estimate", READ),
    // Not only names that end in `.zip`: saves are zips of other names, and `curl -T` puts them under those.
    ("/{name}", "OPTIONS, PUT"),
];

const READ: &str = "GET, HEAD, OPTIONS";

impl Route {
    pub(crate) fn of(head: &Parts) -> Result<Self, Problem> {
        let path = head.uri.path();
        let reads = matches!(head.method, Method::GET | Method::HEAD);
        let (pattern, allow) = *PATHS
            .iter()
            .find(|(pattern, _)| *pattern == path)
            // A name is no page that could be read: there is nothing, rather than something that takes no GET.
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
            // `curl -T - URL/` puts what it reads from a pipe to the path itself.
            ("/", &Method::POST | &Method::PUT) => Ok(Self::Convert { name: None }),
            ("/{name}", &Method::PUT) => Ok(Self::Convert { name: Some(filename::from_path(&path[1..])) }),
            _ => Err(Problem::method_not_allowed(&head.method, allow)),
        }
    }

    /// A word for it, which tells nothing of who asks.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Health => "health",
            Self::Description => "openapi",
            Self::Docs => "docs",
            Self::Convert { .. } => "convert",
            Self::Inspect => "inspect",
            Self::Estimate => "estimate",
            Self::Options { .. } => "options",
        }
    }

    /// Whether it takes work and memory worth protecting: by a token, by a rate.
    pub(crate) fn is_costly(&self) -> bool {
        matches!(self, Self::Convert { .. } | Self::Inspect)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn route(method: &str, path: &str) -> Result<Route, Problem> {
        Route::of(&Request::builder().method(method).uri(path).body(()).unwrap().into_parts().0)
    }

    #[test]
    fn every_path_takes_just_the_methods_that_it_allows() {
        for (pattern, allow) in PATHS {
            let path = pattern.replace("{name}", "save.zip");
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
