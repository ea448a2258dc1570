//! The claims of a verified token as the app's type, and nothing else.

use std::{fmt, ops::Deref, sync::Arc};

use serde::de::DeserializeOwned;

use super::{misfit::ClaimsMismatch, token::VerifiedToken};
use crate::{
    error::{AuthError, AuthErrorKind},
    jose::Header,
};

/// The claims of a verified token as a `T`, with the token's header and times.
///
/// Made by [`Verifier::verify_as`](crate::Verifier::verify_as). Contains less than a
/// [`VerifiedToken`], and so costs less: for a small payload, nothing is allocated but what `T` itself
/// needs. Derefs to `T`.
///
/// # Examples
///
/// ```
/// # use countersign::testing::TestIssuer;
/// #[derive(serde::Deserialize)]
/// struct User {
///     sub: String,
/// }
///
/// # futures_executor::block_on(async {
/// let issuer = TestIssuer::new();
/// let text = issuer.token().subject("ada").sign();
/// let user = issuer.verifier().verify_as::<User>(&text).await?;
///
/// assert_eq!(user.sub, "ada");
/// assert!(user.expires_at() > user.issued_at());
/// # Ok::<(), countersign::AuthError>(())
/// # }).unwrap();
/// ```
pub struct TypedToken<T> {
    claims: Held<T>,
    header: Arc<Header>,
    expires_at: Option<i64>,
    issued_at: Option<i64>,
}

enum Held<T> {
    Own(T),
    /// Shared with a [`VerifiedToken`].
    Shared(Arc<T>),
}

impl<T: DeserializeOwned + Send + Sync + 'static> TypedToken<T> {
    pub(crate) fn new(
        header: Arc<Header>,
        expires_at: Option<i64>,
        issued_at: Option<i64>,
        claims: Option<Result<T, serde_json::Error>>,
        payload: &str,
    ) -> Result<Self, AuthError> {
        match claims {
            Some(Ok(claims)) => Ok(Self {
                claims: Held::Own(claims),
                header,
                expires_at,
                issued_at,
            }),
            Some(Err(error)) => {
                let error = ClaimsMismatch::new::<T>(&error, payload);
                Err(AuthError::from(AuthErrorKind::Misconfigured).with_source(error))
            }
            // Unreachable: no token is accepted before its claims are read.
            None => Err(AuthErrorKind::MalformedToken.into()),
        }
    }
}

impl<T> TypedToken<T> {
    /// The claims alone.
    #[must_use]
    pub fn into_claims(self) -> Arc<T> {
        match self.claims {
            Held::Own(claims) => Arc::new(claims),
            Held::Shared(claims) => claims,
        }
    }

    /// The header: algorithm, key identifier, type.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The time when the token expires (`exp`), in seconds since 1970, without leeway.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    /// The time when the token was issued (`iat`), in seconds since 1970.
    #[must_use]
    pub fn issued_at(&self) -> Option<i64> {
        self.issued_at
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> TryFrom<&VerifiedToken> for TypedToken<T> {
    type Error = AuthError;

    /// Shares the token's claims, which are parsed now if no `T` was asked for before.
    fn try_from(token: &VerifiedToken) -> Result<Self, AuthError> {
        Ok(Self {
            claims: Held::Shared(token.claims()?),
            header: token.shared_header(),
            expires_at: token.expires_at(),
            issued_at: token.issued_at(),
        })
    }
}

impl<T> Deref for TypedToken<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.claims {
            Held::Own(claims) => claims,
            Held::Shared(claims) => claims,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for TypedToken<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedToken")
            .field("header", &self.header)
            .field("claims", &**self)
            .finish_non_exhaustive()
    }
}
