//! `/archives`: uploads are converted once, stored, and read whole or by member.
//!
//! ```text
//! path         the meaning of a path
//! ticket       permission for one upload, signed by a backend
//! access       tokens and tickets
//! conditions   entity tags and ranges
//! refusal      the problems of these routes
//! media        the headers of stored bodies
//! put          convert and store
//! toll         counts uploads against the bytes of a day
//! delete       delete it
//! get          the whole archive
//! member       one file of it
//! json         a save in it, as JSON
//! record       the facts about it; the listing of all
//! ```
//!
//! Nothing here knows which store it is.

mod access;
mod conditions;
mod delete;
mod get;
mod json;
mod media;
mod member;
mod path;
pub(crate) mod put;
mod record;
pub(crate) mod refusal;
mod ticket;
mod toll;

use std::fmt::Display;

use bytes::Bytes;
use http::{Method, Response, StatusCode, request::Parts};
use recompress_service::{
    Failure, RequestLog,
    store::{Id, Record, Storage, find},
};

#[cfg(test)]
pub(crate) use self::json::OPTIONS as JSON_OPTIONS;
pub use self::ticket::ticket;
pub(crate) use self::toll::Toll;
use self::{
    access::{Caller, Need},
    path::Target,
};
use crate::{body::Body, problem::Problem, shared::Shared, state::State};

/// A request to these paths.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    target: Target,
    action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Read,
    Write,
    Delete,
}

/// Paths with their methods.
pub(crate) const PATHS: [(&str, &str); 5] = [
    ("/archives", "GET, HEAD, OPTIONS, POST"),
    ("/archives/{id}", "DELETE, GET, HEAD, OPTIONS, PUT"),
    ("/archives/{id}/record", READ),
    ("/archives/{id}/json", READ),
    ("/archives/{id}/members/{name}", READ),
];

const READ: &str = "GET, HEAD, OPTIONS";

/// The meaning of a request to a path.
pub(crate) enum Match {
    Route(Route),
    /// The path exists, with these methods.
    Methods(&'static str),
}

impl Route {
    /// `None` if the path is not one of these.
    pub(crate) fn of(head: &Parts) -> Option<Match> {
        let target = path::target(head.uri.path())?;
        let (_, allow) = PATHS[match target {
            Target::All => 0,
            Target::One(_) => 1,
            Target::Record(_) => 2,
            Target::Json(_) => 3,
            Target::Member(..) => 4,
        }];
        let action = match (&head.method, &target) {
            (&Method::GET | &Method::HEAD, _) => Action::Read,
            (&Method::POST, Target::All) | (&Method::PUT, Target::One(_)) => Action::Write,
            (&Method::DELETE, Target::One(_)) => Action::Delete,
            _ => return Some(Match::Methods(allow)),
        };
        Some(Match::Route(Self { target, action }))
    }

    /// The name in the log.
    pub(crate) fn word(&self) -> &'static str {
        match (&self.target, self.action) {
            (_, Action::Write) => "store",
            (_, Action::Delete) => "delete",
            (Target::All, _) => "list",
            (Target::One(_), _) => "archive",
            (Target::Record(_), _) => "record",
            (Target::Json(_), _) => "archive_json",
            (Target::Member(..), _) => "member",
        }
    }
}

/// The data that every read of one archive needs.
struct Reading<'a> {
    state: &'a State,
    storage: &'a Storage,
    head: &'a Parts,
    id: Id,
    record: Record,
    caller: Caller,
}

pub(crate) async fn answer<B>(
    state: &State,
    storage: &Storage,
    head: &Parts,
    route: Route,
    upload: Shared<B>,
    over_rate: impl Future<Output = bool>,
    log: &mut RequestLog,
) -> Result<Response<Body<B>>, Problem>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let Route { target, action } = route;
    let id = match &target {
        Target::All => None,
        Target::One(id) | Target::Record(id) | Target::Json(id) | Target::Member(id, _) => {
            Some(Id::parse(id).ok_or_else(|| refusal::bad_id(id))?)
        }
    };
    let id = match (action, id) {
        (Action::Write, id) => {
            if over_rate.await {
                return Err(Problem::rate_limited());
            }
            let answer = put::answer(state, storage, head, id, upload.clone(), log).await;
            if let Some(settling) = upload.settle() {
                settling.await;
            }
            return answer;
        }
        (Action::Delete, Some(id)) => {
            access::check(&state.settings, head, Need::Write(Some(&id)), storage.now)?;
            delete::answer(storage, head, &id).await?;
            log.outcome = "ok";
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::NO_CONTENT;
            return Ok(response);
        }
        (Action::Read, Some(id)) => id,
        (_, None) => {
            access::check(&state.settings, head, Need::List, storage.now)?;
            log.outcome = "ok";
            return record::list(storage, head).await;
        }
    };

    let caller = access::check(&state.settings, head, Need::Read, storage.now)?;
    // Without a token, whatever decodes counts against the rate limit.
    if caller == Caller::Anyone && !matches!(target, Target::One(_)) && over_rate.await {
        return Err(Problem::rate_limited());
    }
    let mut last = None;
    // Twice at most: a blob can be replaced between the read of its record and its own.
    loop {
        let found = find(&*storage.store, &id).await?;
        let record = found.map(|found| found.record).filter(|record| !record.is_expired(storage.now));
        let record = record.ok_or_else(|| refusal::no_archive(&id))?;
        if last.as_ref() == Some(&record.etag) {
            return Err(refusal::damaged(format!("the contents of {id} are missing")));
        }
        last = Some(record.etag.clone());
        let caller = if caller == Caller::Known { Caller::Known } else { Caller::Anyone };
        let reading = Reading { state, storage, head, id: id.clone(), record, caller };
        let answer = match &target {
            Target::Record(_) => reading.record().await,
            Target::Json(_) => reading.json(log).await,
            Target::Member(_, name) => reading.member(name, log).await,
            Target::All | Target::One(_) => reading.whole().await,
        };
        match answer {
            Err(Refused::Gone) => {}
            Err(Refused::Problem(problem)) => return Err(problem),
            Ok(response) => {
                log.outcome = "ok";
                return Ok(response);
            }
        }
    }
}

/// Why a read has no answer.
enum Refused {
    /// The blob is not there: the archive was replaced, or deleted, a moment ago.
    Gone,
    Problem(Problem),
}

impl<T: Into<Problem>> From<T> for Refused {
    fn from(problem: T) -> Self {
        Self::Problem(problem.into())
    }
}

impl Reading<'_> {
    fn failed(error: recompress_service::store::StoreError) -> Refused {
        match error {
            recompress_service::store::StoreError::Missing => Refused::Gone,
            error => Refused::Problem(Failure::from(error).into()),
        }
    }
}
