//! Access tokens that are refused before they expire.

mod builder;
mod entry;
mod error;
mod follow;
mod index;
pub(crate) mod list;
mod log;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;

pub use self::{
    builder::RevocationBuilder,
    entry::{RevocationEntry, RevokeError, Revoked},
    list::RevocationStatus,
    log::{LogBatch, LogPosition, RevocationLog},
};
pub(crate) use self::{index::TokenNames, list::Revocation};
