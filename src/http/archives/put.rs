//! `PUT /archives/{id}`, `POST /archives`: an upload is converted and stored while it arrives.
//!
//! The blob is written under a random key. The record is the commit: it is written last, whole, and only if the
//! archive is still what it was when the request came.

use std::fmt::Display;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{EXPECT, IF_MATCH, LOCATION},
    request::Parts,
};
use recompress::Summary;
use recompress_service::{
    Order, RequestLog, Target,
    store::{Found, Id, Record, State as Before, Storage, StoreError, Version, bytes_of_day, look, record_key},
    write_to_store,
};

use super::{
    access::{self, Caller, Need},
    conditions, media, refusal,
    toll::Toll,
};
use crate::{
    answer, base64,
    body::Body,
    form,
    given::{BadOption, Given},
    options::Options,
    problem::Problem,
    run,
    shared::Shared,
    state::State,
    submission::{self, Submission},
};

/// The options of these paths.
pub(crate) const OPTIONS: [&str; 10] =
    ["quality", "lgwin", "mode", "include", "exclude", "first", "names", "directory", "expires", "name"];

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// The longest time for which an archive can be kept, in seconds, if it has an end: a hundred years.
const LONGEST: u64 = 100 * 366 * SECONDS_PER_DAY;

pub(super) async fn answer<B>(
    state: &State,
    storage: &Storage,
    head: &Parts,
    id: Option<Id>,
    body: Shared<B>,
    log: &mut RequestLog,
) -> Result<Response<Body<B>>, Problem>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let Storage { store, now, random } = storage;
    let settings = &state.settings;
    let caller = access::check(settings, head, Need::Write(id.as_ref()), *now)?;
    let most_received = match &caller {
        Caller::Ticket(ticket) => ticket.bytes.min(settings.archives.most_bytes),
        Caller::Known | Caller::Anyone => settings.archives.most_bytes,
    };

    let Submission { upload, given, part_name, body_bytes, archive_bytes } =
        Submission::open(head, body.clone()).await?;
    given.expect_only(&OPTIONS)?;
    let wanted = Wanted::read(state, &given)?;
    let digest = digest(head)?;
    let expires = expires(&given)?.map(|seconds| now + seconds);

    let before = match &id {
        Some(id) if head.method == Method::PUT => look(&**store, id).await?,
        _ => Before::Absent,
    };
    let present = before.present(*now);
    let condition = before.condition(*now);
    let id = id.unwrap_or_else(|| Id::random(*random));
    match (present, conditions::names(&head.headers, &IF_MATCH, &tags(present), false)) {
        (Some(_), Some(true)) => {
            if matches!(caller, Caller::Ticket(_)) {
                return Err(refusal::forbidden("a ticket does not permit to replace an archive"));
            }
        }
        (_, Some(_)) => return Err(refusal::changed(&id)),
        (None, None) => {}
        (Some(record), None) => {
            if digest.as_ref() == Some(&base64_of(&record.zip_sha256)) && record.options == wanted.canonical {
                // The same upload again. It is not converted, only read on, so that its client gets the answer.
                body.discard(head.headers.contains_key(EXPECT), state.terms.platform.sleep).await;
                log.outcome = "ok";
                return Ok(recorded(state, StatusCode::OK, record));
            }
            return Err(refusal::exists(&id));
        }
    }

    if archive_bytes.is_some_and(|bytes| bytes > most_received) {
        return Err(refusal::too_large(most_received));
    }
    let today = now / SECONDS_PER_DAY;
    let day_bytes = settings.archives.day_bytes;
    if day_bytes < u64::MAX {
        let stored = bytes_of_day(&**store, today).await?;
        if stored.saturating_add(archive_bytes.unwrap_or(0)) > day_bytes {
            return Err(refusal::day_is_full(day_bytes));
        }
        body.demand(Toll::new(storage, today, body_bytes));
    }

    let name = submission::name(&given, part_name, &head.headers);
    let game = name.as_deref().and_then(submission::game);
    let Wanted { options: Options { parameters, selection, names, directory, .. }, canonical } = wanted;
    let parameters = parameters.with_index(true).expecting(archive_bytes);
    let summary = Some((game, state.words.clone()));
    let order = Order::Convert { parameters, selection, names, directory, report: false, summary };
    let mut terms = state.terms.clone();
    terms.limits.entries = terms.limits.entries.min(settings.archives.most_members);
    let (result, job) = run::begin(&terms, head, order, upload, body_bytes, None, log).await?;
    (log.quality, log.lgwin) = job.begun_with().unzip();

    let version = Version::random(*random);
    let key = version.key(&id);
    let target = Target { store: &**store, key: &key, most_bytes: settings.archives.most_bytes, most_received };
    let stored = write_to_store(job.for_store(), &result, target, &terms).await;
    result.report(log);
    let (bytes, summary) = stored.map_err(|failure| Problem::from(failure).with_hint(&head.headers))?;
    let record = record(&id, &version, bytes, &summary, name, canonical, (*now, expires));

    let blob = Blob { storage, key: &key };
    if digest.is_some_and(|digest| digest != base64_of(&record.zip_sha256)) {
        blob.give_up().await;
        let detail = format!("the upload has the SHA-256 {}, and Content-Digest states another", record.zip_sha256);
        return Err(refusal::bad_digest(detail));
    }
    match store.put(&record_key(&id), record.object(), condition).await {
        Ok(_) => {}
        Err(StoreError::Changed) => {
            blob.give_up().await;
            return Err(if present.is_some() { refusal::changed(&id) } else { refusal::exists(&id) });
        }
        // The record may have been written all the same: the sweep knows.
        Err(error) => return Err(error.into()),
    }
    if let Some(Found { record: replaced, .. }) = before.found() {
        Blob { storage, key: &replaced.blob_key() }.give_up().await;
    }
    log.outcome = "ok";
    Ok(recorded(state, if present.is_some() { StatusCode::OK } else { StatusCode::CREATED }, &record))
}

/// A blob that no record names.
struct Blob<'a> {
    storage: &'a Storage,
    key: &'a str,
}

impl Blob<'_> {
    /// Deletes it. If that fails, the sweep does so later.
    async fn give_up(self) {
        let _ = self.storage.store.delete(self.key).await;
    }
}

/// The options of an upload, and the form of those that decide about its result.
struct Wanted {
    options: Options,
    canonical: String,
}

impl Wanted {
    fn read(state: &State, given: &Given) -> Result<Self, BadOption> {
        let settings = &state.settings;
        let options = Options::read(given, settings, state.terms.platform.decode_name)?;
        if !options.parameters.can_have_index() {
            return Err(BadOption::NoSegments);
        }
        let usual = |number: Option<u8>| number.map_or_else(|| "auto".to_owned(), |number| number.to_string());
        let quality = given.one("quality").map_or_else(|| usual(settings.quality), str::to_owned);
        let of_quality = quality.parse().ok();
        let lgwin = given.one("lgwin").map_or_else(|| usual(settings.usual_lgwin(of_quality)), str::to_owned);
        let list = |name| format!("[{}]", given.all(name).map(json_string).collect::<Vec<_>>().join(","));
        let lists = ["include", "exclude", "first"].map(|name| format!("\"{name}\":{}", list(name)));
        let (mode, names) = (options.parameters.mode().name(), json_string(given.one("names").unwrap_or_default()));
        let (lists, directory) = (lists.join(","), options.directory.name());
        let canonical = format!(
            r#"{{"quality":"{quality}","lgwin":"{lgwin}","mode":"{mode}",{lists},"names":{names},"directory":"{directory}"}}"#
        );
        Ok(Self { options, canonical })
    }
}

/// The seconds for which an archive is kept.
fn expires(given: &Given) -> Result<Option<u64>, BadOption> {
    let named = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|seconds| is_number && (1..=LONGEST).contains(seconds))
    };
    given.choice("expires", named, || format!("1 to {LONGEST} seconds"))
}

/// The SHA-256 that a request states of its body, in base64 (RFC 9530). Other algorithms are ignored.
fn digest(head: &Parts) -> Result<Option<String>, Problem> {
    let lines = head.headers.get_all(CONTENT_DIGEST).iter().filter_map(|line| line.to_str().ok());
    let mut found = None;
    for member in lines.flat_map(|line| line.split(',')) {
        let Some(value) = member.trim().strip_prefix("sha-256=") else { continue };
        let text = value.strip_prefix(':').and_then(|value| value.strip_suffix(':'));
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        // 32 bytes are 43 digits and one character of padding.
        let text = text.filter(|text| text.len() == 44 && text.bytes().all(is_base64));
        let text = text.ok_or_else(|| refusal::bad_digest(format!("{value:?} is not a SHA-256 like :BASE64:")))?;
        found = Some(text.to_owned());
    }
    if found.is_some() && form::is_form(&head.headers) {
        let detail = "a digest of a form says nothing about the archive in it: send the archive as the body".to_owned();
        return Err(refusal::bad_digest(detail));
    }
    Ok(found)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hexadecimal digits as base64.
fn base64_of(digits: &str) -> String {
    let bytes: Vec<u8> = (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2).unwrap_or_default(), 16).unwrap_or_default())
        .collect();
    base64::padded(&bytes)
}

fn json_string(text: &str) -> String {
    serde_json::to_string(text).expect("text is always JSON")
}

/// The tags that name an archive in a condition.
pub(super) fn tags(record: Option<&Record>) -> Vec<&str> {
    record.map(|record| record.etag.as_str()).into_iter().collect()
}

fn record(
    id: &Id,
    version: &Version,
    bytes: u64,
    summary: &Summary,
    name: Option<String>,
    options: String,
    (created, expires): (u64, Option<u64>),
) -> Record {
    Record {
        id: id.to_string(),
        etag: version.as_str().to_owned(),
        name: name.as_deref().map_or_else(|| "null".to_owned(), json_string),
        created,
        expires,
        bytes,
        zip_bytes: summary.zip_bytes,
        zip_sha256: hex(&summary.zip_sha256),
        tar_bytes: summary.tar_bytes,
        tar_sha256: hex(&summary.tar_sha256),
        members: summary.members,
        quality: summary.quality.into(),
        quality_at_end: summary.quality_at_end.into(),
        lgwin: summary.lgwin.into(),
        options,
        warnings: summary.warnings.to_string(),
        save: summary.save.as_ref().map_or_else(|| "null".to_owned(), |save| save.to_json()),
    }
}

/// The answer that is the record of an archive.
fn recorded<B>(state: &State, status: StatusCode, record: &Record) -> Response<Body<B>> {
    let mut response = answer::fixed("application/json", record.json() + "\n");
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.extend(media::cached(&state.settings, &record.etag));
    let location = format!("/archives/{}", record.id);
    headers.insert(LOCATION, HeaderValue::try_from(location).expect("ids are plain ASCII"));
    response
}
