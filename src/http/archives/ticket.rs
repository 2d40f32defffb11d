//! Tickets: signed permissions of a backend, by which a browser stores one archive without the token.
//!
//! `ticket.{id}.{bytes}.{until}.{signature}` is sent as a bearer token. It permits `PUT /archives/{id}` of a zip of at most `bytes`
//! bytes, if there is no archive with this id, before the second `until` since 1970. The signature is the HMAC-SHA-256 of the
//! text before its dot, by the bytes of `RECOMPRESS_TOKEN`, in base64url without padding (RFC 4648 §5).

use hmac::{Hmac, KeyInit, Mac};
use recompress_service::store::Id;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{base64, token::Token};

/// The first word.
const PREFIX: &str = "ticket.";

/// A ticket whose signature is right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) id: Id,
    pub(crate) bytes: u64,
    pub(crate) until: u64,
}

impl Ticket {
    /// Whether a bearer token is meant as a ticket.
    pub(crate) fn is_one(given: &[u8]) -> bool {
        given.starts_with(PREFIX.as_bytes())
    }

    /// The ticket, if `token` signed it.
    pub(crate) fn verify(given: &[u8], token: &Token) -> Option<Self> {
        let text = str::from_utf8(given).ok()?;
        let (signed, signature) = text.rsplit_once('.')?;
        if !bool::from(signature_of(signed, token).as_bytes().ct_eq(signature.as_bytes())) {
            return None;
        }
        let [id, bytes, until] = signed.strip_prefix(PREFIX)?.split('.').collect::<Vec<_>>()[..] else { return None };
        Some(Self { id: Id::parse(id)?, bytes: bytes.parse().ok()?, until: until.parse().ok()? })
    }

    fn signed(&self, token: &Token) -> String {
        let Self { id, bytes, until } = self;
        let text = format!("{PREFIX}{id}.{bytes}.{until}");
        let signature = signature_of(&text, token);
        format!("{text}.{signature}")
    }
}

fn signature_of(text: &str, token: &Token) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.key()).expect("a key of any length is right");
    mac.update(text.as_bytes());
    base64::for_addresses(&mac.finalize().into_bytes())
}

/// A ticket for one upload of at most `bytes` bytes as the archive `id`, before the second `until` since 1970. `None` if the id or
/// the token is none.
pub fn ticket(token: &str, id: &str, bytes: u64, until: u64) -> Option<String> {
    Some(Ticket { id: Id::parse(id)?, bytes, until }.signed(&Token::parse(token)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_what_its_token_signed_and_nothing_else() {
        let token = Token::parse("secret").unwrap();
        let signed = ticket("secret", "a-b", 1000, 2_000_000_000).unwrap();
        // By openssl: printf 'ticket.a-b.1000.2000000000' | openssl dgst -sha256 -hmac secret -binary | base64
        assert_eq!(signed, "ticket.a-b.1000.2000000000.JUCnwtZjZ4XhxJVidVYGvWd_bH5fjJtyOCM46g1O0zo");
        let expected = Ticket { id: Id::parse("a-b").unwrap(), bytes: 1000, until: 2_000_000_000 };
        assert!(Ticket::is_one(signed.as_bytes()));
        assert_eq!(Ticket::verify(signed.as_bytes(), &token), Some(expected));
        assert_eq!(Ticket::verify(signed.as_bytes(), &Token::parse("secrets").unwrap()), None);
        for at in 0..signed.len() {
            let mut other = signed.clone().into_bytes();
            other[at] ^= 1;
            assert_eq!(Ticket::verify(&other, &token), None, "byte {at}");
            assert_eq!(Ticket::verify(&signed.as_bytes()[..at], &token), None, "cut at {at}");
        }
    }

    #[test]
    fn there_is_no_ticket_for_what_is_no_id() {
        assert_eq!(ticket("secret", "a.b", 1, 1), None);
        assert_eq!(ticket("", "a", 1, 1), None);
    }
}
