//! The schedule of fetches, the task that makes them, and the state that requests wait for.

mod current;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod negative_cache;
mod observe;
mod plan;
pub(super) mod schedule;
mod state;
mod task;
mod token_bucket;

#[cfg(feature = "metrics")]
pub(crate) use self::observe::UNNAMED_LABEL;
pub(crate) use self::{
    observe::unnamed, state::State, task::RefreshTask, token_bucket::TokenBucket,
};
