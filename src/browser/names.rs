//! Members' names in legacy encodings, decoded by the runtime's `TextDecoder`: its tables cost the wasm nothing.

use js_sys::{Object, Reflect};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    type TextDecoder;
    #[wasm_bindgen(constructor, catch)]
    fn new(label: &str, options: &JsValue) -> Result<TextDecoder, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn decode(this: &TextDecoder, bytes: &[u8]) -> Result<String, JsValue>;
}

/// Decodes `bytes` by the encoding with this label, with U+FFFD for invalid ones. Gives nothing if the runtime does not know
/// it.
pub(crate) fn decode(label: &'static str, bytes: &[u8]) -> String {
    let options = Object::new();
    Reflect::set(&options, &"ignoreBOM".into(), &true.into()).expect("an object takes properties");
    TextDecoder::new(label, &options).and_then(|decoder| decoder.decode(bytes)).unwrap_or_default()
}
