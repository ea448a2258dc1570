//! Verification keys: one, a set, or a source that renews them.

pub(crate) mod set;
pub(crate) mod source;

pub(crate) use self::{set::KeySet, source::Keys};
pub use self::{
    set::KeySetId,
    source::{KeySource, KeysUnavailable, RefreshReason},
};
pub use crate::{future::BoxFuture, jose::SkippedKey};
