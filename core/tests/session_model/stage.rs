//! A store whose every operation waits for its turn, and may fail.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

use countersign::{
    Clock, Digest, MemoryStore, SessionId, SessionStore, StoreError, StoredSession,
    testing::FixedClock,
};

/// A [`MemoryStore`] on which one operation happens at a time, each when its client is let go on.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) memory: MemoryStore,
    clock: FixedClock,
    turn: Arc<Mutex<Turn>>,
}

/// One step of one client.
#[derive(Default)]
pub(crate) struct Turn {
    fault: Fault,
    /// Whether an operation met the fault.
    pub(crate) has_failed: bool,
    pub(crate) happened: Option<Happened>,
}

/// What happens to the operation of this turn.
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
    /// When it was asked for, in seconds since 1970. It may have waited since.
    pub(crate) asked_at: i64,
    /// Whether the client got the answer.
    pub(crate) is_answered: bool,
}

#[derive(Debug)]
pub(crate) enum Effect {
    Found(Option<StoredSession>),
    /// The next state, if it took the place of the last.
    Rotated(Option<StoredSession>),
    Ended(Vec<SessionId>),
    /// Nothing that matters here.
    Other,
}

impl Stage {
    pub(crate) fn new(clock: FixedClock) -> Self {
        Self {
            memory: MemoryStore::new(),
            clock,
            turn: Arc::default(),
        }
    }

    /// Begins a turn.
    pub(crate) fn next_turn(&self, fault: Fault) {
        *self.turn() = Turn {
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
        let asked_at = self.clock.now();
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

/// Waits until the scene lets this client go on.
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
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        self.operate(self.memory.insert(session), |()| Effect::Other)
            .await
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let effect = |found: &Option<StoredSession>| Effect::Found(found.clone());
        self.operate(self.memory.find(id), effect).await
    }

    async fn rotate(&self, from: &Digest, next: &StoredSession) -> Result<bool, StoreError> {
        let effect = |rotated: &bool| Effect::Rotated(rotated.then(|| next.clone()));
        self.operate(self.memory.rotate(from, next), effect).await
    }

    async fn end(&self, id: &SessionId, until: i64) -> Result<bool, StoreError> {
        let effect = |ended: &bool| Effect::Ended(ended.then(|| id.clone()).into_iter().collect());
        self.operate(self.memory.end(id, until), effect).await
    }

    async fn end_all(
        &self,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<SessionId>, StoreError> {
        let effect = |ended: &Vec<SessionId>| Effect::Ended(ended.clone());
        self.operate(self.memory.end_all(subject, issued_before, until), effect)
            .await
    }

    async fn list(&self, subject: &str, now: i64) -> Result<Vec<StoredSession>, StoreError> {
        self.operate(self.memory.list(subject, now), |_| Effect::Other)
            .await
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        self.operate(self.memory.sweep(now), |_| Effect::Other)
            .await
    }
}
