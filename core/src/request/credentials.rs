//! A token that was found in a request.

use std::fmt;

use super::source::one_token;
use crate::error::AuthErrorKind;

/// A token as a request carries it, not verified.
///
/// `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct Credentials<'h> {
    pub(crate) token: TokenText<'h>,
    /// Whether a browser may have added the token by itself.
    pub(crate) from_cookie: bool,
    pub(crate) found: Provenance<'h>,
}

/// How a token was found.
#[derive(Clone, Copy, Default)]
pub(crate) struct Provenance<'h> {
    /// Whether another enabled source carried a token too (RFC 6750 section 2).
    pub(crate) ambiguous: bool,
    /// Which of the source's [parts](crate::TokenSource::part) has it, from 0. `None` when it was
    /// found by other means.
    pub(crate) place: Option<usize>,
    /// What has to prove, once the token is verified, that its own site sent it.
    pub(crate) csrf_value: Option<&'h [u8]>,
}

impl<'h> Credentials<'h> {
    /// Credentials that were found by other means, for example in a message of a stream.
    ///
    /// They do not count as a cookie: [`Csrf`](crate::Csrf) does not look at them.
    #[must_use]
    pub fn new(token: &'h str) -> Self {
        Self {
            token: TokenText::Str(token),
            from_cookie: false,
            found: Provenance::default(),
        }
    }

    /// The same, and whether it is one token at all has been looked at.
    pub(crate) fn read(self) -> Result<Self, AuthErrorKind> {
        let token = TokenText::Str(self.token.read()?);
        Ok(Self { token, ..self })
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// A token's text, as far as it was looked at.
#[derive(Clone, Copy)]
pub(crate) enum TokenText<'h> {
    Str(&'h str),
    /// What stands behind `Bearer ` in a header, and does not start with a space. A cache that has
    /// the same bytes as a verified token need not know more. All others read it.
    Unread(&'h [u8]),
}

impl<'h> TokenText<'h> {
    pub(crate) fn as_bytes(self) -> &'h [u8] {
        match self {
            Self::Str(text) => text.as_bytes(),
            Self::Unread(bytes) => bytes,
        }
    }

    /// The text: all the bytes there are.
    pub(crate) fn read(self) -> Result<&'h str, AuthErrorKind> {
        match self {
            Self::Str(text) => Ok(text),
            Self::Unread(bytes) => one_token(bytes),
        }
    }
}
