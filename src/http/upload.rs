//! An upload: the bytes of an archive, from a request's body or the file of a form.

use std::{
    fmt::Display,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::Stream;
use recompress_service::UploadError;

use crate::{form::Form, frames::poll_body};

/// A stream of the upload's bytes. A piece may be empty.
pub(crate) enum Upload<B> {
    Body(B),
    Form(Box<Form<B>>),
}

impl<B> Stream for Upload<B>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    type Item = Result<Bytes, UploadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.get_mut() {
            Self::Body(body) => poll_body(body, cx),
            Self::Form(form) => form.poll_data(cx),
        }
    }
}
