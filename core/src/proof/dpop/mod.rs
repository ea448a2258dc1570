//! Proofs of possession (DPoP, RFC 9449): a signature of the client for each request.

mod builder;
mod check;
mod known_keys;
mod nonce_mode;
mod proof;
mod settings;

pub use self::{builder::DpopBuilder, nonce_mode::NonceMode, settings::Dpop};
pub(crate) use self::{check::Refused, proof::SentProof};
