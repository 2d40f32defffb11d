//! `POST /`, `PUT /`, `PUT /{name}`: the tarball of an archive.

use std::fmt::Display;

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, VARY},
    request::Parts,
};
use recompress::Transcoder;
use recompress_service::{Exchange, Job, RequestLog, Share};

use crate::{
    accept::Variant,
    body::Body,
    filename,
    headers::{LGWIN, MODE, QUALITY},
    options::Options,
    problem::Problem,
    shared::Shared,
    state::State,
    submission::Submission,
};

/// The options of these paths.
pub(crate) const OPTIONS: [&str; 10] =
    ["quality", "lgwin", "mode", "include", "exclude", "first", "names", "seekable", "report", "name"];

pub(crate) async fn answer<B>(
    state: &State,
    head: &Parts,
    path_name: Option<String>,
    body: Shared<B>,
    patience: impl Future<Output = ()>,
    log: &mut RequestLog,
) -> Result<Response<Body<B>>, Problem>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let Submission { upload, given, part_name, body_bytes, archive_bytes } = Submission::open(head, body).await?;
    given.expect_only(&OPTIONS)?;
    let Options { parameters, selection, names, report, name } =
        Options::read(&given, &state.settings, state.platform.decode_name)?;
    let variant = Variant::negotiate(&head.headers);
    let name = name
        .or(path_name)
        .or(part_name)
        .or_else(|| head.headers.get(CONTENT_DISPOSITION).and_then(filename::from_content_disposition));

    let parameters = parameters.expecting(archive_bytes);
    let limits = state.settings.limits;
    let share = Share::of(parameters, limits, state.admission.figures().budget, body_bytes)?;
    let reservation = state
        .admission
        .reserve(share.bytes, patience, state.platform.pause)
        .await
        .map_err(|figures| share.busy(parameters, limits, figures, body_bytes))?;
    log.reserved_bytes = share.bytes;
    let transcoder = Transcoder::new(parameters, share.limits)?.selecting(selection).naming(names);
    let job = Job::Convert(Box::new(if report { transcoder.reporting() } else { transcoder }));
    let mut exchange = Exchange::new(job, upload, body_bytes, state.platform, reservation);
    let first = exchange.first_piece(log).await.map_err(|failure| Problem::from(failure).with_hint(&head.headers))?;
    let (quality, lgwin) = exchange.in_use().expect("it has an encoder");
    (log.quality, log.quality_at_end, log.lgwin) = (Some(quality), Some(quality), Some(lgwin));

    let mut response = Response::new(Body::streaming(first, exchange, log));
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
