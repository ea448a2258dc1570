//! The text of a token, not verified.

use memchr::{memchr, memchr3};

use super::head::ascii;
use crate::error::AuthErrorKind;

/// The text of a token, as far as it has been read.
#[derive(Clone, Copy)]
pub(crate) enum TokenText<'h> {
    Str(&'h str),
    /// The bytes behind `Bearer `, of which the first is not a space. A cache that has them as a verified
    /// token needs no more; everybody else reads them.
    Unread(&'h [u8]),
}

impl<'h> TokenText<'h> {
    /// Parses the bytes behind the scheme and one space.
    pub(super) fn parse(rest: &'h [u8]) -> Result<Self, AuthErrorKind> {
        parse_token68(rest).map(Self::Str)
    }

    pub(crate) fn as_bytes(self) -> &'h [u8] {
        match self {
            Self::Str(text) => text.as_bytes(),
            Self::Unread(bytes) => bytes,
        }
    }

    /// Reads it as one token.
    pub(crate) fn read(self) -> Result<&'h str, AuthErrorKind> {
        match self {
            Self::Str(text) => Ok(text),
            Self::Unread(bytes) => parse_token68(bytes),
        }
    }
}

/// Reads the token behind the scheme and one space. More spaces may precede it, and nothing may follow it.
fn parse_token68(rest: &[u8]) -> Result<&str, AuthErrorKind> {
    let token = rest.trim_ascii_start();
    let before = &rest[..rest.len() - token.len()];
    // Several words, several tokens, or auth-params: no token68 at all.
    let is_several = memchr3(b' ', b'\t', b',', token).is_some();
    let has_params = memchr(b'"', token).is_some() && token.windows(2).any(|pair| pair == b"=\"");
    if token.is_empty() || before.iter().any(|byte| *byte != b' ') || is_several || has_params {
        return Err(AuthErrorKind::MalformedRequest);
    }
    ascii(token)
}
