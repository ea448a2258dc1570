//! The store of proofs that were used, so that none is used twice.

mod key;
mod store;

pub use self::{key::ReplayKey, store::ReplayStore};
