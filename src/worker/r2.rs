//! The store in R2.

use std::{
    fmt,
    ops::Range,
    pin::Pin,
    rc::Rc,
    task::{self, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use recompress_service::store::{Condition, Later, Listed, Object, PART_BYTES, Page, Parts, Store, StoreError};
use worker::{
    Context, console_error,
    js_sys::{Array, Uint8Array},
    send::{SendFuture, SendWrapper},
    wasm_bindgen::{JsCast, JsValue},
};

use crate::{
    bucket::{Bucket, Failed, Multipart, NO_RANGE, NO_UPLOAD, OnlyIf, Stored},
    buffer::Buffer,
    reader::Reader,
};

/// Bytes of a read from an object.
const READ_BYTES: usize = 64 << 10;

/// Most keys of one listing that R2 gives.
const MOST_LISTED: usize = 1000;

/// A bucket, for one request.
#[derive(Clone)]
pub(crate) struct R2(SendWrapper<Rc<Request>>);

struct Request {
    bucket: Bucket,
    /// Lets the abort of an upload outlive the request that was dropped. None for the sweep, which uploads nothing.
    context: Option<Rc<Context>>,
}

impl R2 {
    pub(crate) fn new(bucket: Bucket, context: Option<Rc<Context>>) -> Self {
        Self(SendWrapper::new(Rc::new(Request { bucket, context })))
    }

    fn bucket(&self) -> &Bucket {
        &self.0.bucket
    }
}

impl fmt::Debug for R2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("R2")
    }
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        match failed.code {
            NO_RANGE => Self::OutOfRange,
            _ => Self::Failed(failed.message),
        }
    }
}

fn later<'a, T: 'a>(answer: impl Future<Output = T> + 'a) -> Later<'a, T> {
    Box::pin(SendFuture::new(answer))
}

impl Store for R2 {
    fn get<'a>(
        &'a self,
        key: &'a str,
        range: Option<Range<u64>>,
        if_match: Option<&'a str>,
    ) -> Later<'a, Result<Object, StoreError>> {
        later(async move {
            let range = range.map(|range| (range.start, range.end - range.start));
            let found = self.bucket().read(key, range, if_match.map(OnlyIf::Matches)).await?;
            let found = found.ok_or(StoreError::Missing)?;
            let body = found.body().ok_or(StoreError::Changed)?;
            let reader = Reader::new(body).map_err(|error| StoreError::Failed(format!("{error:?}")))?;
            let contents = Box::pin(Body { reader: SendWrapper::new(reader.filling()), room: BytesMut::new() });
            let modified = (found.uploaded().get_time() / 1000.0) as u64;
            Ok(Object { contents, size: found.size() as u64, tag: found.etag(), modified })
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Bytes,
        condition: Condition<'a>,
    ) -> Later<'a, Result<String, StoreError>> {
        later(async move {
            let only_if = match condition {
                Condition::Always => None,
                Condition::Absent => Some(OnlyIf::Absent),
                Condition::Matches(tag) => Some(OnlyIf::Matches(tag)),
            };
            match self.bucket().write(key, &Uint8Array::from(&bytes[..]), only_if).await? {
                (Some(written), _) => Ok(written.etag()),
                // A try whose answer was lost has perhaps written it.
                (None, 1..) => self.tag_of(key, &bytes).await,
                (None, 0) => Err(StoreError::Changed),
            }
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Later<'a, Result<(), StoreError>> {
        later(async move { Ok(self.bucket().remove(key).await?) })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> Later<'a, Result<Page, StoreError>> {
        later(async move {
            let page = self.bucket().page(prefix, cursor, limit.min(MOST_LISTED)).await?;
            let listed = |object: JsValue| {
                let object: Stored = object.unchecked_into();
                let modified = (object.uploaded().get_time() / 1000.0) as u64;
                Listed { key: object.key(), size: object.size() as u64, modified }
            };
            Ok(Page { objects: page.objects().iter().map(listed).collect(), cursor: page.cursor() })
        })
    }

    fn begin<'a>(&'a self, key: &'a str) -> Later<'a, Result<Box<dyn Parts>, StoreError>> {
        let parts = R2Parts {
            to: Some(SendWrapper::new(Upload {
                store: self.clone(),
                key: key.to_owned(),
                part: Buffer::new(PART_BYTES),
                multipart: None,
                sent: Array::new(),
            })),
        };
        later(async move { Ok(Box::new(parts) as Box<dyn Parts>) })
    }
}

impl R2 {
    /// The tag of the object if it has these contents.
    async fn tag_of(&self, key: &str, bytes: &[u8]) -> Result<String, StoreError> {
        let mut object = self.get(key, None, None).await?;
        let mut left = bytes;
        while let Some(piece) = object.contents.next().await {
            left = left.strip_prefix(&piece?[..]).ok_or(StoreError::Changed)?;
        }
        if left.is_empty() { Ok(object.tag) } else { Err(StoreError::Changed) }
    }
}

/// The body of an object, in large pieces.
struct Body {
    reader: SendWrapper<Reader>,
    room: BytesMut,
}

impl Stream for Body {
    type Item = Result<Bytes, StoreError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { reader, room } = self.get_mut();
        // It keeps its length while a read is pending.
        if room.is_empty() {
            *room = BytesMut::zeroed(READ_BYTES);
        }
        Poll::Ready(match ready!(reader.poll_read(cx, room)) {
            Ok(0) => None,
            Ok(length) => Some(Ok(room.split_to(length).freeze())),
            Err(error) => Some(Err(StoreError::Failed(format!("{error:?}")))),
        })
    }
}

/// A large object on its way into R2.
///
/// A part is a buffer in JavaScript's memory, filled piece by piece: the wasm's memory does not grow. R2 wants equal parts; only
/// the last one may be shorter. An object that fits one part is written whole, which costs one operation instead of three.
struct R2Parts {
    /// None once it has ended.
    to: Option<SendWrapper<Upload>>,
}

struct Upload {
    store: R2,
    key: String,
    part: Buffer,
    /// Begun when there is more than one part.
    multipart: Option<Multipart>,
    sent: Array,
}

impl Parts for R2Parts {
    fn write<'a>(&'a mut self, bytes: Bytes) -> Later<'a, Result<(), StoreError>> {
        let upload = self.to.as_mut().expect("it has not ended");
        later(async move {
            let mut left = &bytes[..];
            // Each turn fills a part, or takes the rest.
            while !left.is_empty() {
                if upload.part.room() == 0 {
                    upload.send().await?;
                }
                let (now, rest) = left.split_at(left.len().min(upload.part.room()));
                upload.part.fill(now);
                left = rest;
            }
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> Later<'static, Result<String, StoreError>> {
        later(async move {
            let tag = self.to.as_mut().expect("it has not ended").finish().await?;
            // A finished upload is not aborted.
            self.to = None;
            Ok(tag)
        })
    }

    fn abort(mut self: Box<Self>) -> Later<'static, ()> {
        later(async move {
            if let Some(upload) = self.to.take().and_then(|mut upload| upload.multipart.take()) {
                give_up(upload).await;
            }
        })
    }
}

impl Upload {
    /// Sends a part.
    async fn send(&mut self) -> Result<(), StoreError> {
        if self.multipart.is_none() {
            self.multipart = Some(self.store.bucket().start_multipart(&self.key).await?);
        }
        let multipart = self.multipart.as_ref().expect("it is begun");
        let proof = multipart.send(self.sent.length() + 1, &self.part.view()).await?;
        self.sent.push(&proof);
        self.part.empty();
        Ok(())
    }

    async fn finish(&mut self) -> Result<String, StoreError> {
        if self.multipart.is_none() {
            let (written, _) = self.store.bucket().write(&self.key, &self.part.view(), None).await?;
            return written.map(|written| written.etag()).ok_or(StoreError::Changed);
        }
        if !self.part.is_empty() {
            self.send().await?;
        }
        let multipart = self.multipart.as_ref().expect("it was begun");
        match multipart.finish(&self.sent).await {
            Ok(written) => Ok(written.etag()),
            Err(failed) => {
                // A try whose answer was lost has perhaps completed it: then the upload is not there any more.
                match self.store.bucket().head_of(&self.key).await? {
                    Some(written) if failed.code == NO_UPLOAD => Ok(written.etag()),
                    _ => Err(failed.into()),
                }
            }
        }
    }
}

impl Drop for R2Parts {
    fn drop(&mut self) {
        let Some(mut upload) = self.to.take() else { return };
        if let (Some(multipart), Some(context)) = (upload.multipart.take(), &upload.store.0.context) {
            // A request that was dropped cannot wait.
            context.wait_until(give_up(multipart));
        }
    }
}

/// R2 drops an upload that is not aborted after seven days.
async fn give_up(multipart: Multipart) {
    if let Err(Failed { message, .. }) = multipart.give_up().await {
        console_error!("an upload was not aborted: {message}");
    }
}
