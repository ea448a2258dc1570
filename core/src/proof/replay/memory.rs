//! temporary
use super::{ReplayKey, ReplayStore};
use crate::{error::StoreError, future::BoxFuture};
use std::{collections::HashMap, sync::Mutex};
/// temporary
#[derive(Debug, Default)]
pub struct MemoryReplayStore(Mutex<HashMap<ReplayKey, i64>>);
impl MemoryReplayStore {
    /// temporary
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
impl ReplayStore for MemoryReplayStore {
    fn insert(&self, key: ReplayKey, now: i64, until: i64) -> BoxFuture<Result<bool, StoreError>> {
        let mut map = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        map.retain(|_, until| now <= *until);
        let new = !map.contains_key(&key);
        if new {
            map.insert(key, until);
        }
        Box::pin(std::future::ready(Ok(new)))
    }
    fn is_shared(&self) -> bool {
        false
    }
}
