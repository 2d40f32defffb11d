//! `POST /json`: the JSON of a save.

use std::fmt::Display;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response,
    header::{CONTENT_ENCODING, CONTENT_TYPE, VARY},
    request::Parts,
};
use recompress::{
    Parameters,
    save::{Encoding, Keys, Narrow, Options, Selection, Unknown},
};
use recompress_service::{Order, RequestLog};

use crate::{
    accept,
    body::Body,
    given::{BadOption, Given},
    headers::{LGWIN, QUALITY},
    problem::Problem,
    run,
    settings::Settings,
    shared::Shared,
    state::State,
    submission::{self, Submission},
};

/// The options of this path.
pub(crate) const OPTIONS: [&str; 9] =
    ["member", "keys", "narrow", "encoding", "select", "lines", "unknown", "quality", "name"];

/// The quality of a request that sets none. A document is read at once and seldom kept, so time counts more than size.
const QUALITY_OF_JSON: u8 = 5;

pub(crate) async fn answer<B>(
    state: &State,
    head: &Parts,
    body: Shared<B>,
    log: &mut RequestLog,
) -> Result<Response<Body<B>>, Problem>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let Submission { upload, given, part_name, body_bytes, .. } = Submission::open(head, body).await?;
    given.expect_only(&OPTIONS)?;
    let options = options(&given)?;
    let parameters = parameters(&state.settings, &given, head, body_bytes)?;
    let content_type = if options.selection.is_lines() { accept::LINES } else { accept::JSON };
    let name = submission::name(&given, part_name, &head.headers);

    let (member, words) = (given.one("member").map(str::to_owned), state.words.clone());
    let game = name.and_then(|name| submission::game(&name));
    let order = Order::Json { options: Box::new(options), member, words, game, parameters };
    let (answer, job) = run::begin(&state.terms, head, order, upload, body_bytes, None, log).await?;
    let begun_with = job.begun_with();

    let mut response = Response::new(Body::streaming(answer, job));
    describe(response.headers_mut(), content_type, begun_with, log);
    Ok(response)
}

/// Adds the headers of JSON. `begun_with` is the brotli quality and window, if it is compressed.
pub(crate) fn describe(
    headers: &mut HeaderMap,
    content_type: &'static str,
    begun_with: Option<(u8, u8)>,
    log: &mut RequestLog,
) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some((quality, lgwin)) = begun_with {
        (log.quality, log.lgwin) = (Some(quality), Some(lgwin));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
        headers.insert(QUALITY, u16::from(quality).into());
        headers.insert(LGWIN, u16::from(lgwin).into());
    }
}

/// How the JSON of `bytes` bytes is compressed, if the client accepts that.
pub(crate) fn parameters(
    settings: &Settings,
    given: &Given,
    head: &Parts,
    bytes: Option<u64>,
) -> Result<Option<Parameters>, BadOption> {
    let quality = given.one("quality").map_or(Ok(None), |text| settings.quality(text))?;
    Ok(accept::accepts_brotli(&head.headers).then(|| {
        let quality = Some(quality.unwrap_or(settings.at_most(QUALITY_OF_JSON)));
        settings.parameters(quality, settings.usual_lgwin(quality)).expecting(bytes)
    }))
}

pub(crate) fn options(given: &Given) -> Result<Options, BadOption> {
    let mut selection = Selection::default();
    for path in given.all("select") {
        selection = selection.with_path(path)?;
    }
    if let Some(path) = given.one("lines") {
        selection = selection.with_lines(path)?;
    }
    let encoding = match given.one("encoding") {
        Some("auto") => None,
        _ => given.choice("encoding", Encoding::named, || format!("auto, {}", Encoding::NAMES))?,
    };
    Ok(Options {
        keys: given.choice("keys", Keys::named, || Keys::NAMES.to_owned())?.unwrap_or_default(),
        narrow: given.choice("narrow", Narrow::named, || Narrow::NAMES.to_owned())?.unwrap_or_default(),
        unknown: given.choice("unknown", Unknown::named, || Unknown::NAMES.to_owned())?.unwrap_or_default(),
        encoding,
        selection,
        ..Options::default()
    })
}
