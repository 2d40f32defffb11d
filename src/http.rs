//! The converter as an HTTP service: a request in, a response out, no runtime and no clock.
//!
//! ```text
//! route        the paths there are, and what may be done at each
//! settings     what an installation decides: defaults, bounds, token, origins
//! token        who may ask
//! origins      whose pages may ask (CORS)
//! options      what a request asks for
//! form         a form that has an archive as its file
//! source       where an archive's bytes come from
//! accept       how the answer is labelled
//! filename     how it is named
//! admission    the ledger of the memory that all requests share
//! share        what one of them needs
//! conversion   a transcoder, or an inspection, fed by a request's body
//! body         the body of an answer
//! estimate     what a conversion would come to, by numbers
//! problem      an answer that says why there is no tarball (RFC 9457)
//! headers      what every answer has
//! account      what is logged of a request
//! page         the text at `/`
//! description  the OpenAPI description, and a page for people
//! ```
//!
//! The status is decided when the first compressed byte exists: an archive that is found to be broken before that gets
//! a 4xx and a problem, one that breaks later an error in the middle of its body, so that the client sees a transfer that
//! failed and never a tarball that merely ends early.
//!
//! A conversion reserves the most memory it can come to take before a byte of its archive is read, in a ledger that all
//! requests of a [`Service`] share; it waits for its share a while, or gets a 503. The reservation ends with the
//! conversion, however that ends.
//!
//! A new path is a row in `route.rs`, a new option one in `options.rs`, a new variable of an installation one in
//! `settings.rs`; a new reason to refuse is a row in `docs/answers.md`. `openapi.json` names them all, which a test checks.

mod accept;
mod account;
mod admission;
mod body;
mod conversion;
mod description;
mod estimate;
mod filename;
mod form;
mod headers;
mod options;
mod origins;
mod page;
mod problem;
mod route;
mod settings;
mod share;
mod source;
mod token;

use std::fmt::Display;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY},
    request::Parts,
};
use serde::Serialize;

use self::{
    accept::Variant,
    account::Account,
    admission::{Admission, Figures},
    conversion::{Conversion, Job},
    form::Form,
    headers::{LGWIN, MODE, QUALITY},
    options::{Given, Options},
    problem::Problem,
    route::Route,
    share::Share,
    source::Source,
};
use crate::{Inspection, Transcoder};

pub use self::{
    accept::prefers_html,
    admission::Pause,
    body::Body,
    conversion::Failure,
    settings::{BadVariable, Settings, VARIABLE_PREFIX},
};

/// What all requests of a process, or of an isolate, share.
#[derive(Debug)]
pub struct Service {
    settings: Settings,
    admission: Admission,
    platform: Platform,
}

/// What only the platform knows, and does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Platform {
    /// How large the wasm's memory is now, in bytes; for `/health` to tell, where there is a wasm.
    pub wasm_memory: Option<fn() -> u64>,
    /// Whether the platform is about to end what is running for its use of CPU. A conversion then fails while it can still
    /// say why: the last resort, behind [`Limits::cpu_ms`](crate::Limits::cpu_ms).
    pub near_cpu_limit: Option<fn() -> bool>,
    /// A pause in the context of the request that polls it, where one request must not wake another. Who waits for memory
    /// then looks again after each.
    pub pause: Option<Pause>,
    /// Writes a line of the log: the account of one request, as JSON.
    pub log: Option<fn(&str)>,
}

/// What the platform brings to one request.
#[derive(Debug)]
pub struct Visit<P, R> {
    /// A word by which the request can be found, for who brings none.
    pub id: String,
    /// Ends when a conversion that finds no memory has waited long enough.
    pub patience: P,
    /// Whether its sender asks too often; not asked of requests that take no work.
    pub over_rate: R,
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
    /// Where there is no memory for a conversion now, it waits until there is or patience ends; that future is not
    /// polled before. The upload must be `Unpin` because it is read both before the response exists and from within its
    /// body; `Box::pin` makes any body so.
    pub async fn serve<B>(
        &self,
        request: Request<B>,
        visit: Visit<impl Future<Output = ()>, impl Future<Output = bool>>,
    ) -> Response<Body<B>>
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
    {
        let (head, upload) = request.into_parts();
        let id = headers::request_id(&head.headers).map_or(visit.id, str::to_owned);
        let mut account = Account::open(self.platform.log, id, &head.method);
        let answer = match Route::of(&head) {
            Ok(route) => {
                account.route = route.word();
                self.answer(route, &head, upload, visit.patience, visit.over_rate, &mut account).await
            }
            Err(problem) => Err(problem),
        };
        let mut response = answer.unwrap_or_else(|problem| {
            account.outcome = problem.code();
            problem.into_response()
        });
        account.status = Some(response.status().as_u16());
        let allow = response.headers().get(ALLOW).cloned();
        response.headers_mut().extend(headers::every_answer(&account.request_id));
        let others = self.settings.origins.headers(&head.headers, allow.as_ref());
        for (name, value) in &others {
            response.headers_mut().append(name, value.clone());
        }
        if head.method == Method::HEAD {
            *response.body_mut() = Body::default();
        }
        response.map(|body| body.accounted(account))
    }

    async fn answer<B>(
        &self,
        route: Route,
        head: &Parts,
        upload: B,
        patience: impl Future<Output = ()>,
        over_rate: impl Future<Output = bool>,
        account: &mut Account,
    ) -> Result<Response<Body<B>>, Problem>
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
    {
        if route.is_costly() {
            if let Some(token) = &self.settings.token {
                token.check(&head.headers)?;
            }
            if over_rate.await {
                return Err(Problem::rate_limited());
            }
        }
        let response = match route {
            Route::Convert { name } => return self.convert(head, name, upload, patience, account).await,
            Route::Inspect => return self.inspect(head, upload, patience, account).await,
            Route::Estimate => {
                let budget = self.admission.figures().budget;
                fixed("application/json", estimate::answer(head, &self.settings, budget)?)
            }
            Route::Page => fixed("text/plain; charset=utf-8", page::text(head, &self.settings)),
            Route::Health => fixed("application/json", self.health()),
            Route::Description => fixed("application/json", description::OPENAPI),
            Route::Docs => fixed("text/html; charset=utf-8", description::PAGE),
            Route::Options { allow } => {
                let mut response = Response::new(Body::default());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
                response
            }
        };
        account.outcome = "ok";
        Ok(response)
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
        account: &mut Account,
    ) -> Result<Response<Body<B>>, Problem>
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
    {
        let Upload { source, given, part_name, body_bytes, archive_bytes } = Upload::open(head, upload).await?;
        let Options { parameters, selection, report, name } = Options::read(&given, &self.settings)?;
        let variant = Variant::negotiate(&head.headers);
        let name = name
            .or(path_name)
            .or(part_name)
            .or_else(|| head.headers.get(CONTENT_DISPOSITION).and_then(filename::from_content_disposition));

        let parameters = parameters.expecting(archive_bytes);
        let limits = self.settings.limits;
        let share = Share::of(parameters, limits, self.admission.figures().budget, body_bytes)?;
        let reservation = self
            .admission
            .reserve(share.bytes, patience, self.platform.pause)
            .await
            .map_err(|figures| share.busy(parameters, limits, figures, body_bytes))?;
        account.reserved_bytes = share.bytes;
        let transcoder = Transcoder::new(parameters, share.limits)?.selecting(selection);
        let job = Job::Convert(Box::new(if report { transcoder.reporting() } else { transcoder }));
        let mut conversion = Conversion::new(job, source, body_bytes, self.platform, reservation);
        let first = conversion.first_piece(account).await?;
        let (quality, lgwin) = conversion.in_use().expect("it has an encoder");
        (account.quality, account.lgwin) = (Some(quality), Some(lgwin));

        let mut response = Response::new(Body::converting(first, conversion, account));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(variant.content_type()));
        if let Some(encoding) = variant.content_encoding() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        headers.insert(CONTENT_DISPOSITION, filename::content_disposition(name.as_deref(), variant.extension()));
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        headers.insert(QUALITY, u16::from(quality).into());
        headers.insert(LGWIN, u16::from(lgwin).into());
        headers.insert(MODE, HeaderValue::from_static(parameters.mode().name()));
        Ok(response)
    }

    async fn inspect<B>(
        &self,
        head: &Parts,
        upload: B,
        patience: impl Future<Output = ()>,
        account: &mut Account,
    ) -> Result<Response<Body<B>>, Problem>
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
    {
        let Upload { source, given, body_bytes, .. } = Upload::open(head, upload).await?;
        given.expect_only(&["name"])?;
        let (listing, content_type) = accept::listing(&head.headers);
        let share = Share::of_inspection(self.settings.limits, self.admission.figures().budget, body_bytes);
        let reserved = self.admission.reserve(share.bytes, patience, self.platform.pause).await;
        let reservation = reserved.map_err(|figures| share.busy_for_inspection(figures))?;
        account.reserved_bytes = share.bytes;
        let job = Job::Inspect(Box::new(Inspection::new(listing, share.limits)), listing);
        let mut inspection = Conversion::new(job, source, body_bytes, self.platform, reservation);
        let first = inspection.first_piece(account).await?;

        let mut response = Response::new(Body::converting(first, inspection, account));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
        Ok(response)
    }
}

/// An archive on its way in, and what its sender says with it.
struct Upload<B> {
    source: Source<B>,
    given: Given,
    /// The name that a form has for it.
    part_name: Option<String>,
    /// Of the whole body, if that is told.
    body_bytes: Option<u64>,
    /// Of the archive. Of a form the length says only how long its file is at most.
    archive_bytes: Option<u64>,
}

impl<B> Upload<B>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    async fn open(head: &Parts, upload: B) -> Result<Self, Problem> {
        refuse_encoded_upload(&head.headers)?;
        let mut given = Given::by_head(head.uri.query().unwrap_or_default(), &head.headers)?;
        let body_bytes = declared_length(&head.headers);
        if !form::is_form(&head.headers) {
            let source = Source::Body(upload);
            return Ok(Self { source, given, part_name: None, body_bytes, archive_bytes: body_bytes });
        }
        let (form, name) = Form::open(upload, &head.headers, &mut given).await?;
        let source = Source::Form(Box::new(form));
        Ok(Self { source, given, part_name: Some(name), body_bytes, archive_bytes: None })
    }
}

/// What every request is answered where a variable cannot be honoured: nobody is to take the default for what was meant.
pub fn misconfigured<B>(variable: &BadVariable) -> Response<Body<B>> {
    let mut response = Problem::misconfigured(variable).into_response();
    response.headers_mut().extend(headers::every_answer(""));
    response
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

fn fixed<B>(content_type: &'static str, text: impl Into<Bytes>) -> Response<Body<B>> {
    let mut response = Response::new(Body::fixed(text.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests;
