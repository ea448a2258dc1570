//! Sealed rings of signing keys: each a key of Redis without an expiry.

use countersign::{issue::RingStore, session::store::StoreError};

use crate::{
    RedisStore,
    script::{self, Args},
};

impl RingStore for RedisStore {
    async fn read_ring(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.opened().await?;
        let mut command = redis::cmd("GET");
        command.arg(self.keys().ring(name));
        self.link().send(&command).await.map_err(StoreError::new)
    }

    async fn replace_ring(
        &self,
        name: &str,
        from: Option<&[u8]>,
        to: &[u8],
    ) -> Result<bool, StoreError> {
        let key = self.keys().ring(name);
        let args = from.into_iter().fold(Args::default().with(to), Args::with);
        self.run(&script::REPLACE_RING, &[&key], args).await
    }
}
