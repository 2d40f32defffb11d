//! The disconnect of a client that has no answer yet.

use worker::{js_sys::Promise, wasm_bindgen_futures::JsFuture, web_sys::AbortSignal};

/// Completes when the client disconnects. Needs the compatibility flag `enable_request_signal`.
pub(crate) async fn disconnect(signal: AbortSignal) {
    if signal.aborted() {
        return;
    }
    let promise = Promise::new(&mut |resolve, _| {
        signal.add_event_listener_with_callback("abort", &resolve).expect("a signal takes listeners");
    });
    JsFuture::from(promise).await.expect("nothing rejects it");
}
