//! Answers whose body is known at once.

use bytes::Bytes;
use http::{HeaderValue, Response, header::CONTENT_TYPE};

use crate::{body::Body, problem::Problem};

/// An answer with a short text or document.
pub(crate) fn fixed<B>(content_type: &'static str, text: impl Into<Bytes>) -> Response<Body<B>> {
    let mut response = Response::new(Body::fixed(text.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The answer that is a problem (RFC 9457 §3).
pub(crate) fn refusal<B>(problem: Problem) -> Response<Body<B>> {
    let mut response = fixed("application/problem+json", problem.line());
    *response.status_mut() = problem.status;
    if let Some((name, value)) = problem.header {
        let value = HeaderValue::try_from(&*value).expect("words and numbers of ours are valid");
        response.headers_mut().insert(name, value);
    }
    response
}
