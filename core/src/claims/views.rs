//! Views of claims that hold several texts.

use crate::claims::registered::{Span, Spans};

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
    pub(super) spans: &'t [Span],
    pub(super) payload: &'t str,
}

impl<'t> Audience<'t> {
    pub(crate) fn new(spans: Option<&'t Spans>, payload: &'t str) -> Self {
        Self {
            spans: spans.map_or(&[], Spans::as_slice),
            payload,
        }
    }

    /// Whether `audience` is among them. The comparison is exact.
    #[must_use]
    pub fn contains(&self, audience: &str) -> bool {
        self.iter().any(|own| own == audience)
    }

    /// Each audience, in the token's order.
    pub fn iter(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        let payload = self.payload;
        self.spans.iter().map(move |span| span.get(payload))
    }
}

/// The scopes of a token (`scope`, RFC 6749 section 3.3, RFC 9068 section 2.2.3).
///
/// One text with spaces between the scopes, or an array of texts. Case matters.
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
pub struct Scopes<'t>(Audience<'t>);

impl<'t> Scopes<'t> {
    pub(crate) fn new(spans: Option<&'t Spans>, payload: &'t str) -> Self {
        Self(Audience::new(spans, payload))
    }

    /// Whether the token has `scope`. The comparison is exact.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|own| own == scope)
    }

    /// Each scope, in the token's order.
    pub fn iter(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        self.0
            .iter()
            .flat_map(|text| text.split(' '))
            .filter(|scope| !scope.is_empty())
    }
}
