//! Stored archives: requests to a service with a store in memory.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use recompress_service::store::{MemoryStore, Storage, Sweep};
use sha2::Digest;

use super::*;

mod access;
mod day;
mod deletion;
mod failures;
mod reading;
mod stepping;
mod storing;

/// The time at which each site begins, in seconds since 1970.
const BEGIN: u64 = 1_800_000_000;

/// A service with a store.
struct Site {
    service: Service,
    store: MemoryStore,
    now: u64,
    over_rate: bool,
}

impl Site {
    /// Open to anyone, but for these variables.
    fn new(variables: &[(&str, &str)]) -> Self {
        let open = if variables.iter().any(|(name, _)| *name == "RECOMPRESS_TOKEN") { "0" } else { "1" };
        let variables = [variables, &[("RECOMPRESS_OPEN", open)]].concat();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = Settings::from_variables(Limits::WORKER, variables).unwrap();
        let store = MemoryStore::default();
        store.set_time(BEGIN);
        Self { service: Service::new(settings, BUDGET, Platform::default()), store, now: BEGIN, over_rate: false }
    }

    fn at(&mut self, now: u64) -> &mut Self {
        self.store.set_time(now);
        self.now = now;
        self
    }

    fn storage(&self) -> Storage {
        Storage { store: Arc::new(self.store.clone()), now: self.now, random }
    }

    fn ask_with(&self, storage: Storage, request: Request<Upload>) -> Response<Body<Upload>> {
        let visit = Visit { storage: Some(storage), over_rate: ready(self.over_rate), id: String::new() };
        block_on(self.service.serve(request, visit))
    }

    fn ask(&self, method: &str, uri: &str, headers: &[(&str, &str)], upload: Upload) -> Response<Body<Upload>> {
        self.ask_with(self.storage(), request(method, uri, headers, upload))
    }

    fn get(&self, uri: &str, headers: &[(&str, &str)]) -> Response<Body<Upload>> {
        self.ask("GET", uri, headers, Upload::default())
    }

    /// Status and code of an answer. The code of one that is no problem is empty.
    fn code(&self, method: &str, uri: &str, headers: &[(&str, &str)], upload: Upload) -> (u16, String) {
        outcome(self.ask(method, uri, headers, upload))
    }

    /// Stores an archive that must be new.
    fn put(&self, uri: &str, zip: &[u8]) -> serde_json::Value {
        let response = self.ask("PUT", uri, &[], whole(zip));
        assert_eq!(response.status(), StatusCode::CREATED, "{uri}: {:?}", json(response));
        json(response)
    }

    /// No memory is held.
    fn is_idle(&self) {
        let figures = self.service.0.terms.admission.figures();
        assert_eq!((figures.reserved(), figures.buffers), (0, 0), "{figures:?}");
    }
}

fn outcome(response: Response<Body<Upload>>) -> (u16, String) {
    let status = response.status().as_u16();
    let is_problem = response.headers().get("content-type").is_some_and(|value| value == "application/problem+json");
    let code = if is_problem { json(response)["code"].as_str().unwrap().to_owned() } else { String::new() };
    (status, code)
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Random enough for a test, and never the same.
fn random(bytes: &mut [u8]) {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let number = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = number.rotate_left(at as u32 * 5).to_le_bytes()[0];
    }
}

fn header<'a>(response: &'a Response<Body<Upload>>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn inflated(br: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    brotli::Decompressor::new(br, 4096).read_to_end(&mut bytes).unwrap();
    bytes
}

/// A save's text, that compresses.
fn text(length: usize) -> Vec<u8> {
    let mut text = b"EU4txt\ndate=1444.11.11\nplayer=\"SWE\"\n".to_vec();
    let mut number = 1_u32;
    while text.len() < length {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(
            format!("province_{}={{ owner=\"T{:02}\" tax={} }}\n", text.len(), number >> 27, number >> 20).as_bytes(),
        );
    }
    text
}

/// Small and large members.
fn sample() -> (Vec<u8>, Vec<u8>) {
    let large = text((4 << 20) + 5);
    let zip = archive(&[
        ("meta", b"date=1444.11.11\n"),
        ("gamestate", &large),
        ("dir/read me.TXT", b"hello"),
        ("a.html", b"<script>"),
    ]);
    (zip, large)
}
