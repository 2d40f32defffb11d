//! The platform's rate limit, for who binds one (`RATE_LIMIT`, see wrangler.toml).

use worker::{
    Env, RateLimiter, console_error,
    js_sys::Reflect,
    wasm_bindgen::{JsCast, JsValue},
    web_sys,
};

/// Whether the sender's address asks more often than the limit says. A limit that fails limits nobody, and says so in the log.
pub(super) fn is_over(env: &Env, request: &web_sys::Request) -> impl Future<Output = bool> + use<> {
    let binding = Reflect::get(env, &JsValue::from_str("RATE_LIMIT")).ok().filter(|binding| !binding.is_undefined());
    // Where there is no edge to say it, all are one.
    let address = request.headers().get("cf-connecting-ip").ok().flatten().unwrap_or_default();
    async move {
        let Some(binding) = binding else { return false };
        match RateLimiter::unchecked_from_js(binding).limit(address).await {
            Ok(outcome) => !outcome.success,
            Err(error) => {
                console_error!("RATE_LIMIT: {error}");
                false
            }
        }
    }
}
