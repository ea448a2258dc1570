//! Sealed rings in memory: for tests, and programs that keep everything there.

use super::{MemoryStore, lock};
use crate::{error::StoreError, issue::RingStore};

impl RingStore for MemoryStore {
    async fn read_ring(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(lock(&self.0.rings).get(name).cloned())
    }

    async fn replace_ring(
        &self,
        name: &str,
        from: Option<&[u8]>,
        to: &[u8],
    ) -> Result<bool, StoreError> {
        let mut rings = lock(&self.0.rings);
        let is_same = rings.get(name).map(Vec::as_slice) == from;
        if is_same {
            rings.insert(name.to_owned(), to.to_owned());
        }
        Ok(is_same)
    }
}
