//! When keys are fetched, and what requests wait for.

mod current;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod negative_cache;
mod observe;
pub(super) mod schedule;
mod state;
mod task;
mod token_bucket;

pub(crate) use self::{
    state::{Advice, KeyNeed, State},
    task::RefreshTask,
    token_bucket::TokenBucket,
};
