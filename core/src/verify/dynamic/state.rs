//! The state that the handles and the questions of a resolver share.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, PoisonError},
};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Duration, Instant, timeout},
};

use super::{
    answer::{Answer, NoAnswer, OtherIssuer, Refusal, ill_formed, unknown},
    book::{Book, News},
    engine::Engine,
    form,
};
use crate::{
    error::{AuthError, LineLimits},
    future::BoxFuture,
    remote::{unnamed, url::PlainHttp},
    sync::{ArcSwap, Mutex, MutexGuard},
    verify::verifier::Verifier,
};

/// The settings of a resolver.
pub(super) struct Settings {
    pub(super) resolver: Resolver,
    pub(super) only: Option<Predicate>,
    pub(super) capacity: usize,
    pub(super) new_per_minute: usize,
    pub(super) unknown_for: Duration,
    pub(super) idle_after: Duration,
    pub(super) max_token_bytes: usize,
    pub(super) http: Option<PlainHttp>,
}

pub(super) type Predicate = Arc<dyn Fn(&str) -> bool + Send + Sync>;
pub(super) type Resolver = Arc<dyn Fn(Box<str>) -> BoxFuture<Resolved> + Send + Sync>;
pub(super) type Resolved = Result<Option<Verifier>, Box<dyn Error + Send + Sync>>;

/// The state that all handles share.
pub(super) struct State {
    pub(super) settings: Settings,
    /// Read by requests. Whoever changes it has the lock of the book.
    engines: ArcSwap<Engines>,
    book: Mutex<Book>,
    runtime: Option<Handle>,
    began: Instant,
    lines: LineLimits<5>,
}

type Engines = HashMap<Arc<str>, Arc<Engine>>;

/// What is known of an issuer.
pub(super) enum Known {
    Engine(Arc<Engine>),
    Refused(AuthError),
    /// It is being asked about.
    Soon(watch::Receiver<News>),
}

impl State {
    /// The longest time of a question.
    const PATIENCE: Duration = Duration::from_secs(10);
    /// How long an error of the resolver is its answer, at most.
    const UNAVAILABLE_FOR: Duration = Duration::from_secs(5);

    pub(super) fn new(settings: Settings) -> Self {
        #[cfg(feature = "metrics")]
        for result in [
            "evicted",
            "full",
            "misconfigured",
            "new",
            "over_budget",
            "removed",
            "unavailable",
            "unknown",
        ] {
            crate::metrics::dynamic_issuers(result, 0);
        }
        Self {
            book: Mutex::new(Book::new(settings.new_per_minute)),
            settings,
            engines: ArcSwap::from_pointee(Engines::new()),
            runtime: Handle::try_current().ok(),
            began: Instant::now(),
            lines: LineLimits::new(),
        }
    }

    /// Returns the verifier of an issuer, if there is one: without a lock.
    pub(super) fn engine(&self, issuer: &str) -> Option<Arc<Engine>> {
        self.engines.load().get(issuer).cloned()
    }

    pub(super) fn engines(&self) -> Arc<Engines> {
        self.engines.load_full()
    }

    /// Checks the app's own list of issuers, if there is one.
    pub(super) fn permits(&self, issuer: &str) -> bool {
        self.settings.only.as_ref().is_none_or(|only| only(issuer))
    }

    /// Checks whether a token may name this issuer at all.
    pub(super) fn check_name(&self, issuer: &str) -> Result<(), AuthError> {
        self.check_form(issuer).map_err(|_| ill_formed(issuer))
    }

    pub(super) fn check_form(&self, issuer: &str) -> Result<(), &'static str> {
        form::check(issuer, self.settings.http)
    }

    /// Returns what is known of an issuer, and asks the resolver if that is nothing.
    pub(super) fn look(self: &Arc<Self>, issuer: &str) -> Known {
        let now = Instant::now();
        let mut book = self.book();
        if let Some(engine) = self.engine(issuer) {
            return Known::Engine(engine);
        }
        if let Some((why, after)) = book.refused(issuer, now) {
            return Known::Refused(why.into_error(issuer, after));
        }
        if let Some(news) = book.under_way(issuer) {
            return Known::Soon(news);
        }
        if !self.has_room(now, book.asking()) {
            drop(book);
            return self.not_asked(issuer, Refusal::Full, Duration::from_secs(60));
        }
        let issuer: Arc<str> = issuer.into();
        let (id, news) = match book.begin(&issuer, now) {
            Ok(begun) => begun,
            Err(after) => {
                drop(book);
                return self.not_asked(&issuer, Refusal::OverBudget, after);
            }
        };
        drop(book);
        // Beyond the lock: a runtime that has ended drops the question at once, which ends it.
        self.ask(issuer, id);
        Known::Soon(news)
    }

    fn not_asked(&self, issuer: &str, why: Refusal, after: Duration) -> Known {
        self.report(issuer, &why);
        Known::Refused(why.into_error(issuer, after))
    }

    /// Asks the resolver, in a task of its own: a request that goes away leaves the question to others.
    fn ask(self: &Arc<Self>, issuer: Arc<str>, id: u64) {
        let asking = Asking {
            state: Arc::clone(self),
            issuer: Arc::clone(&issuer),
            id,
            answer: Err(Refusal::unavailable(NoAnswer::Ended)),
        };
        let Some(runtime) = self.runtime.clone().or_else(|| Handle::try_current().ok()) else {
            return asking.end(Err(Refusal::unavailable(NoAnswer::NoRuntime)));
        };
        let resolver = Arc::clone(&self.settings.resolver);
        runtime.spawn(unnamed(async move {
            let answered = async { resolver((*issuer).into()).await };
            let answered = timeout(Self::PATIENCE, answered).await;
            let answer = match answered {
                Ok(Ok(Some(verifier))) => asking.state.adopt(&issuer, &verifier),
                Ok(Ok(None)) => Err(Refusal::Unknown),
                Ok(Err(error)) => Err(Refusal::Unavailable(error.into())),
                Err(_) => Err(Refusal::unavailable(NoAnswer::Late)),
            };
            asking.end(answer);
        }));
    }

    /// Makes an engine of a verifier, which must be for this issuer and no other.
    fn adopt(&self, issuer: &str, verifier: &Verifier) -> Answer {
        let is_for_it = matches!(verifier.issuers(), Some([one]) if **one == *issuer);
        match is_for_it {
            true => Ok(Engine::new(verifier.unnamed(), self.began)),
            false => Err(Refusal::Misconfigured(Arc::new(OtherIssuer(issuer.into())))),
        }
    }

    /// Ends a question, unless the app has made it void.
    fn settle(&self, issuer: &Arc<str>, id: u64, mut answer: Answer) {
        let mut book = self.book();
        let Some(question) = book.end(issuer, id) else {
            return;
        };
        let now = Instant::now();
        if let Ok(engine) = &answer
            && !self.insert(issuer, engine, now)
        {
            answer = Err(Refusal::Full);
        }
        if let Err(why) = &answer {
            let time = self.remembered_for(why);
            book.refuse(issuer, why.clone(), now, time, false);
        }
        drop(book);
        match &answer {
            Ok(_) => {
                count("new");
                tracing::info!(target: "countersign", issuer = &**issuer, "a new issuer has a verifier");
            }
            Err(why) => self.report(issuer, why),
        }
        question.tell(answer);
    }

    /// Returns how long a refusal by the resolver's answer is remembered.
    pub(super) fn remembered_for(&self, why: &Refusal) -> Duration {
        let unknown_for = self.settings.unknown_for;
        match why {
            Refusal::Unknown | Refusal::Misconfigured(_) => unknown_for,
            _ => unknown_for.min(Self::UNAVAILABLE_FOR),
        }
    }

    /// Checks for room for one more, beside those that are being asked about.
    fn has_room(&self, now: Instant, asking: usize) -> bool {
        let engines = self.engines.load();
        let idle = self.settings.idle_after;
        let is_free = |engine: &&Arc<Engine>| engine.idle_since(now, idle).is_some();
        let free = self.settings.capacity.saturating_sub(engines.len());
        // Only where nothing else is free is each looked at.
        free > asking || free + engines.values().filter(is_free).count() > asking
    }

    /// Adds an engine. `false` if all that may be are in use. The caller has the lock of the book.
    fn insert(&self, issuer: &Arc<str>, engine: &Arc<Engine>, now: Instant) -> bool {
        let mut engines = Engines::clone(&self.engines.load());
        if let Some(replaced) = engines.remove(issuer) {
            replaced.retire();
        }
        while engines.len() >= self.settings.capacity {
            let idle = engines.iter().filter_map(|(name, engine)| {
                Some((
                    engine.idle_since(now, self.settings.idle_after)?,
                    engine.id(),
                    name,
                ))
            });
            let Some((.., name)) = idle
                .min()
                .map(|(time, id, name)| (time, id, Arc::clone(name)))
            else {
                return false;
            };
            // Also for a token that waits for its keys: nobody could tell later that the app has removed it.
            if let Some(evicted) = engines.remove(&name) {
                evicted.retire();
            }
            count("evicted");
            tracing::info!(target: "countersign", issuer = &*name, "an issuer whose tokens have not come for long is forgotten");
        }
        engines.insert(Arc::clone(issuer), Arc::clone(engine));
        self.publish(engines);
        true
    }

    /// Adds a verifier of the app's own accord; `None` if all that may be are in use.
    pub(super) fn add(&self, issuer: &str, verifier: &Verifier) -> Option<()> {
        let issuer: Arc<str> = issuer.into();
        let engine = Engine::new(verifier.unnamed(), self.began);
        let mut book = self.book();
        if !self.insert(&issuer, &engine, Instant::now()) {
            return None;
        }
        book.forget_refusal(&issuer);
        book.void(&issuer);
        count("new");
        Some(())
    }

    /// Drops all that is known of an issuer, and refuses it for a while if it `is_removed`.
    pub(super) fn drop_issuer(&self, issuer: &str, is_removed: bool) {
        let mut book = self.book();
        let mut engines = Engines::clone(&self.engines.load());
        if let Some(engine) = engines.remove(issuer) {
            self.publish(engines);
            engine.retire();
            count("removed");
        }
        match is_removed {
            true => {
                let time = self.settings.unknown_for;
                book.refuse(&issuer.into(), Refusal::Unknown, Instant::now(), time, true);
            }
            false => book.forget_refusal(issuer),
        }
        // Last: whoever waits for it then finds what has changed.
        book.void(issuer);
    }

    fn publish(&self, engines: Engines) {
        #[cfg(feature = "metrics")]
        crate::metrics::dynamic_issuers_known(engines.len());
        self.engines.store(Arc::new(engines));
    }

    /// Counts a refusal that is new, and logs it. Anybody can cause one.
    fn report(&self, issuer: &str, why: &Refusal) {
        count(why.name());
        let place = match why {
            Refusal::Full => 0,
            Refusal::Misconfigured(_) => 1,
            Refusal::OverBudget => 2,
            Refusal::Unavailable(_) => 3,
            Refusal::Unknown => 4,
        };
        let Some(left_out) = self.lines.admit(place) else {
            return;
        };
        match why {
            Refusal::Full => {
                let capacity = self.settings.capacity;
                tracing::warn!(target: "countersign", capacity, left_out, "all issuers that there is room for are in use: tokens of new ones are refused");
            }
            Refusal::Misconfigured(cause) => {
                tracing::error!(target: "countersign", %cause, left_out, "the resolver of issuers answers with a wrong verifier");
            }
            Refusal::OverBudget => {
                let new_per_minute = self.settings.new_per_minute;
                tracing::warn!(target: "countersign", new_per_minute, left_out, "too many unknown issuers: tokens of new ones are refused");
            }
            Refusal::Unavailable(cause) => {
                tracing::warn!(target: "countersign", issuer, %cause, left_out, "an issuer cannot be resolved");
            }
            Refusal::Unknown => {
                tracing::debug!(target: "countersign", issuer, left_out, "the resolver does not know an issuer");
            }
        }
    }

    /// Makes the refusal of a token whose issuer the app's list leaves out.
    pub(super) fn not_permitted(issuer: &str) -> AuthError {
        unknown(issuer)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // No line that has the lock leaves the book half written.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question under way. However it ends, those who wait learn of it.
struct Asking {
    state: Arc<State>,
    issuer: Arc<str>,
    id: u64,
    answer: Answer,
}

impl Asking {
    fn end(mut self, answer: Answer) {
        self.answer = answer;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let ended = Err(Refusal::unavailable(NoAnswer::Ended));
        let answer = std::mem::replace(&mut self.answer, ended);
        self.state.settle(&self.issuer, self.id, answer);
    }
}

/// Counts what became of an issuer.
fn count(result: &'static str) {
    #[cfg(feature = "metrics")]
    crate::metrics::dynamic_issuers(result, 1);
    #[cfg(not(feature = "metrics"))]
    let _ = result;
}
