//! The credentials of a request: a token, and how it was found.

use std::fmt;

use super::{
    head::{AUTHORIZATION, RequestHead, non_empty_header},
    token_text::TokenText,
};
use crate::error::AuthErrorKind;

/// A token as a request carries it, not verified.
///
/// `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct Credentials<'h> {
    pub(crate) token: TokenText<'h>,
    /// Set if a browser may have added the token by itself.
    pub(crate) from_cookie: bool,
    pub(crate) found: Provenance<'h>,
}

/// The circumstances in which a token was found, for the checks that follow its verification.
#[derive(Clone, Copy, Default)]
pub(crate) struct Provenance<'h> {
    /// Set if another enabled source carried a token too (RFC 6750 section 2).
    pub(crate) is_ambiguous: bool,
    pub(crate) scheme: Scheme,
    /// The request, where somebody looks at what its sender proves. `None` also when the token was found by other means.
    #[cfg(feature = "proof")]
    pub(crate) head: Option<&'h dyn RequestHead>,
    /// The index of its source in the [`TokenSource`](crate::TokenSource). `None` when it was found by
    /// other means.
    pub(crate) source_index: Option<usize>,
    /// The index of the kind of opaque tokens in whose header it was. `None` elsewhere.
    pub(crate) opaque: Option<u8>,
    /// The double-submit value, still to be checked against the verified session.
    pub(crate) csrf_value: Option<&'h [u8]>,
}

/// The scheme of `Authorization` with which a token came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scheme {
    Bearer,
    /// With a proof (RFC 9449 section 7.1).
    Dpop,
    /// It came in another way.
    #[default]
    None,
}

impl<'h> Credentials<'h> {
    /// Wraps a token that was found by other means, for example in a message of a stream.
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

    /// Checks that this is one token at all.
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

/// Finds the token of `Authorization: Bearer <token68>` (RFC 9110 section 11.4, RFC 6750 section 2.1), and, if asked to, of
/// `Authorization: DPoP <token68>` (RFC 9449 section 7.1).
pub(super) fn authorization(
    head: &dyn RequestHead,
    accepts_dpop: bool,
) -> Result<Option<(TokenText<'_>, Scheme)>, AuthErrorKind> {
    let Some(value) = non_empty_header(head, AUTHORIZATION)? else {
        return Ok(None);
    };
    // As nearly every client writes it. All else is taken apart below.
    if let Some(token) = value.strip_prefix(b"Bearer ")
        && !token.starts_with(b" ")
    {
        return Ok(Some((TokenText::Unread(token), Scheme::Bearer)));
    }
    let end = value
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\t'))
        .unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    if !scheme.is_ascii() {
        return Err(AuthErrorKind::MalformedToken);
    }
    let scheme = match scheme {
        _ if scheme.eq_ignore_ascii_case(b"bearer") => Scheme::Bearer,
        _ if accepts_dpop && scheme.eq_ignore_ascii_case(b"dpop") => Scheme::Dpop,
        _ => return Ok(None),
    };
    match rest {
        [b' ', token @ ..] => TokenText::parse(token).map(|token| Some((token, scheme))),
        _ => Err(AuthErrorKind::MalformedRequest),
    }
}
