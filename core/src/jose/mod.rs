//! JOSE: bytes in, bytes out. The only user of the crypto crates.
//!
//! A key goes one way: text (PEM, JWK) -> [`material`] -> [`strength`] -> a prepared key of
//! [`crypto`]. All of it happens when the key is made; a request only calls [`Key::verify`].

mod algorithm;
pub(crate) mod base64url;
mod compact;
pub(crate) mod crypto;
mod format;
mod header;
pub(crate) mod json;
mod key;
mod material;

#[cfg(feature = "proof")]
pub(crate) use self::format::der::is_sequence as is_der_sequence;
#[cfg(feature = "proof")]
pub use self::key::sha256_thumbprint::Thumbprint;
#[cfg(all(feature = "sessions", not(feature = "proof")))]
pub(crate) use self::key::sha256_thumbprint::Thumbprint;
pub use self::{
    algorithm::Algorithm,
    header::Header,
    key::{Key, KeyNote, Secret, SigningKey, SkippedKey},
};
pub(crate) use self::{
    base64url::Buffer,
    compact::Compact,
    crypto::NoRandomness,
    header::{HeaderBuffer, HeaderView, normal_type},
    json::{
        MemberNames, SERDE_RAW_VALUE, StrictValue, Text, check as check_json, member, position,
    },
    key::{KeyDocument, parse_set},
};
#[cfg(feature = "signer")]
pub(crate) use self::{
    format::der::ecdsa_signature,
    key::{NotSigned, RemoteSigner},
    material::{Curve, KeyType},
};
