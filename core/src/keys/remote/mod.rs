//! Keys of an identity provider: fetched, renewed ahead of time, kept through an outage.
//!
//! One way: `Schedule` says when, `Driver` fetches, `Endpoint` says what, and reads the answer, `Shared`
//! holds what requests read.

mod answer;
mod bucket;
mod builder;
mod current;
mod discovery;
mod driver;
mod endpoint;
mod failure;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod handle;
mod misses;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod observe;
mod saved;
mod schedule;
mod shared;
mod status;

pub use self::{
    builder::RemoteKeysBuilder,
    discovery::Discovery,
    handle::RemoteKeys,
    saved::SavedKeys,
    status::{KeysState, KeysStatus},
};
