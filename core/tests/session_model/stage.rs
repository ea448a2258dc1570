//! A store whose every operation waits for its turn, and may fail.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

use countersign::{
    MemoryStore,
    revocation::RevocationEntry,
    session::{
        Realm, SessionId,
        store::{
            EndedSession, SessionStore, StoreCapabilities, StoreError, StoreMark, StoredSession,
            TokenHash,
        },
    },
};

/// A [`MemoryStore`] that two nodes share. Its operations happen one at a time, each when its
/// client is allowed to continue.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) memory: MemoryStore,
    log: Arc<Mutex<Vec<RevocationEntry>>>,
    turn: Arc<Mutex<Turn>>,
}

/// One step of one client.
#[derive(Default)]
pub(crate) struct Turn {
    /// The time at the node of the client, in seconds since 1970.
    now: i64,
    fault: Fault,
    /// True if an operation met the fault.
    pub(crate) has_failed: bool,
    pub(crate) happened: Option<Happened>,
}

/// The fault of the operation of this turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// It has no effect, and fails.
    Before,
    /// It has its effect, and the answer gets lost.
    After,
}

/// An operation that has had its effect.
#[derive(Debug)]
pub(crate) struct Happened {
    pub(crate) effect: Effect,
    /// The time at which it was asked for, in seconds since 1970 by the node's clock. It can have
    /// waited since.
    pub(crate) asked_at: i64,
    /// True if the client got the answer.
    pub(crate) is_answered: bool,
}

#[derive(Debug)]
pub(crate) enum Effect {
    Found(Option<StoredSession>),
    /// The next state, if it replaced the last.
    Rotated(Option<StoredSession>),
    /// True if the same token was still the current one, and now has a longer memory of its access
    /// tokens.
    Touched(bool),
    Ended(Vec<SessionId>),
    /// The session, if it was added.
    Inserted(Option<StoredSession>),
    /// A login was put into the order of events.
    Marked,
    /// The sessions of the user were listed.
    Listed,
    /// An effect that does not matter here.
    Other,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            memory: MemoryStore::new(),
            log: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// Returns the revocations that it has logged.
    pub(crate) fn log(&self) -> Arc<Mutex<Vec<RevocationEntry>>> {
        Arc::clone(&self.log)
    }

    /// Begins a turn of a client at a node with this time.
    pub(crate) fn next_turn(&self, now: i64, fault: Fault) {
        *self.turn() = Turn {
            now,
            fault,
            ..Turn::default()
        };
    }

    /// Ends the turn.
    pub(crate) fn end_turn(&self) -> Turn {
        std::mem::take(&mut self.turn())
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap()
    }

    async fn operate<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
        effect: impl FnOnce(&T) -> Effect,
    ) -> Result<T, StoreError> {
        let asked_at = self.turn().now;
        its_turn().await;
        let fault = self.turn().fault;
        self.turn().has_failed = fault != Fault::None;
        if fault == Fault::Before {
            return Err(StoreError::new("nothing was done"));
        }
        let answer = operation.await?;
        self.turn().happened = Some(Happened {
            effect: effect(&answer),
            asked_at,
            is_answered: fault == Fault::None,
        });
        match fault {
            Fault::None => Ok(answer),
            _ => Err(StoreError::new("the answer got lost")),
        }
    }
}

/// Waits until the scene lets this client continue.
pub(crate) async fn its_turn() {
    let mut has_waited = false;
    poll_fn(|_| {
        if std::mem::replace(&mut has_waited, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

impl SessionStore for Stage {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::shared().own_clock()
    }

    async fn mark(&self) -> Result<StoreMark, StoreError> {
        self.operate(self.memory.mark(), |_| Effect::Marked).await
    }

    async fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        let effect = |added: &bool| Effect::Inserted(added.then(|| session.clone()));
        self.operate(self.memory.insert(session, begun), effect)
            .await
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let effect = |found: &Option<StoredSession>| Effect::Found(found.clone());
        self.operate(self.memory.find(id), effect).await
    }

    async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> Result<bool, StoreError> {
        let effect = |rotated: &bool| match next.current == *from {
            true => Effect::Touched(*rotated),
            false => Effect::Rotated(rotated.then(|| next.clone())),
        };
        self.operate(self.memory.rotate(from, next), effect).await
    }

    async fn set_data(
        &self,
        id: &SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.operate(self.memory.set_data(id, from, to), |_| Effect::Other)
            .await
    }

    async fn end(
        &self,
        id: &SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
        let ending = async {
            let ended = self.memory.end(id, revocation).await?;
            let entry = revocation.map(|given| match &ended {
                Some(ended) => ended.to_log(given),
                None => given.clone(),
            });
            self.log.lock().unwrap().extend(entry);
            Ok(ended)
        };
        let effect = |ended: &Option<EndedSession>| {
            Effect::Ended(ended.iter().map(|ended| ended.id.clone()).collect())
        };
        self.operate(ending, effect).await
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let effect = |ended: &Vec<EndedSession>| {
            Effect::Ended(ended.iter().map(|ended| ended.id.clone()).collect())
        };
        let ending = async {
            let ended = self.memory.end_all(realm, subject, issued_before, until);
            let ended = ended.await?;
            let entries = ended.iter().map(EndedSession::revocation);
            self.log.lock().unwrap().extend(entries);
            Ok(ended)
        };
        self.operate(ending, effect).await
    }

    async fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        self.operate(self.memory.list(realm, subject, now), |_| Effect::Listed)
            .await
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        self.operate(self.memory.sweep(now), |_| Effect::Other)
            .await
    }
}
