//! A verifier's way into the cache, and back out of it.

#[cfg(feature = "cache")]
use super::rules::{Facts, OnHit, RULES, VerifierSettings};
use super::verifier::Verifier;
#[cfg(feature = "cache")]
use crate::verify::cache::{CacheScope, TokenCache};
use crate::{claims::VerifiedToken, keys::KeySetId};

#[cfg(feature = "cache")]
impl Verifier {
    /// The same verifier with this cache, in the place of any that it had.
    ///
    /// For verifiers that come ready-made, as [`Issuer::verifier`](crate::Issuer::verifier). Others:
    /// [`VerifierBuilder::cache`](crate::VerifierBuilder::cache).
    ///
    /// Call it once, at the start, and clone the result: each call makes a verifier of its own, which finds
    /// nothing that another one kept. Called for each request, it would fill the cache and never hit.
    #[must_use]
    pub fn with_cache(self, cache: TokenCache) -> Self {
        self.with_settings(VerifierSettings {
            cache: Some(cache),
            ..self.settings().clone()
        })
    }

    /// A token that this verifier accepted with the keys that it has now, and would accept again.
    ///
    /// `None` says nothing: only the full way refuses.
    pub(super) fn cached(&self, token: &[u8]) -> Option<VerifiedToken> {
        let cache = self.settings().cache.as_ref()?;
        let found = self.found(cache, token);
        #[cfg(feature = "metrics")]
        crate::metrics::cache_lookup(found.is_some());
        found
    }

    /// The same for one of several verifiers: what is not found is not counted as a miss, for it is
    /// looked for again, the full way.
    pub(crate) fn cached_here(&self, token: &[u8]) -> Option<VerifiedToken> {
        let found = self.found(self.settings().cache.as_ref()?, token)?;
        #[cfg(feature = "metrics")]
        crate::metrics::cache_lookup(true);
        Some(found)
    }

    fn found(&self, cache: &TokenCache, token: &[u8]) -> Option<VerifiedToken> {
        let is_good = |token: &VerifiedToken| self.is_still_good(token);
        cache.get(token, self.grounds()?, is_good)
    }

    /// Keeps a token that these keys verified.
    pub(super) fn keep(&self, text: &str, keys: Option<KeySetId>, token: &VerifiedToken) {
        if let (Some(cache), Some(keys)) = (&self.settings().cache, keys) {
            let verifier = self.id();
            cache.keep(text, CacheScope { verifier, keys }, token);
        }
    }

    pub(crate) fn has_cache(&self) -> bool {
        self.settings().cache.is_some()
    }

    fn grounds(&self) -> Option<CacheScope> {
        Some(CacheScope {
            verifier: self.id(),
            keys: self.keys().source().current()?,
        })
    }

    /// The rules that ask for more than the token and the settings.
    fn is_still_good(&self, token: &VerifiedToken) -> bool {
        let facts = Facts {
            header: &token.header().view(),
            payload: token.payload(),
            claims: token.registered(),
            now: self.now(),
        };
        RULES
            .iter()
            .filter(|rule| rule.when == OnHit::Recheck)
            .all(|rule| (rule.check)(self.settings(), &facts).is_ok())
    }
}

#[cfg(not(feature = "cache"))]
impl Verifier {
    pub(super) fn cached(&self, _: &[u8]) -> Option<VerifiedToken> {
        None
    }

    pub(crate) fn cached_here(&self, _: &[u8]) -> Option<VerifiedToken> {
        None
    }

    pub(super) fn keep(&self, _: &str, _: Option<KeySetId>, _: &VerifiedToken) {}

    pub(crate) fn has_cache(&self) -> bool {
        false
    }
}
