//! Submissions: an archive on its way in, with the options and the name that came with it.

use std::fmt::Display;

use bytes::Bytes;
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
    request::Parts,
};

use crate::{
    form::{self, Form},
    given::Given,
    problem::Problem,
    upload::Upload,
};

/// An archive on its way in, and what its sender says with it.
pub(crate) struct Submission<B> {
    pub(crate) upload: Upload<B>,
    pub(crate) given: Given,
    /// The name that a form has for it.
    pub(crate) part_name: Option<String>,
    /// Of the whole body, if that is told.
    pub(crate) body_bytes: Option<u64>,
    /// Of the archive. Of a form the length says only how long its file is at most.
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
        Ok(Self { upload, given, part_name: Some(name), body_bytes, archive_bytes: None })
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
