//! Verification keys: one, a set, or a source that renews them.
//!
//! [`Key`](crate::Key), [`KeySet`] and `RemoteKeys` are at the root. Look here to implement a
//! [`KeySource`] of your own, or to learn why a key of a set was [skipped](crate::KeySet::skipped), or read with a
//! [note](crate::KeySet::notes). The guide [keys](crate::guide::keys) is about files, the environment and rotation.

pub(crate) mod set;
pub(crate) mod source;

pub(crate) use self::{set::KeySet, source::Keys};
pub use self::{
    set::KeySetId,
    source::{KeySource, KeysUnavailable, RefreshReason},
};
pub use crate::{
    future::BoxFuture,
    jose::{KeyNote, Secret, SkippedKey},
};
