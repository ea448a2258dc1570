//! The settings of proofs, ready for use.

use std::{fmt, sync::Arc};

use super::{builder::DpopBuilder, known_keys::KnownKeys, nonce_mode::NonceMode};
use crate::{
    jose::Algorithm,
    proof::{external_url::ExternalUrl, mode::Modes, nonce::Nonces, replay::ReplayStore},
};

/// The check of proofs of possession (DPoP, RFC 9449), for [`Authenticator::dpop`](crate::Authenticator::dpop).
///
/// A token that is bound to a key (`cnf.jkt`) is worth nothing without it: each request needs a proof in the header `DPoP`, a
/// JWT that the key signed for this method, this URL, this token and this moment, and that was never used before.
///
/// The checks, in this order; the first that fails refuses the request (401, `invalid_dpop_proof`):
///
/// 1. one header `DPoP` with one proof of at most 4 KiB;
/// 2. `typ` is `dpop+jwt`, `alg` one of the [algorithms](DpopBuilder::algorithms), `jwk` a good public key, without private
///    numbers;
/// 3. the thumbprint of `jwk` is the token's `cnf.jkt`;
/// 4. `jti` (at most 256 bytes), `htm`, `htu`, `iat`, `ath` are there with their types; `htm` is the method, `htu` the URL,
///    `ath` the hash of the token;
/// 5. the signature;
/// 6. the [nonce](NonceMode), else `iat`: at most [60 s](DpopBuilder::past) back and [30 s](DpopBuilder::future) ahead;
/// 7. the proof was not used before: the [store](DpopBuilder::replay) is asked last, so that nobody can use up a proof of
///    somebody else.
///
/// Cheap to clone.
///
/// # Examples
///
/// ```
/// # use countersign::{Authenticator, testing::TestIssuer};
/// # use countersign::proof::{ReplayKey, ReplayStore};
/// use countersign::proof::{Dpop, MemoryReplayStore};
/// # let verifier = TestIssuer::new().verifier();
///
/// let dpop = Dpop::builder()
///     .external_url("https://api.example")
///     .replay(MemoryReplayStore::new())
///     .build()?;
/// let authenticator = Authenticator::new(verifier).dpop(dpop);
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Dpop(pub(super) Arc<Settings>);

pub(super) struct Settings {
    pub(super) external_url: ExternalUrl,
    pub(super) modes: Modes,
    pub(super) algorithms: Vec<Algorithm>,
    /// Seconds.
    pub(super) past: i64,
    pub(super) future: i64,
    pub(super) nonce_mode: NonceMode,
    pub(super) nonces: Option<Nonces>,
    /// `None`: nonces alone limit replays.
    pub(super) replay: Option<Arc<dyn ReplayStore>>,
    pub(super) known_keys: KnownKeys,
}

impl Dpop {
    /// Starts the settings.
    pub fn builder() -> DpopBuilder {
        DpopBuilder::new()
    }

    /// Returns the URL under which clients reach the service, in normal form and without a slash at its end.
    #[must_use]
    pub fn external_url(&self) -> &str {
        self.0.external_url.as_str()
    }

    pub(crate) fn modes(&self) -> &Modes {
        &self.0.modes
    }

    /// Returns the store of used proofs, if there is one.
    pub(crate) fn replay(&self) -> Option<&Arc<dyn ReplayStore>> {
        self.0.replay.as_ref()
    }

    /// Returns the names of the algorithms, as challenges list them (`algs`, RFC 9449 section 7.1).
    pub(crate) fn algorithm_names(&self) -> String {
        let names = self.0.algorithms.iter().map(|algorithm| algorithm.name());
        names.collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for Dpop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &*self.0;
        f.debug_struct("Dpop")
            .field("external_url", &settings.external_url)
            .field("modes", &settings.modes)
            .field("algorithms", &settings.algorithms)
            .field("past", &settings.past)
            .field("future", &settings.future)
            .field("nonces", &settings.nonce_mode)
            .field("has_replay_store", &settings.replay.is_some())
            .finish_non_exhaustive()
    }
}
