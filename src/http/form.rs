//! A form (`multipart/form-data`, RFC 7578) with options in its fields and one file, which is the archive.
//!
//! Fields before the file are options, as in the query. No field may follow the file: the answer may have started by then.
//!
//! The parser reads all of its stream into memory before it searches. So its stream holds one frame at a time, supplied
//! when the parser has nothing else to do.

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

/// The most bytes that may surround the file. Fields are short.
const FIELDS_BYTES: usize = 16 << 10;

/// A form that is not one file with options before it.
#[derive(Debug, ThisError)]
pub(crate) enum BadForm {
    #[error("the content type of a form must say its boundary")]
    NoBoundary,
    #[error("the form has no file: a field with a filename")]
    NoFile,
    #[error("field {name:?} comes after the form's file; the file must come last")]
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
    /// None after its last byte.
    file: Option<Field<'static>>,
    /// Bytes given to the parser that are not the file's.
    beside: usize,
}

/// The parser's input: at most one frame, taken whole.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<(Bytes, bool)>>);

impl Feed {
    fn lock(&self) -> MutexGuard<'_, (Bytes, bool)> {
        self.0.lock().expect("nothing panics while it holds the frame")
    }
}

impl Stream for Feed {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut *self.lock() {
            (frame, _) if !frame.is_empty() => Poll::Ready(Some(Ok(mem::take(frame)))),
            (_, true) => Poll::Ready(None),
            // `poll_parser` polls it again when there is a frame.
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
    /// Reads the fields before the file into `given`. Returns the form and the file's name.
    pub(crate) async fn open(upload: B, headers: &HeaderMap, given: &mut Given) -> Result<(Self, String), Problem> {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(content_type).map_err(|_| BadForm::NoBoundary)?;
        let feed = Feed::default();
        let multipart = Multipart::new(feed.clone(), boundary);
        let mut form = Self { upload, feed, multipart, file: None, beside: 0 };
        // Ends at the file, or when the fields exceed `FIELDS_BYTES`.
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

    /// Returns the file's next bytes. Reports the end only if the form ends there too.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, UploadError>>> {
        if self.file.is_some() {
            // Bytes in the parser belong to the file, or are counted again below.
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
        let file = self.file.as_mut().expect("a field is open");
        Pin::new(file).poll_next(cx).map(Option::transpose)
    }

    /// Runs the parser; supplies the next frame when the parser needs one.
    fn poll_parser<T>(
        &mut self,
        cx: &mut Context<'_>,
        parse: fn(&mut Self, &mut Context<'_>) -> Poll<multer::Result<T>>,
    ) -> Poll<Result<T, UploadError>> {
        // Ends when the parser has a result, or the upload ends.
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
