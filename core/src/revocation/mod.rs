//! Access tokens that are refused before they expire.

mod builder;
mod entry;
mod follow;
mod log;
mod mark;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod refusal;
mod replica;
mod slots;
mod table;

pub(crate) use self::table::Named;
pub use self::{
    builder::RevocationBuilder,
    entry::{RevocationEntry, RevokeError, Revoked},
    log::{LogBatch, LogPosition, RevocationLog},
    replica::{Revocation, RevocationStatus},
};
