//! Verification: signature, then claims, then a [`VerifiedToken`](crate::VerifiedToken).

mod alb;
mod builder;
#[cfg(feature = "cache")]
mod cache;
mod cached;
mod caller;
mod checked;
mod describe;
#[cfg(feature = "remote")]
mod dynamic;
mod explain;
mod explanation;
mod facts;
mod header_cache;
mod issuers;
#[cfg(feature = "jsonwebtoken")]
mod jsonwebtoken;
mod layout;
#[cfg(not(feature = "remote"))]
mod no_dynamic;
mod pipeline;
mod refresh;
mod refused;
mod revocation_lists;
mod rules;
mod settings;
mod signature;
mod svid;
#[cfg(feature = "remote")]
mod tenants;
mod timing;
mod typed;
mod verifier;
mod wrong;

#[cfg(feature = "cache")]
pub use self::cache::{TokenCache, TokenCacheBuilder};
#[cfg(not(feature = "remote"))]
use self::no_dynamic as dynamic;
#[cfg(feature = "cache")]
pub(crate) use self::revocation_lists::RevokedSoFar;
pub use self::{
    builder::VerifierBuilder,
    explanation::{Check, Explanation, Verdict},
    issuers::Issuers,
    verifier::Verifier,
};
pub(crate) use self::{caller::Caller, revocation_lists::RevocationLists};
#[cfg(feature = "remote")]
pub use self::{
    dynamic::{DynamicIssuers, DynamicIssuersBuilder},
    tenants::{Tenant, Tenants},
};

/// Checks the name of an issuer as before a resolver is asked: for fuzzing.
#[cfg(all(fuzzing, feature = "remote"))]
pub(crate) fn check_issuer_name(name: &str) -> Result<(), &'static str> {
    dynamic::form::check(name, None)
}
