//! A store that fails on command, and remembers its calls.

use std::sync::{Arc, Mutex, MutexGuard};

use countersign::{
    MemoryStore,
    revocation::RevocationEntry,
    session::{
        Realm, SessionId,
        store::{
            EndedSession, SessionStore, StoreCapabilities, StoreEpoch, StoreError, StoreMark,
            StoredSession, TokenHash,
        },
    },
};

use futures_executor::block_on;

use crate::setup::pending_once;

/// A [`MemoryStore`] whose steps can fail.
#[derive(Clone, Default)]
pub(crate) struct FaultyStore {
    pub(crate) memory: MemoryStore,
    /// Replaces those of the memory.
    capabilities: Option<StoreCapabilities>,
    plan: Arc<Mutex<Plan>>,
    /// Where there is one, a question for it is a step.
    epoch: Arc<Mutex<Option<StoreEpoch>>>,
}

#[derive(Default)]
struct Plan {
    down: bool,
    /// The step that fails, counted from now on, and how.
    fault: Option<(usize, Fault)>,
    steps: Vec<Step>,
}

/// The moment at which a step fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing was done.
    Before,
    /// Everything was done, and the answer got lost.
    After,
    /// Everything was done, and the answer takes a while.
    Late,
}

/// A call of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    End { until: Option<i64> },
    EndAll { issued_before: i64, until: i64 },
    EndRealm,
    Epoch,
    Find,
    Insert,
    List,
    Mark,
    Rotate,
    SetData,
    Sweep,
}

impl FaultyStore {
    /// Creates a store that reports these capabilities.
    pub(crate) fn with(capabilities: StoreCapabilities) -> Self {
        Self {
            capabilities: Some(capabilities),
            ..Self::default()
        }
    }

    /// Begins an epoch.
    pub(crate) fn begin_epoch(&self, since: Option<i64>) {
        *self.epoch.lock().unwrap() = Some(StoreEpoch::new("of a test", since));
    }

    /// Puts a session back as it was, as a backup does.
    pub(crate) fn restore(&self, session: &StoredSession) {
        let memory = &self.memory;
        block_on(async {
            memory.end(&session.id, None).await.unwrap();
            let begun = memory.mark().await.unwrap();
            assert!(memory.insert(session, begun).await.unwrap());
        });
    }

    /// Lets the step after `skipped` others fail.
    pub(crate) fn fail(&self, skipped: usize, fault: Fault) {
        self.plan().fault = Some((skipped, fault));
    }

    /// Lets every step fail, or none.
    pub(crate) fn is_down(&self, down: bool) {
        self.plan().down = down;
    }

    /// Forgets a fault that was not met. Returns true if there was one.
    pub(crate) fn heal(&self) -> bool {
        self.plan().fault.take().is_some()
    }

    /// Returns the calls since the last time.
    pub(crate) fn steps(&self) -> Vec<Step> {
        std::mem::take(&mut self.plan().steps)
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap()
    }

    async fn step<T>(
        &self,
        step: Step,
        action: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fault = self.plan().next(step);
        if fault == Some(Fault::Before) {
            return Err(StoreError::new("nothing was done"));
        }
        let answer = action.await;
        if fault == Some(Fault::Late) {
            pending_once().await;
        }
        if fault == Some(Fault::After) {
            return Err(StoreError::new("the answer got lost"));
        }
        answer
    }
}

impl Plan {
    fn next(&mut self, step: Step) -> Option<Fault> {
        self.steps.push(step);
        if self.down {
            return Some(Fault::Before);
        }
        let (skipped, fault) = self.fault.take()?;
        if skipped > 0 {
            self.fault = Some((skipped - 1, fault));
            return None;
        }
        Some(fault)
    }
}

impl SessionStore for FaultyStore {
    fn capabilities(&self) -> StoreCapabilities {
        let own = self.memory.capabilities();
        self.capabilities.unwrap_or(own)
    }

    async fn mark(&self) -> Result<StoreMark, StoreError> {
        self.step(Step::Mark, self.memory.mark()).await
    }

    async fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        self.step(Step::Insert, self.memory.insert(session, begun))
            .await
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.step(Step::Find, self.memory.find(id)).await
    }

    async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> Result<bool, StoreError> {
        self.step(Step::Rotate, self.memory.rotate(from, next))
            .await
    }

    async fn set_data(
        &self,
        id: &SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.step(Step::SetData, self.memory.set_data(id, from, to))
            .await
    }

    async fn end(
        &self,
        id: &SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
        let until = revocation.map(|entry| entry.until);
        self.step(Step::End { until }, self.memory.end(id, revocation))
            .await
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let step = Step::EndAll {
            issued_before,
            until,
        };
        let ending = self.memory.end_all(realm, subject, issued_before, until);
        self.step(step, ending).await
    }

    async fn end_realm(
        &self,
        realm: &Realm,
        begun_before: i64,
        named_after: i64,
        revocation: &RevocationEntry,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let memory = &self.memory;
        let ending = memory.end_realm(realm, begun_before, named_after, revocation);
        self.step(Step::EndRealm, ending).await
    }

    async fn epoch(&self) -> Result<Option<StoreEpoch>, StoreError> {
        let epoch = self.epoch.lock().unwrap().clone();
        match epoch {
            Some(_) => self.step(Step::Epoch, async { Ok(epoch) }).await,
            None => Ok(None),
        }
    }

    async fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        self.step(Step::List, self.memory.list(realm, subject, now))
            .await
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        self.step(Step::Sweep, self.memory.sweep(now)).await
    }
}
