//! The conversion for JavaScript: a [`Transcoder`] with `write` and `read`.

mod input;
mod names;
mod pump;
mod save;
mod stored;
mod through;

use recompress::{
    Directory, DirectoryReader, Error, Limits, Names, Parameters, SMALL_ARCHIVE_BYTES, Selection, Transcoder, When,
};
use sha2::{Digest, Sha256};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use pump::Pump;

/// One conversion. Of a Blob, `look`, and bring the bytes from `start` to `end` by `take` until `start` is undefined. Then `write` a
/// part of the zip, `read` until it returns nothing, repeat; then `finish` and `read` the rest.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Conversion {
    /// None only after a failed change.
    transcoder: Option<Transcoder>,
    pump: Pump,
    digest: Sha256,
    names: Names,
    directory: When,
    /// The directory, while it is read from a Blob.
    reader: Option<DirectoryReader>,
    /// The zip so far, until it is known to be small or not. None once that is known, or does not matter.
    start: Option<Vec<u8>>,
}

#[wasm_bindgen]
impl Conversion {
    /// `quality` and `lgwin` are undefined for automatic: the best that the Worker's CPU allows for a zip of `size` bytes, or
    /// of an unknown size. `include` and `exclude` are patterns, as [`Selection::new`] takes them; `names` is as
    /// [`Names::new`] takes it, and `directory` a name of [`When`].
    #[wasm_bindgen(constructor)]
    pub fn new(
        quality: Option<u8>,
        lgwin: Option<u8>,
        size: Option<f64>,
        include: Vec<String>,
        exclude: Vec<String>,
        names: Option<String>,
        directory: &str,
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
        let when = When::named(directory)
            .ok_or_else(|| bad_option(format!("directory is {directory:?}, it must be {}", When::NAMES)))?;
        let transcoder = Transcoder::new(parameters.expecting(size.map(|size| size as u64)), Limits::BROWSER);
        Ok(Self {
            transcoder: Some(transcoder.map_err(refusal)?.selecting(selection).naming(names)),
            pump: Pump::new(),
            digest: Sha256::new(),
            names,
            directory: when,
            reader: None,
            start: (when != When::Last).then(Vec::new),
        })
    }

    /// Reads the directory of a Blob of `size` bytes before its members, unless the options say otherwise.
    pub fn look(&mut self, size: f64) {
        if self.start.take().is_some() {
            self.reader = Some(DirectoryReader::new(size as u64, Limits::BROWSER, self.names));
        }
    }

    /// The offset of the next bytes of the Blob to bring; undefined at the end.
    #[wasm_bindgen(getter)]
    pub fn start(&self) -> Option<f64> {
        Some(self.reader.as_ref()?.wants()?.start as f64)
    }

    /// The offset of their end.
    #[wasm_bindgen(getter)]
    pub fn end(&self) -> Option<f64> {
        Some(self.reader.as_ref()?.wants()?.end as f64)
    }

    /// Takes these bytes.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        reader.take(bytes).map_err(refusal)?;
        match self.reader.take_if(|reader| reader.wants().is_none()) {
            Some(reader) => self.know(reader.finish()),
            None => Ok(()),
        }
    }

    /// Takes the next bytes of the zip. Call `read` until it returns nothing before the next `write`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        let Some(start) = &mut self.start else {
            self.pump.write(bytes);
            return Ok(());
        };
        start.extend_from_slice(bytes);
        if start.len() as u64 > SMALL_ARCHIVE_BYTES {
            self.directory.reads_first(false).map_err(refusal)?;
            self.pump.write(start);
            self.start = None;
        }
        Ok(())
    }

    /// Marks the end of the zip.
    pub fn finish(&mut self) -> Result<(), JsValue> {
        let Some(zip) = self.start.take() else {
            self.pump.finish();
            return Ok(());
        };
        self.know(Directory::of(&zip, Limits::BROWSER, self.names).map_err(refusal)?)?;
        self.pump.finish_with(&zip);
        Ok(())
    }

    /// The next bytes of the result; undefined if it needs more of the zip. Throws an `Error` with a `code` if the zip is
    /// refused.
    pub fn read(&mut self) -> Result<Option<Box<[u8]>>, JsValue> {
        let piece = self.pump.read(transcoder(&mut self.transcoder)).map_err(refusal)?;
        self.digest.update(piece);
        Ok((!piece.is_empty()).then(|| piece.into()))
    }

    /// Brotli quality of the result, final once it was read to its end.
    pub fn quality(&self) -> u8 {
        self.transcoder.as_ref().map_or(0, Transcoder::present_quality)
    }

    /// Whether the directory was read before the members.
    pub fn knows(&self) -> bool {
        self.transcoder.as_ref().is_some_and(Transcoder::knows_directory)
    }

    /// The part of all contents that was read, 0 to 1; undefined if the directory was not read first.
    pub fn part(&self) -> Option<f64> {
        self.transcoder.as_ref()?.part_done()
    }

    /// Base-2 logarithm of the result's window, final once there is output.
    pub fn lgwin(&self) -> u8 {
        self.transcoder.as_ref().map_or(0, |transcoder| transcoder.in_use().1)
    }

    /// SHA-256 of the bytes read so far, in hexadecimal digits.
    pub fn sha256(&self) -> String {
        self.digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Conversion {
    /// Gives the directory to the transcoder, if it was found.
    fn know(&mut self, directory: Option<Directory>) -> Result<(), JsValue> {
        if let Some(directory) = directory {
            let knowing = self.transcoder.take().expect("it is there until a failure").knowing(directory);
            self.transcoder = Some(knowing.map_err(refusal)?);
        }
        Ok(())
    }
}

fn transcoder(present: &mut Option<Transcoder>) -> &mut Transcoder {
    present.as_mut().expect("no step follows a failure")
}

fn refusal(error: Error) -> JsValue {
    failure(error.code(), &error.to_string())
}

fn failure(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    js_sys::Reflect::set(&error, &"code".into(), &code.into()).expect("an error takes properties");
    error.into()
}
