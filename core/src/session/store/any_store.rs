//! A session store without generics, each call of which is measured and watched.

use std::{error::Error, future::Future, pin::Pin};

use super::{
    digest::TokenHash,
    mark::StoreMark,
    record::{EndedSession, StoredSession},
    session_store::SessionStore,
};
#[cfg(feature = "metrics")]
use crate::metrics::Stopwatch;
use crate::{
    claims::{Realm, SessionId},
    error::{Outage, StoreError},
    revocation::{RevocationEntry, StoreEpoch},
};

/// A [`SessionStore`] without generics, for [`Sessions`](crate::Sessions).
pub(crate) trait AnyStore: Send + Sync {
    fn mark(&self) -> Reply<'_, StoreMark>;
    fn insert<'a>(&'a self, session: &'a StoredSession, begun: StoreMark) -> Reply<'a, bool>;
    fn find<'a>(&'a self, id: &'a SessionId) -> Reply<'a, Option<StoredSession>>;
    fn rotate<'a>(&'a self, from: &'a TokenHash, next: &'a StoredSession) -> Reply<'a, bool>;
    fn set_data<'a>(
        &'a self,
        id: &'a SessionId,
        from: Option<&'a str>,
        to: Option<&'a str>,
    ) -> Reply<'a, bool>;
    fn end<'a>(
        &'a self,
        id: &'a SessionId,
        revocation: &'a RevocationEntry,
    ) -> Reply<'a, Option<EndedSession>>;
    fn end_all<'a>(
        &'a self,
        realm: &'a Realm,
        subject: &'a str,
        issued_before: i64,
        until: i64,
    ) -> Reply<'a, Vec<EndedSession>>;
    fn end_realm<'a>(
        &'a self,
        realm: &'a Realm,
        begun_before: i64,
        named_after: i64,
        revocation: &'a RevocationEntry,
    ) -> Reply<'a, Vec<EndedSession>>;
    fn epoch(&self) -> Reply<'_, Option<StoreEpoch>>;
    fn list<'a>(
        &'a self,
        realm: &'a Realm,
        subject: &'a str,
        now: i64,
    ) -> Reply<'a, Vec<StoredSession>>;
    fn sweep(&self, now: i64) -> Reply<'_, u64>;
    fn health(&self) -> Reply<'_, ()>;
}

/// The future of an answer.
pub(super) type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store, and whether it fails.
pub(crate) struct WatchedStore<S> {
    pub(super) store: S,
    outage: Outage,
}

impl<S> WatchedStore<S> {
    pub(crate) fn new(store: S) -> Self {
        Self {
            store,
            outage: Outage::new(),
        }
    }

    /// Waits for an answer of the store, measures how long it took, and logs where an outage begins and ends.
    pub(super) async fn watch<T>(
        &self,
        op: &'static str,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        #[cfg(feature = "metrics")]
        let began = Stopwatch::start();
        let answer = answer.await;
        #[cfg(feature = "metrics")]
        crate::metrics::store(op, began.until(Stopwatch::start()), answer.is_err());
        match &answer {
            Ok(_) => {
                if self.outage.works() {
                    tracing::info!(target: "countersign", "the session store answers again");
                }
            }
            Err(error) => {
                if let Some(left_out) = self.outage.fails() {
                    let cause = error.source().map(tracing::field::display);
                    tracing::warn!(target: "countersign", op, cause, left_out, "the session store fails");
                }
            }
        }
        answer
    }
}

impl<S: SessionStore> AnyStore for WatchedStore<S> {
    fn mark(&self) -> Reply<'_, StoreMark> {
        Box::pin(self.watch("mark", self.store.mark()))
    }

    fn insert<'a>(&'a self, session: &'a StoredSession, begun: StoreMark) -> Reply<'a, bool> {
        Box::pin(self.watch("insert", self.store.insert(session, begun)))
    }

    fn find<'a>(&'a self, id: &'a SessionId) -> Reply<'a, Option<StoredSession>> {
        Box::pin(self.watch("find", self.store.find(id)))
    }

    fn rotate<'a>(&'a self, from: &'a TokenHash, next: &'a StoredSession) -> Reply<'a, bool> {
        Box::pin(self.watch("rotate", self.store.rotate(from, next)))
    }

    fn set_data<'a>(
        &'a self,
        id: &'a SessionId,
        from: Option<&'a str>,
        to: Option<&'a str>,
    ) -> Reply<'a, bool> {
        Box::pin(self.watch("set_data", self.store.set_data(id, from, to)))
    }

    fn end<'a>(
        &'a self,
        id: &'a SessionId,
        revocation: &'a RevocationEntry,
    ) -> Reply<'a, Option<EndedSession>> {
        Box::pin(self.watch("end", self.store.end(id, Some(revocation))))
    }

    fn end_all<'a>(
        &'a self,
        realm: &'a Realm,
        subject: &'a str,
        issued_before: i64,
        until: i64,
    ) -> Reply<'a, Vec<EndedSession>> {
        let ended = self.store.end_all(realm, subject, issued_before, until);
        Box::pin(self.watch("end_all", ended))
    }

    fn end_realm<'a>(
        &'a self,
        realm: &'a Realm,
        begun_before: i64,
        named_after: i64,
        revocation: &'a RevocationEntry,
    ) -> Reply<'a, Vec<EndedSession>> {
        let store = &self.store;
        let ended = store.end_realm(realm, begun_before, named_after, revocation);
        Box::pin(self.watch("end_realm", ended))
    }

    fn epoch(&self) -> Reply<'_, Option<StoreEpoch>> {
        Box::pin(self.watch("epoch", self.store.epoch()))
    }

    fn list<'a>(
        &'a self,
        realm: &'a Realm,
        subject: &'a str,
        now: i64,
    ) -> Reply<'a, Vec<StoredSession>> {
        Box::pin(self.watch("list", self.store.list(realm, subject, now)))
    }

    fn sweep(&self, now: i64) -> Reply<'_, u64> {
        Box::pin(self.watch("sweep", self.store.sweep(now)))
    }

    fn health(&self) -> Reply<'_, ()> {
        Box::pin(self.watch("health", self.store.health()))
    }
}
