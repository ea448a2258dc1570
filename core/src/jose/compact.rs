//! The compact form of a JWS (RFC 7515 section 7.1): three parts and two dots.

use crate::error::AuthErrorKind;

/// The three encoded parts of a token, checked for size, alphabet and count, not yet decoded.
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
        if !all(token, is_token_byte) {
            return Err(MALFORMED);
        }
        let (header, rest) = token.split_once('.').ok_or(MALFORMED)?;
        let (payload, signature) = rest.rsplit_once('.').ok_or(MALFORMED)?;
        // An empty payload is a JWS, though no set of claims.
        if header.is_empty() || signature.is_empty() || !all(payload, |byte| byte != b'.') {
            return Err(MALFORMED);
        }
        let signed = &token[..header.len() + 1 + payload.len()];
        Ok(Self {
            header,
            payload,
            signature,
            signed,
        })
    }
}

/// Whether every byte is good. There is no early exit, so that this becomes a vector loop.
fn all(text: &str, good: impl Fn(u8) -> bool) -> bool {
    text.bytes()
        .fold(0, |bad, byte| bad | u8::from(!good(byte)))
        == 0
}

/// The base64url alphabet (RFC 4648 section 5) and the dot.
fn is_token_byte(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    letter | digit | (byte == b'-') | (byte == b'_') | (byte == b'.')
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
        for token in [
            "",
            ".",
            "..",
            "a",
            "a.b",
            "a.b.c.d",
            "a.b.c.d.e",
            ".b.c",
            "a.b.",
            "a=.b.c",
            "a.b.c ",
            "a.b+.c",
            "a.b/.c",
            "a.b\n.c",
            "ä.b.c",
            "a%2Eb.c",
            "{}",
        ] {
            assert_eq!(
                Compact::parse(token, 100).unwrap_err(),
                AuthErrorKind::MalformedToken,
                "{token:?}"
            );
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
