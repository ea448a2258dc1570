//! Verification with a type of the user: the claims, and nothing else.

use std::future::Future;

use serde::de::DeserializeOwned;

use super::{caller::Caller, pipeline::Scratch, verifier::Verifier};
use crate::{
    claims::{ClaimSlot, Reader, TypedToken},
    error::AuthError,
};

impl Verifier {
    /// Verifies a token and reads its claims as a `T`, in one pass over the payload.
    ///
    /// All that [`verify`](Self::verify) checks is checked, and the verdict is the same. It is the
    /// cheapest way for code that has the token's text in hand and knows its type; a middleware has
    /// [`Authenticator::parse_as`](crate::Authenticator::parse_as).
    ///
    /// # Errors
    ///
    /// [`AuthError`] with the first check that failed; of kind
    /// [`Misconfigured`](crate::AuthErrorKind::Misconfigured) (500) when the token is valid and its
    /// payload does not fit a `T`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// #[derive(serde::Deserialize)]
    /// struct User {
    ///     sub: String,
    ///     roles: Vec<String>,
    /// }
    ///
    /// # futures_executor::block_on(async {
    /// # let issuer = TestIssuer::new();
    /// # let text = issuer.token().subject("ada").claim("roles", ["admin"]).sign();
    /// let user = issuer.verifier().verify_as::<User>(&text).await?;
    /// assert_eq!((user.sub.as_str(), user.roles.len()), ("ada", 1));
    /// # Ok::<(), countersign::AuthError>(())
    /// # }).unwrap();
    /// ```
    pub fn verify_as<T>(
        &self,
        token: &str,
    ) -> impl Future<Output = Result<TypedToken<T>, AuthError>> + Send + use<T>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        self.verify_or_refresh(token, Self::verify_now_as::<T>)
    }

    /// Verifies a token with the keys at hand, and reads its claims as a `T`; never waits and never
    /// fetches.
    ///
    /// # Errors
    ///
    /// As [`verify_as`](Self::verify_as).
    pub fn verify_now_as<T>(&self, token: &str) -> Result<TypedToken<T>, AuthError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        if self.has_cache() {
            // There, others may ask for the same token, and for more of it than a `T`.
            let token = self.verify_with(token, Caller::with(Reader::of::<T>()))?;
            return TypedToken::try_from(&token);
        }
        let mut parsed = None;
        let split = self.begin(token)?;
        let mut scratch = Scratch::default();
        let accepted = self.run(split, &mut scratch, false, |claims, payload, spec| {
            claims.read_as::<T>(payload, spec, &mut parsed)
        })?;
        let date = |slot| accepted.claims.date(slot);
        let (expires_at, issued_at) = (date(ClaimSlot::EXPIRES_AT), date(ClaimSlot::ISSUED_AT));
        TypedToken::new(
            accepted.header,
            expires_at,
            issued_at,
            parsed,
            accepted.payload,
        )
    }
}
