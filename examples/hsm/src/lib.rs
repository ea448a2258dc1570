//! A key in an HSM, by PKCS#11: a [`Signer`](countersign::issue::Signer) for access tokens.
//!
//! [`Token`] is the connection to the HSM, with a few sessions and a way back after an outage; [`HsmKey`] is one key in it.

mod error;
mod generate;
mod key;
mod public;
mod session;
mod token;

pub use self::{
    error::HsmError,
    key::{HsmKey, KeyName},
    public::{ec_key, rsa_key},
    token::Token,
};
