//! The issuers that a resolver finds, in a build without the feature `remote`: there are none.

use std::sync::Arc;

use super::{caller::Caller, verifier::Verifier};
use crate::{claims::VerifiedToken, error::AuthError, future::MaybeReady, jose::Compact};

/// Of this there is no value.
#[derive(Clone, Debug)]
pub(crate) enum DynamicIssuers {}

/// Of this there is no value.
pub(crate) enum Engine {}

/// A token that is not verified, in parts.
#[allow(dead_code)] // nobody reads it
#[derive(Clone, Copy)]
pub(crate) struct Unverified<'t> {
    pub(crate) text: &'t str,
    pub(crate) compact: Compact<'t>,
    pub(crate) payload: &'t str,
}

impl DynamicIssuers {
    pub(crate) fn may_know(&self, _: &str) -> bool {
        match *self {}
    }

    pub(crate) fn max_token_bytes(&self) -> usize {
        match *self {}
    }

    pub(crate) fn engine(&self, _: &str) -> Option<Arc<Engine>> {
        match *self {}
    }

    pub(crate) fn refusal(&self, _: &str) -> Option<AuthError> {
        match *self {}
    }

    pub(crate) fn start(
        &self,
        _: &str,
        _: Unverified<'_>,
        _: Caller,
    ) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        match *self {}
    }
}

impl Engine {
    #[cfg(feature = "cache")]
    pub(crate) fn id(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        match *self {}
    }
}
