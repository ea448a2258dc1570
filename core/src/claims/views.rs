//! Views of claims that hold several texts.

use crate::claims::{Place, Registered};

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
#[derive(Clone, Copy, Debug)]
pub struct Audience<'t> {
    claims: &'t Registered,
    payload: &'t str,
}

impl<'t> Audience<'t> {
    pub(crate) fn new(claims: &'t Registered, payload: &'t str) -> Self {
        Self { claims, payload }
    }

    /// Whether `audience` is among them. The comparison is exact.
    #[must_use]
    pub fn contains(&self, audience: &str) -> bool {
        self.iter().any(|own| own == audience)
    }

    /// Each audience, in the token's order.
    pub fn iter(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        let Self { claims, payload } = *self;
        let texts = claims.texts(Place::Audience).unwrap_or_default();
        texts.iter().map(move |text| claims.get(*text, payload))
    }
}

/// The scopes of a token (`scope`, RFC 6749 section 3.3, RFC 9068 section 2.2.3).
///
/// One text with spaces between the scopes, or an array of texts. Case matters. Where the provider puts
/// them elsewhere, the verifier has a [`ScopeSource`](crate::ScopeSource).
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
#[derive(Clone, Copy, Debug)]
pub struct Scopes<'t> {
    places: &'t [Place],
    claims: &'t Registered,
    payload: &'t str,
}

impl<'t> Scopes<'t> {
    pub(crate) fn new(places: &'t [Place], claims: &'t Registered, payload: &'t str) -> Self {
        Self {
            places,
            claims,
            payload,
        }
    }

    /// Whether the token has `scope`. The comparison is exact.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|own| own == scope)
    }

    /// Each scope, in the token's order.
    pub fn iter(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        let Self {
            places,
            claims,
            payload,
        } = *self;
        places
            .iter()
            .flat_map(move |place| claims.texts(*place).unwrap_or_default())
            .flat_map(move |text| claims.get(*text, payload).split(' '))
            .filter(|scope| !scope.is_empty())
    }
}
