//! A future that is polled in the context of its own request, whoever wakes it.
//!
//! A request that gives memory back wakes the one that waits for it, and would have it polled in its own context: there
//! the runtime forbids the other's I/O. A promise, however, is continued in the context that made it, wherever it is
//! resolved (compatibility flag `handle_cross_request_promise_resolution`, the default since 2024-10-14).

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use worker::{
    js_sys::{Function, Promise},
    send::SendWrapper,
    wasm_bindgen::JsValue,
    wasm_bindgen_futures::JsFuture,
};

/// Wakes by resolving a promise.
struct Resolve(SendWrapper<Function>);

impl Wake for Resolve {
    fn wake(self: Arc<Self>) {
        self.0.call0(&JsValue::UNDEFINED).expect("to resolve a promise does not fail, also not twice");
    }
}

pub(super) async fn in_own_context<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // Ends when the future does.
    loop {
        let mut resolve = None;
        let woken = JsFuture::from(Promise::new(&mut |resolves, _rejects| resolve = Some(resolves)));
        let resolve = resolve.expect("a promise gives its functions while it is made");
        let waker = Waker::from(Arc::new(Resolve(SendWrapper::new(resolve))));
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        woken.await.expect("nothing rejects it");
    }
}
