//! The last step of building a verifier: its keys.

use std::sync::Arc;

use super::{alb, settings::VerifierSettings, verifier::Verifier};
use crate::{
    claims::{TokenContext, Tolerance},
    error::ConfigError,
    jose::{Algorithm, Key},
    keys::Keys,
};

/// Settings that passed their checks. Only the keys are missing.
pub(super) struct Checked {
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) settings: VerifierSettings,
    pub(super) max_token_bytes: usize,
    pub(super) context: Arc<TokenContext>,
}

impl Checked {
    /// Checks the keys, logs each tolerance, and makes the verifier.
    pub(super) fn build(mut self, keys: Keys) -> Result<Verifier, ConfigError> {
        if self.settings.trust_domain.is_some() {
            let all = || Algorithm::OF_JWT_SVIDS.to_vec();
            self.algorithms.get_or_insert_with(all);
        }
        if self.settings.alb_signer.is_some() {
            self.algorithms.get_or_insert_with(|| vec![alb::ALGORITHM]);
        }
        self.check_keys(&keys)?;
        let source = keys.source();
        if source.uses_private_http() {
            self.settings.tolerances.add(Tolerance::PrivateHttp);
        }
        if let Ok(set) = source.snapshot()
            && set.keys().iter().any(Key::is_weak)
        {
            self.settings.tolerances.add(Tolerance::WeakHs256Secret);
        }
        for tolerance in self.settings.tolerances.iter() {
            tracing::warn!(
                target: "countersign",
                tolerance = tolerance.name(),
                issuer = self.settings.label(),
                "tokens are accepted that the strict rules refuse",
            );
        }
        Ok(Verifier::new(
            keys,
            self.algorithms,
            self.settings,
            self.max_token_bytes,
            self.context,
        ))
    }

    /// Keys that are at hand must be usable. A source may still be on its way.
    fn check_keys(&self, keys: &Keys) -> Result<(), ConfigError> {
        let Ok(set) = keys.source().snapshot() else {
            return Ok(());
        };
        // The keys of a load balancer come with its tokens.
        if set.keys().is_empty() && (self.settings.alb_signer.is_none() || keys.are_fixed()) {
            return Err(ConfigError::Missing("there is no key".into()));
        }
        set.keys().iter().try_for_each(Key::reject_placeholder)?;
        let Some(accepted) = &self.algorithms else {
            return Ok(());
        };
        if set.keys().is_empty() {
            return Ok(());
        }
        let usable = |key: &Key| accepted.iter().any(|own| own.matches(key.algorithm()));
        if set.keys().iter().any(usable) {
            return Ok(());
        }
        // Keys that change can be others tomorrow: that must not keep a server from starting.
        if !keys.are_fixed() {
            tracing::warn!(target: "countersign", "no key is for one of the accepted algorithms");
            return Ok(());
        }
        Err(ConfigError::Conflict(
            "no key is for one of the accepted `algorithms`".into(),
        ))
    }
}
