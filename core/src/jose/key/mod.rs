//! Keys that verify and keys that sign, from their material to the prepared key.

mod certificates;
mod edwards;
mod generate;
#[cfg(feature = "jsonwebtoken")]
mod jsonwebtoken;
mod jwk_set;
mod key;
mod note;
mod private_jwk;
#[cfg(feature = "signer")]
mod remote_signer;
mod secret;
#[cfg(any(feature = "proof", feature = "sessions"))]
pub(crate) mod sha256_thumbprint;
mod signing_key;
mod strength;
mod thumbprint;

pub(crate) use self::jwk_set::{KeyDocument, parse_set};
#[cfg(feature = "signer")]
pub(crate) use self::remote_signer::{NotSigned, RemoteSigner};
pub use self::{
    jwk_set::SkippedKey, key::Key, note::KeyNote, secret::Secret, signing_key::SigningKey,
};
