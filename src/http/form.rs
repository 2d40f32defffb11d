//! A form (`multipart/form-data`, RFC 7578) with options in its fields and one file, which is the archive.
//!
//! Fields before the file are options, as in the query. No option may follow the file: the answer may have started by then.
//! Browsers and frameworks add fields of their own, such as a submit button or a token, and inputs without a file. These are
//! ignored, unless their name resembles an option's.
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
    given::{self, Given, Place},
    problem::Problem,
};

/// The most bytes that may surround the file. Fields are short.
const FIELDS_BYTES: usize = 16 << 10;

/// A form that is not one file with options before it.
#[derive(Debug, ThisError)]
pub(crate) enum BadForm {
    #[error("the content type of a form must say its boundary")]
    NoBoundary,
    #[error("the form has no file: a field with a filename; with curl, write -F file=@save.zip")]
    NoFile,
    #[error("field {name:?} comes after the form's file; put the file last")]
    AfterFile { name: String },
    #[error("field {name:?} is a second file; the form may have one")]
    SecondFile { name: String },
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
    /// The field that is being read: the file, until its last byte.
    field: Option<Field<'static>>,
    /// The file's first bytes, if the search for it took them.
    start: Bytes,
    /// The ignored field that is being passed over after the file: its name, and whether it is an input without a file.
    ignored: Option<(String, bool)>,
    has_file_ended: bool,
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
    /// Reads the fields before the file into `given`. Returns the form, and the file's name if it has one.
    pub(crate) async fn open(
        upload: B,
        headers: &HeaderMap,
        given: &mut Given,
    ) -> Result<(Self, Option<String>), Problem> {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = boundary(content_type).ok_or(BadForm::NoBoundary)?;
        let feed = Feed::default();
        let multipart = Multipart::new(feed.clone(), boundary);
        let (start, ignored) = (Bytes::new(), None);
        let mut form = Self { upload, feed, multipart, field: None, start, ignored, has_file_ended: false, beside: 0 };
        // Ends at the file, or when the fields exceed `FIELDS_BYTES`.
        loop {
            let field = poll_fn(|cx| form.poll_next_field(cx)).await?.ok_or(BadForm::NoFile)?;
            let (filename, name) = (filename(&field), field.name().map(str::to_owned));
            form.field = Some(field);
            if filename.as_ref().is_some_and(|filename| !filename.is_empty()) {
                return Ok((form, filename));
            }
            // A value like "PK2" of the option `name` is no archive.
            let is_option = filename.is_none() && name.as_deref().is_some_and(given::resembles_option);
            let mut text = Vec::new();
            let mut is_file = false;
            while !is_file && let Some(part) = poll_fn(|cx| form.poll_parser(cx, Self::poll_part)).await? {
                text.extend_from_slice(&part);
                // An archive in a field without a filename, as `curl -F "file=<save.zip"` sends it.
                is_file = filename.is_some() && !text.is_empty()
                    || !is_option && ARCHIVE_STARTS.iter().any(|start| text.starts_with(start));
            }
            if is_file {
                form.start = text.into();
                return Ok((form, None));
            }
            form.field = None;
            if filename.is_some() {
                // An input without a file.
                continue;
            }
            let name = name.ok_or(BadForm::NoName)?;
            if !is_option {
                continue;
            }
            let text = String::from_utf8(text).map_err(|_| BadForm::NotText { name: name.clone() })?;
            given.add(Place::Form, &name, text)?;
        }
    }

    /// Returns the file's next bytes. Reports the end only if the form ends there too.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, UploadError>>> {
        if !self.has_file_ended {
            if !self.start.is_empty() {
                return Poll::Ready(Some(Ok(mem::take(&mut self.start))));
            }
            // Bytes in the parser belong to the file, or are counted again below.
            self.beside = 0;
            if let Some(part) = ready!(self.poll_parser(cx, Self::poll_part)).transpose() {
                return Poll::Ready(Some(part));
            }
            (self.field, self.has_file_ended) = (None, true);
        }
        Poll::Ready(ready!(self.poll_end(cx)).err().map(Err))
    }

    /// Passes over the fields after the file.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        // Ends with the form, with an error, or when the fields exceed `FIELDS_BYTES`.
        loop {
            if let Some((name, is_input)) = &self.ignored {
                let (name, is_input) = (name.clone(), *is_input);
                match ready!(self.poll_parser(cx, Self::poll_part))? {
                    Some(part) if is_input && !part.is_empty() => {
                        return Poll::Ready(Err(BadForm::SecondFile { name }.into()));
                    }
                    Some(_) => continue,
                    None => (self.field, self.ignored) = (None, None),
                }
            }
            let Some(field) = ready!(self.poll_next_field(cx))? else { return Poll::Ready(Ok(())) };
            let name = field.name().unwrap_or_default().to_owned();
            let filename = filename(&field);
            if filename.as_ref().is_some_and(|filename| !filename.is_empty()) {
                return Poll::Ready(Err(BadForm::SecondFile { name }.into()));
            }
            if filename.is_none() && given::resembles_option(&name) {
                return Poll::Ready(Err(BadForm::AfterFile { name }.into()));
            }
            (self.field, self.ignored) = (Some(field), Some((name, filename.is_some())));
        }
    }

    fn poll_next_field(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Field<'static>>, UploadError>> {
        self.poll_parser(cx, |form, cx| form.multipart.poll_next_field(cx))
    }

    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<multer::Result<Option<Bytes>>> {
        let field = self.field.as_mut().expect("a field is open");
        Pin::new(field).poll_next(cx).map(Option::transpose)
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

/// The first bytes of the archives that this service converts.
const ARCHIVE_STARTS: [&[u8]; 2] = [b"PK", b"SAV0"];

/// A field's filename, which is empty for an input without a file. Browsers write a quotation mark as `%22` (HTML standard,
/// multipart/form-data encoding algorithm).
fn filename(field: &Field<'_>) -> Option<String> {
    let filename = field.headers().get(CONTENT_DISPOSITION).and_then(filename::from_content_disposition)?;
    Some(filename.replace("%22", "\""))
}

/// The boundary in a content type. Some writers do not quote one that has characters like `=` or `:` (RFC 2046 §5.1.1), or
/// put spaces around the `=`.
fn boundary(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    // RFC 2046 allows 70 characters; a longer one would only make the search slower.
    ((1..=200).contains(&value.len()) && !value.contains(char::is_control)).then(|| value.to_owned())
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
