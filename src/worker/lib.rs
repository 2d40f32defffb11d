//! The Cloudflare Worker: converts requests and responses and calls [`Service::serve`].

mod bucket;
mod buffer;
mod disconnect;
mod fixed_length;
mod names;
mod page;
mod r2;
mod rate;
mod read_timeout;
mod reader;
mod request;
mod storage;
mod upload;

use core::arch::wasm32;
use std::{
    pin::{Pin, pin},
    rc::Rc,
    sync::OnceLock,
    time::Duration,
};

use futures::future::{Either, select};
use http::{
    Response,
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};
use http_body::Body as _;
use recompress::Limits;
use recompress_http::{BadVariable, Body, Platform, Service, Settings, Visit, misconfigured};
use recompress_service::store::{Sweep, Swept};
use worker::{
    Context, Delay, EncodeBody, Env, ResponseBuilder, ScheduleContext, ScheduledEvent, console_error, console_log,
    event,
    js_sys::{Date, Math, Object, Reflect},
    send::SendFuture,
    wasm_bindgen::{JsCast, JsValue},
    web_sys,
};

use self::{disconnect::disconnect, read_timeout::TimedBody, upload::RequestBody};

/// The memory pool of an isolate. Measured in workerd, the wasm's memory is 1.07 times the allocated bytes plus 3 MB for one
/// conversion, and 1.15 times after thousands of conversions of all kinds (fragmentation). With this pool it stays below
/// 100 MiB and leaves the rest of the platform's 128 MB to JavaScript.
const BUDGET: u64 = 84 << 20;

/// The isolate's service. It lives as long as the wasm's memory.
static SERVICE: OnceLock<Result<Service, BadVariable>> = OnceLock::new();

fn service(env: &Env) -> Result<Service, BadVariable> {
    let settings =
        Settings::from_variables(Limits::WORKER, variables(env)).inspect_err(|wrong| console_error!("{wrong}"))?;
    let platform = Platform {
        wasm_memory: Some(wasm_memory),
        near_cpu_limit: Some(worker::signal::is_near_cpu_limit),
        pause: Some(pause),
        sleep: Some(|time| Box::pin(SendFuture::new(Delay::from(time)))),
        decode_name: Some(names::decode),
        now: || Date::now() as u64,
        log: Some(|line| console_log!("{line}")),
    };
    Ok(Service::new(settings, BUDGET, platform))
}

/// The variables and secrets of the deployment: its text bindings. They are the same for all requests.
fn variables(env: &Env) -> Vec<(String, String)> {
    let text = |binding: JsValue| {
        let name = binding.as_string()?;
        let value = Reflect::get(env, &binding).ok()?.as_string()?;
        Some((name, value))
    };
    Object::keys(env.unchecked_ref::<Object>()).iter().filter_map(text).collect()
}

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    let asked = request::from_js(&request)?;
    if page::is_wanted(&asked)
        && let Some(page) = page::answer(&request, &env).await?
    {
        return Ok(page);
    }
    let service = match SERVICE.get_or_init(|| service(&env)) {
        Ok(service) => service,
        Err(wrong) => return into_js(misconfigured(wrong)),
    };
    let context = Rc::new(context);
    let storage = storage::of(&env, Some(&context));
    let visit = Visit { id: random_id(), over_rate: rate::is_over(&env, &request), storage };
    let answer = pin!(service.serve(asked, visit));
    let left = pin!(disconnect(request.signal()));
    let mut response = match select(answer, left).await {
        Either::Left((response, _)) => response,
        // The client is gone. Once the answer has begun, the runtime itself drops its body.
        Either::Right(((), _)) => Response::default(),
    };
    // Its own task, so that it goes on while the client does not read.
    if let Some(job) = response.body_mut().take_job() {
        context.wait_until(job);
    }
    into_js(response)
}

/// The daily sweep of the archives (`[env.store.triggers]` in wrangler.toml).
#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    let Some(storage) = storage::of(&env, None) else { return };
    match Sweep::default().run(&storage).await {
        Ok(Swept { blobs, expired, orphans, is_complete }) => {
            console_log!(
                r#"{{"sweep":{{"blobs":{blobs},"expired":{expired},"orphans":{orphans},"complete":{is_complete}}}}}"#
            );
        }
        Err(failed) => console_error!("the sweep goes on tomorrow: {failed}"),
    }
}

/// Not `IntoResponse`, which replaces the reason of a broken body by "Error polling body".
fn into_js(response: Response<Body<RequestBody>>) -> worker::Result<web_sys::Response> {
    let (head, body) = response.into_parts();
    let mut builder = ResponseBuilder::new().with_status(head.status.as_u16()).with_headers((&head.headers).into());
    if head.headers.contains_key(CONTENT_ENCODING) {
        // Without this mark the runtime would compress the body a second time.
        builder = builder.with_encode_body(EncodeBody::Manual);
    }
    if body.is_end_stream() {
        return Ok(builder.empty().into());
    }
    // What is stored has a length, which the runtime takes from no header.
    let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let Some(length) = length else { return Ok(builder.from_stream(TimedBody::new(body))?.into()) };
    let streamed: web_sys::Response = worker::Response::from_stream(TimedBody::new(body))?.into();
    let fixed = fixed_length::of(streamed.body().expect("it has the stream"), length)?;
    Ok(builder.stream(fixed).into())
}

/// One request must not wake another one's task: the runtime would poll it in the first one's context, where the other's I/O
/// is forbidden. (A promise resolved across requests mostly continues in the right context: it failed for one of a thousand
/// mixed uploads.) So each waiting request polls the pool with its own timer.
fn pause(place: usize) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    /// Short for the first in the queue, longer for the rest, to bound the load.
    const EACH: Duration = Duration::from_millis(5);
    const MOST: Duration = Duration::from_millis(100);
    let pause = u32::try_from(place + 1).map_or(MOST, |place| MOST.min(EACH * place));
    Box::pin(SendFuture::new(Delay::from(pause)))
}

/// An id for local runs; the edge sends its own.
fn random_id() -> String {
    // 53 bits: all the random bits of a JavaScript number.
    format!("{:014x}", (Math::random() * (1_u64 << 53) as f64) as u64)
}

/// Bytes of linear memory, which grows and never shrinks.
fn wasm_memory() -> u64 {
    const PAGE_BYTES: u64 = 64 << 10;
    wasm32::memory_size::<0>() as u64 * PAGE_BYTES
}
