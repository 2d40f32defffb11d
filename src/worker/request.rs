//! The runtime's request, as a request of the `http` crate.

use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use worker::{Headers, js_sys, wasm_bindgen::JsValue, web_sys};

use crate::upload::RequestBody;

/// Not the `worker` crate's own conversion: it locks the body, which rules out [`RequestBody`]'s large reads, and it answers a
/// header that `http` refuses with a 500.
pub(crate) fn from_js(request: &web_sys::Request) -> worker::Result<Request<RequestBody>> {
    let mut headers = HeaderMap::new();
    for (name, value) in Headers(request.headers()).entries() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), header_value(&value)) {
            headers.append(name, value);
        }
    }
    // On the edge the header is always `br, gzip`; `cf` has the client's own value. Without an edge there is no `cf`.
    if let Some(encodings) = client_accept_encoding(request).and_then(|text| header_value(&text).ok()) {
        headers.insert(header::ACCEPT_ENCODING, encodings);
    }
    // The platform has answered it: the upload is on its way, also if it is refused.
    headers.remove(header::EXPECT);
    let mut converted = Request::builder()
        .method(&*request.method())
        .uri(request.url())
        .body(RequestBody::new(request.body())?)
        .map_err(|error| worker::Error::from(error.to_string()))?;
    *converted.headers_mut() = headers;
    Ok(converted)
}

/// In JavaScript each character of a header is one byte.
fn header_value(text: &str) -> Result<HeaderValue, header::InvalidHeaderValue> {
    match text.chars().map(u8::try_from).collect::<Result<Vec<u8>, _>>() {
        Ok(bytes) => HeaderValue::from_bytes(&bytes),
        Err(_) => HeaderValue::from_str(text),
    }
}

fn client_accept_encoding(request: &web_sys::Request) -> Option<String> {
    let cf = js_sys::Reflect::get(request, &JsValue::from_str("cf")).ok()?;
    js_sys::Reflect::get(&cf, &JsValue::from_str("clientAcceptEncoding")).ok()?.as_string()
}
