//! Access to the archives.

use http::{Method, request::Parts};
use recompress_service::store::Id;

use super::{refusal, ticket::Ticket};
use crate::{problem::Problem, settings::Settings, token};

/// The access that a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need<'a> {
    Read,
    List,
    /// To change this archive; `None` if it gets its id from us.
    Write(Option<&'a Id>),
}

/// The caller.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Somebody with a token.
    Known,
    /// Somebody with a ticket.
    Ticket(Ticket),
    Anyone,
}

/// The caller of a request that may do what it wants to. `now` is in seconds since 1970.
///
/// # Errors
///
/// `misconfigured`, `unauthorized` or `forbidden`.
pub(super) fn check(settings: &Settings, head: &Parts, need: Need<'_>, now: u64) -> Result<Caller, Problem> {
    let writes = matches!(need, Need::Write(_));
    if writes && !settings.origins.permit(head) {
        return Err(refusal::forbidden(
            "a page of another site may not store or delete here: its Origin is not allowed",
        ));
    }
    let Some(token) = &settings.token else {
        return if settings.archives.open { Ok(Caller::Known) } else { Err(refusal::without_token()) };
    };
    let Some(given) = token::given(&head.headers)? else {
        let is_public = need == Need::Read && !settings.archives.private;
        return if is_public { Ok(Caller::Anyone) } else { Err(token::missing()) };
    };
    if token.is(given) {
        return Ok(Caller::Known);
    }
    if settings.archives.read_token.as_ref().is_some_and(|token| token.is(given)) {
        return if writes { Err(refusal::forbidden("this token may only read")) } else { Ok(Caller::Known) };
    }
    if !Ticket::is_one(given) {
        return Err(Problem::unauthorized("the token is wrong"));
    }
    let ticket =
        Ticket::verify(given, token).ok_or_else(|| Problem::unauthorized("the ticket's signature is wrong"))?;
    if ticket.until <= now {
        return Err(Problem::unauthorized("the ticket has expired"));
    }
    if head.method != Method::PUT || need != Need::Write(Some(&ticket.id)) {
        return Err(refusal::forbidden("this ticket permits to PUT another archive, and nothing else"));
    }
    Ok(Caller::Ticket(ticket))
}
