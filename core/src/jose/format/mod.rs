//! The formats of keys: PEM, DER and JWK.

pub(crate) mod der;
mod jwk;
pub(crate) mod pem;
mod spelling;

pub(crate) use self::{
    der::PrivateKey,
    jwk::{Jwk, KeyUse, Members},
};
