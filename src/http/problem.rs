//! A problem: the reason why there is no tarball (RFC 9457), as plain data.

use std::borrow::Cow;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use recompress::{Error, Format, SaveError};
use recompress_service::{Busy, Failure, TooMuchMemory, UploadError};
use serde::Serialize;

/// Why a request failed: the status says who is at fault, the code names the rule, the detail has the numbers.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: String,
    /// An extra header of the answer.
    pub(crate) header: Option<(HeaderName, Cow<'static, str>)>,
}

impl Problem {
    pub(crate) fn not_found(path: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "not_found",
            title: "there is nothing at this address",
            detail: format!("there is nothing at {path:?}: POST a zip to / or PUT it to /NAME.zip"),
            header: None,
        }
    }

    pub(crate) fn method_not_allowed(method: &Method, allowed: &'static str) -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: "method_not_allowed",
            title: "the method is not allowed",
            detail: format!("{method} is not possible here; use {allowed}"),
            header: Some((ALLOW, allowed.into())),
        }
    }

    pub(crate) fn content_encoding(encoding: &HeaderValue) -> Self {
        Self {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code: "content_encoding",
            title: "the upload is encoded",
            detail: format!("the upload has the content encoding {encoding:?}; send it without one"),
            // Distinguishes this 415 from one for a media type (RFC 9110 §12.5.3).
            header: Some((ACCEPT_ENCODING, "identity".into())),
        }
    }

    pub(crate) fn unauthorized(detail: &str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: "unauthorized",
            title: "a token is needed",
            detail: detail.to_owned(),
            header: Some((WWW_AUTHENTICATE, "Bearer".into())),
        }
    }

    pub(crate) fn rate_limited() -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            code: "rate_limited",
            title: "too many requests",
            detail: "too many requests from this address; retry in 60 s".to_owned(),
            // Seconds: the longest period of the platform's rate limits.
            header: Some((RETRY_AFTER, "60".into())),
        }
    }

    /// Adds the likely cause if the upload of `headers` was made by `curl -d`: it drops line ends, so the zip is damaged. Whole
    /// zips come with the same content type, from `--data-binary`.
    pub(crate) fn with_hint(mut self, headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_damage = matches!(self.status.as_u16(), 400 | 413 | 415);
        if is_damage && content_type.starts_with("application/x-www-form-urlencoded") {
            self.detail += "; if curl -d sent this, it dropped the line ends: use --data-binary @FILE or -T FILE";
        }
        self
    }

    /// A stable word for programs.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// The document as one line, for terminals and as the last line of a listing.
    pub(crate) fn line(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Document<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
            code: &'a str,
        }
        let document = Document {
            r#type: format!("urn:problem-type:recompress:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
        };
        let mut json = serde_json::to_vec(&document).expect("strings and a number are always JSON");
        json.push(b'\n');
        json
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        (&error).into()
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let (status, title) = match error {
            Error::Format(Format::NotZip { .. }) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the upload is not a zip"),
            Error::Format(_) => (StatusCode::BAD_REQUEST, "this zip is broken"),
            Error::Truncated { .. } => (StatusCode::BAD_REQUEST, "the upload is incomplete"),
            Error::Unsupported(_) => (StatusCode::UNPROCESSABLE_ENTITY, "this zip uses an unsupported feature"),
            Error::Limit(_) => (StatusCode::PAYLOAD_TOO_LARGE, "this zip exceeds a limit"),
            Error::Save(SaveError::Memory { .. }) => (StatusCode::PAYLOAD_TOO_LARGE, "the save is too large"),
            Error::Save(_) => (StatusCode::UNPROCESSABLE_ENTITY, "the save cannot become JSON"),
            Error::Absent(_) => (StatusCode::UNPROCESSABLE_ENTITY, "this zip has no such member"),
            Error::Stored(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the stored archive is damaged"),
        };
        let mut detail = error.to_string();
        if matches!(error, Error::Format(Format::NotZip { found }) if found == "is empty") {
            "the request body is empty: send the zip in it".clone_into(&mut detail);
        }
        Self { status, code: error.code(), title, detail, header: None }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        (&failure).into()
    }
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Self {
        let (code, detail) = (failure.code(), failure.to_string());
        let (status, title) = match failure {
            Failure::Archive(error) => return error.into(),
            Failure::Cpu { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "this zip exceeds a limit"),
            Failure::Upload { .. } => (StatusCode::BAD_REQUEST, "the upload is incomplete"),
            Failure::SlowUpload { .. } => (StatusCode::REQUEST_TIMEOUT, "the upload is too slow"),
            Failure::SlowDownload { .. } => (StatusCode::REQUEST_TIMEOUT, "the answer is read too slowly"),
            Failure::AnswerUnread { .. } => (StatusCode::REQUEST_TIMEOUT, "the answer is not read"),
            Failure::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "the server is busy"),
            Failure::Storage(_) => (StatusCode::SERVICE_UNAVAILABLE, "the storage failed"),
            Failure::TooLargeToStore { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "the archive is too large to be stored"),
            Failure::Stopped => (StatusCode::INTERNAL_SERVER_ERROR, "the conversion was stopped"),
            Failure::Form { .. } => (StatusCode::BAD_REQUEST, "the form is not valid"),
        };
        Self { status, code, title, detail, header: None }
    }
}

impl From<UploadError> for Problem {
    /// For an upload that breaks before the archive begins.
    fn from(error: UploadError) -> Self {
        Failure::of_upload(error, 0).into()
    }
}

impl From<Busy> for Problem {
    fn from(busy: Busy) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "busy",
            title: "the server is busy",
            detail: busy.to_string(),
            header: Some((RETRY_AFTER, busy.retry_after.to_string().into())),
        }
    }
}

impl From<TooMuchMemory> for Problem {
    fn from(refused: TooMuchMemory) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code: "too_much_memory",
            title: "these options need more memory than the server has",
            detail: refused.to_string(),
            header: None,
        }
    }
}
