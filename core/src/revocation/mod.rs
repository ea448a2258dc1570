//! Access tokens that are refused before they expire.
//!
//! Start with [`Revocation`]; sessions have one already. Look here to revoke by token, session or
//! subject ([`RevocationEntry`]), for the status of the list, and to implement the log of a store
//! ([`RevocationLog`]) that the processes of a service share.

mod builder;
mod clock_skew;
mod entry;
mod epoch;
mod error;
mod follow;
mod index;
pub(crate) mod list;
mod log;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod ready;
mod status;

pub use self::{
    builder::RevocationBuilder,
    entry::{RevocationEntry, RevokeError, Revoked},
    epoch::StoreEpoch,
    log::{LogBatch, LogPosition, RevocationLog},
    status::RevocationStatus,
};
pub(crate) use self::{index::TokenNames, list::Revocation};
