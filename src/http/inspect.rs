//! `POST /inspect`: the listing of an archive.

use std::fmt::Display;

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CONTENT_TYPE, VARY},
    request::Parts,
};
use recompress::Listing;
use recompress_service::{Failure, Order, RequestLog};

use crate::{
    accept,
    body::Body,
    options,
    problem::Problem,
    run,
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
    log: &mut RequestLog,
) -> Result<Response<Body<B>>, Problem>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let Submission { upload, given, part_name, body_bytes, .. } = Submission::open(head, body).await?;
    given.expect_only(&OPTIONS)?;
    let names = options::names(&given, state.terms.platform.decode_name)?;
    let meta = options::switch(&given, "meta")?.unwrap_or_default();
    let name = submission::name(&given, part_name, &head.headers);
    let (listing, content_type) = accept::listing(&head.headers);
    let metadata = meta.then(|| (name.and_then(|name| submission::game(&name)), state.words.clone()));
    let order = Order::Inspect { listing, names, metadata };
    let last_words = (listing == Listing::Lines).then_some(last_words as fn(&Failure) -> Vec<u8>);
    let (answer, job) = run::begin(&state.terms, head, order, upload, body_bytes, last_words, log).await?;

    let mut response = Response::new(Body::streaming(answer, job));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

/// The last line of an incomplete listing: a problem document.
fn last_words(failure: &Failure) -> Vec<u8> {
    Problem::from(failure).line()
}
