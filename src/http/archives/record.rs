//! `GET /archives/{id}/record`: the facts about an archive. `GET /archives`: the records of all.

use std::{borrow::Cow, future::poll_fn, task::Poll};

use http::{HeaderValue, Response, header::CACHE_CONTROL, request::Parts};
use recompress::{Entry, EntryKind, seekable::IndexedMember};
use recompress_service::store::{Found, Later, RECORDS, Storage, StoreError, find, id_of_record};

use super::{Reading, Refused, media};
use crate::{answer, body::Body, given::BadOption, problem::Problem};

/// The longest list of members, in bytes of JSON. The archive itself has longer ones.
const MOST_CONTENTS: usize = 1 << 20;

/// Records of one page, and how many of them are read at once.
const PAGE: usize = 100;
const AT_ONCE: usize = 6;

/// The longest cursor, in bytes.
const LONGEST_CURSOR: usize = 2048;

impl Reading<'_> {
    pub(super) async fn record<B>(self) -> Result<Response<Body<B>>, Refused> {
        let tag = format!("{}-record", self.record.etag);
        if let Some(response) = self.unchanged(&tag, "Accept-Encoding")? {
            return Ok(response);
        }
        let (contents, held) = match self.index().await {
            Ok((index, _, held)) => (contents(&index.members), Some(held)),
            Err(Refused::Problem(problem)) if problem.code() == "no_index" => (None, None),
            Err(refused) => return Err(refused),
        };
        let record = self.record.json();
        let (start, contents) = (record.strip_suffix('}').unwrap_or_default(), contents.as_deref().unwrap_or("null"));
        let json = format!("{start},\"contents\":{contents}}}\n");
        let mut response = answer::fixed("application/json", json);
        if let Some(held) = held {
            response = response.map(|body| body.holding(held));
        }
        response.headers_mut().extend(media::cached(&self.state.settings, &tag));
        Ok(response)
    }
}

/// The list of an archive's members; `None` if it would be too long.
fn contents(members: &[IndexedMember]) -> Option<String> {
    let quoted = |text: &str| serde_json::to_string(text).expect("text is always JSON");
    let mut json = "[".to_owned();
    for (number, IndexedMember { entry, crc32, .. }) in members.iter().enumerate() {
        let (kind, target) = match &entry.kind {
            EntryKind::Directory => ("directory", None),
            EntryKind::Link { target } => ("link", Some(target)),
            _ => ("file", None),
        };
        let Entry { name, size, mode, mtime, .. } = entry;
        let comma = if number > 0 { "," } else { "" };
        let (name, target) =
            (quoted(name), target.map_or_else(String::new, |target| format!(",\"target\":{}", quoted(target))));
        json += &format!(
            r#"{comma}{{"name":{name},"kind":"{kind}","size":{size},"mode":"{mode:04o}","mtime":{mtime},"crc32":"{crc32:08x}"{target}}}"#
        );
        if json.len() > MOST_CONTENTS {
            return None;
        }
    }
    Some(json + "]")
}

/// A page of the records whose ids begin with a prefix, in the order of their ids. Expired ones are left out.
pub(super) async fn list<B>(storage: &Storage, head: &Parts) -> Result<Response<Body<B>>, Problem> {
    let Query { prefix, cursor, limit } = Query::read(head.uri.query().unwrap_or_default())?;
    let store = &*storage.store;
    let page = store.list(&format!("{RECORDS}{prefix}"), cursor.as_deref(), limit).await?;
    let ids: Vec<_> = page.objects.iter().filter_map(|listed| id_of_record(&listed.key)).collect();
    let mut archives: Vec<String> = Vec::new();
    for ids in ids.chunks(AT_ONCE) {
        // A record that was deleted meanwhile, or that cannot be read, must not hide the others.
        let reads = ids.iter().map(|id| -> Later<'_, Result<Option<Found>, StoreError>> { Box::pin(find(store, id)) });
        let found = all(reads.collect()).await;
        let records = found.into_iter().filter_map(|found| found.ok().flatten()).map(|Found { record, .. }| record);
        archives.extend(records.filter(|record| !record.is_expired(storage.now)).map(|record| record.json()));
    }
    let cursor = page.cursor.map_or(Ok("null".to_owned()), |cursor| serde_json::to_string(&cursor));
    let cursor = cursor.expect("text is always JSON");
    let json = format!("{{\"archives\":[{}],\"cursor\":{cursor}}}\n", archives.join(",\n"));
    let mut response = answer::fixed("application/json", json);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store, no-transform"));
    Ok(response)
}

/// The results of futures that run side by side. Smaller than what `futures` has for any number.
async fn all<T>(mut futures: Vec<Later<'_, T>>) -> Vec<T> {
    let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (future, result) in futures.iter_mut().zip(&mut results).filter(|(_, result)| result.is_none()) {
            if let Poll::Ready(ready) = future.as_mut().poll(cx) {
                *result = Some(ready);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}

/// The query of a listing.
struct Query {
    prefix: String,
    cursor: Option<String>,
    limit: usize,
}

impl Query {
    fn read(query: &str) -> Result<Self, BadOption> {
        const NAMES: [&str; 3] = ["prefix", "cursor", "limit"];
        let mut given: [Option<Cow<'_, str>>; 3] = [const { None }; 3];
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(index) = NAMES.iter().position(|known| *known == name) else {
                return Err(BadOption::NoSuchQuery { option: name.into_owned(), known: "prefix, cursor and limit" });
            };
            if let Some(first) = given[index].replace(value.clone()) {
                let (first, second) = (first.into_owned(), value.into_owned());
                return Err(BadOption::Twice { option: NAMES[index], first, second });
            }
        }
        let [prefix, cursor, limit] = given;
        let wrong = |option, value: &str, range: &str| {
            let value = value.chars().take(200).collect();
            BadOption::OutOfRange { option, value, range: range.to_owned() }
        };
        let prefix = prefix.unwrap_or_default().into_owned();
        if !prefix.is_empty() && recompress_service::store::Id::parse(&prefix).is_none() {
            return Err(wrong("prefix", &prefix, "the start of an id"));
        }
        let cursor = cursor.map(Cow::into_owned);
        let is_plain = |text: &String| (1..=LONGEST_CURSOR).contains(&text.len()) && !text.contains(char::is_control);
        if let Some(cursor) = cursor.as_ref().filter(|cursor| !is_plain(cursor)) {
            return Err(wrong("cursor", cursor, "the cursor of a page"));
        }
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let limit = match limit {
            None => PAGE,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| is_number(&text) && (1..=PAGE).contains(limit))
                .ok_or_else(|| wrong("limit", &text, &format!("1 to {PAGE}")))?,
        };
        Ok(Self { prefix, cursor, limit })
    }
}
