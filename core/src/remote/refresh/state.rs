//! What requests read, and what they wait for.

use std::{
    fmt, mem,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

use super::{
    current::Current,
    negative_cache::NegativeCache,
    observe::{self, Published},
};
use crate::remote::{
    KeysState, KeysStatus, SavedKeys,
    document::{DEFAULT_LIFETIME, Failure, Fetched},
    refresh::schedule::{Jitter, Schedule, Want},
};
use crate::{
    clock::Clock,
    jose::Algorithm,
    keys::{KeySet, KeySetId, KeysUnavailable},
    sync::{ArcSwapOption, AtomicUsize, Mutex, MutexGuard, Notify},
};

/// What the handles and the task of one source share.
pub(crate) struct State {
    /// The issuer or the URL.
    source: String,
    max_stale: Duration,
    clock: Arc<dyn Clock>,
    current: ArcSwapOption<Current>,
    plan: Mutex<Plan>,
    /// Wakes the task: a fetch is wanted.
    pub(super) wanted: Notify,
    /// Wakes the requests: a fetch has ended.
    ended: Notify,
    waiting: AtomicUsize,
    runtime: Handle,
}

struct Plan {
    schedule: Schedule,
    misses: NegativeCache,
    failure: Option<Failure>,
    noticed: KeysState,
    /// Whether the last handle is gone.
    released: bool,
}

/// What a request needs.
pub(crate) struct KeyRequest {
    what: KeyNeed,
    deadline: Instant,
    /// How many fetches had begun when it came.
    after: u64,
}

/// What a request found missing.
pub(crate) enum KeyNeed {
    Everything,
    Key(Box<str>),
    Match,
}

/// What a request is told at once.
pub(crate) enum Advice {
    /// Look at the keys again.
    Look,
    /// The newest keys do not have it.
    Absent,
    Unavailable(KeysUnavailable),
    Wait,
}

impl State {
    /// How long a request waits, at most.
    const PATIENCE: Duration = Duration::from_secs(2);
    /// How many requests wait at once, at most. Others are answered at once.
    const MOST_WAITING: usize = 4_096;

    pub(crate) fn new(
        source: String,
        max_stale: Duration,
        clock: Arc<dyn Clock>,
        jitter: Jitter,
        runtime: Handle,
    ) -> Self {
        Self {
            source,
            max_stale,
            clock,
            current: ArcSwapOption::empty(),
            plan: Mutex::new(Plan {
                schedule: Schedule::new(jitter, Instant::now()),
                misses: NegativeCache::new(),
                failure: None,
                noticed: KeysState::Starting,
                released: false,
            }),
            wanted: Notify::new(),
            ended: Notify::new(),
            waiting: AtomicUsize::new(0),
            runtime,
        }
    }

    /// The keys, if they may be used.
    pub(crate) fn usable(&self) -> Option<Arc<KeySet>> {
        let current = self.current.load();
        current.as_ref()?.usable().map(Arc::clone)
    }

    /// Which keys they are, if they may be used.
    pub(crate) fn usable_id(&self) -> Option<KeySetId> {
        let current = self.current.load();
        Some(current.as_ref()?.usable()?.id())
    }

    /// What to tell a request without keys.
    pub(crate) fn unavailable(&self) -> KeysUnavailable {
        later(self.plan().schedule.pause(Instant::now()))
    }

    /// A request needs something newer.
    pub(crate) fn need(&self, what: KeyNeed) -> KeyRequest {
        let is_full = self.waiting.load(Ordering::Relaxed) >= Self::MOST_WAITING;
        let patience = if is_full {
            Duration::ZERO
        } else {
            Self::PATIENCE
        };
        KeyRequest {
            what,
            deadline: Instant::now() + patience,
            after: self.plan().schedule.count(),
        }
    }

    /// What to tell it.
    pub(crate) fn tell(&self, need: &KeyRequest) -> Advice {
        let now = Instant::now();
        let mut plan = self.plan();
        // A fetch may have ended between the look at the keys and this.
        let usable = self.usable();
        let is_there = match &need.what {
            KeyNeed::Everything => usable.is_some(),
            KeyNeed::Key(id) => usable.is_some_and(|set| set.has_key(id)),
            KeyNeed::Match => false,
        };
        if is_there {
            return Advice::Look;
        }
        // After a failure nobody can tell whether it is still so.
        if let KeyNeed::Key(id) = &need.what
            && plan.schedule.last_error().is_none()
            && plan.misses.has(id, now)
        {
            return Advice::Absent;
        }
        match plan.schedule.want(now, need.after, need.deadline) {
            Want::Newest => {
                if let KeyNeed::Key(id) = &need.what {
                    plan.misses.add(id, now);
                }
                Advice::Absent
            }
            Want::Recent => Advice::Absent,
            Want::Unknown(pause) => Advice::Unavailable(later(pause)),
            Want::Wait => {
                self.wanted.notify_one();
                Advice::Wait
            }
        }
    }

    /// Waits until there is something to tell.
    pub(crate) async fn wait(self: Arc<Self>, need: KeyRequest) -> Result<(), KeysUnavailable> {
        let _waiting = Waiting::count(&self.waiting);
        let _measured = observe::Wait::start();
        loop {
            // Before the look: an end that comes after it is noticed.
            let ended = self.ended.notified();
            match self.tell(&need) {
                Advice::Absent | Advice::Look => return Ok(()),
                Advice::Unavailable(unavailable) => return Err(unavailable),
                Advice::Wait => {}
            }
            // The timer is that of the source's runtime: a request may come from elsewhere.
            let ended_or_late = {
                let _runtime = self.runtime.enter();
                timeout_at(need.deadline, ended)
            };
            // Which of both it is, does not matter: what to tell is decided by `tell`.
            let _ = ended_or_late.await;
        }
    }

    /// Waits until there are keys, or the next fetch has failed.
    pub(crate) async fn ready(&self) -> Result<(), Option<Failure>> {
        let seen = self.plan().schedule.ended();
        loop {
            let ended = self.ended.notified();
            {
                // Under this lock, the keys come together with the end of their fetch.
                let plan = self.plan();
                if self.usable().is_some() {
                    return Ok(());
                }
                if plan.schedule.is_stopped() || plan.schedule.ended() > seen {
                    return Err(plan.failure.clone());
                }
            }
            ended.await;
        }
    }

    /// When the task has to fetch next.
    pub(super) fn next_fetch(&self) -> Instant {
        self.plan().schedule.next(Instant::now())
    }

    pub(super) fn begin(&self) {
        self.plan().schedule.begin(Instant::now());
    }

    /// A fetch has ended: publishes what it brought, and wakes the requests.
    pub(super) fn end(&self, result: Result<Fetched, Failure>, took: Duration) {
        let now = Instant::now();
        match result {
            Ok(fetched) => {
                let (published, recovered) = {
                    let mut plan = self.plan();
                    let (published, lifetime) = self.publish(fetched);
                    plan.schedule.succeed(now, lifetime);
                    (published, plan.failure.take().is_some())
                };
                observe::fetched(&self.source, published, took, recovered);
            }
            Err(failure) => {
                let usable = self.usable_until();
                let last = {
                    let mut plan = self.plan();
                    plan.schedule.fail(now, &failure, usable);
                    plan.failure.replace(failure.clone())
                };
                let is_new = last.is_none_or(|last| last.reason() != failure.reason());
                observe::failed(&self.source, &failure, took, usable.is_some(), is_new);
            }
        }
        self.notice();
        self.ended.notify_waiters();
    }

    /// Says how it is, if that has changed. Time alone can change it.
    pub(super) fn notice(&self) {
        let status = self.status();
        let fetched_at = self
            .current
            .load()
            .as_ref()
            .map(|current| current.fetched_at());
        let last = mem::replace(&mut self.plan().noticed, status.state());
        observe::state(&self.source, &status, fetched_at, last);
    }

    /// When time alone changes how it is; `None` when it does not.
    pub(super) fn next_change(&self) -> Option<Instant> {
        self.current.load().as_ref()?.next_change(Instant::now())
    }

    /// The last handle is gone: nobody will ask any more.
    pub(crate) fn release(&self) {
        self.plan().released = true;
    }

    /// The task has ended: no fetch will follow.
    pub(super) fn stop(&self) {
        let released = {
            let mut plan = self.plan();
            plan.schedule.stop();
            plan.released
        };
        if !released {
            self.notice();
        }
        self.ended.notify_waiters();
    }

    /// Starts with keys of an earlier run. Those of no use are left out: a fetch follows anyway.
    pub(crate) fn warm(&self, saved: &SavedKeys, algorithms: &[Algorithm]) {
        match Current::saved(saved, &self.source, algorithms, &self.clock, self.max_stale) {
            Ok(current) => self.current.store(Some(Arc::new(current))),
            Err(why) => observe::not_warm(&self.source, why),
        }
    }

    pub(crate) fn saved(&self) -> Option<SavedKeys> {
        let current = self.current.load();
        Some(current.as_ref()?.to_saved(&self.source))
    }

    pub(crate) fn status(&self) -> KeysStatus {
        let now = Instant::now();
        let plan = self.plan();
        let current = self.current.load();
        let current = current.as_ref();
        KeysStatus {
            state: match current {
                _ if plan.schedule.is_stopped() => KeysState::Stopped,
                Some(current) => current.state(now),
                None if plan.schedule.is_starting() => KeysState::Starting,
                None => KeysState::Unavailable,
            },
            keys: current.map_or(0, |current| current.keys()),
            age: current.map(|current| current.age(now, &self.clock)),
            generation: current.map_or(0, |current| current.generation()),
            failures: plan.schedule.failures(),
            last_error: plan.schedule.last_error(),
            next_fetch: plan.schedule.pause(now),
        }
    }

    /// Puts newer keys in the place of the last ones; says what that came to.
    fn publish(&self, fetched: Fetched) -> (Published, Duration) {
        let last = self.current.load_full();
        match Current::fetched(last.as_deref(), fetched, &self.clock, self.max_stale) {
            Some((current, published)) => {
                let lifetime = current.lifetime();
                self.current.store(Some(Arc::new(current)));
                (published, lifetime)
            }
            // Only a set that was published has a validator to send.
            None => (Published::Unchanged, DEFAULT_LIFETIME),
        }
    }

    /// Until when the keys may be used, if they may.
    fn usable_until(&self) -> Option<Instant> {
        let current = self.current.load();
        let until = current.as_ref()?.stale_until();
        (Instant::now() < until).then_some(until)
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        // Nothing in it can be half done: each step is one call.
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("source", &self.source)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// One request that waits.
struct Waiting<'s>(&'s AtomicUsize);

impl<'s> Waiting<'s> {
    fn count(waiting: &'s AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Seconds for `Retry-After`: at least one.
fn later(pause: Duration) -> KeysUnavailable {
    let seconds = pause.as_millis().div_ceil(1_000).max(1);
    KeysUnavailable::retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}
