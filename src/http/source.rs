//! Where the bytes of an archive come from: a request's body is one, or a form that has one as its file.

use std::{
    fmt::Display,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;

use super::form::{BadForm, Form};

pub(super) enum Source<B> {
    Body(B),
    Form(Box<Form<B>>),
}

/// Why there is no more of an upload, though it has not ended.
#[derive(Debug)]
pub(super) enum Broken {
    /// In the words of the server's HTTP layer.
    Connection(String),
    Form(BadForm),
}

impl<B> Source<B>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    /// Gives the archive's next bytes, perhaps none, or its end.
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        match self {
            Self::Body(body) => poll_body(body, cx),
            Self::Form(form) => form.poll_data(cx),
        }
    }
}

/// Trailers are ignored.
pub(super) fn poll_body<B>(body: &mut B, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let frame = ready!(Pin::new(body).poll_frame(cx));
    Poll::Ready(frame.map(|frame| match frame {
        Ok(frame) => Ok(frame.into_data().unwrap_or_default()),
        Err(error) => Err(Broken::Connection(error.to_string())),
    }))
}
