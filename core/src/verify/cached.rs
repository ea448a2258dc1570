//! A verifier's use of the token cache.

use super::{caller::Caller, verifier::Verifier};
#[cfg(feature = "cache")]
use super::{
    facts::Facts,
    rules::{OnHit, RULES},
    settings::VerifierSettings,
};
#[cfg(feature = "cache")]
use crate::verify::cache::{CacheScope, TokenCache};
use crate::{claims::VerifiedToken, keys::KeySetId};

#[cfg(feature = "cache")]
impl Verifier {
    /// Returns this verifier with another cache.
    ///
    /// For verifiers that come ready-made, as [`Issuer::verifier`](crate::Issuer::verifier). Others:
    /// [`VerifierBuilder::cache`](crate::VerifierBuilder::cache).
    ///
    /// Call it once, at the start, and clone the result: each call makes a new verifier, which finds no
    /// token of another one. Called for each request, it would fill the cache and never hit.
    #[must_use]
    pub fn with_cache(self, cache: TokenCache) -> Self {
        self.with_settings(VerifierSettings {
            cache: Some(cache),
            ..self.settings().clone()
        })
    }

    /// Finds a token that this verifier accepted with its present keys, and would accept again.
    ///
    /// `None` is no refusal: only a full verification refuses.
    pub(super) fn cached(&self, token: &[u8], caller: Caller) -> Option<VerifiedToken> {
        let cache = self.settings().cache.as_ref()?;
        let found = self.found(cache, token, caller);
        #[cfg(feature = "metrics")]
        crate::metrics::cache_lookup(found.is_some());
        found
    }

    /// Finds it for one of several verifiers. A token that is not found is not counted as a miss: the
    /// verifier of its issuer looks again.
    pub(crate) fn cached_here(&self, token: &[u8], caller: Caller) -> Option<VerifiedToken> {
        let found = self.found(self.settings().cache.as_ref()?, token, caller)?;
        #[cfg(feature = "metrics")]
        crate::metrics::cache_lookup(true);
        Some(found)
    }

    fn found(&self, cache: &TokenCache, token: &[u8], caller: Caller) -> Option<VerifiedToken> {
        let is_good = |token: &VerifiedToken| self.is_still_good(token, caller);
        let found = cache.get(token, self.cache_scope()?, is_good);
        found.inspect(|token| self.settings().count_tolerated(token.registered()))
    }

    /// Caches a token that these keys verified.
    pub(super) fn keep(&self, text: &str, keys: KeySetId, token: &VerifiedToken) {
        if let Some(cache) = &self.settings().cache {
            let verifier = self.id();
            cache.keep(text, CacheScope { verifier, keys }, token);
        }
    }

    pub(crate) fn has_cache(&self) -> bool {
        self.settings().cache.is_some()
    }

    fn cache_scope(&self) -> Option<CacheScope> {
        Some(CacheScope {
            verifier: self.id(),
            keys: self.keys().source().current_id()?,
        })
    }

    /// Checks the rules whose result can change while the token stays the same.
    fn is_still_good(&self, token: &VerifiedToken, caller: Caller) -> bool {
        let header = token.header().view();
        let facts = Facts {
            checks_confirmation: caller.checks_confirmation,
            ..self.facts("", &header, token.payload(), token.registered())
        };
        RULES
            .iter()
            .filter(|rule| rule.when == OnHit::Recheck)
            .all(|rule| (rule.check)(self.settings(), &facts).is_ok())
    }
}

#[cfg(not(feature = "cache"))]
impl Verifier {
    pub(super) fn cached(&self, _: &[u8], _: Caller) -> Option<VerifiedToken> {
        None
    }

    pub(crate) fn cached_here(&self, _: &[u8], _: Caller) -> Option<VerifiedToken> {
        None
    }

    pub(super) fn keep(&self, _: &str, _: KeySetId, _: &VerifiedToken) {}

    pub(crate) fn has_cache(&self) -> bool {
        false
    }
}
