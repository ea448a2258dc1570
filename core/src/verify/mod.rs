//! Verification: signature, then claims, then a [`VerifiedToken`](crate::VerifiedToken).

mod builder;
#[cfg(feature = "cache")]
mod cache;
mod cached;
mod checked;
mod describe;
mod explain;
mod explanation;
mod facts;
mod header_cache;
mod issuers;
#[cfg(feature = "jsonwebtoken")]
mod jsonwebtoken;
mod layout;
mod pipeline;
mod refresh;
mod refused;
mod rules;
mod settings;
mod signature;
mod timing;
mod typed;
mod verifier;
mod wrong;

#[cfg(feature = "cache")]
pub use self::cache::{TokenCache, TokenCacheBuilder};
pub use self::{
    builder::VerifierBuilder,
    explanation::{Check, Explanation, Verdict},
    issuers::Issuers,
    verifier::Verifier,
};
