//! `POST /inspect`: the listing of an archive.

use std::fmt::Display;

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CONTENT_TYPE, VARY},
    request::Parts,
};
use recompress::{Inspection, Listing};
use recompress_service::{Exchange, Failure, Job, RequestLog, Share};

use crate::{
    accept,
    body::Body,
    options,
    problem::Problem,
    shared::Shared,
    state::State,
    submission::{self, Submission},
};

/// The options of this path.
pub(crate) const OPTIONS: [&str; 3] = ["names", "meta", "name"];

pub(crate) async fn answer<B>(
    state: &State,
    head: &Parts,
    body: Shared<B>,
    patience: impl Future<Output = ()>,
    log: &mut RequestLog,
) -> Result<Response<Body<B>>, Problem>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let Submission { upload, given, part_name, body_bytes, .. } = Submission::open(head, body).await?;
    given.expect_only(&OPTIONS)?;
    let names = options::names(&given, state.platform.decode_name)?;
    let meta = options::switch(&given, "meta")?.unwrap_or_default();
    let name = submission::name(&given, part_name, &head.headers);
    let (listing, content_type) = accept::listing(&head.headers);
    let share = Share::of_inspection(state.settings.limits, state.admission.figures().budget, body_bytes);
    let reserved = state.admission.reserve(share.bytes, patience, state.platform.pause).await;
    let reservation = reserved.map_err(|figures| share.busy_for_inspection(figures))?;
    log.reserved_bytes = share.bytes;
    let mut inspection = Inspection::new(listing, share.limits).naming(names);
    if meta {
        inspection = inspection.with_metadata(name.and_then(|name| submission::game(&name)), state.words.clone());
    }
    let job = Job::Inspect(Box::new(inspection));
    let mut exchange = Exchange::new(job, upload, body_bytes, state.platform, reservation);
    if listing == Listing::Lines {
        exchange = exchange.with_last_words(last_words);
    }
    let first = exchange.first_piece(log).await.map_err(|failure| Problem::from(failure).with_hint(&head.headers))?;

    let mut response = Response::new(Body::streaming(first, exchange, log));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

/// The last line of an incomplete listing: a problem document.
fn last_words(failure: &Failure) -> Vec<u8> {
    Problem::from(failure).line()
}
