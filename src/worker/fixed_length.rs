//! A body of known length, so that the answer has a `Content-Length`.

use worker::{
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
    wasm_bindgen_futures::JsFuture,
    web_sys::{ReadableStream, WritableStream},
};

#[wasm_bindgen]
extern "C" {
    type FixedLengthStream;
    #[wasm_bindgen(constructor, catch)]
    fn new(length: f64) -> Result<FixedLengthStream, JsValue>;
    #[wasm_bindgen(method, getter)]
    fn readable(this: &FixedLengthStream) -> ReadableStream;
    #[wasm_bindgen(method, getter)]
    fn writable(this: &FixedLengthStream) -> WritableStream;
}

/// The same bytes. It fails if their number is not `length`.
pub(crate) fn of(stream: ReadableStream, length: u64) -> Result<ReadableStream, JsValue> {
    let fixed = FixedLengthStream::new(length as f64)?;
    // Handles the promise: the reader sees the failure, and workerd reports an unhandled rejection as an error of the Worker.
    drop(JsFuture::from(stream.pipe_to(&fixed.writable())));
    Ok(fixed.readable())
}
