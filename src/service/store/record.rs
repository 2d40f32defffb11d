//! The record of a stored archive: the facts that are known once its blob is whole.
//!
//! It is JSON of one form, which a reader of a few lines reads: a general one would add 10 kB to the Worker.

use std::fmt::{Display, Write};

use bytes::Bytes;

use super::{
    error::StoreError,
    key::{Id, blob_key},
};

/// The longest record, in bytes. The longest parts of one are the options, which fit a request's head, and a save's metadata.
pub(super) const LONGEST: usize = 256 << 10;

/// The facts about a stored archive. Clients get them as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The archive's id.
    pub id: String,
    /// The version of its contents: the middle of every entity tag, and the end of its blob's key.
    pub etag: String,
    /// The upload's name, as a JSON string; `null` if it had none.
    pub name: String,
    /// Seconds since 1970.
    pub created: u64,
    /// Seconds since 1970 from which on it is gone.
    pub expires: Option<u64>,
    /// Bytes of the `.tar.br`.
    pub bytes: u64,
    /// Bytes of the zip.
    pub zip_bytes: u64,
    /// SHA-256 of the zip, in hexadecimal digits.
    pub zip_sha256: String,
    /// Bytes of the tarball.
    pub tar_bytes: u64,
    /// SHA-256 of the tarball.
    pub tar_sha256: String,
    /// Members of the tarball.
    pub members: u64,
    /// Brotli quality at the start.
    pub quality: u64,
    /// Brotli quality at the end.
    pub quality_at_end: u64,
    /// Base-2 logarithm of the brotli window.
    pub lgwin: u64,
    /// JSON: the options that decide about the contents, in one form. Two uploads of one zip with the same text have the same
    /// result.
    pub options: String,
    /// JSON: a count for each warning.
    pub warnings: String,
    /// JSON: the metadata of a save, or `null`.
    pub save: String,
}

/// The keys, in the order in which they are written.
const KEYS: [&str; 17] = [
    "id",
    "etag",
    "name",
    "created",
    "expires",
    "bytes",
    "zip_bytes",
    "zip_sha256",
    "tar_bytes",
    "tar_sha256",
    "members",
    "quality",
    "quality_at_end",
    "lgwin",
    "options",
    "warnings",
    "save",
];

impl Record {
    /// Reads a record that a store has for `id`.
    ///
    /// # Errors
    ///
    /// `Failed` if it is none.
    pub fn parse(bytes: &[u8], id: &Id) -> Result<Self, StoreError> {
        let record = str::from_utf8(bytes).ok().and_then(Self::read);
        // The version becomes a key and a header.
        let record = record.filter(|record| record.id == id.as_str() && Id::parse(&record.etag).is_some());
        record.ok_or_else(|| StoreError::Failed(format!("the record of {id} is damaged")))
    }

    fn read(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut values = [""; KEYS.len()];
        for (number, (key, value)) in KEYS.iter().zip(&mut values).enumerate() {
            let before = if number == 0 { "{\"" } else { ",\"" };
            rest = rest.strip_prefix(before)?.strip_prefix(key)?.strip_prefix("\":")?;
            (*value, rest) = rest.split_at(length(rest)?);
        }
        if rest != "}" {
            return None;
        }
        let text = |at: usize| -> Option<String> {
            let text = values[at].strip_prefix('"')?.strip_suffix('"')?;
            // Ids, tags and digests need no escape.
            (!text.contains('\\')).then(|| text.to_owned())
        };
        let number = |at: usize| values[at].parse().ok();
        Some(Self {
            id: text(0)?,
            etag: text(1)?,
            name: values[2].to_owned(),
            created: number(3)?,
            expires: if values[4] == "null" { None } else { Some(number(4)?) },
            bytes: number(5)?,
            zip_bytes: number(6)?,
            zip_sha256: text(7)?,
            tar_bytes: number(8)?,
            tar_sha256: text(9)?,
            members: number(10)?,
            quality: number(11)?,
            quality_at_end: number(12)?,
            lgwin: number(13)?,
            options: values[14].to_owned(),
            warnings: values[15].to_owned(),
            save: values[16].to_owned(),
        })
    }

    /// The record as it is stored.
    pub fn json(&self) -> String {
        let quoted = |text: &str| format!("\"{text}\"");
        let texts = [&self.id, &self.etag, &self.zip_sha256, &self.tar_sha256].map(|text| quoted(text));
        let [id, etag, zip_sha256, tar_sha256] = &texts;
        let expires = self.expires.map_or_else(|| "null".to_owned(), |expires| expires.to_string());
        let values: [&dyn Display; KEYS.len()] = [
            id,
            etag,
            &self.name,
            &self.created,
            &expires,
            &self.bytes,
            &self.zip_bytes,
            zip_sha256,
            &self.tar_bytes,
            tar_sha256,
            &self.members,
            &self.quality,
            &self.quality_at_end,
            &self.lgwin,
            &self.options,
            &self.warnings,
            &self.save,
        ];
        let mut json = String::new();
        for (number, (key, value)) in KEYS.iter().zip(values).enumerate() {
            let before = if number == 0 { '{' } else { ',' };
            write!(json, "{before}\"{key}\":{value}").expect("writing to a string never fails");
        }
        json + "}"
    }

    /// The record as an object of a store.
    pub fn object(&self) -> Bytes {
        self.json().into()
    }

    /// The upload's name.
    pub fn name(&self) -> Option<String> {
        unquoted(&self.name)
    }

    /// The key of its blob.
    pub fn blob_key(&self) -> String {
        blob_key(&self.id, &self.etag)
    }

    /// Whether its time is over at `now`, in seconds since 1970.
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// Bytes of the JSON value at the front of `text`, up to the comma or the brace that ends it.
fn length(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b',' | b'}' if depth == 0 => return Some(at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// The text of a JSON string as serde_json writes it; `None` for anything else.
fn unquoted(json: &str) -> Option<String> {
    let mut characters = json.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut text = String::new();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let digit = |code, character: char| Some(code << 4 | character.to_digit(16)?);
                    let digits = [(); 4].map(|()| characters.next().unwrap_or('-'));
                    digits.into_iter().try_fold(0, digit).and_then(char::from_u32)?
                }
                itself => itself,
            },
            character => character,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written() {
        let every: String = (0..0x180).filter_map(char::from_u32).chain("\u{2028}😀".chars()).collect();
        for name in ["", "a", r#"a"b\c/d"#, "\\u0041", &every] {
            let json = serde_json::to_string(name).unwrap();
            assert_eq!(unquoted(&json).as_deref(), Some(name), "{json}");
        }
        for none in ["null", "", "\"", "1", r#""\u00""#, r#""\ud800""#, r#""\""#] {
            assert_eq!(unquoted(none), None, "{none}");
        }
    }

    fn record() -> Record {
        Record {
            id: "a".to_owned(),
            etag: "v_1".to_owned(),
            name: r#""a \"b\", {c}\\""#.to_owned(),
            created: 1,
            expires: None,
            bytes: 2,
            zip_bytes: 3,
            zip_sha256: "00".to_owned(),
            tar_bytes: 4,
            tar_sha256: "ff".to_owned(),
            members: 5,
            quality: 9,
            quality_at_end: 8,
            lgwin: 22,
            options: r#"{"include":["a,}\"","b"]}"#.to_owned(),
            warnings: "{}".to_owned(),
            save: "null".to_owned(),
        }
    }

    #[test]
    fn a_record_is_json_and_is_read_as_it_was_written() {
        let id = Id::parse("a").unwrap();
        for expires in [None, Some(u64::MAX)] {
            let record = Record { expires, ..record() };
            let json = record.json();
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!((&value["name"], &value["options"]["include"][0]), (&"a \"b\", {c}\\".into(), &"a,}\"".into()));
            assert_eq!(Record::parse(json.as_bytes(), &id).unwrap(), record);
            assert_eq!(record.name().unwrap(), "a \"b\", {c}\\");
        }
        assert_eq!(Record { name: "null".to_owned(), ..record() }.name(), None);
    }

    #[test]
    fn a_damaged_record_is_none() {
        let (id, json) = (Id::parse("a").unwrap(), record().json());
        for cut in 0..json.len() {
            assert!(Record::parse(&json.as_bytes()[..cut], &id).is_err(), "{cut}");
        }
        for (from, to) in
            [("\"a\"", "\"b\""), ("v_1", "../x"), (":1,", ":-1,"), (":2,", ":2.5,"), ("\"members\"", "\"member\"")]
        {
            assert!(Record::parse(json.replacen(from, to, 1).as_bytes(), &id).is_err(), "{from}");
        }
        assert!(Record::parse(format!("{json} ").as_bytes(), &id).is_err());
        assert!(Record::parse(&[0xff; 100], &id).is_err());
    }
}
