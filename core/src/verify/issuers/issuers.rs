//! Several verifiers, each for its own issuer.

use std::{fmt, sync::Arc};

use super::many::Many;
use crate::{
    claims::VerifiedToken,
    error::AuthError,
    future::MaybeReady,
    request::TokenText,
    verify::{Caller, Explanation, RevocationLists, Verifier},
};

/// Several verifiers, chosen by the token's exact `iss`.
///
/// The claim is read before verification, and only to choose: the chosen verifier checks it again,
/// with its own keys, audience and rules. An issuer that is not listed is refused without any key
/// being looked at, unless there is a [fallback](Self::with_fallback) or a resolver (`with_dynamic`), and one issuer's
/// trouble never touches another's tokens.
///
/// A verifier of a [SPIFFE trust domain](crate::VerifierBuilder::spiffe_trust_domain) decides about every token whose `sub` is of
/// that trust domain, whatever its `iss`, and nobody else does. So no other issuer can name its workloads. Where an issuer is expected,
/// the name of this one is the trust domain with `spiffe://`.
///
/// If up to eight of the verifiers have a `TokenCache`, a token that comes again is found there before
/// any of it is read, for which each is asked what keys it has now
/// ([`KeySource::current_id`](crate::keys::KeySource::current_id)). If more have one, the claim is read each time.
///
/// # Examples
///
/// ```
/// use countersign::{Authenticator, Issuers, Key, Verifier};
///
/// # let (secret_a, secret_b) = ([1; 32].map(|_| rand()), [2; 32].map(|_| rand()));
/// # fn rand() -> u8 { use std::hash::{BuildHasher, Hasher}; std::hash::RandomState::new().build_hasher().finish() as u8 }
/// let staff = Verifier::builder(Key::hs256(secret_a)?)
///     .issuer("https://staff.example")
///     .audience("orders")
///     .build()?;
/// let partners = Verifier::builder(Key::hs256(secret_b)?)
///     .issuer("https://partners.example")
///     .audience("orders-for-partners")
///     .build()?;
/// let authenticator = Authenticator::new(Issuers::new([staff, partners])?);
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Issuers(pub(super) Arc<Routes>);

pub(super) enum Routes {
    One(Verifier),
    Many(Many),
}

impl Issuers {
    /// Explains the verdict on a token, as [`Verifier::explain`] of the verifier that decides about it.
    ///
    /// If none does, the check `iss` says which issuers are known, and which one the token names.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::Issuers;
    /// # use countersign::testing::TestIssuer;
    ///
    /// let issuer = TestIssuer::new();
    /// let issuers = Issuers::new([issuer.verifier()])?;
    /// let explanation = issuers.explain(&issuer.token().issuer("https://evil.test").sign());
    ///
    /// let failed: Vec<_> = explanation.failed().map(ToString::to_string).collect();
    /// let line = r#"FAIL iss: expected "https://issuer.test"; found "https://evil.test""#;
    /// assert_eq!(failed, [line]);
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    #[must_use]
    pub fn explain(&self, token: &str) -> Explanation {
        match &*self.0 {
            Routes::One(verifier) => verifier.explain(token),
            Routes::Many(many) => many.explain(token),
        }
    }

    /// Returns all names of the issuer that has this one; `None` if no verifier is for it.
    pub(crate) fn names(&self, issuer: &str) -> Option<Vec<Box<str>>> {
        let verifier = match &*self.0 {
            Routes::One(verifier) => verifier,
            Routes::Many(many) => match (many.named(issuer), &many.dynamic) {
                (Some(verifier), _) => verifier,
                (None, Some(dynamic)) if dynamic.may_know(issuer) => {
                    return Some(vec![issuer.into()]);
                }
                (None, _) => return None,
            },
        };
        if verifier.accepts_any_issuer() {
            return Some(vec![issuer.into()]);
        }
        let names: Vec<Box<str>> = verifier.names().map(Box::from).collect();
        names.iter().any(|name| **name == *issuer).then_some(names)
    }

    /// Returns whether a verifier is for this issuer by its name.
    pub(crate) fn is_for(&self, issuer: &str) -> bool {
        match &*self.0 {
            Routes::One(verifier) => verifier.names().any(|name| name == issuer),
            Routes::Many(many) => many.named(issuer).is_some(),
        }
    }

    /// Returns the lists of revocations that are asked about tokens.
    pub(crate) fn revocations(&self) -> RevocationLists {
        let lists = |verifier: &Verifier| verifier.revocation().cloned();
        match &*self.0 {
            Routes::One(verifier) => RevocationLists {
                fixed: lists(verifier).into_iter().collect(),
                dynamic: None,
            },
            Routes::Many(many) => RevocationLists {
                fixed: many.verifiers().filter_map(lists).collect(),
                dynamic: many.dynamic.clone(),
            },
        }
    }

    /// Checks whether a resolver decides about this issuer.
    pub(crate) fn is_dynamic(&self, issuer: &str) -> bool {
        match &*self.0 {
            Routes::One(_) => false,
            Routes::Many(many) => many.dynamic.is_some() && many.named(issuer).is_none(),
        }
    }

    /// Checks for a resolver.
    #[cfg(feature = "remote")]
    pub(crate) fn has_dynamic(&self) -> bool {
        matches!(&*self.0, Routes::Many(many) if many.dynamic.is_some())
    }

    pub(crate) fn start(
        &self,
        token: TokenText<'_>,
        caller: Caller,
    ) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        match &*self.0 {
            Routes::One(verifier) => verifier.start(token, caller),
            Routes::Many(many) => many.start(token, caller),
        }
    }
}

impl From<Verifier> for Issuers {
    fn from(verifier: Verifier) -> Self {
        Self(Arc::new(Routes::One(verifier)))
    }
}

impl From<&Verifier> for Issuers {
    fn from(verifier: &Verifier) -> Self {
        verifier.clone().into()
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Routes::One(verifier) => f.debug_tuple("Issuers").field(verifier).finish(),
            Routes::Many(many) => {
                let mut names = f.debug_set();
                names.entries(many.by_name.keys().chain(many.by_trust_domain.keys()));
                if let Some(dynamic) = &many.dynamic {
                    names.entry(dynamic);
                }
                names.finish()
            }
        }
    }
}
