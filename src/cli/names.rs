//! Members' names in legacy encodings, decoded by `encoding_rs`.

use encoding_rs::Encoding;
use recompress::{BadNames, Names};

/// Decodes `bytes` by the encoding with this label; `None` if they are invalid in it.
pub fn decode(label: &'static str, bytes: &[u8]) -> Option<String> {
    let encoding = Encoding::for_label(label.as_bytes())?;
    encoding.decode_without_bom_handling_and_without_replacement(bytes).map(|name| name.into_owned())
}

/// Parses the value of `--names`.
pub fn parse(value: &str) -> Result<Names, BadNames> {
    Names::new(value, Some(decode))
}
