//! Test kit: an issuer that makes good and bad tokens in one line, a clock that you move, a
//! provider of keys that fails at will, and the suites that every store of sessions or of used proofs has
//! to pass.
//!
//! Feature `test-util`, for `[dev-dependencies]`. Nothing here belongs in a server.

mod clock;
mod issuer;
#[cfg(any(feature = "proof", feature = "sessions"))]
mod join_all;
mod jwks_server;
#[cfg(feature = "proof")]
mod proof_key;
#[cfg(feature = "proof")]
mod replay_suite;
#[cfg(feature = "sessions")]
mod stores;

#[cfg(feature = "proof")]
pub use self::proof_key::{ProofKey, TestProof};
pub use self::{
    clock::FixedClock,
    issuer::{TestIssuer, TestToken, sign_padded, sign_raw},
};
pub use crate::testing::jwks_server::{Fault, Gate, JwksServer, ReceivedRequest};
#[cfg(feature = "proof")]
pub use crate::testing::replay_suite::replay_suite;
#[cfg(feature = "sessions")]
pub use crate::testing::stores::{
    api_key_store_suite, revocation_log_suite, ring_store_suite, sessions_suite,
    store_and_log_suite, store_suite,
};
