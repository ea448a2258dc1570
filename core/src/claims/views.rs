//! Views of claims with several texts.

use std::fmt;

use super::registered::RegisteredClaims;
use crate::claims::read::ClaimSlot;

/// The audiences of a token (`aud`, RFC 7519 section 4.1.3): one text or several.
///
/// # Examples
///
/// ```
/// # use countersign::testing::TestIssuer;
/// let issuer = TestIssuer::new();
/// let token = issuer.verifier().verify_now(&issuer.token().sign())?;
/// assert!(token.audience().contains(TestIssuer::AUDIENCE));
/// assert_eq!(token.audience().iter().count(), 1);
/// # Ok::<(), countersign::AuthError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Audience<'t> {
    claims: &'t RegisteredClaims,
    payload: &'t str,
}

impl<'t> Audience<'t> {
    pub(crate) fn new(claims: &'t RegisteredClaims, payload: &'t str) -> Self {
        Self { claims, payload }
    }

    /// Returns whether `audience` is among them. The comparison is exact.
    #[must_use]
    pub fn contains(&self, audience: &str) -> bool {
        self.iter().any(|own| own == audience)
    }

    /// Each audience, in the token's order.
    pub fn iter(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        let Self { claims, payload } = *self;
        claims
            .texts(ClaimSlot::AUDIENCE, payload)
            .into_iter()
            .flatten()
    }
}

// By hand: a derived one would show the whole payload.
impl fmt::Debug for Audience<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Audience", self.iter())
    }
}

/// The scopes of a token (`scope`, RFC 6749 section 3.3, RFC 9068 section 2.2.3).
///
/// One text with spaces between the scopes, or an array with one scope in each element. Case matters. For
/// a provider that puts them elsewhere, give the verifier a
/// [`ScopeSource`](crate::claims::ScopeSource).
///
/// # Examples
///
/// ```
/// # use countersign::testing::TestIssuer;
/// let issuer = TestIssuer::new();
/// let token = issuer.verifier().verify_now(&issuer.token().scope("read write").sign())?;
/// assert!(token.scopes().contains("read"));
/// assert!(!token.scopes().contains("rea"));
/// # Ok::<(), countersign::AuthError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Scopes<'t> {
    slots: &'t [ClaimSlot],
    claims: &'t RegisteredClaims,
    payload: &'t str,
}

impl<'t> Scopes<'t> {
    pub(crate) fn new(
        slots: &'t [ClaimSlot],
        claims: &'t RegisteredClaims,
        payload: &'t str,
    ) -> Self {
        Self {
            slots,
            claims,
            payload,
        }
    }

    /// Returns whether the token has `scope`. The comparison is exact.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|own| own == scope)
    }

    /// Each scope, in the token's order.
    pub fn iter(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        let Self {
            slots,
            claims,
            payload,
        } = *self;
        slots
            .iter()
            .filter_map(move |slot| claims.texts(*slot, payload))
            .flatten()
            // An element of an array has no space: it would not have been read.
            .flat_map(|text| text.split(' '))
            .filter(|scope| !scope.is_empty())
    }
}

impl fmt::Debug for Scopes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Scopes", self.iter())
    }
}

fn show<'t>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    texts: impl Iterator<Item = &'t str>,
) -> fmt::Result {
    f.debug_tuple(name)
        .field(&texts.collect::<Vec<_>>())
        .finish()
}
