//! Verification keys: one, a set, or a source that renews them.

mod set;
mod source;

pub use self::{
    set::KeySet,
    source::{BoxFuture, KeySource, Keys, KeysUnavailable, Refresh},
};
