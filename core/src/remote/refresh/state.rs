//! The state that requests read, and that they wait for.

use std::{
    fmt,
    future::ready,
    mem,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

use super::{
    current::Current,
    observe::{self, SourceName},
    plan::Plan,
};
use crate::remote::{
    KeysState, KeysStatus, SavedKeys,
    document::{Failure, Fetched},
    refresh::schedule::{Advice, Jitter, KeyNeed, KeyRequest},
};
use crate::{
    claims::is_alb_key_id,
    clock::Clock,
    future::BoxFuture,
    jose::{Algorithm, KeyDocument},
    keys::{KeySet, KeySetId, KeysUnavailable, RefreshReason},
    sync::{ArcSwapOption, AtomicUsize, Mutex, MutexGuard, Notify},
};

/// The state that the handles and the task of one source share.
pub(crate) struct State {
    source: SourceName,
    max_stale: Duration,
    /// Plain http through a private network.
    pub(crate) private_http: bool,
    /// Each key is fetched by itself, for the requests that need it.
    by_key: bool,
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

impl State {
    /// The longest time that a request waits.
    pub(super) const PATIENCE: Duration = Duration::from_secs(2);
    /// The most requests that wait. Others are answered at once.
    const MOST_WAITING: usize = 4_096;

    pub(crate) fn new(
        source: String,
        max_stale: Duration,
        clock: Arc<dyn Clock>,
        jitter: Jitter,
        private_http: bool,
        runtime: Handle,
    ) -> Self {
        let source = SourceName::new(source);
        observe::started(&source);
        Self {
            source,
            max_stale,
            private_http,
            by_key: false,
            clock,
            current: ArcSwapOption::empty(),
            plan: Mutex::new(Plan::new(jitter)),
            wanted: Notify::new(),
            ended: Notify::new(),
            waiting: AtomicUsize::new(0),
            runtime,
        }
    }

    /// Makes it one whose keys are each fetched by itself, for the requests that need it.
    pub(crate) fn fetching_each(mut self) -> Self {
        self.by_key = true;
        self
    }

    /// Returns the keys, if they may be used.
    pub(crate) fn usable(&self) -> Option<Arc<KeySet>> {
        let current = self.current.load();
        current.as_ref()?.usable().map(Arc::clone)
    }

    /// Returns which keys they are, if they may be used.
    pub(crate) fn usable_id(&self) -> Option<KeySetId> {
        let current = self.current.load();
        Some(current.as_ref()?.usable()?.id())
    }

    /// Returns the answer for a request without keys.
    pub(crate) fn unavailable(&self) -> KeysUnavailable {
        retry_after(self.plan().schedule.pause(Instant::now()))
    }

    /// Starts to get newer keys for a request; `None` if it need not wait for any.
    pub(crate) fn refresh(
        self: &Arc<Self>,
        why: RefreshReason<'_>,
    ) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        let need = match why {
            RefreshReason::NoKeys => KeyNeed::Everything,
            // Nobody knows which key to ask for, or no key can have that id.
            RefreshReason::NoMatch if self.by_key => return None,
            RefreshReason::UnknownKey(id) if self.by_key && !is_alb_key_id(id) => return None,
            RefreshReason::NoMatch => KeyNeed::Match,
            RefreshReason::UnknownKey(id) => KeyNeed::Key(id.into()),
        };
        let is_full = self.waiting.load(Ordering::Relaxed) >= Self::MOST_WAITING;
        // Under one lock: the id is there before another fetch begins, which then decides about it.
        let (request, advice) = {
            let mut plan = self.plan();
            let request = plan.request(need, is_full);
            let mut advice = self.advise_in(&mut plan, &request);
            if self.by_key && advice == Advice::Wait && !plan.ask(&request) {
                advice = Advice::Unavailable(Self::PATIENCE);
            }
            (request, advice)
        };
        match advice {
            Advice::NotThere => None,
            Advice::LookAgain => Some(Box::pin(ready(Ok(())))),
            Advice::Unavailable(pause) => Some(Box::pin(ready(Err(retry_after(pause))))),
            Advice::Wait => Some(Box::pin(Arc::clone(self).wait(request))),
        }
    }

    /// Makes the request that needs this now.
    #[cfg(all(countersign_loom, test))]
    pub(super) fn request(&self, need: KeyNeed) -> KeyRequest {
        self.plan().request(need, false)
    }

    /// Advises a request, and wakes the task if that has to fetch for it.
    pub(super) fn advise(&self, request: &KeyRequest) -> Advice {
        self.advise_in(&mut self.plan(), request)
    }

    fn advise_in(&self, plan: &mut Plan, request: &KeyRequest) -> Advice {
        let now = Instant::now();
        // A fetch may have ended between the look at the keys and this.
        let keys = self.usable();
        let advice = plan.schedule.advise(now, request, keys.as_deref());
        if advice == Advice::Wait {
            self.wanted.notify_one();
        }
        advice
    }

    /// Waits until the request need not wait any more.
    pub(super) async fn wait(self: Arc<Self>, request: KeyRequest) -> Result<(), KeysUnavailable> {
        let _waiting = Waiting::start(&self.waiting);
        loop {
            // Before the look: an end that comes after it is noticed.
            let ended = self.ended.notified();
            match self.advise(&request) {
                Advice::NotThere | Advice::LookAgain => return Ok(()),
                Advice::Unavailable(pause) => return Err(retry_after(pause)),
                Advice::Wait => {}
            }
            // The timer is that of the source's runtime: a request may come from elsewhere.
            let ended_or_late = {
                let _runtime = self.runtime.enter();
                timeout_at(request.deadline, ended)
            };
            // `advise` decides, whichever of both it is.
            let _ = ended_or_late.await;
        }
    }

    /// Waits until there are keys, or the next fetch has failed.
    pub(crate) async fn ready(&self) -> Result<(), Option<Failure>> {
        let seen = self.plan().schedule.ended();
        loop {
            let ended = self.ended.notified();
            {
                // Under this lock: the keys of a fetch that has ended are there.
                let plan = self.plan();
                if self.usable().is_some() {
                    return Ok(());
                }
                if plan.schedule.stopped || plan.schedule.ended() > seen {
                    return Err(plan.schedule.failure().cloned());
                }
            }
            ended.await;
        }
    }

    /// Returns the name of the source.
    #[cfg(feature = "spans")]
    pub(super) fn source(&self) -> &str {
        self.source.as_str()
    }

    /// Returns when the task has to fetch next.
    pub(super) fn next_fetch(&self) -> Instant {
        self.plan().schedule.next(Instant::now())
    }

    /// Begins a fetch; returns the ids that requests wait for, where each key is fetched by itself.
    pub(super) fn begin(&self) -> Vec<Box<str>> {
        let mut plan = self.plan();
        plan.schedule.begin(Instant::now());
        plan.asked()
    }

    /// Ends a fetch: publishes what it brought, and wakes the requests.
    pub(super) fn end(&self, result: Result<Fetched, Failure>, took: Duration) {
        let now = Instant::now();
        let last = self.current.load_full();
        // Only this task changes it.
        let last_error = self.plan().schedule.last_error();
        match result {
            Ok(fetched) => {
                let lifetime = fetched.lifetime;
                let last = last.as_deref();
                let current = Current::fetched(
                    last,
                    self.source.as_str(),
                    fetched,
                    &self.clock,
                    self.max_stale,
                );
                let current = Arc::new(current);
                // First: whoever sees that the fetch has ended then sees its keys.
                self.current.store(Some(Arc::clone(&current)));
                self.plan().succeed(now, lifetime);
                observe::fetched(&self.source, last, &current, took, last_error.is_some());
            }
            Err(failure) => {
                let until = last.map(|last| last.stale_until);
                let usable = until.filter(|until| now < *until);
                self.plan().schedule.fail(now, failure.clone(), usable);
                let is_new = last_error != Some(failure.reason());
                observe::failed(&self.source, &failure, took, usable.is_some(), is_new);
            }
        }
        self.report_state();
        self.ended.notify_waiters();
    }

    /// Reports the state, if it has changed. Time alone can change it.
    pub(super) fn report_state(&self) {
        let status = self.status();
        let current = self.current.load_full();
        let fetched_at = current.map(|current| current.saved.fetched_at);
        let last = mem::replace(&mut self.plan().reported, status.state());
        observe::state(&self.source, &status, fetched_at, last);
    }

    /// Returns when time alone changes the state; `None` when it does not.
    pub(super) fn next_change(&self) -> Option<Instant> {
        self.current.load().as_ref()?.next_change(Instant::now())
    }

    /// Notes that the last handle is gone: nobody will ask any more.
    pub(crate) fn release(&self) {
        self.plan().released = true;
    }

    /// Notes that the task has ended: no fetch will follow.
    pub(super) fn stop(&self) {
        let released = {
            let mut plan = self.plan();
            plan.schedule.stop();
            plan.released
        };
        if !released {
            self.report_state();
        }
        self.ended.notify_waiters();
    }

    /// Starts with keys of an earlier run, unless they are of no use: a fetch follows anyway.
    pub(crate) fn warm(&self, saved: SavedKeys, algorithms: &[Algorithm], document: KeyDocument) {
        let (clock, max_stale) = (&self.clock, self.max_stale);
        let source = self.source.as_str();
        match Current::saved(saved, source, algorithms, document, clock, max_stale) {
            Ok(current) => self.current.store(Some(Arc::new(current))),
            Err(why) => observe::not_warm(&self.source, why),
        }
    }

    pub(crate) fn saved(&self) -> Option<SavedKeys> {
        let current = self.current.load();
        let current = current.as_ref()?;
        (!current.set.keys().is_empty()).then(|| current.saved.clone())
    }

    pub(crate) fn status(&self) -> KeysStatus {
        let now = Instant::now();
        let plan = self.plan();
        let current = self.current.load();
        let current = current.as_ref();
        KeysStatus {
            state: match current {
                _ if plan.schedule.stopped => KeysState::Stopped,
                Some(current) => current.state(now),
                None if plan.schedule.is_starting() => KeysState::Starting,
                None => KeysState::Unavailable,
            },
            keys: current.map_or(0, |current| current.set.keys().len()),
            notes: current.map_or_else(Vec::new, |current| current.notes.clone()),
            age: current.map(|current| current.age(now, &self.clock)),
            generation: current.map_or(0, |current| current.generation),
            failures: plan.schedule.failures,
            last_error: plan.schedule.last_error(),
            next_fetch: plan.schedule.pause(now),
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        // Nothing in it can be half done: each step is one call.
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("source", &self.source.as_str())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// A request that waits: it counts, and is measured however the wait ends.
struct Waiting<'s> {
    count: &'s AtomicUsize,
    since: Instant,
}

impl<'s> Waiting<'s> {
    fn start(count: &'s AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        let since = Instant::now();
        Self { count, since }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        observe::waited(self.since.elapsed());
    }
}

/// Rounds up to whole seconds for `Retry-After`, at least one.
fn retry_after(pause: Duration) -> KeysUnavailable {
    let seconds = pause.as_millis().div_ceil(1_000).max(1);
    KeysUnavailable::retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}
