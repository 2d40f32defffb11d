//! The page for people, from the platform's static assets (wrangler.toml).

use http::{Method, Request};
use worker::{
    Env,
    js_sys::{Function, Promise, Reflect},
    wasm_bindgen::{JsCast, JsValue},
    wasm_bindgen_futures::JsFuture,
    web_sys,
};

use recompress_http::prefers_html;

/// Whether the request is for the HTML page. Terminals get the text page instead.
pub(crate) fn is_wanted<B>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && request.uri().path() == "/"
        && prefers_html(request.headers())
}

/// The platform's answer unchanged, including 304s; `None` if there are no assets. The `worker` crate's own call would
/// rebuild the response and give a 304 a body.
pub(crate) async fn answer(request: &web_sys::Request, env: &Env) -> Result<Option<web_sys::Response>, JsValue> {
    let assets = Reflect::get(env, &"ASSETS".into())?;
    if assets.is_undefined() {
        return Ok(None);
    }
    let fetch: Function = Reflect::get(&assets, &"fetch".into())?.dyn_into()?;
    let answer: Promise = fetch.call1(&assets, request)?.dyn_into()?;
    Ok(Some(JsFuture::from(answer).await?.dyn_into()?))
}
