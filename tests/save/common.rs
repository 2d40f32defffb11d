//! Drivers for the converter. They cut a save in every way.

pub mod tree;

use recompress::{
    SaveError, Status,
    save::{Converter, Encoding, Keys, Narrow, Options},
};
use recompress_testkit::drivers::SplitMix;

/// Choices from a seed.
pub struct Random(SplitMix);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(SplitMix(seed))
    }

    pub fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

pub fn options(keys: Keys, narrow: Narrow, encoding: Encoding) -> Options {
    Options { keys, narrow, encoding: Some(encoding), ..Options::default() }
}

/// Converts the input in one piece.
pub fn convert(options: &Options, input: &[u8]) -> Result<Vec<u8>, SaveError> {
    drive(Converter::new(options.clone()), &[input], 1 << 16)
}

/// Converts the input by pieces, into outputs of `room` bytes.
pub fn drive(mut converter: Converter, pieces: &[&[u8]], room: usize) -> Result<Vec<u8>, SaveError> {
    let mut result = Vec::new();
    let mut output = vec![0; room];
    let mut pieces = pieces.iter();
    let mut input: &[u8] = &[];
    let mut steps = 0u64;
    loop {
        let progress = converter.step(input, &mut output).inspect_err(|error| {
            assert_eq!(converter.step(b"x", &mut [0; 9]).as_ref(), Err(error), "an error stays");
        })?;
        steps += 1;
        assert!(steps < 50_000_000, "no end");
        input = &input[progress.consumed..];
        result.extend_from_slice(&output[..progress.produced]);
        match progress.status {
            Status::NeedsInput => {
                assert!(input.is_empty());
                // An empty piece would signal the end, so it is left out.
                input = pieces.by_ref().find(|piece| !piece.is_empty()).copied().unwrap_or(&[]);
            }
            Status::NeedsOutput => assert_eq!(progress.produced, room),
            Status::Working => {}
            Status::Done => return Ok(result),
        }
    }
}

/// Converts with one byte of input and one byte of output at a time.
pub fn trickle(options: &Options, input: &[u8]) -> Result<Vec<u8>, SaveError> {
    let pieces: Vec<&[u8]> = input.chunks(1).collect();
    drive(Converter::new(options.clone()), &pieces, 1)
}

/// The JSON that jomini's tape gives.
pub fn jomini(keys: Keys, narrow: Narrow, encoding: Encoding, input: &[u8]) -> Result<String, String> {
    use jomini::json::{DuplicateKeyMode, JsonOptions, TypeNarrowing};
    let tape = jomini::TextTape::from_slice(input).map_err(|error| error.to_string())?;
    let options = JsonOptions::new()
        .with_duplicate_keys(match keys {
            Keys::Preserve => DuplicateKeyMode::Preserve,
            Keys::Pairs => DuplicateKeyMode::KeyValuePairs,
            Keys::Group => DuplicateKeyMode::Group,
        })
        .with_type_narrowing(match narrow {
            Narrow::Unquoted => TypeNarrowing::Unquoted,
            Narrow::All => TypeNarrowing::All,
            Narrow::None => TypeNarrowing::None,
        });
    Ok(match encoding {
        Encoding::Utf8 => tape.utf8_reader().json().with_options(options).to_string(),
        Encoding::Windows1252 => tape.windows1252_reader().json().with_options(options).to_string(),
    })
}
