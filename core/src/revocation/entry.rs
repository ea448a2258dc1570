//! A revocation: what is revoked, and for how long.

use std::fmt;

use crate::{
    claims::{Realm, SessionId, VerifiedToken},
    clock::LARGEST_LEEWAY,
};

/// A revocation: what is revoked, and for how long that must be remembered.
///
/// # Examples
///
/// ```
/// # use countersign::testing::TestIssuer;
/// use countersign::{revocation::{RevocationEntry, Revoked}, session::Realm};
///
/// let issuer = TestIssuer::new();
/// let token = issuer.verifier().verify_now(&issuer.token().sign())?;
/// let entry = RevocationEntry::token(&token).expect("it has a `jti`");
/// assert_eq!(Some(entry.until), token.expires_at().map(|exp| exp + 300));
///
/// // All tokens of this user that were issued before now.
/// let now = 1_800_000_000;
/// let all = RevocationEntry {
///     revoked: Revoked::Subject {
///         realm: Realm::new("https://id.example")?,
///         subject: "user-1".into(),
///         issued_before: now,
///     },
///     until: now + 900 + 300, // the lifetime of a token, and the largest leeway
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationEntry {
    /// The tokens that are revoked.
    pub revoked: Revoked,
    /// Until when, in seconds since 1970: when the last token concerned has expired, leeway
    /// included. The entry still counts in that second.
    pub until: i64,
}

impl RevocationEntry {
    /// Makes the revocation of this one token, by its `jti`.
    ///
    /// It lasts until 5 minutes after `exp`: the [largest](crate::VerifierBuilder::MAX_LEEWAY)
    /// leeway, since another service may have a larger one than this.
    ///
    /// # Errors
    ///
    /// [`RevokeError::NoName`] when the token has no `jti`, or no `exp`.
    pub fn token(token: &VerifiedToken) -> Result<Self, RevokeError> {
        let (Some(id), Some(expires_at)) = (token.id(), token.expires_at()) else {
            return Err(RevokeError::NoName);
        };
        Ok(Self {
            revoked: Revoked::Token(id.to_owned()),
            until: expires_at.saturating_add_unsigned(LARGEST_LEEWAY.as_secs()),
        })
    }
}

/// The tokens that an entry revokes. Never the bytes of a token: one ECDSA signature has two valid forms, so a token
/// has two texts.
#[derive(Clone, PartialEq, Eq)]
pub enum Revoked {
    /// All tokens of a realm that were issued before a moment, whoever has them.
    Everyone {
        /// The token's `iss`, unless the list is [of another realm](crate::Revocation::of_realm).
        realm: Realm,
        /// Compared with `iat`, in seconds since 1970, as for [`Subject`](Self::Subject).
        issued_before: i64,
    },
    /// The access tokens of one session: claim `sid`.
    Session(SessionId),
    /// The tokens of a subject that belong to no session (claim `sid`), issued before a moment. Where
    /// sessions end all at once, each is revoked by name, which no clock can get wrong; this is for the
    /// tokens beside them.
    Sessionless {
        /// Whose subject it is: the token's `iss`, unless the list is [of another
        /// realm](crate::Revocation::of_realm).
        realm: Realm,
        /// Claim `sub`.
        subject: String,
        /// Compared with `iat`, in seconds since 1970, as for [`Subject`](Self::Subject).
        issued_before: i64,
    },
    /// All tokens of a subject that were issued before a moment.
    Subject {
        /// Whose subject it is: the token's `iss`, unless the list is [of another
        /// realm](crate::Revocation::of_realm).
        realm: Realm,
        /// Claim `sub`.
        subject: String,
        /// Compared with `iat`, in seconds since 1970. A token of that very second is revoked too, and
        /// one without `iat`: nobody can tell.
        issued_before: i64,
    },
    /// One token: claim `jti`.
    Token(String),
}

/// Shows the kind and no name: a subject may be an address.
impl fmt::Debug for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Everyone { .. } => "Everyone",
            Self::Session(_) => "Session",
            Self::Sessionless { .. } => "Sessionless",
            Self::Subject { .. } => "Subject",
            Self::Token(_) => "Token",
        })
    }
}

/// Why something was not revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// The list is full of revocations that are still needed. None is dropped for another.
    #[error("there is no room for another revocation")]
    Full,
    /// The token has no `jti` or no `exp`.
    #[error("the token cannot be revoked by name: it has no `jti` or no `exp`")]
    NoName,
}
