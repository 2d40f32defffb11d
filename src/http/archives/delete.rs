//! `DELETE /archives/{id}`: the record goes first, then the blob.

use http::{header::IF_MATCH, request::Parts};
use recompress_service::store::{Id, Storage, delete, look};

use super::{conditions, put::tags, refusal};
use crate::problem::Problem;

/// Succeeds also if there is no archive, unless `If-Match` demands one.
pub(super) async fn answer(storage: &Storage, head: &Parts, id: &Id) -> Result<(), Problem> {
    // Ends: a turn that fails is an upload's success, and an upload takes longer.
    loop {
        let before = look(&*storage.store, id).await?;
        let present = before.present(storage.now);
        match (present, conditions::names(&head.headers, &IF_MATCH, &tags(present), false)) {
            (_, None) | (Some(_), Some(true)) => {}
            _ => return Err(refusal::changed(id)),
        }
        let Some(found) = before.found() else { return Ok(()) };
        if delete(storage, id, found).await? {
            return Ok(());
        }
    }
}
