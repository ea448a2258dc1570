//! The interface of a session store. Everything that needs thought is decided before it is called.

use std::future::Future;

use super::{
    capabilities::StoreCapabilities,
    digest::TokenHash,
    mark::StoreMark,
    record::{EndedSession, StoredSession},
};
use crate::{
    claims::{Realm, SessionId},
    error::StoreError,
    revocation::{RevocationEntry, StoreEpoch},
};

/// Keeps sessions: in memory, in a database, wherever one step can be atomic.
///
/// A store decides nothing. It finds rows, and changes one only if it is still as the caller has seen
/// it. Rules that every implementation keeps, and that `testing::store_suite` checks:
///
/// 1. [`rotate`](Self::rotate) is one atomic step: of many racers with the same `from`, exactly one
///    gets `true`.
/// 2. A read sees every write that was answered before it: no reading from a lagging replica.
/// 3. An answer is given only when the write is as durable as the store can make it.
/// 4. Whatever goes wrong is a [`StoreError`], never an empty answer.
/// 5. What [`end`](Self::end) and [`end_all`](Self::end_all) revoke, they put into the store's
///    [`RevocationLog`](crate::revocation::RevocationLog) in the same atomic step, if it has one. A
///    session ends even if the log cannot keep the entry as long as it asks.
/// 6. [`end_all`](Self::end_all) reaches every login that began before it: a session whose
///    [`insert`](Self::insert) comes later, with an older mark, is not added.
/// 7. Subjects of different realms are different subjects.
/// 8. [`end_realm`](Self::end_realm) is to all subjects of a realm what `end_all` is to one: it reaches every login
///    that began before it.
///
/// A store is cheap to clone, and its clones share the data.
pub trait SessionStore: Clone + Send + Sync + 'static {
    /// Returns what the store can do. Asked once, when sessions are built.
    fn capabilities(&self) -> StoreCapabilities;

    /// Returns the present, in the order of the store's [`end_all`](Self::end_all).
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say.
    fn mark(&self) -> impl Future<Output = Result<StoreMark, StoreError>> + Send;

    /// Adds a session, unless all sessions of its subject were [ended](Self::end_all) after `begun`.
    /// Returns whether it was added. Its id is new.
    ///
    /// The store remembers the end of all sessions of a subject for at least two hours.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say that the session is there.
    fn insert(
        &self,
        session: &StoredSession,
        begun: StoreMark,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Finds the session of this id. An expired one may be there still, or be gone.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say.
    fn find(
        &self,
        id: &SessionId,
    ) -> impl Future<Output = Result<Option<StoredSession>, StoreError>> + Send;

    /// Replaces the session with the id of `next` by `next`, if its `current` is `from`: one atomic step.
    /// `false` when it is not, or when there is no such session.
    ///
    /// Realm, subject, label, binding, `created_at`, `absolute_expires_at`, details and data are those of the
    /// session that was found: they stay as they are in the store, whatever `next` has.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say. The step may have happened even so.
    fn rotate(
        &self,
        from: &TokenHash,
        next: &StoredSession,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Replaces the data of the session by `to`, if it is `from`: one atomic step. `None` is no data. `false`
    /// when it is something else, or when there is no such session. Nothing else changes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say. The step may have happened even so.
    fn set_data(
        &self,
        id: &SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes the session, and adds this revocation to the log: also when there is no such session
    /// any more. Where the tokens of the session live for longer than the revocation lasts, it logs
    /// [another](EndedSession::to_log) that lasts as long. Without a revocation the log stays as it is.
    /// Returns the session that was removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say. The step may have happened even so.
    fn end(
        &self,
        id: &SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> impl Future<Output = Result<Option<EndedSession>, StoreError>> + Send;

    /// Removes all sessions of the subject, and adds to the log that each of them is revoked until its
    /// `tokens_until`, be that over or not; and that
    /// [tokens without a session](crate::revocation::Revoked::Sessionless) issued before `issued_before`
    /// are revoked until `until`. All times in seconds since 1970. Returns the sessions that were removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say. The step may have happened even so.
    fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> impl Future<Output = Result<Vec<EndedSession>, StoreError>> + Send;

    /// Removes all sessions of the realm that were [created](StoredSession::created_at) before `begun_before`. It adds
    /// `revocation` to the log, and that each of them is revoked whose `tokens_until` is after `named_after`: that
    /// one has issued tokens which the revocation does not cover. All times in seconds since 1970. Returns the
    /// sessions that were removed.
    ///
    /// The revocation comes first. The rest may take several steps, so that nobody waits long for one of them; if it
    /// fails, some may have happened, and another call does the rest. Default: an error.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say that it is done.
    fn end_realm(
        &self,
        realm: &Realm,
        begun_before: i64,
        named_after: i64,
        revocation: &RevocationEntry,
    ) -> impl Future<Output = Result<Vec<EndedSession>, StoreError>> + Send {
        let _ = (realm, begun_before, named_after, revocation);
        async { Err(StoreError::new("this store cannot end a realm")) }
    }

    /// Lists the sessions of the subject, in any order, that have not expired at `now` (seconds since
    /// 1970).
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say.
    fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> impl Future<Output = Result<Vec<StoredSession>, StoreError>> + Send;

    /// Removes what has expired: sessions, and entries of the revocation log. Returns how many
    /// sessions that were; 0 where the store does it by itself.
    ///
    /// `now` is the caller's clock, in seconds since 1970. A store with a
    /// [clock of its own](StoreCapabilities::own_clock) removes nothing that has not expired by that
    /// one, too.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it could not be done.
    fn sweep(&self, now: i64) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Checks that the store can be read and written now, and leaves nothing behind.
    ///
    /// Default: it reads the [mark](Self::mark), and ends a session that there is not. A store that carries out
    /// the latter without a write, though it refuses writes, needs a check of its own.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot.
    fn health(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        async {
            self.mark().await?;
            self.end(&SessionId::new([0; 16]), None).await.map(drop)
        }
    }

    /// Returns the epoch of the store: see [`StoreEpoch`]. Default `None`: it loses nothing that it has answered, or
    /// cannot tell.
    ///
    /// The store keeps the name of its epoch and its beginning with its data. Where the name that the server has now is
    /// another one, both become new in one atomic step, and the beginning is now. Where none was kept, there is no
    /// beginning. A store that has one [says so](StoreCapabilities::epoch).
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say.
    fn epoch(&self) -> impl Future<Output = Result<Option<StoreEpoch>, StoreError>> + Send {
        async { Ok(None) }
    }

    /// Begins another [epoch](Self::epoch) now: for an operator who has restored data. Default: an error.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it could not be noted.
    fn mark_restored(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Err(StoreError::new("this store has no epoch")) }
    }
}
