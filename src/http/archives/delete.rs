//! `DELETE /archives/{id}`: the record goes first, then the blob.

use http::{header::IF_MATCH, request::Parts};
use recompress_service::store::{Id, Storage, StoreError, delete, look};

use super::{conditions, put::tags, refusal};
use crate::problem::Problem;

/// A deletion that finds another archive each time gives up after so many: others replace it all the time.
const TRIES: usize = 10;

/// Succeeds also if there is no archive, unless `If-Match` demands one.
pub(super) async fn answer(storage: &Storage, head: &Parts, id: &Id) -> Result<(), Problem> {
    for _ in 0..TRIES {
        let before = look(&*storage.store, id).await?;
        let found = before.found();
        let present = found.map(|found| &found.record).filter(|record| !record.is_expired(storage.now));
        let is_named = conditions::names(&head.headers, &IF_MATCH, &tags(present), false);
        if is_named == Some(false) || is_named.is_some() && present.is_none() {
            return Err(refusal::changed(id));
        }
        let Some(found) = found else { return Ok(()) };
        if delete(storage, id, found).await? {
            return Ok(());
        }
    }
    Err(StoreError::Failed(format!("the archive {id} is replaced all the time")).into())
}
