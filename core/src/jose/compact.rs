//! The compact form of a JWS (RFC 7515 section 7.1): three parts and two dots.

use memchr::{memchr, memrchr};

use crate::error::AuthErrorKind;

/// The three encoded parts of a token, checked for size and count.
///
/// Decoding them checks the alphabet: it refuses every other byte, further dots too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compact<'t> {
    pub(crate) header: &'t str,
    pub(crate) payload: &'t str,
    pub(crate) signature: &'t str,
    /// Header, dot, payload: what the signature covers.
    pub(crate) signed: &'t str,
}

impl<'t> Compact<'t> {
    /// Splits `token` of at most `limit` bytes.
    pub(crate) fn parse(token: &'t str, limit: usize) -> Result<Self, AuthErrorKind> {
        const MALFORMED: AuthErrorKind = AuthErrorKind::MalformedToken;

        if token.len() > limit {
            return Err(AuthErrorKind::TokenTooLarge);
        }
        let first = memchr(b'.', token.as_bytes()).ok_or(MALFORMED)?;
        let last = memrchr(b'.', token.as_bytes()).ok_or(MALFORMED)?;
        let (signed, signature) = (&token[..last], &token[last + 1..]);
        let (header, payload) = (&token[..first], signed.get(first + 1..).ok_or(MALFORMED)?);
        // An empty payload is a JWS, though no set of claims.
        if header.is_empty() || signature.is_empty() {
            return Err(MALFORMED);
        }
        Ok(Self {
            header,
            payload,
            signature,
            signed,
        })
    }

    /// Takes the padding off each part (RFC 4648 section 3.2); `None` if one is not padded as it must be.
    ///
    /// What was signed stays as it is. So a text still has one padding only.
    pub(crate) fn unpadded(self) -> Option<Self> {
        let unpadded = |part: &'t str| {
            let bare = part.trim_end_matches('=');
            let is_good = part.len().is_multiple_of(4) && part.len() - bare.len() <= 2;
            is_good.then_some(bare)
        };
        Some(Self {
            header: unpadded(self.header)?,
            payload: unpadded(self.payload)?,
            signature: unpadded(self.signature)?,
            signed: self.signed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_parts_are_a_token() {
        let compact = Compact::parse("aA0.b-_.c", 9).unwrap();
        assert_eq!(
            (
                compact.header,
                compact.payload,
                compact.signature,
                compact.signed
            ),
            ("aA0", "b-_", "c", "aA0.b-_")
        );
    }

    #[test]
    fn anything_else_is_malformed() {
        for token in ["", ".", "..", "a", "a.b", ".b.c", "a.b.", "{}"] {
            assert_eq!(
                Compact::parse(token, 100).unwrap_err(),
                AuthErrorKind::MalformedToken,
                "{token:?}"
            );
        }
    }

    #[test]
    fn padding_is_taken_off_where_it_is_whole() {
        let unpadded = |token| {
            let compact = Compact::parse(token, 100).unwrap().unpadded()?;
            Some((
                compact.header,
                compact.payload,
                compact.signature,
                compact.signed,
            ))
        };
        let parts = ("aaaa", "bbb", "cc", "aaaa.bbb=");
        assert_eq!(unpadded("aaaa.bbb=.cc=="), Some(parts));
        assert_eq!(unpadded("aaaa..cccc"), Some(("aaaa", "", "cccc", "aaaa.")));
        for token in [
            "aaaa.bbb.cc==",
            "aaaa.bbb=.cc",
            "aaaa.bbb=.cc=",
            "aaaa.bbb=.cc===",
            "aaaa.bbb==.cc==",
            "aaaa.b===.cc==",
            "aaaa====.bbb=.cc==",
            "aaaa.====.cc==",
        ] {
            assert_eq!(unpadded(token), None, "{token}");
        }
    }

    #[test]
    fn a_token_over_the_limit_is_not_looked_at() {
        assert!(Compact::parse("a.b.c", 5).is_ok());
        assert_eq!(
            Compact::parse("a.b.c", 4).unwrap_err(),
            AuthErrorKind::TokenTooLarge
        );
    }
}
