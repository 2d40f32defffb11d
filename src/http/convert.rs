//! `POST /`, `PUT /`, `PUT /{name}`: the tarball of an archive.

use std::fmt::Display;

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, VARY},
    request::Parts,
};
use recompress::When;
use recompress_service::{Order, RequestLog};

use crate::{
    accept::Variant,
    body::Body,
    filename,
    headers::{DIRECTORY, LGWIN, MODE, QUALITY},
    options::Options,
    problem::Problem,
    run,
    shared::Shared,
    state::State,
    submission::Submission,
};

/// The options of these paths.
pub(crate) const OPTIONS: [&str; 11] =
    ["quality", "lgwin", "mode", "include", "exclude", "first", "names", "directory", "seekable", "report", "name"];

pub(crate) async fn answer<B>(
    state: &State,
    head: &Parts,
    path_name: Option<String>,
    body: Shared<B>,
    log: &mut RequestLog,
) -> Result<Response<Body<B>>, Problem>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let Submission { upload, given, part_name, body_bytes, archive_bytes } = Submission::open(head, body).await?;
    given.expect_only(&OPTIONS)?;
    let Options { parameters, selection, names, directory, report, name } =
        Options::read(&given, &state.settings, state.terms.platform.decode_name)?;
    let variant = Variant::negotiate(&head.headers);
    let name = name
        .or(path_name)
        .or(part_name)
        .or_else(|| head.headers.get(CONTENT_DISPOSITION).and_then(filename::from_content_disposition));

    let parameters = parameters.expecting(archive_bytes);
    let mode = parameters.mode();
    let order = Order::Convert { parameters, selection, names, directory, report, summary: None };
    let (answer, job) = run::begin(&state.terms, head, order, upload, body_bytes, None, log).await?;
    let (quality, lgwin) = job.begun_with().expect("it has an encoder");
    (log.quality, log.lgwin) = (Some(quality), Some(lgwin));
    let directory = if job.read_directory_first() { When::First } else { When::Last };

    let mut response = Response::new(Body::streaming(answer, job));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(variant.content_type()));
    if let Some(encoding) = variant.content_encoding() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.insert(CONTENT_DISPOSITION, filename::content_disposition(name.as_deref(), variant.extension()));
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    headers.insert(QUALITY, u16::from(quality).into());
    headers.insert(LGWIN, u16::from(lgwin).into());
    headers.insert(MODE, HeaderValue::from_static(mode.name()));
    headers.insert(DIRECTORY, HeaderValue::from_static(directory.name()));
    Ok(response)
}
