//! The converter as an HTTP service: a request in, a response out, no runtime and no clock.
//!
//! ```text
//! problem      a refusal (RFC 9457), as plain data
//! base64       digests as text
//! headers      our own headers, and the ones of every answer
//! filename     names of uploads and of downloads
//! accept       the label of an answer
//! token        the bearer token
//! given        the options of a request, as text
//! origins      the other sites with pages that may call the service (CORS)
//! settings     an installation's defaults, maximums, token and origins
//! options      the options, interpreted
//! frames       the frames of a request's body
//! shared       a body that is read on after a refusal
//! form         a form that carries an archive
//! upload       the bytes of an archive, from a body or a form
//! submission   an upload with its options
//! body         the body of an answer
//! answer       answers that are complete from the start
//! state        the state that all requests share
//! run          the run of a job, up to the begin of its answer
//! route        the paths, and the methods of each
//! convert, inspect, json, estimate, health, page, docs: one handler each
//! archives     stored archives: a handler for each route, and what these share
//! ```
//!
//! Imports point up this list.
//!
//! The status is decided when the first compressed byte exists. An archive that turns out to be broken before that gets a
//! 4xx and a problem. After that the body ends with an error: the client sees a failed transfer, never a short tarball.
//!
//! All requests of a [`Service`] share a pool of memory: for encoders while they compute, for uploads that wait for one, and
//! for results that wait for their readers. A request that finds none waits a while, or gets a 503.
//!
//! If you add a path, start in `route.rs`; an option, in `given.rs`; a variable, in `settings.rs`; a code, in
//! `docs/answers.md`. `openapi.json` names them all; a test compares.

mod accept;
mod answer;
mod archives;
mod base64;
mod body;
mod convert;
mod docs;
mod estimate;
mod filename;
mod form;
mod frames;
mod given;
mod headers;
mod health;
mod inspect;
mod json;
mod options;
mod origins;
mod page;
mod problem;
mod route;
mod run;
mod settings;
mod shared;
mod state;
mod submission;
mod token;
mod upload;

use std::fmt::Display;

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, EXPECT},
    request::Parts,
};
use recompress::save::Words;
use recompress_service::{Admission, RequestLog, Terms};

pub use recompress_service::{Failure, Pause, Platform, store};

pub use self::{
    accept::prefers_html,
    archives::ticket,
    body::Body,
    settings::{BadVariable, Settings, VARIABLE_PREFIX},
};
use self::{problem::Problem, route::Route, shared::Shared, state::State, store::Storage};

/// The service of one process or one isolate.
#[derive(Debug)]
pub struct Service(State);

/// Facts and waits that the platform adds to one request.
#[derive(Debug)]
pub struct Visit<R> {
    /// The request's id, for clients that send none.
    pub id: String,
    /// Whether the sender exceeds the rate limit. Polled only for requests that cost work.
    pub over_rate: R,
    /// The storage of archives. Without one, its routes do not exist.
    pub storage: Option<Storage>,
}

impl Service {
    /// Converts each archive within the limits of `settings`, and all of them together within `budget` bytes of memory.
    ///
    /// If the encoder leaves less of the budget than [`Limits::memory_bytes`](recompress::Limits::memory_bytes), the request gets
    /// the smaller amount.
    pub fn new(settings: Settings, budget: u64, platform: Platform) -> Self {
        let terms = Terms {
            admission: Admission::new(budget, platform.now),
            limits: settings.limits,
            platform,
            wait: settings.wait,
            floor: settings.floor,
            most_unread: settings.most_unread,
        };
        Self(State { settings, terms, words: Words::default() })
    }

    /// Sets the bytes of buffers that all uploads together may fill on their way into a store, beside the budget.
    #[must_use]
    pub fn with_buffers(mut self, buffers: u64) -> Self {
        self.0.terms.admission = self.0.terms.admission.with_buffers(buffers);
        self
    }

    /// Sets the words of binary saves.
    #[must_use]
    pub fn with_words(mut self, words: Words) -> Self {
        self.0.words = words;
        self
    }

    /// Answers one request. Dropping the response, or this future, drops the job and gives its memory back.
    ///
    /// A shell that can spawn tasks takes the job of the body ([`Body::take_job`]): the conversion then goes on while the
    /// client does not read. The upload must be `Unpin` because it is read both before the response exists and from within its
    /// body; `Box::pin` makes any body so.
    pub async fn serve<B>(&self, request: Request<B>, visit: Visit<impl Future<Output = bool>>) -> Response<Body<B>>
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
    {
        let (head, upload) = request.into_parts();
        let upload = Shared::new(upload);
        let Visit { id, over_rate, storage } = visit;
        let id = headers::request_id(&head.headers).map_or(id, str::to_owned);
        let mut log = RequestLog::open(&self.0.terms.platform, id, head.method.as_str());
        let mut problem_disposition = None;
        let answer = match Route::of(&head, storage.is_some()) {
            Ok(route) => {
                log.route = route.word();
                if let Route::Convert { name: Some(name) } = &route {
                    problem_disposition = Some(filename::problem_disposition(name));
                }
                self.answer(route, &head, upload.clone(), over_rate, storage, &mut log).await
            }
            Err(problem) => Err(problem),
        };
        let mut response = match answer {
            Ok(response) => response,
            Err(problem) => {
                log.outcome = problem.code();
                upload.discard(head.headers.contains_key(EXPECT), self.0.terms.platform.sleep).await;
                let mut response = answer::refusal(problem);
                response.headers_mut().extend(problem_disposition.map(|value| (CONTENT_DISPOSITION, value)));
                response
            }
        };
        log.status = Some(response.status().as_u16());
        let allow = response.headers().get(ALLOW).cloned();
        headers::complete(response.headers_mut(), &log.request_id);
        let others = self.0.settings.origins.headers(&head.headers, allow.as_ref());
        for (name, value) in &others {
            response.headers_mut().append(name, value.clone());
        }
        if head.method == Method::HEAD {
            *response.body_mut() = Body::default();
        }
        response.map(|body| body.logged(log))
    }

    async fn answer<B>(
        &self,
        route: Route,
        head: &Parts,
        upload: Shared<B>,
        over_rate: impl Future<Output = bool>,
        storage: Option<Storage>,
        log: &mut RequestLog,
    ) -> Result<Response<Body<B>>, Problem>
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
    {
        let Self(state) = self;
        if let Route::Archives(route) = route {
            let storage = storage.expect("without one there is no such route");
            return archives::answer(state, &storage, head, route, upload, over_rate, log).await;
        }
        if route.is_costly() {
            if let Some(token) = &state.settings.token {
                token.check(&head.headers)?;
            }
            if over_rate.await {
                return Err(Problem::rate_limited());
            }
        }
        let response = match route {
            Route::Convert { name } => return convert::answer(state, head, name, upload, log).await,
            Route::Inspect => return inspect::answer(state, head, upload, log).await,
            Route::Json => return json::answer(state, head, upload, log).await,
            Route::Archives(_) => unreachable!("they were answered"),
            Route::Estimate => {
                let budget = state.terms.admission.figures().budget;
                answer::fixed("application/json", estimate::answer(head, &state.settings, budget)?)
            }
            Route::Page => answer::fixed("text/plain; charset=utf-8", page::text(head, &state.settings)),
            Route::Health => answer::fixed("application/json", health::text(state)),
            Route::Description => answer::fixed("application/json", docs::OPENAPI),
            Route::Docs => {
                let mut response = answer::fixed("text/html; charset=utf-8", docs::PAGE);
                response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(docs::POLICY));
                response
            }
            Route::Options { allow } => {
                let mut response = Response::new(Body::default());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
                response
            }
        };
        log.outcome = "ok";
        Ok(response)
    }
}

/// An answer of a shell's own.
pub fn text<B>(content_type: &'static str, text: String) -> Response<Body<B>> {
    let mut response = answer::fixed(content_type, text);
    response.headers_mut().extend(headers::every_answer(""));
    response
}

/// Response to every request while a configuration variable is invalid; we never silently use the default.
pub fn misconfigured<B>(variable: &BadVariable) -> Response<Body<B>> {
    let mut response = answer::refusal(variable.into());
    response.headers_mut().extend(headers::every_answer(""));
    response
}

#[cfg(test)]
mod tests;
