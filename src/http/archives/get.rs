//! `GET /archives/{id}`: the whole archive, as it is stored.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{
        ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName,
        IF_MATCH, IF_NONE_MATCH, VARY,
    },
};
use recompress_service::store::range;

use super::{
    Reading, Refused,
    conditions::{self, Part},
    media, refusal,
};
use crate::{accept::Variant, body::Body, filename};

impl Reading<'_> {
    pub(super) async fn whole<B>(self) -> Result<Response<Body<B>>, Refused> {
        let Self { record, head, .. } = &self;
        let variant = Variant::negotiate(&head.headers);
        let plain = variant.content_encoding().is_none();
        // The two labels are two representations, so they have two tags.
        let tag = if plain { record.etag.clone() } else { format!("{}-tar", record.etag) };
        if let Some(response) = self.unchanged(&tag, "Accept, Accept-Encoding")? {
            return Ok(response);
        }
        let mut response = Response::new(Body::default());
        let part = if head.method == http::Method::GET {
            conditions::part(&head.headers, record.bytes, &tag)
        } else {
            Part::All
        };
        let bytes = match part {
            Part::All => 0..record.bytes,
            Part::None => return Err(refusal::unsatisfiable(record.bytes).into()),
            Part::These(bytes) => {
                let line = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, record.bytes);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                response.headers_mut().insert(CONTENT_RANGE, plain_ascii(line));
                bytes
            }
        };
        let length = bytes.end - bytes.start;
        if head.method == http::Method::GET {
            let contents = range(&*self.storage.store, record, bytes).await.map_err(Self::failed)?;
            *response.body_mut() = Body::stored(Bytes::new(), contents, length, Bytes::new());
        }
        let headers = response.headers_mut();
        headers.extend(media::sandboxed());
        headers.extend(media::cached(&self.state.settings, &tag));
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(variant.content_type()));
        let name = record.name().unwrap_or_else(|| record.id.clone());
        headers.insert(CONTENT_DISPOSITION, filename::content_disposition(Some(&name), variant.extension()));
        if let Some(encoding) = variant.content_encoding() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        Ok(response)
    }

    /// The answer to a client that has what has this tag already; a refusal if it wants another version.
    pub(super) fn unchanged<B>(&self, tag: &str, vary: &'static str) -> Result<Option<Response<Body<B>>>, Refused> {
        let headers = &self.head.headers;
        let named = |name: &HeaderName, weak| conditions::names(headers, name, &[tag], weak);
        if named(&IF_MATCH, false) == Some(false) {
            return Err(refusal::changed(&self.id).into());
        }
        Ok((named(&IF_NONE_MATCH, true) == Some(true)).then(|| {
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().extend(media::cached(&self.state.settings, tag));
            response.headers_mut().insert(VARY, HeaderValue::from_static(vary));
            response
        }))
    }
}

fn plain_ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("numbers and words are plain ASCII")
}
