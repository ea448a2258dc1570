//! Claims: the registered ones, read strictly, and the token that carries them.
//!
//! Start with [`VerifiedToken`]. Look here for its views ([`Audience`], [`Scopes`], [`Header`]), for
//! a token [with its claims](TypedToken), and to say where scopes and roles are in tokens of a provider that no
//! [`Provider`] knows ([`ScopeSource`], [`RoleSource`]). The weakenings that a verifier can have are the [`Tolerance`]s.

mod actor;
mod added;
#[cfg(any(feature = "proof", feature = "sessions"))]
pub(crate) mod confirmation;
#[cfg(feature = "jsonwebtoken")]
mod jsonwebtoken;
mod layout;
mod misfit;
pub(crate) mod provider;
mod read;
pub(crate) mod realm;
mod registered;
mod scope_hierarchy;
pub(crate) mod session_id;
mod spiffe;
pub(crate) mod token;
mod tolerance;
mod typed;
mod views;

#[cfg(any(feature = "proof", feature = "sessions"))]
pub(crate) use self::confirmation::Confirmation;
#[cfg(feature = "remote")]
pub(crate) use self::provider::{KeyLocation, is_alb_key_id};
#[cfg(feature = "cache")]
pub(crate) use self::token::CachedToken;
pub use self::{
    actor::Actor,
    layout::{RoleSource, ScopeSource},
    scope_hierarchy::ScopeHierarchy,
    tolerance::Tolerance,
    typed::TypedToken,
    views::{Audience, Scopes},
};
pub(crate) use self::{
    added::Added,
    provider::{AlbArn, Provider, Standing},
    read::{
        ClaimSlot, ClaimSpec, Diagnosis, LAST_SECOND, Reader, Unreadable, are_scopes, is_integer,
    },
    realm::Realm,
    registered::RegisteredClaims,
    session_id::SessionId,
    spiffe::{TrustDomain, trust_domain_of},
    token::{TokenContext, VerifiedToken},
    tolerance::Tolerances,
};
#[cfg(feature = "proof")]
pub(crate) use self::{added::Proven, confirmation::Unconfirmed};
pub use crate::jose::Header;
