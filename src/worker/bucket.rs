//! A bucket of R2, bound by hand: `worker::Bucket` takes no `Uint8Array`, so each part of an upload would be copied into the
//! wasm's memory, which never shrinks.

use std::time::Duration;

use worker::{
    Delay,
    js_sys::{Array, Date, Error, Object, Promise, Reflect, Uint8Array},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    wasm_bindgen_futures::JsFuture,
    web_sys::ReadableStream,
};

// `catch`: an exception would end the instance and every request in it.
#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    pub(crate) type Bucket;
    #[wasm_bindgen(method, catch)]
    fn head(this: &Bucket, key: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn get(this: &Bucket, key: &str, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn put(this: &Bucket, key: &str, value: &Uint8Array, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn delete(this: &Bucket, key: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn list(this: &Bucket, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = createMultipartUpload)]
    fn create(this: &Bucket, key: &str) -> Result<Promise, JsValue>;

    /// An object, or the head of one.
    pub(crate) type Stored;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn key(this: &Stored) -> String;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn size(this: &Stored) -> f64;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn etag(this: &Stored) -> String;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn uploaded(this: &Stored) -> Date;
    /// None if a condition did not hold.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn body(this: &Stored) -> Option<ReadableStream>;

    pub(crate) type Listing;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn objects(this: &Listing) -> Array;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn cursor(this: &Listing) -> Option<String>;

    /// An upload in parts.
    pub(crate) type Multipart;
    #[wasm_bindgen(method, catch, js_name = uploadPart)]
    fn upload_part(this: &Multipart, number: u32, part: &Uint8Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn complete(this: &Multipart, parts: &Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn abort(this: &Multipart) -> Result<Promise, JsValue>;
}

/// Tries of a call that the storage may do later, and the first pause between them. Each further pause is four times as long.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);

/// Errors of R2 that stay however often one tries (R2's list of error codes): the object's name, its metadata, the upload that
/// is not there, parts of wrong sizes, a range after the end.
const FINAL: [u32; 9] = [10004, 10011, 10012, 10020, 10024, 10025, 10037, 10039, 10048];

/// The code of "the upload does not exist": it was completed or aborted.
pub(crate) const NO_UPLOAD: u32 = 10024;

/// The code of a range that starts after the end.
pub(crate) const NO_RANGE: u32 = 10039;

/// A failure of the storage.
#[derive(Debug)]
pub(crate) struct Failed {
    /// R2's number, 0 if there is none.
    pub(crate) code: u32,
    pub(crate) message: String,
}

impl Failed {
    /// R2 writes its code at the end of the message: `get: The requested range is not satisfiable (10039)`.
    fn from_js(error: &JsValue) -> Self {
        let message =
            error.dyn_ref::<Error>().map_or_else(|| format!("{error:?}"), |error| String::from(error.message()));
        let code = message.rsplit_once('(').and_then(|(_, code)| code.trim_end_matches(')').parse().ok());
        Self { code: code.unwrap_or(0), message }
    }
}

/// Calls until it succeeds, or has failed for good. Gives the number of failures before. Not generic: ten copies of it would be
/// ten times its code.
async fn call(start: &dyn Fn() -> Result<Promise, JsValue>) -> Result<(JsValue, u32), Failed> {
    let mut pause = PAUSE;
    // Ends with the last try.
    for failures in 0.. {
        let error = match start() {
            Ok(promise) => match JsFuture::from(promise).await {
                Ok(value) => return Ok((value, failures)),
                Err(error) => error,
            },
            Err(error) => error,
        };
        let failed = Failed::from_js(&error);
        if failures + 1 == TRIES || FINAL.contains(&failed.code) {
            return Err(failed);
        }
        Delay::from(pause).await;
        pause *= 4;
    }
    unreachable!("the last try returns")
}

/// An object of these properties.
fn object<const N: usize>(properties: [(&str, JsValue); N]) -> Object {
    let object = Object::new();
    for (name, value) in properties {
        Reflect::set(&object, &JsValue::from_str(name), &value).expect("an object takes properties");
    }
    object
}

/// The object of an answer; null where there is none.
fn found(value: JsValue) -> Option<Stored> {
    (!value.is_null() && !value.is_undefined()).then(|| value.unchecked_into())
}

/// A condition on the object of a key.
#[derive(Clone, Copy)]
pub(crate) enum OnlyIf<'a> {
    Absent,
    Matches(&'a str),
}

impl OnlyIf<'_> {
    fn options(condition: Option<Self>) -> Object {
        let (name, tag) = match condition {
            None => return Object::new(),
            Some(OnlyIf::Absent) => ("etagDoesNotMatch", "*"),
            Some(OnlyIf::Matches(tag)) => ("etagMatches", tag),
        };
        object([("onlyIf", object([(name, JsValue::from_str(tag))]).into())])
    }
}

impl Bucket {
    /// An object without its contents.
    pub(crate) async fn head_of(&self, key: &str) -> Result<Option<Stored>, Failed> {
        Ok(found(call(&|| self.head(key)).await?.0))
    }

    /// An object, or `length` of its bytes from `offset` on.
    pub(crate) async fn read(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
        condition: Option<OnlyIf<'_>>,
    ) -> Result<Option<Stored>, Failed> {
        let options = OnlyIf::options(condition);
        if let Some((offset, length)) = range {
            // JavaScript's integers end at 2^53; no object is so long.
            let length = length.min(1 << 52);
            let range = object([("offset", (offset as f64).into()), ("length", (length as f64).into())]);
            Reflect::set(&options, &"range".into(), &range).expect("an object takes properties");
        }
        Ok(found(call(&|| self.get(key, &options)).await?.0))
    }

    /// Writes a whole object; None if the condition does not hold. Gives the failed tries before.
    pub(crate) async fn write(
        &self,
        key: &str,
        bytes: &Uint8Array,
        condition: Option<OnlyIf<'_>>,
    ) -> Result<(Option<Stored>, u32), Failed> {
        let options = OnlyIf::options(condition);
        let (value, failures) = call(&|| self.put(key, bytes, &options)).await?;
        Ok((found(value), failures))
    }

    pub(crate) async fn remove(&self, key: &str) -> Result<(), Failed> {
        call(&|| self.delete(key)).await.map(|_| ())
    }

    pub(crate) async fn page(&self, prefix: &str, cursor: Option<&str>, limit: usize) -> Result<Listing, Failed> {
        let options = object([("prefix", prefix.into()), ("limit", (limit as f64).into())]);
        if let Some(cursor) = cursor {
            Reflect::set(&options, &"cursor".into(), &cursor.into()).expect("an object takes properties");
        }
        Ok(call(&|| self.list(&options)).await?.0.unchecked_into())
    }

    pub(crate) async fn start_multipart(&self, key: &str) -> Result<Multipart, Failed> {
        Ok(call(&|| self.create(key)).await?.0.unchecked_into())
    }
}

impl Multipart {
    /// Sends a part; a failed one again under the same number. Gives the proof that completing needs.
    pub(crate) async fn send(&self, number: u32, part: &Uint8Array) -> Result<JsValue, Failed> {
        Ok(call(&|| self.upload_part(number, part)).await?.0)
    }

    pub(crate) async fn finish(&self, parts: &Array) -> Result<Stored, Failed> {
        Ok(call(&|| self.complete(parts)).await?.0.unchecked_into())
    }

    /// Aborting twice, or too late, does nothing.
    pub(crate) async fn give_up(&self) -> Result<(), Failed> {
        call(&|| self.abort()).await.map(|_| ())
    }
}
