//! The converter as an HTTP service: a request in, a response out, no runtime and no clock.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /`, `PUT /`, `PUT /{name}` with a zip as body | the tarball, or a problem |
//! | `GET /` | a page of text that teaches the command |
//! | `GET /health` | `{"status":"ok"}` |
//!
//! The status is decided when the first compressed byte exists: an archive that is found to be broken before that gets
//! a 4xx and a problem (RFC 9457), one that breaks later an error in the middle of its body, so that the client sees a
//! transfer that failed and never a tarball that merely ends early.
//!
//! A new reason to refuse is a row in `problem.rs`'s tests; a new option is a row in `options.rs`'s.

mod accept;
mod body;
mod conversion;
mod filename;
mod options;
mod page;
mod problem;

use std::{fmt::Display, future::poll_fn};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS},
    request::Parts,
};

use self::{
    accept::Variant,
    conversion::{Conversion, Piece},
    options::Options,
    problem::Problem,
};
use crate::{Limits, Transcoder};

pub use self::{body::Body, conversion::Failure};

/// Answers one request. Dropping the response, or this future, drops the job.
///
/// The upload must be `Unpin` because it is read both before the response exists and from within its body;
/// `Box::pin` makes any body so.
pub async fn serve<B>(request: Request<B>, limits: Limits) -> Response<Body<B>>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let (head, upload) = request.into_parts();
    let is_head = head.method == Method::HEAD;
    let mut response = match route(&head) {
        Ok(Route::Convert { name }) => {
            convert(&head, name, upload, limits).await.unwrap_or_else(Problem::into_response)
        }
        Ok(Route::Page) => fixed("text/plain; charset=utf-8", page::text(&head)),
        Ok(Route::Health) => fixed("application/json", r#"{"status":"ok"}"#.into()),
        Err(problem) => problem.into_response(),
    };
    response.headers_mut().extend(every_answer());
    if is_head {
        *response.body_mut() = Body::empty();
    }
    response
}

enum Route {
    Page,
    Health,
    Convert {
        /// The upload's name, if the path has it.
        name: Option<String>,
    },
}

fn route(head: &Parts) -> Result<Route, Problem> {
    let reads = matches!(head.method, Method::GET | Method::HEAD);
    match head.uri.path() {
        "/" if reads => Ok(Route::Page),
        // `curl -T - URL/` puts what it reads from a pipe to the path itself.
        "/" if matches!(head.method, Method::POST | Method::PUT) => Ok(Route::Convert { name: None }),
        "/" => Err(Problem::method_not_allowed(&head.method, "GET, HEAD, POST, PUT")),
        "/health" if reads => Ok(Route::Health),
        "/health" => Err(Problem::method_not_allowed(&head.method, "GET, HEAD")),
        // Not only names that end in `.zip`: saves are zips of other names, and `curl -T` puts them under those.
        path => match path.strip_prefix('/') {
            Some(name) if !name.contains('/') && !reads => match head.method {
                Method::PUT => Ok(Route::Convert { name: Some(filename::from_path(name)) }),
                _ => Err(Problem::method_not_allowed(&head.method, "PUT")),
            },
            _ => Err(Problem::not_found(path)),
        },
    }
}

async fn convert<B>(
    head: &Parts,
    path_name: Option<String>,
    upload: B,
    limits: Limits,
) -> Result<Response<Body<B>>, Problem>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    refuse_encoded_upload(&head.headers)?;
    let options = Options::parse(head.uri.query().unwrap_or_default())?;
    let variant = Variant::negotiate(&head.headers);
    let name = options
        .name
        .or(path_name)
        .or_else(|| head.headers.get(CONTENT_DISPOSITION).and_then(filename::from_content_disposition));

    let transcoder = Transcoder::new(options.parameters, limits)?;
    let mut conversion = Conversion::new(transcoder, upload);
    let body = match poll_fn(|cx| conversion.poll_piece(cx)).await? {
        Piece::More(first) => Body::converting(first, conversion),
        Piece::Last(only) => Body::fixed(only),
    };

    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(variant.content_type()));
    if let Some(encoding) = variant.content_encoding() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.insert(CONTENT_DISPOSITION, filename::content_disposition(name.as_deref(), variant.extension()));
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    Ok(response)
}

fn refuse_encoded_upload(headers: &HeaderMap) -> Result<(), Problem> {
    for value in headers.get_all(CONTENT_ENCODING) {
        if !value.as_bytes().eq_ignore_ascii_case(b"identity") {
            return Err(Problem::content_encoding(value));
        }
    }
    Ok(())
}

fn fixed<B>(content_type: &'static str, text: String) -> Response<Body<B>> {
    let mut response = Response::new(Body::fixed(text.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// `no-transform` keeps a proxy from compressing, or decoding, what is already brotli (RFC 9111 §5.2.2.6).
fn every_answer() -> HeaderMap {
    HeaderMap::from_iter([
        (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ])
}

#[cfg(test)]
mod tests;
