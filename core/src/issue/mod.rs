//! Issuing: a ring of signing keys, and the issuer that signs with it.
//!
//! Start with [`Issuer`]. Look here for its [settings](IssuerBuilder), the [token](IssuedToken) that it
//! gives, and why it may [refuse](IssueError) to. The keys of several nodes, and over restarts, are a
//! [document](RingDocument), in a [folder](KeyFolder) or [sealed in a store](SealedRing). Keys in a KMS or an HSM:
//! the guide [signers](crate::guide::signers). The guide [choosing](crate::guide::choosing) tells when to issue tokens
//! of your own.

mod builder;
mod draft;
mod follow;
mod inspect;
pub(crate) mod issuer;
mod jti;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod numeric_subject;
mod own_claims;
mod reading;
mod ring;
#[cfg(feature = "sessions")]
mod session_token;
#[cfg(feature = "signer")]
mod signer;
pub(crate) mod signing_keys;
mod token;

#[cfg(feature = "signer")]
pub use self::signer::{ExternalKey, Signer, SignerError, SigningInput};
pub(crate) use self::token::Cause;
pub use self::{
    builder::IssuerBuilder,
    ring::{
        KeyFolder, RingDocument, RingKeyState, RingKeyStatus, RingStore, RingTimes, SealedRing,
        SealingKeys,
    },
    token::{IssueError, IssuedToken},
};
#[cfg(feature = "sessions")]
pub(crate) use self::{draft::Draft, issuer::Issuer, session_token::SessionClaims};
