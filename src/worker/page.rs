//! The page for people, which the platform keeps among the assets of wrangler.toml.

use http::{Method, Request};
use worker::{
    Env,
    js_sys::{Function, Promise, Reflect},
    wasm_bindgen::{JsCast, JsValue},
    wasm_bindgen_futures::JsFuture,
    web_sys,
};

use recompress_http::prefers_html;

/// Whether the request is for the page, and not for the text that takes its place in a terminal.
pub(crate) fn is_wanted<B>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && request.uri().path() == "/"
        && prefers_html(request.headers())
}

/// The platform's answer as it is, its 304s included; none where there are no assets. `worker`'s own call makes another
/// response of it, in which a 304 has a body.
pub(crate) async fn answer(request: &web_sys::Request, env: &Env) -> Result<Option<web_sys::Response>, JsValue> {
    let assets = Reflect::get(env, &"ASSETS".into())?;
    if assets.is_undefined() {
        return Ok(None);
    }
    let fetch: Function = Reflect::get(&assets, &"fetch".into())?.dyn_into()?;
    let answer: Promise = fetch.call1(&assets, request)?.dyn_into()?;
    Ok(Some(JsFuture::from(answer).await?.dyn_into()?))
}
