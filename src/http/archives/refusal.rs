//! Refusals of the routes of archives.

use http::{
    StatusCode,
    header::{CONTENT_RANGE, RETRY_AFTER},
};
use recompress::StoredError;
use recompress_service::store::{Id, IndexError, StoreError};

use crate::problem::Problem;

fn problem(status: StatusCode, code: &'static str, title: &'static str, detail: String) -> Problem {
    Problem { status, code, title, detail, header: None }
}

pub(super) fn no_archive(id: &Id) -> Problem {
    let detail = format!("there is no archive {id}");
    problem(StatusCode::NOT_FOUND, "no_archive", "there is no such archive", detail)
}

pub(super) fn bad_id(text: &str) -> Problem {
    let shown: String = text.chars().take(200).collect();
    let detail = format!("{shown:?} is no id: an id has 1 to 128 letters, digits, - and _");
    problem(StatusCode::BAD_REQUEST, "bad_id", "the id is not valid", detail)
}

/// `close` are names that resemble the wanted one.
pub(super) fn no_member(name: &str, close: &[&str]) -> Problem {
    let shown: String = name.chars().take(200).collect();
    let mut detail = format!("the archive has no file {shown:?}");
    if !close.is_empty() {
        let close: Vec<_> = close.iter().map(|name| format!("{name:?}")).collect();
        detail = format!("{detail}; it has {}", close.join(", "));
    }
    problem(StatusCode::NOT_FOUND, "no_member", "the archive has no such file", detail)
}

pub(super) fn no_index() -> Problem {
    let detail =
        "the archive has no index, because its quality dropped below 5 for the CPU limit: read it whole".to_owned();
    problem(StatusCode::CONFLICT, "no_index", "the archive has no index", detail)
}

pub(super) fn exists(id: &Id) -> Problem {
    let detail = format!("the archive {id} exists; to replace it, send its ETag in If-Match");
    problem(StatusCode::PRECONDITION_FAILED, "exists", "the archive exists", detail)
}

pub(super) fn changed(id: &Id) -> Problem {
    let detail = format!("the archive {id} does not have the ETag of If-Match");
    problem(StatusCode::PRECONDITION_FAILED, "changed", "the archive is another one", detail)
}

pub(super) fn unsatisfiable(length: u64) -> Problem {
    let detail = format!("the range begins after the end: there are {length} bytes");
    Problem {
        header: Some((CONTENT_RANGE, format!("bytes */{length}").into())),
        ..problem(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", "the range is not within the archive", detail)
    }
}

pub(super) fn too_large_to_decode(size: u64, most: u64) -> Problem {
    let detail = format!(
        "the file has {size} bytes, and {most} are decoded for a request without a token: accept the encoding br, or send a token"
    );
    problem(StatusCode::NOT_ACCEPTABLE, "needs_br", "the file is sent with br only", detail)
}

pub(super) fn forbidden(detail: &str) -> Problem {
    problem(StatusCode::FORBIDDEN, "forbidden", "the request is not permitted", detail.to_owned())
}

pub(super) fn without_token() -> Problem {
    let detail = "RECOMPRESS_TOKEN is not set: archives are closed without it; RECOMPRESS_OPEN=1 opens them to anyone";
    problem(
        StatusCode::INTERNAL_SERVER_ERROR,
        "misconfigured",
        "the installation is not configured right",
        detail.to_owned(),
    )
}

pub(super) fn bad_digest(detail: String) -> Problem {
    problem(StatusCode::BAD_REQUEST, "bad_digest", "the digest is not that of the upload", detail)
}

/// An upload that says at once that it is too large.
pub(super) fn too_large(limit: u64) -> Problem {
    recompress_service::Failure::TooLargeToStore { what: "zip", limit }.into()
}

pub(super) fn day_is_full(limit: u64) -> Problem {
    let detail = format!("the {limit} bytes that may be stored in a day are stored; retry tomorrow (UTC)");
    Problem {
        // Seconds: an hour.
        header: Some((RETRY_AFTER, "3600".into())),
        ..problem(StatusCode::TOO_MANY_REQUESTS, "day_is_full", "enough is stored for today", detail)
    }
}

pub(super) fn damaged(detail: String) -> Problem {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "damaged", "the stored archive is damaged", detail)
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        recompress_service::Failure::from(error).into()
    }
}

impl From<IndexError> for Problem {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Store(error) => error.into(),
            IndexError::Stored(StoredError::NoIndex) => no_index(),
            IndexError::Stored(error) => recompress::Error::from(error).into(),
        }
    }
}

/// One of each.
#[cfg(test)]
pub(crate) fn all() -> Vec<Problem> {
    let id = Id::parse("a").expect("it is one");
    vec![
        no_archive(&id),
        bad_id(""),
        no_member("", &[]),
        no_index(),
        exists(&id),
        changed(&id),
        unsatisfiable(0),
        too_large_to_decode(0, 0),
        forbidden(""),
        without_token(),
        bad_digest(String::new()),
        too_large(0),
        day_is_full(0),
        damaged(String::new()),
        StoreError::Missing.into(),
    ]
}
