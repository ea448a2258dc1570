//! The store of proofs that were used, so that none is used twice.

mod key;
mod memory;
mod shard;
mod store;
mod used;

pub(crate) use self::used::Use;
pub use self::{
    key::ReplayKey,
    memory::{MemoryReplayStore, MemoryReplayStoreBuilder},
    store::ReplayStore,
};
