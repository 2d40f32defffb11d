//! The converter as an HTTP service: a request in, a response out, no runtime and no clock.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /`, `PUT /`, `PUT /{name}` with a zip as body | the tarball, or a problem |
//! | `GET /` | a page of text that teaches the command |
//! | `GET /health` | the memory in use and the requests that use it, as JSON |
//!
//! The status is decided when the first compressed byte exists: an archive that is found to be broken before that gets
//! a 4xx and a problem (RFC 9457), one that breaks later an error in the middle of its body, so that the client sees a
//! transfer that failed and never a tarball that merely ends early.
//!
//! A conversion reserves the most memory it can come to take before a byte of its upload is read, in a ledger that all
//! requests of a [`Service`] share; it waits for its share a while, or gets a 503. The reservation ends with the
//! conversion, however that ends.
//!
//! A new reason to refuse is a row in `problem.rs`'s tests; a new option is a row in `options.rs`, a new
//! variable of an installation in `settings.rs`.

mod accept;
mod admission;
mod body;
mod conversion;
mod filename;
mod options;
mod page;
mod problem;
mod settings;
mod share;

use std::{fmt::Display, future::poll_fn};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response,
    header::{
        CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY,
        X_CONTENT_TYPE_OPTIONS,
    },
    request::Parts,
};
use serde::Serialize;

use self::{
    accept::Variant,
    admission::{Admission, Figures},
    conversion::{Conversion, Piece},
    options::{Given, Options},
    problem::Problem,
    share::Share,
};
use crate::Transcoder;

pub use self::{
    body::Body,
    conversion::Failure,
    settings::{BadVariable, Settings, VARIABLE_PREFIX},
};

/// With what a tarball was compressed.
const QUALITY: HeaderName = HeaderName::from_static("recompress-quality");
const LGWIN: HeaderName = HeaderName::from_static("recompress-lgwin");

/// What all requests of a process, or of an isolate, share.
#[derive(Debug)]
pub struct Service {
    settings: Settings,
    admission: Admission,
    platform: Platform,
}

/// What only the platform knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Platform {
    /// How large the wasm's memory is now, in bytes; for `/health` to tell, where there is a wasm.
    pub wasm_memory: Option<fn() -> u64>,
    /// Whether the platform is about to end what is running for its use of CPU. A conversion then fails while it can still
    /// say why: the last resort, behind
    /// [`Limits::cpu_ms`](crate::Limits::cpu_ms).
    pub near_cpu_limit: Option<fn() -> bool>,
}

impl Service {
    /// Converts each archive within the limits of `settings`, and all of them together within `budget` bytes of memory.
    ///
    /// Of [`Limits::memory_bytes`](crate::Limits::memory_bytes) a request has less where its encoder does not leave as much
    /// of the budget.
    pub fn new(settings: Settings, budget: u64, platform: Platform) -> Self {
        Self { settings, admission: Admission::new(budget), platform }
    }

    /// Answers one request. Dropping the response, or this future, drops the job and gives its memory back.
    ///
    /// Where there is no memory for a conversion now, it waits until there is or `patience` ends; the future is not
    /// polled before. The upload must be `Unpin` because it is read both before the response exists and from within its
    /// body; `Box::pin` makes any body so.
    pub async fn serve<B>(&self, request: Request<B>, patience: impl Future<Output = ()>) -> Response<Body<B>>
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
    {
        let (head, upload) = request.into_parts();
        let is_head = head.method == Method::HEAD;
        let mut response = match route(&head) {
            Ok(Route::Convert { name }) => {
                self.convert(&head, name, upload, patience).await.unwrap_or_else(Problem::into_response)
            }
            Ok(Route::Page) => fixed("text/plain; charset=utf-8", page::text(&head)),
            Ok(Route::Health) => fixed("application/json", self.health()),
            Err(problem) => problem.into_response(),
        };
        response.headers_mut().extend(every_answer());
        if is_head {
            *response.body_mut() = Body::empty();
        }
        response
    }

    fn health(&self) -> String {
        #[derive(Serialize)]
        struct Health {
            status: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            wasm_memory_bytes: Option<u64>,
            reserved_bytes: u64,
            budget_bytes: u64,
            active: usize,
            waiting: usize,
        }
        let Figures { budget, reserved, active, waiting } = self.admission.figures();
        let health = Health {
            status: "ok",
            wasm_memory_bytes: self.platform.wasm_memory.map(|now| now()),
            reserved_bytes: reserved,
            budget_bytes: budget,
            active,
            waiting,
        };
        serde_json::to_string(&health).expect("numbers and a word are always JSON") + "\n"
    }

    async fn convert<B>(
        &self,
        head: &Parts,
        path_name: Option<String>,
        upload: B,
        patience: impl Future<Output = ()>,
    ) -> Result<Response<Body<B>>, Problem>
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
    {
        refuse_encoded_upload(&head.headers)?;
        let given = Given::by_head(head.uri.query().unwrap_or_default(), &head.headers)?;
        let Options { parameters, name } = Options::read(&given, &self.settings)?;
        let variant = Variant::negotiate(&head.headers);
        let name = name
            .or(path_name)
            .or_else(|| head.headers.get(CONTENT_DISPOSITION).and_then(filename::from_content_disposition));

        let upload_bytes = declared_length(&head.headers);
        let parameters = parameters.expecting(upload_bytes);
        let limits = self.settings.limits;
        let share = Share::of(parameters, limits, self.admission.figures().budget, upload_bytes)?;
        let reservation = self
            .admission
            .reserve(share.bytes, patience)
            .await
            .map_err(|figures| share.busy(parameters, limits, figures, upload_bytes))?;
        let transcoder = Transcoder::new(parameters, share.limits)?;
        let mut conversion = Conversion::new(transcoder, upload, upload_bytes, self.platform, reservation);
        let first = poll_fn(|cx| conversion.poll_piece(cx)).await?;
        let (quality, lgwin) = conversion.in_use();
        let body = match first {
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
        headers.insert(QUALITY, u16::from(quality).into());
        headers.insert(LGWIN, u16::from(lgwin).into());
        Ok(response)
    }
}

/// What every request is answered where a variable cannot be honoured: nobody is to take the default for what was meant.
pub fn misconfigured<B>(variable: &BadVariable) -> Response<Body<B>> {
    let mut response = Problem::misconfigured(variable).into_response();
    response.headers_mut().extend(every_answer());
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

fn refuse_encoded_upload(headers: &HeaderMap) -> Result<(), Problem> {
    for value in headers.get_all(CONTENT_ENCODING) {
        if !value.as_bytes().eq_ignore_ascii_case(b"identity") {
            return Err(Problem::content_encoding(value));
        }
    }
    Ok(())
}

/// None where the upload's length is not told, or not as a number (RFC 9110 §8.6).
fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
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
