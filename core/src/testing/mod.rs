//! Test kit: an issuer that makes good and bad tokens in one line, a clock that you move, a
//! provider of keys that fails at will, and the suites that every store of sessions has to pass.
//!
//! Feature `test-util`, for `[dev-dependencies]`. Nothing here belongs in a server.

mod clock;
mod issuer;
mod jwks_server;
#[cfg(feature = "sessions")]
mod stores;

pub use self::{
    clock::FixedClock,
    issuer::{TestIssuer, TestToken, sign_padded, sign_raw},
};
pub use crate::testing::jwks_server::{Fault, Gate, JwksServer, ReceivedRequest};
#[cfg(feature = "sessions")]
pub use crate::testing::stores::{
    api_key_store_suite, revocation_log_suite, ring_store_suite, sessions_suite,
    store_and_log_suite, store_suite,
};
