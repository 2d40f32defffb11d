//! `GET /archives/{id}/members/{name}`: one file of an archive.
//!
//! A file of 4 MiB and more has segments of its own. They go out as they are stored, with `Content-Encoding: br`, if the client
//! accepts that: we wrote them, so both readings of the format agree. All else is decoded while it is sent.

use std::{fmt::Display, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, VARY},
};
use recompress::{
    EntryKind, Limits,
    seekable::{Index, STREAM_END, stream_start},
};
use recompress_service::{Order, RequestLog, Stored, hold, store, store::range};

use super::{Reading, Refused, access::Caller, media, refusal};
use crate::{accept, body::Body, problem::Problem, run, upload::Upload};

/// Most bytes that are decoded for a request without a token.
pub(super) const MOST_DECODED: u64 = 8 << 20;

/// Memory for an index with so many members: its compressed and its plain form, a decoder, and the lists. Measured with the
/// names of source code; longer names take the larger limit.
const INDEX_BYTES: u64 = 3 << 20;
const INDEX_BYTES_EACH: u64 = 512;

/// Names in a refusal, and how many letters they may differ in.
const CLOSE: usize = 3;
const SLIPS: usize = 2;

impl Reading<'_> {
    pub(super) async fn member<B>(self, name: &str, log: &mut RequestLog) -> Result<Response<Body<B>>, Refused>
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
    {
        let head = self.head;
        let (index, lgwin, held) = self.index().await?;
        let number = index.members.iter().position(|member| is_file(&member.entry.kind) && member.entry.name == name);
        let number = number.ok_or_else(|| refusal::no_member(name, &close_to(name, &index)))?;
        let size = index.members[number].entry.size;
        let own = index.own_segments(number).filter(|_| accept::accepts_brotli(&head.headers));
        let tag = format!("{}.{number}{}", self.record.etag, if own.is_some() { "-br" } else { "" });
        if let Some(response) = self.unchanged(&tag, "Accept-Encoding")? {
            return Ok(response);
        }
        if own.is_none() {
            self.may_decode(size)?;
        }
        let only = index.only(number);
        drop((index, held));

        let is_get = head.method == Method::GET;
        let mut response = Response::new(Body::default());
        let length = match &own {
            Some(bytes) => {
                let (start, end) = (stream_start(lgwin), [STREAM_END]);
                let length = bytes.end - bytes.start;
                if is_get {
                    let contents =
                        range(&*self.storage.store, &self.record, bytes.clone()).await.map_err(Self::failed)?;
                    let [start, end] = [&start[..], &end].map(Bytes::copy_from_slice);
                    *response.body_mut() = Body::stored(start, contents, length, end);
                }
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
                length + (start.len() + end.len()) as u64
            }
            None => {
                if is_get {
                    let stored = Stored { index: Arc::new(only), lgwin };
                    *response.body_mut() = self.run(stored.clone(), Order::Member(stored), log).await?.0;
                }
                size
            }
        };
        let headers = response.headers_mut();
        headers.extend(media::of_member(name));
        headers.extend(media::cached(&self.state.settings, &tag));
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        Ok(response)
    }

    /// Runs a job on the segments of a stored member. Gives the body, and brotli quality and window of what it compresses.
    pub(super) async fn run<B>(
        &self,
        stored: Stored,
        order: Order,
        log: &mut RequestLog,
    ) -> Result<(Body<B>, Option<(u8, u8)>), Refused>
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
    {
        let bytes = stored.range();
        let length = bytes.end - bytes.start;
        let contents = range(&*self.storage.store, &self.record, bytes).await.map_err(Self::failed)?;
        let (answer, job) =
            run::begin(&self.state.terms, self.head, order, Upload::Stored(contents), Some(length), None, log).await?;
        let begun_with = job.begun_with();
        Ok((Body::streaming(answer, job), begun_with))
    }

    /// The index of the archive, its window, and the memory that the index holds.
    pub(super) async fn index(&self) -> Result<(Index, u8, recompress_service::Held), Refused> {
        let terms = &self.state.terms;
        let most = terms.limits.memory_bytes;
        let usual = (INDEX_BYTES + INDEX_BYTES_EACH.saturating_mul(self.record.members)).min(most);
        let held = hold(usual, terms).await.map_err(Problem::from)?;
        match store::index(&*self.storage.store, &self.record, Limits { memory_bytes: usual, ..terms.limits }).await {
            Err(store::IndexError::Stored(recompress::StoredError::TooLarge { .. })) if usual < most => {
                drop(held);
                let held = hold(most, terms).await.map_err(Problem::from)?;
                let (index, lgwin) = store::index(&*self.storage.store, &self.record, terms.limits).await?;
                Ok((index, lgwin, held))
            }
            Err(store::IndexError::Store(error)) => Err(Self::failed(error)),
            read => read.map(|(index, lgwin)| (index, lgwin, held)).map_err(Refused::from),
        }
    }

    /// Refuses to decode much for anyone.
    pub(super) fn may_decode(&self, size: u64) -> Result<(), Refused> {
        if self.caller == Caller::Anyone && size > MOST_DECODED {
            return Err(refusal::too_large_to_decode(size, MOST_DECODED).into());
        }
        Ok(())
    }
}

pub(super) fn is_file(kind: &EntryKind) -> bool {
    matches!(kind, EntryKind::File)
}

/// Names of files that the client may have meant.
fn close_to<'a>(name: &str, index: &'a Index) -> Vec<&'a str> {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_lowercase();
    let (wanted, wanted_last) = (name.to_lowercase(), last(name));
    let names = || index.members.iter().filter(|member| is_file(&member.entry.kind)).map(|member| &*member.entry.name);
    let mut close: Vec<&str> = names().filter(|name| name.to_lowercase() == wanted).take(CLOSE).collect();
    let others = [
        &(|name: &str| !wanted_last.is_empty() && last(name) == wanted_last) as &dyn Fn(&str) -> bool,
        &|name: &str| crate::given::distance(&wanted, &name.to_lowercase()) <= SLIPS,
    ];
    for is_close in others {
        for name in names() {
            if close.len() < CLOSE && name.len() <= 64 && !close.contains(&name) && is_close(name) {
                close.push(name);
            }
        }
    }
    close
}
