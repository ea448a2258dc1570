//! The issued token, or the reason why there is none.

use std::fmt;

use super::jti::Id;
use crate::claims::Unreadable;

/// A token that was just issued. `Debug` does not show it.
#[derive(Clone)]
pub struct IssuedToken {
    pub(super) token: String,
    pub(super) id: Id,
    pub(super) issued_at: i64,
    pub(super) expires_at: i64,
}

impl IssuedToken {
    /// Returns the token's text, for the client.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.token
    }

    /// Returns the token's text, for the client.
    #[must_use]
    pub fn into_string(self) -> String {
        self.token
    }

    /// Returns its identifier (`jti`): 128 random bits in base64url, unless the claims have one.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Returns the time of issue (`iat`), in seconds since 1970.
    #[cfg(feature = "sessions")]
    pub(crate) fn issued_at(&self) -> i64 {
        self.issued_at
    }

    /// Returns when it expires, in seconds since 1970.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// Returns how long it lives, in seconds: the `expires_in` of RFC 6749 section 5.1.
    #[must_use]
    pub fn expires_in(&self) -> i64 {
        self.expires_at - self.issued_at
    }
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken")
            .field("id", &self.id())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why a token was not issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IssueError(pub(super) Cause);

impl IssueError {
    /// Returns whether it is an outage of the service that signs, so that the app answers 503, and the same claims can be
    /// issued later. Never so for a key in this process.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        #[cfg(feature = "signer")]
        return self.0 == Cause::Unavailable;
        #[cfg(not(feature = "signer"))]
        false
    }

    pub(super) fn unreadable(unreadable: Unreadable) -> Self {
        let claim = match unreadable {
            Unreadable::Claim(slot) => slot.described(),
            Unreadable::NoObject | Unreadable::Payload(_) => None,
        };
        Self(match claim {
            Some((name, form)) => Cause::IllFormed(name, form),
            None => Cause::NotAnObject,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cause {
    #[error("the actor, or one of its history, has an empty name, or there are more than 8")]
    BadActor,
    #[error("the claims set `cnf`, which only `Issuer::issue_bound` and bound sessions write")]
    Bound,
    #[error("the claims set `act`, which only `Issuer::issue_on_behalf` writes")]
    Delegated,
    #[error("the claims set `{0}` to something else than {1}")]
    IllFormed(&'static str, &'static str),
    #[error(
        "the token would live {seconds} s, by the `exp` of the claims, and 1 s to {most} s are allowed (`max_ttl`)"
    )]
    Lifetime { seconds: i64, most: i64 },
    #[error("the token would be for nobody, or expire before it is valid")]
    NeverValid,
    #[error("the claims are not one JSON object with well-formed registered claims")]
    NotAnObject,
    #[error("the claims set `iat` to another time than now")]
    OtherTime,
    #[cfg(feature = "signer")]
    #[error("the key signs elsewhere, which takes time: `Issuer::issue_async` waits for it")]
    Elsewhere,
    #[cfg(feature = "sessions")]
    #[error("the claims set `sub` to another subject than that of the session")]
    OtherSubject,
    #[error("the claims set `jti` to a text that is empty, or longer than 255 bytes")]
    NoId,
    #[error("the claims set `sub` to no integer of 64 bits, and this issuer writes numbers there")]
    NoNumber,
    #[error("the claims have no `sub`, and an actor acts for somebody")]
    NoSubject,
    #[error("the claims set `iss` to another name than the issuer's")]
    OtherIssuer,
    #[cfg(feature = "sessions")]
    #[error(
        "the claims set `iss`, `iat`, `jti`, `exp`, `sid` or `session_realm`, which the session sets, `act`, which a session does not have, or what its login has set: `auth_time`, `acr` or `amr`"
    )]
    SessionClaim,
    #[cfg(feature = "signer")]
    #[error("the signer of the key refuses to sign: the log has its reason")]
    Refused,
    #[error("the key could not sign")]
    Signing,
    #[error("the token would have more than 8 KiB")]
    TooLarge,
    #[cfg(feature = "signer")]
    #[error(
        "the signer of the key is away, or gives no signature of this key: the log has the reason"
    )]
    Unavailable,
}
