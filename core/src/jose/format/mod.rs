//! The formats of keys: PEM, DER, JWK, and JWK sets.

pub(crate) mod der;
mod jwk;
mod jwk_set;
pub(crate) mod pem;

pub use self::jwk_set::SkippedKey;
pub(crate) use self::{
    der::PrivateKey,
    jwk::{Jwk, Members},
    jwk_set::{JwkSource, parse_set},
};
