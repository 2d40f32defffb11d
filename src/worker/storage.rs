//! The storage of archives: the bucket that the installation binds (`ARCHIVES`, see wrangler.toml), the time, and random bytes.

use std::{rc::Rc, sync::Arc};

use recompress_service::store::Storage;
use worker::{
    Context, Env,
    js_sys::{Date, Reflect},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
};

use crate::{bucket::Bucket, r2::R2};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn get_random_values(bytes: &mut [u8]) -> Result<JsValue, JsValue>;
}

/// The storage for one request, if there is a bucket. `context` is the request's; the sweep has none.
pub(crate) fn of(env: &Env, context: Option<&Rc<Context>>) -> Option<Storage> {
    let binding = Reflect::get(env, &"ARCHIVES".into()).ok().filter(|binding| !binding.is_undefined())?;
    let store = R2::new(binding.unchecked_into::<Bucket>(), context.cloned());
    Some(Storage { store: Arc::new(store), now: (Date::now() / 1000.0) as u64, random })
}

/// From the runtime's cryptographic generator, at most 65,536 bytes at once.
fn random(bytes: &mut [u8]) {
    get_random_values(bytes).expect("it fills so few bytes");
}
