//! The conversion for JavaScript: a [`Transcoder`] with `write` and `read`.

mod input;
mod names;
mod pump;
mod save;
mod stored;
mod through;

use recompress::{Error, Limits, Names, Parameters, Selection, Transcoder};
use sha2::{Digest, Sha256};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use pump::Pump;

/// One conversion: `write` a part of the zip, `read` until it returns nothing, repeat; then `finish` and `read` the rest.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Conversion {
    transcoder: Transcoder,
    pump: Pump,
    digest: Sha256,
}

#[wasm_bindgen]
impl Conversion {
    /// `quality` and `lgwin` are undefined for automatic: the best that the Worker's CPU allows for a zip of `size` bytes, or
    /// of an unknown size. `include` and `exclude` are patterns, as [`Selection::new`] takes them; `names` is as
    /// [`Names::new`] takes it.
    #[wasm_bindgen(constructor)]
    pub fn new(
        quality: Option<u8>,
        lgwin: Option<u8>,
        size: Option<f64>,
        include: Vec<String>,
        exclude: Vec<String>,
        names: Option<String>,
    ) -> Result<Self, JsValue> {
        let bad_option = |message: String| failure("bad_option", &message);
        let window = lgwin.unwrap_or(Parameters::default().lgwin());
        let parameters = match quality {
            Some(quality) => Parameters::new(quality, window),
            None => Parameters::auto(window),
        };
        let mut parameters = parameters.map_err(|range| bad_option(range.to_string()))?;
        if lgwin.is_none() {
            parameters = parameters.with_auto_lgwin();
        }
        let selection =
            Selection::new(include, exclude, Vec::new()).map_err(|refused| bad_option(refused.to_string()))?;
        let names = names.map_or(Ok(Names::default()), |value| Names::new(&value, Some(names::decode)));
        let names = names.map_err(|refused| bad_option(refused.to_string()))?;
        let transcoder = Transcoder::new(parameters.expecting(size.map(|size| size as u64)), Limits::BROWSER);
        Ok(Self {
            transcoder: transcoder.map_err(refusal)?.selecting(selection).naming(names),
            pump: Pump::new(),
            digest: Sha256::new(),
        })
    }

    /// Takes the next bytes of the zip. Call `read` until it returns nothing before the next `write`.
    pub fn write(&mut self, bytes: &[u8]) {
        self.pump.write(bytes);
    }

    /// Marks the end of the zip.
    pub fn finish(&mut self) {
        self.pump.finish();
    }

    /// The next bytes of the result; undefined if it needs more of the zip. Throws an `Error` with a `code` if the zip is
    /// refused.
    pub fn read(&mut self) -> Result<Option<Box<[u8]>>, JsValue> {
        let piece = self.pump.read(&mut self.transcoder).map_err(refusal)?;
        self.digest.update(piece);
        Ok((!piece.is_empty()).then(|| piece.into()))
    }

    /// Brotli quality of the result, final once it was read to its end.
    pub fn quality(&self) -> u8 {
        self.transcoder.present_quality()
    }

    /// Base-2 logarithm of the result's window, final once there is output.
    pub fn lgwin(&self) -> u8 {
        self.transcoder.in_use().1
    }

    /// SHA-256 of the bytes read so far, in hexadecimal digits.
    pub fn sha256(&self) -> String {
        self.digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn refusal(error: Error) -> JsValue {
    failure(error.code(), &error.to_string())
}

fn failure(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    js_sys::Reflect::set(&error, &"code".into(), &code.into()).expect("an error takes properties");
    error.into()
}
