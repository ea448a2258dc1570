//! Keys that verify and keys that sign, from their material to the prepared key.

mod edwards;
mod generate;
mod key;
mod material;
mod signing_key;
mod strength;
mod thumbprint;

pub(crate) use self::material::{
    Curve, KeyType, Material, PrivateMaterial, RsaNumbers, point, quoted,
};
pub use self::{key::Key, signing_key::SigningKey};
