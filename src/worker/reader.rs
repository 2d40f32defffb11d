//! A reader of a JavaScript stream: large reads, and a quiet cancel when it is dropped.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use worker::{
    js_sys::{Object, Promise, Reflect, Uint8Array},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    wasm_bindgen_futures::JsFuture,
    web_sys,
};

use crate::buffer;

// `catch`: an exception would end the instance and every request in it.
#[wasm_bindgen]
extern "C" {
    type ByteStream;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &ByteStream, options: &Object) -> Result<ByobReader, JsValue>;

    type ByobReader;
    #[wasm_bindgen(method, catch)]
    fn read(this: &ByobReader, view: &Uint8Array) -> Result<Promise, JsValue>;
    /// The runtime's own: fills the view up to so many bytes, if there are.
    #[wasm_bindgen(method, catch, js_name = readAtLeast)]
    fn read_at_least(this: &ByobReader, bytes: u32, view: &Uint8Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn cancel(this: &ByobReader) -> Result<Promise, JsValue>;

    type ReadResult;
    #[wasm_bindgen(method, getter)]
    fn done(this: &ReadResult) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &ReadResult) -> Option<Uint8Array>;
}

/// The only reader of a stream. Dropping it cancels the stream.
///
/// It never releases its lock. `wasm_streams::readable::IntoAsyncRead` does, and that threw for one of a thousand broken
/// uploads (in workerd).
pub(crate) struct Reader {
    raw: ByobReader,
    reading: Option<JsFuture>,
    /// A buffer in JavaScript's memory, reused by each read.
    buffer: Option<Uint8Array>,
    /// Whether each read waits until the room is full.
    fills: bool,
    ended: bool,
}

impl Reader {
    pub(crate) fn new(stream: web_sys::ReadableStream) -> Result<Self, JsValue> {
        let options = Object::new();
        Reflect::set(&options, &"mode".into(), &"byob".into())?;
        let raw = stream.unchecked_into::<ByteStream>().get_reader(&options)?;
        Ok(Self { raw, reading: None, buffer: None, fills: false, ended: false })
    }

    /// Fills its room with each read, as far as there are bytes: for streams that come in small pieces, and whose pace does not
    /// matter.
    pub(crate) fn filling(mut self) -> Self {
        self.fills = true;
        self
    }

    /// Reads into the front of `room`; 0 bytes at the end of the stream. While it is pending, `room` must keep its length.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<Result<usize, JsValue>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        if self.reading.is_none() {
            let length = u32::try_from(room.len()).unwrap_or(u32::MAX);
            let buffer = match self.buffer.take() {
                Some(buffer) if buffer.byte_length() >= length => buffer,
                _ => Uint8Array::new_with_length(length),
            };
            let view = buffer.subarray(0, length);
            let read = if self.fills { self.raw.read_at_least(length, &view) } else { self.raw.read(&view) };
            self.reading = Some(read?.into());
        }
        let reading = self.reading.as_mut().expect("there is a read now");
        let result = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        let read: ReadResult = result.inspect_err(|_| self.ended = true)?.unchecked_into();
        // The end may come with the last bytes.
        self.ended = read.done();
        let Some(filled) = read.value() else { return Poll::Ready(Ok(0)) };
        let length = filled.length() as usize;
        filled.copy_to(&mut room[..length]);
        self.buffer = Some(Uint8Array::new(&filled.buffer()));
        Poll::Ready(Ok(length))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !self.ended
            && let Ok(cancelled) = self.raw.cancel()
        {
            // Handles the promise: workerd reports an unhandled rejection as an error of the Worker.
            drop(JsFuture::from(cancelled));
        }
        if let Some(buffer) = self.buffer.take() {
            buffer::free(&buffer);
        }
    }
}
