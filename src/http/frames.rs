//! Frames of a request's body, as bytes.

use std::{
    fmt::Display,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use recompress_service::UploadError;

/// The body's next frame. Trailers are ignored.
pub(crate) fn poll_body<B>(body: &mut B, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, UploadError>>>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let frame = ready!(Pin::new(body).poll_frame(cx));
    Poll::Ready(frame.map(|frame| match frame {
        Ok(frame) => Ok(frame.into_data().unwrap_or_default()),
        Err(error) => Err(UploadError::Connection(error.to_string())),
    }))
}
