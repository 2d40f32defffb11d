//! The platform's rate limit, if the installation binds one (`RATE_LIMIT`, see wrangler.toml).

use worker::{
    Env, console_error,
    js_sys::{Function, Object, Promise, Reflect},
    wasm_bindgen::{JsCast, JsValue},
    wasm_bindgen_futures::JsFuture,
    web_sys,
};

/// Whether the sender's address exceeds the rate limit. If the limiter fails, the request passes and the log says so.
pub(crate) fn is_over(env: &Env, request: &web_sys::Request) -> impl Future<Output = bool> + use<> {
    let binding = Reflect::get(env, &JsValue::from_str("RATE_LIMIT")).unwrap_or_default();
    // Without an edge there is no address: all clients share one key.
    let address = request.headers().get("cf-connecting-ip").ok().flatten().unwrap_or_default();
    async move {
        if binding.is_undefined() {
            return false;
        }
        is_within(&binding, &address).await.map_or_else(
            |error| {
                console_error!("RATE_LIMIT: {error:?}");
                false
            },
            |within| !within,
        )
    }
}

/// Not `worker::RateLimiter`: its conversion of one field adds 20 KB of code.
async fn is_within(binding: &JsValue, key: &str) -> Result<bool, JsValue> {
    let limit: Function = Reflect::get(binding, &JsValue::from_str("limit"))?.dyn_into()?;
    let options = Object::new();
    Reflect::set(&options, &JsValue::from_str("key"), &JsValue::from_str(key))?;
    let outcome = JsFuture::from(limit.call1(binding, &options)?.dyn_into::<Promise>()?).await?;
    Ok(Reflect::get(&outcome, &JsValue::from_str("success"))?.is_truthy())
}
