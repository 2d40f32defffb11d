//! The bearer token that permits conversions (RFC 6750).

use std::fmt;

use http::{HeaderMap, header::AUTHORIZATION};
use subtle::ConstantTimeEq;

use crate::problem::Problem;

/// A secret: `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// `None` for text that cannot be sent as a token.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let body = text.trim_end_matches('=');
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        (!body.is_empty() && body.bytes().all(is_plain)).then(|| Self(text.to_owned()))
    }

    /// Refuses a request without this token.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match given(headers)? {
            Some(token) if self.is(token) => Ok(()),
            Some(_) => Err(Problem::unauthorized("the token is wrong")),
            None => Err(missing()),
        }
    }

    /// Compares in constant time; only the length leaks.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        given.ct_eq(self.0.as_bytes()).into()
    }

    /// The bytes of the secret, as a key.
    pub(crate) fn key(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The bearer token of a request, if it has one.
pub(crate) fn given(headers: &HeaderMap) -> Result<Option<&[u8]>, Problem> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (first, None) = (lines.next(), lines.next()) else { return Err(missing()) };
    let Some(first) = first else { return Ok(None) };
    let token = first.as_bytes().split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
    let wrong = || Problem::unauthorized("the header must say Authorization: Bearer TOKEN");
    token.map(|(_, token)| Some(token.trim_ascii())).ok_or_else(wrong)
}

/// The refusal of a request without a token.
pub(crate) fn missing() -> Problem {
    Problem::unauthorized("the request needs one header Authorization: Bearer TOKEN")
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_token_itself_is_taken() {
        let token = Token::parse("s3cret/+~.-_=").unwrap();
        for (lines, taken) in [
            (&["Bearer s3cret/+~.-_="][..], true),
            (&["bearer  s3cret/+~.-_= "], true),
            (&[], false),
            (&["Bearer s3cret/+~.-_"], false),
            (&["Bearer s3cret/+~.-_=="], false),
            (&["Bearer S3cret/+~.-_="], false),
            (&["Bearer "], false),
            (&["Bearer"], false),
            (&["s3cret/+~.-_="], false),
            (&["Basic s3cret/+~.-_="], false),
            (&["Bearer s3cret/+~.-_=", "Bearer s3cret/+~.-_="], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(AUTHORIZATION, HeaderValue::from_static(line));
            }
            assert_eq!(token.check(&headers).is_ok(), taken, "{lines:?}");
        }
    }

    #[test]
    fn a_token_is_one_that_can_be_sent_and_is_not_shown() {
        for text in ["", "=", "a b", "a=b", "ä", "\"a\""] {
            assert_eq!(Token::parse(text), None, "{text:?}");
        }
        assert_eq!(format!("{:?}", Token::parse("secret").unwrap()), "Token");
    }
}
