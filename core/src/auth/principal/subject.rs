//! The subject of a token, which is all that a kept principal may depend on.

use std::fmt;

use crate::claims::VerifiedToken;

/// The user that a token is about, within its issuer: `iss` and `sub` (RFC 7519 sections 4.1.1 and 4.1.2).
///
/// All that [`PrincipalResolver::of_subject`](crate::PrincipalResolver::of_subject) learns of a token: what it finds is used for other tokens of
/// the subject, too.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenSubject {
    issuer: Option<Box<str>>,
    subject: Box<str>,
}

impl TokenSubject {
    /// Returns the subject of a token, if it has one.
    pub(super) fn of(token: &VerifiedToken) -> Option<Self> {
        Some(Self {
            issuer: token.issuer().map(Into::into),
            subject: token.subject()?.into(),
        })
    }

    /// Returns the issuer. `None` only where the verifier takes tokens without one.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Returns the subject, unique within the issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// No subject: it may be an address.
impl fmt::Debug for TokenSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSubject")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}
