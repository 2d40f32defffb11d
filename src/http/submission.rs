//! A submission: an incoming archive with its options and its name.

use std::fmt::Display;

use bytes::Bytes;
use http::{
    HeaderMap,
    header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH},
    request::Parts,
};

use recompress::save::Game;

use crate::{
    filename,
    form::{self, Form},
    given::Given,
    problem::Problem,
    upload::Upload,
};

/// An incoming archive and everything its sender says about it.
pub(crate) struct Submission<B> {
    pub(crate) upload: Upload<B>,
    pub(crate) given: Given,
    /// The file name in a form.
    pub(crate) part_name: Option<String>,
    /// Length of the whole body, if the request declares it.
    pub(crate) body_bytes: Option<u64>,
    /// Length of the archive. Unknown for a form: its length is only an upper bound.
    pub(crate) archive_bytes: Option<u64>,
}

impl<B> Submission<B>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    pub(crate) async fn open(head: &Parts, body: B) -> Result<Self, Problem> {
        refuse_encoded_upload(&head.headers)?;
        let mut given = Given::by_head(head.uri.query().unwrap_or_default(), &head.headers)?;
        let body_bytes = declared_length(&head.headers);
        if !form::is_form(&head.headers) {
            let upload = Upload::Body(body);
            return Ok(Self { upload, given, part_name: None, body_bytes, archive_bytes: body_bytes });
        }
        let (form, name) = Form::open(body, &head.headers, &mut given).await?;
        let upload = Upload::Form(Box::new(form));
        Ok(Self { upload, given, part_name: name, body_bytes, archive_bytes: None })
    }
}

/// The upload's name, if the request has it in an option, in its form or in `Content-Disposition`.
pub(crate) fn name(given: &Given, part_name: Option<String>, headers: &HeaderMap) -> Option<String> {
    let by_header = || headers.get(CONTENT_DISPOSITION).and_then(filename::from_content_disposition);
    given.one("name").map(str::to_owned).or(part_name).or_else(by_header)
}

/// The game whose saves are named like this.
pub(crate) fn game(name: &str) -> Option<Game> {
    Game::by_extension(name.rsplit_once('.')?.1)
}

fn refuse_encoded_upload(headers: &HeaderMap) -> Result<(), Problem> {
    for value in headers.get_all(CONTENT_ENCODING) {
        if !value.as_bytes().eq_ignore_ascii_case(b"identity") {
            return Err(Problem::content_encoding(value));
        }
    }
    Ok(())
}

/// The declared length; `None` if there is none or it is not a number (RFC 9110 §8.6).
fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
