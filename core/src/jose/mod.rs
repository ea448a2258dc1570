//! JOSE: bytes in, bytes out. The only user of the crypto crates.
//!
//! A key goes one way: text (PEM, JWK) -> [`material`] -> [`strength`] -> a prepared key of
//! [`crypto`]. All of it happens when the key is made; a request only calls [`Key::verify`].

mod algorithm;
pub(crate) mod base64url;
mod compact;
pub(crate) mod crypto;
mod der;
mod edwards;
mod generate;
mod header;
pub(crate) mod json;
mod jwk;
mod jwk_set;
mod key;
mod material;
pub(crate) mod names;
mod pem;
mod short_text;
mod signing_key;
mod strength;
mod thumbprint;

pub use algorithm::Algorithm;
pub use header::Header;
pub use jwk_set::SkippedKey;
pub use key::Key;
pub use signing_key::SigningKey;

pub(crate) use compact::Compact;
pub(crate) use header::normal_type;
pub(crate) use jwk_set::{Origin, parse_set};
