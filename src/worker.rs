//! The Cloudflare Worker: converts what the runtime brings and calls [`Service::serve`].

mod attended;
mod context;
mod departure;
mod page;
mod reader;
mod request;
mod upload;

use core::arch::wasm32;
use std::{pin::pin, sync::OnceLock, time::Duration};

use ::http::{Response, header::CONTENT_ENCODING};
use futures::future::{Either, select};
use worker::{Context, Delay, EncodeBody, Env, IntoResponse, event, web_sys};

use self::{attended::Attended, context::in_own_context, departure::departure};
use crate::{
    Limits,
    http::{Platform, Service},
};

/// What the conversions of an isolate may reserve together. Its wasm's memory is about 1.07 times what is allocated, and
/// 3 MB, measured in workerd: with this it stays below 100 MiB, which leaves the rest of the platform's 128 to JavaScript.
const BUDGET: u64 = 88 << 20;

/// How long a request waits for memory before it is told to come back: longer than most conversions, shorter than the
/// patience of most clients.
const PATIENCE: Duration = Duration::from_secs(10);

/// The isolate's: made with the wasm's memory, and gone with it.
static SERVICE: OnceLock<Service> = OnceLock::new();

/// Variables of the deployment, which are the same for all its requests.
fn service(env: &Env) -> Service {
    // Milliseconds, where `[limits] cpu_ms` is not the default either. What is no number must not pass for the default.
    let cpu_ms = env.var("RECOMPRESS_CPU_MS").map_or(Limits::WORKER.cpu_ms, |text| {
        text.to_string().parse().expect("RECOMPRESS_CPU_MS is a number of milliseconds")
    });
    let limits = Limits { cpu_ms, ..Limits::WORKER };
    Service::new(
        limits,
        BUDGET,
        Platform { wasm_memory: Some(wasm_memory), near_cpu_limit: Some(worker::signal::is_near_cpu_limit) },
    )
}

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, _context: Context) -> worker::Result<web_sys::Response> {
    let asked = request::from_js(&request)?;
    if page::is_wanted(&asked)
        && let Some(page) = page::answer(&request, &env).await?
    {
        return Ok(page);
    }
    let service = SERVICE.get_or_init(|| service(&env));
    let answer = pin!(in_own_context(service.serve(asked, Delay::from(PATIENCE))));
    let left = pin!(departure(request.signal()));
    let mut response = match select(answer, left).await {
        Either::Left((response, _)) => response,
        // Nobody gets it. When the answer has begun, the runtime itself drops its body.
        Either::Right(((), _)) => Response::default(),
    };
    if response.headers().contains_key(CONTENT_ENCODING) {
        // Otherwise the runtime would apply the encoding that the header names, to what already has it.
        response.extensions_mut().insert(EncodeBody::Manual);
    }
    response.map(Attended::new).into_raw().map_err(|error| worker::Error::from(error.into().to_string()))
}

/// Bytes of linear memory, which grows and never shrinks.
fn wasm_memory() -> u64 {
    const PAGE_BYTES: u64 = 64 << 10;
    wasm32::memory_size::<0>() as u64 * PAGE_BYTES
}
