//! Ids of archives, versions of their blobs, and the keys of both.

use std::fmt;

/// The longest id, in bytes.
const LONGEST: usize = 128;

/// The id of an archive: 1 to 128 of the characters `A` to `Z`, `a` to `z`, `0` to `9`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(String);

impl Id {
    /// `None` for text that is no id.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        ((1..=LONGEST).contains(&text.len()) && text.bytes().all(is_plain)).then(|| Self(text.to_owned()))
    }

    /// A new random one: 22 characters with 128 random bits.
    pub fn random(random: fn(&mut [u8])) -> Self {
        Self(word(random))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One version of an archive's contents: 22 characters with 128 random bits. It is the version's entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// A new one.
    pub fn random(random: fn(&mut [u8])) -> Self {
        Self(word(random))
    }

    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of its blob.
    pub fn key(&self, id: &Id) -> String {
        blob_key(id.as_str(), &self.0)
    }
}

/// All records' keys begin with this, and all blobs'.
pub const RECORDS: &str = "archives/";
pub(super) const BLOBS: &str = "blobs/";
/// The notes of stored uploads, by day.
pub(super) const DAYS: &str = "days/";

/// The key of an archive's record.
pub fn record_key(id: &Id) -> String {
    format!("{RECORDS}{id}")
}

/// The id of the archive whose record has this key.
pub fn id_of_record(key: &str) -> Option<Id> {
    Id::parse(key.strip_prefix(RECORDS)?)
}

/// The key that notes an upload of `bytes` bytes that was stored on this day, in days since 1970.
pub fn day_key(day: u64, bytes: u64, version: &Version) -> String {
    format!("{DAYS}{day}/{bytes}.{}", version.as_str())
}

pub(super) fn blob_key(id: &str, version: &str) -> String {
    format!("{BLOBS}{id}.{version}")
}

/// Id and version of the blob with this key.
pub(super) fn blob(key: &str) -> Option<(Id, &str)> {
    let (id, version) = key.strip_prefix(BLOBS)?.split_once('.')?;
    Some((Id::parse(id)?, version))
}

/// 128 random bits in 22 characters of an id.
fn word(random: fn(&mut [u8])) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0; 16];
    random(&mut bytes);
    let number = u128::from_le_bytes(bytes);
    (0..22).map(|digit| char::from(ALPHABET[(number >> (6 * digit) & 63) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_plain_and_short() {
        let (longest, long) = ("x".repeat(128), "x".repeat(129));
        for text in ["a", "-", "_", "2026-save_1", &longest] {
            assert_eq!(Id::parse(text).unwrap().as_str(), text);
        }
        for text in ["", &long, ".", "..", "a.b", "a/b", "a%2fb", "a b", "a\0", "ä", "a\n"] {
            assert_eq!(Id::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_random_word_has_every_bit_of_its_bytes() {
        assert_eq!(Id::random(|bytes| bytes.fill(0)).as_str(), "A".repeat(22));
        assert_eq!(Id::random(|bytes| bytes.fill(0xff)).as_str(), format!("{}D", "_".repeat(21)));
        let first = Id::random(|bytes| bytes.copy_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(first.as_str(), format!("B{}", "A".repeat(21)));
        assert_eq!(Id::parse(first.as_str()), Some(first));
    }

    #[test]
    fn the_key_of_a_blob_names_its_archive() {
        let id = Id::parse("a-b_c").unwrap();
        let version = Version::random(|bytes| bytes.fill(0));
        let key = version.key(&id);
        assert_eq!(key, format!("blobs/a-b_c.{}", "A".repeat(22)));
        assert_eq!(blob(&key), Some((id.clone(), version.as_str())));
        assert_eq!(record_key(&id), "archives/a-b_c");
        for key in ["archives/a.b", "blobs/a", "blobs/.b", "blobs/a/b.c"] {
            assert_eq!(blob(key), None, "{key}");
        }
    }
}
