//! An upload: the bytes of an archive, from a request's body, the file of a form, or a store.

use std::{
    fmt::Display,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::Stream;
use recompress_service::{UploadError, store::Contents};

use crate::{form::Form, frames::poll_body};

/// A stream of the upload's bytes. A piece may be empty.
pub(crate) enum Upload<B> {
    Body(B),
    Form(Box<Form<B>>),
    /// The bytes are stored.
    Stored(Contents),
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
            Self::Stored(contents) => contents.as_mut().poll_next(cx).map_err(UploadError::Store),
        }
    }
}
