//! A store that may come later than the server.

use std::sync::{Arc, OnceLock};

use countersign::{
    revocation::RevocationEntry,
    session::{
        Realm, SessionId,
        store::{
            EndedSession, SessionStore, StoreCapabilities, StoreEpoch, StoreError, StoreMark,
            StoredSession, TokenHash,
        },
    },
};

/// A store that several processes may use. It is away until it [arrives](Self::arrive).
#[derive(Clone)]
pub(crate) struct Late<S>(Arc<OnceLock<S>>);

impl<S> Late<S> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(OnceLock::new()))
    }

    pub(crate) fn arrive(&self, store: S) {
        let _ = self.0.set(store); // there is one store
    }

    fn there(&self) -> Result<&S, StoreError> {
        let none = || StoreError::new("it has not been reached since the start");
        self.0.get().ok_or_else(none)
    }
}

impl<S: SessionStore> SessionStore for Late<S> {
    /// Every store here keeps revocations for longer than tokens live, which is an hour at most.
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::shared().epoch()
    }

    async fn mark(&self) -> Result<StoreMark, StoreError> {
        self.there()?.mark().await
    }

    async fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        self.there()?.insert(session, begun).await
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.there()?.find(id).await
    }

    async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> Result<bool, StoreError> {
        self.there()?.rotate(from, next).await
    }

    async fn set_data(
        &self,
        id: &SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.there()?.set_data(id, from, to).await
    }

    async fn end(
        &self,
        id: &SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
        self.there()?.end(id, revocation).await
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let store = self.there()?;
        store.end_all(realm, subject, issued_before, until).await
    }

    async fn end_realm(
        &self,
        realm: &Realm,
        begun_before: i64,
        named_after: i64,
        revocation: &RevocationEntry,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let store = self.there()?;
        let ending = store.end_realm(realm, begun_before, named_after, revocation);
        ending.await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.there()?.health().await
    }

    async fn epoch(&self) -> Result<Option<StoreEpoch>, StoreError> {
        self.there()?.epoch().await
    }

    async fn mark_restored(&self) -> Result<(), StoreError> {
        self.there()?.mark_restored().await
    }

    async fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        self.there()?.list(realm, subject, now).await
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        self.there()?.sweep(now).await
    }
}
