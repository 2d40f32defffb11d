//! A form (`multipart/form-data`, RFC 7578) with options in its fields and one file, which is the archive.
//!
//! Fields that come before the file are options, as in the query. Nothing comes after it: by then the answer is on its way.
//!
//! The parser takes all that its stream has into memory, and looks for what it wants in all of it. So its stream has one
//! frame at a time, brought when the parser has no use for anything else, and before the file there are few.

use std::{
    convert::Infallible,
    fmt::Display,
    future::poll_fn,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use futures::Stream;
use http::{
    HeaderMap,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use multer::{Field, Multipart};
use recompress_service::UploadError;
use thiserror::Error as ThisError;

use crate::{
    filename,
    frames::poll_body,
    given::{Given, Place},
    problem::Problem,
};

/// What may come before the file, and after it: fields are short.
const FIELDS_BYTES: usize = 16 << 10;

/// A form that is not one file with options before it.
#[derive(Debug, ThisError)]
pub(crate) enum BadForm {
    #[error("the content type of a form must say its boundary")]
    NoBoundary,
    #[error("the form has no file: a field with a filename")]
    NoFile,
    #[error("field {name:?} stands behind the form's file, where nothing may")]
    BehindFile { name: String },
    #[error("more than {FIELDS_BYTES} bytes of the form are not its file")]
    TooLong,
    #[error("a field of the form has no name")]
    NoName,
    #[error("field {name:?} is not UTF-8")]
    NotText { name: String },
    #[error("the form is broken: {0}")]
    Broken(String),
}

pub(crate) struct Form<B> {
    upload: B,
    feed: Feed,
    multipart: Multipart<'static>,
    /// None when all of it was given.
    file: Option<Field<'static>>,
    /// Bytes that the parser was given and that are not the file's.
    beside: usize,
}

/// What the parser reads: the frame that is there for it, which it takes at once.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<(Bytes, bool)>>);

impl Feed {
    fn lock(&self) -> MutexGuard<'_, (Bytes, bool)> {
        self.0.lock().expect("nothing panics while it has the frame")
    }
}

impl Stream for Feed {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut *self.lock() {
            (frame, _) if !frame.is_empty() => Poll::Ready(Some(Ok(mem::take(frame)))),
            (_, true) => Poll::Ready(None),
            // It is polled again when there is a frame.
            _ => Poll::Pending,
        }
    }
}

/// Whether a request's body is a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("multipart/form-data"))
}

impl<B> Form<B>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    /// Reads the fields up to the file into `given`, and gives the file's name with the form.
    pub(crate) async fn open(upload: B, headers: &HeaderMap, given: &mut Given) -> Result<(Self, String), Problem> {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(content_type).map_err(|_| BadForm::NoBoundary)?;
        let feed = Feed::default();
        let multipart = Multipart::new(feed.clone(), boundary);
        let mut form = Self { upload, feed, multipart, file: None, beside: 0 };
        // Ends with the file, or with what may come before it.
        loop {
            let field = poll_fn(|cx| form.poll_parser(cx, |form, cx| form.multipart.poll_next_field(cx))).await?;
            let field = field.ok_or(BadForm::NoFile)?;
            if let Some(name) = field.headers().get(CONTENT_DISPOSITION).and_then(filename::from_content_disposition) {
                form.file = Some(field);
                return Ok((form, name));
            }
            let name = field.name().ok_or(BadForm::NoName)?.to_owned();
            form.file = Some(field);
            let mut text = Vec::new();
            while let Some(part) = poll_fn(|cx| form.poll_parser(cx, Self::poll_part)).await? {
                text.extend_from_slice(&part);
            }
            form.file = None;
            let text = String::from_utf8(text).map_err(|_| BadForm::NotText { name: name.clone() })?;
            given.add(Place::Form, &name, text)?;
        }
    }

    /// Gives the file's next bytes, and its end only where the form ends as well.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, UploadError>>> {
        if self.file.is_some() {
            // What the parser was given was the file's, or will be counted again.
            self.beside = 0;
            if let Some(part) = ready!(self.poll_parser(cx, Self::poll_part)).transpose() {
                return Poll::Ready(Some(part));
            }
            self.file = None;
        }
        let behind = ready!(self.poll_parser(cx, |form, cx| form.multipart.poll_next_field(cx)));
        Poll::Ready(match behind {
            Ok(None) => None,
            Ok(Some(field)) => {
                let name = field.name().unwrap_or_default().to_owned();
                Some(Err(BadForm::BehindFile { name }.into()))
            }
            Err(broken) => Some(Err(broken)),
        })
    }

    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<multer::Result<Option<Bytes>>> {
        let file = self.file.as_mut().expect("there is a field that is read");
        Pin::new(file).poll_next(cx).map(Option::transpose)
    }

    /// Lets the parser do what it can, and brings it the next frame when it can do nothing.
    fn poll_parser<T>(
        &mut self,
        cx: &mut Context<'_>,
        parse: fn(&mut Self, &mut Context<'_>) -> Poll<multer::Result<T>>,
    ) -> Poll<Result<T, UploadError>> {
        // Ends when the parser has what it looks for, or the upload has no more.
        loop {
            let parsed = parse(self, &mut Context::from_waker(Waker::noop()));
            let ended = self.feed.lock().1;
            match parsed {
                Poll::Ready(Ok(parsed)) => return Poll::Ready(Ok(parsed)),
                _ if ended => return Poll::Ready(Err(UploadError::Connection("the form has no end".to_owned()))),
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(BadForm::Broken(error.to_string()).into()));
                }
                Poll::Pending if self.beside > FIELDS_BYTES => {
                    return Poll::Ready(Err(BadForm::TooLong.into()));
                }
                Poll::Pending => {}
            }
            match ready!(poll_body(&mut self.upload, cx)) {
                Some(frame) => {
                    let frame = frame?;
                    self.beside += frame.len();
                    self.feed.lock().0 = frame;
                }
                None => self.feed.lock().1 = true,
            }
        }
    }
}

impl From<BadForm> for UploadError {
    fn from(form: BadForm) -> Self {
        Self::Form(form.to_string())
    }
}

impl From<BadForm> for Problem {
    fn from(form: BadForm) -> Self {
        UploadError::from(form).into()
    }
}
