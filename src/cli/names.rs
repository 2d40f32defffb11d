//! Members' names in legacy encodings, decoded by `encoding_rs`.

use encoding_rs::Encoding;
use recompress::{BadNames, Names};

/// Decodes `bytes` by the encoding with this label, with U+FFFD for invalid ones.
pub fn decode(label: &'static str, bytes: &[u8]) -> String {
    let encoding = Encoding::for_label(label.as_bytes()).expect("the core's labels are the standard's");
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// Parses the value of `--names`.
pub fn parse(value: &str) -> Result<Names, BadNames> {
    Names::new(value, Some(decode))
}
