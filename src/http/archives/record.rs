//! `GET /archives/{id}/record`: what is known of an archive. `GET /archives`: the records of all.

use std::borrow::Cow;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, Response, header::CACHE_CONTROL, request::Parts};
use recompress::{EntryKind, seekable::IndexedMember};
use recompress_service::store::{Found, RECORDS, Record, Storage, find, id_of_record};
use serde::Serialize;
use serde_json::value::RawValue;

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
        #[derive(Serialize)]
        struct WithContents<'a> {
            #[serde(flatten)]
            record: &'a Record,
            contents: Option<Box<RawValue>>,
        }
        let tag = format!("{}-record", self.record.etag);
        if let Some(response) = self.unchanged(&tag, "Accept-Encoding")? {
            return Ok(response);
        }
        let (contents, held) = match self.index().await {
            Ok((index, _, held)) => (contents(&index.members), Some(held)),
            Err(Refused::Problem(problem)) if problem.code() == "no_index" => (None, None),
            Err(refused) => return Err(refused),
        };
        let mut json = serde_json::to_vec(&WithContents { record: &self.record, contents })
            .expect("texts and numbers are always JSON");
        json.push(b'\n');
        let mut response = answer::fixed("application/json", json);
        if let Some(held) = held {
            response = response.map(|body| body.holding(held));
        }
        response.headers_mut().extend(media::cached(&self.state.settings, &tag));
        Ok(response)
    }
}

/// The list of an archive's members; `None` if it would be too long.
fn contents(members: &[IndexedMember]) -> Option<Box<RawValue>> {
    #[derive(Serialize)]
    struct Line<'a> {
        name: &'a str,
        kind: &'static str,
        size: u64,
        mode: String,
        mtime: i64,
        crc32: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<&'a str>,
    }
    let mut json = "[".to_owned();
    for (number, IndexedMember { entry, crc32, .. }) in members.iter().enumerate() {
        let (kind, target) = match &entry.kind {
            EntryKind::Directory => ("directory", None),
            EntryKind::Link { target } => ("link", Some(target.as_str())),
            _ => ("file", None),
        };
        let (mode, crc32) = (format!("{:04o}", entry.mode), format!("{crc32:08x}"));
        let line = Line { name: &entry.name, kind, size: entry.size, mode, mtime: entry.mtime, crc32, target };
        if number > 0 {
            json.push(',');
        }
        json += &serde_json::to_string(&line).expect("texts and numbers are always JSON");
        if json.len() > MOST_CONTENTS {
            return None;
        }
    }
    json.push(']');
    Some(RawValue::from_string(json).expect("it is JSON of ours"))
}

/// A page of the records whose ids begin with a prefix, in the order of their ids. Expired ones are left out.
pub(super) async fn list<B>(storage: &Storage, head: &Parts) -> Result<Response<Body<B>>, Problem> {
    #[derive(Serialize)]
    struct Page<'a> {
        archives: &'a [Record],
        cursor: Option<&'a str>,
    }
    let Query { prefix, cursor, limit } = Query::read(head.uri.query().unwrap_or_default())?;
    let store = &*storage.store;
    let page = store.list(&format!("{RECORDS}{prefix}"), cursor.as_deref(), limit).await?;
    let ids: Vec<_> = page.objects.iter().filter_map(|listed| id_of_record(&listed.key)).collect();
    let found = stream::iter(&ids).map(|id| find(store, id)).buffered(AT_ONCE);
    // A record that was deleted meanwhile, or that cannot be read, must not hide the others.
    let found = found.filter_map(async |found| found.ok().flatten());
    let records: Vec<Record> = found
        .map(|Found { record, .. }| record)
        .filter(|record| std::future::ready(!record.is_expired(storage.now)))
        .collect()
        .await;
    let page = Page { archives: &records, cursor: page.cursor.as_deref() };
    let mut json = serde_json::to_vec(&page).expect("texts and numbers are always JSON");
    json.push(b'\n');
    let mut response = answer::fixed("application/json", Bytes::from(json));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store, no-transform"));
    Ok(response)
}

/// What the query of a listing says.
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
