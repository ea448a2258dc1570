//! The settings of sessions, checked once.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    event::SessionEvent,
    refresh_token::RealmTag,
    sessions::{Listener, MAX_LEEWAY, SessionSettings, Sessions},
    share::Shares,
    store_queue::StoreQueue,
};
use crate::{
    auth::Layouts,
    claims::Realm,
    clock::whole_seconds,
    error::{ConfigError, LineLimits},
    issue::Issuer,
    revocation::Revocation,
    session::{
        login_limits::LoginLimitsBuilder,
        store::{AnyStore, SessionStore, StoreCapabilities, WatchedStore},
    },
};

/// Builds [`Sessions`]. Made by [`Sessions::builder`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct SessionsBuilder {
    issuer: Issuer,
    store: Arc<dyn AnyStore>,
    capabilities: StoreCapabilities,
    realm: Option<String>,
    single_process: bool,
    idle: Duration,
    absolute: Duration,
    grace: Duration,
    spared_after_lost_writes: Option<Duration>,
    per_subject: usize,
    concurrent_refreshes: Option<usize>,
    waiting_refreshes: usize,
    revocation: Option<Revocation>,
    listener: Option<Arc<Listener>>,
}

impl SessionsBuilder {
    /// The default of [`idle`](Self::idle): 14 days.
    pub const DEFAULT_IDLE: Duration = Duration::from_secs(14 * 86_400);
    /// The default of [`absolute`](Self::absolute): 90 days.
    pub const DEFAULT_ABSOLUTE: Duration = Duration::from_secs(90 * 86_400);
    /// The default of [`grace`](Self::grace): 10 seconds.
    pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);
    /// The default of [`per_subject`](Self::per_subject): 100.
    pub const DEFAULT_PER_SUBJECT: usize = 100;
    /// The default of [`concurrent_refreshes`](Self::concurrent_refreshes) where the store does not say how many
    /// calls it carries out at once: 256.
    pub const DEFAULT_CONCURRENT_REFRESHES: usize = 256;
    /// The default of [`waiting_refreshes`](Self::waiting_refreshes): 256.
    pub const DEFAULT_WAITING_REFRESHES: usize = 256;
    /// The longest [`grace`](Self::grace): 60 seconds.
    pub const MAX_GRACE: Duration = Duration::from_secs(60);
    /// The longest [`refuse_without_ending_after_lost_writes`](Self::refuse_without_ending_after_lost_writes): 24 hours.
    pub const MAX_AFTER_LOST_WRITES: Duration = Duration::from_secs(86_400);

    pub(super) fn new(issuer: Issuer, store: impl SessionStore) -> Self {
        Self {
            issuer,
            capabilities: store.capabilities(),
            store: Arc::new(WatchedStore::new(store)),
            realm: None,
            single_process: false,
            idle: Self::DEFAULT_IDLE,
            absolute: Self::DEFAULT_ABSOLUTE,
            grace: Self::DEFAULT_GRACE,
            spared_after_lost_writes: None,
            per_subject: Self::DEFAULT_PER_SUBJECT,
            concurrent_refreshes: None,
            waiting_refreshes: Self::DEFAULT_WAITING_REFRESHES,
            revocation: None,
            listener: None,
        }
    }

    /// Sets the realm of the sessions: see [`Realm`]. Default: the issuer's name.
    ///
    /// Nodes that serve the same users need the same one. An app whose issuer gets another name keeps
    /// its sessions if the realm keeps the old one.
    ///
    /// It tells refresh tokens apart, and access tokens: those of another realm than the default name it in
    /// the claim [`session_realm`](Realm::CLAIM), which [`Sessions::verifier`] compares. A server that
    /// verifies them and has no `Sessions` does so too: with
    /// [`require_value`](crate::VerifierBuilder::require_value), and in the default realm, if the issuer
    /// serves several, with [`refuse_claim`](crate::VerifierBuilder::refuse_claim).
    pub fn realm(mut self, name: impl Into<String>) -> Self {
        self.realm = Some(name.into());
        self
    }

    /// Sets how long a session lives without being refreshed, in whole seconds. Default 14 days. A login can have
    /// a [shorter](crate::session::Identity::idle) time.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Sets how long a session lives at most, from the login on, in whole seconds: no refresh extends it.
    /// Default 90 days. A login can have a [shorter](crate::session::Identity::absolute) time.
    pub fn absolute(mut self, absolute: Duration) -> Self {
        self.absolute = absolute;
        self
    }

    /// Sets how long a refresh token is still answered after its exchange, with the current token, in whole
    /// seconds. Default 10 seconds, at most 60.
    ///
    /// Tabs that refresh at once, and an answer that was lost on the way, are no theft. With zero,
    /// a token that comes after its exchange ends the session.
    ///
    /// Each token has a window of its own, which begins with the exchange. It is judged by the clock of the store,
    /// with which each node [compares](crate::revocation::RevocationLog::time) its own every ten seconds; where the store
    /// has none, by those of the nodes, which must not differ by as much as the window. Clocks count whole seconds, so
    /// it may be up to a second or two shorter. After 16 exchanges within the window the token stays the
    /// same one until the first of them has left it.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Refuses a refresh token that the store has never seen without ending its session, for this time after the store
    /// may have lost writes, in whole seconds. Default: it ends the session, as a replay. At most 24 hours.
    ///
    /// A failover to a replica that lags, or a restored backup, takes sessions back to an earlier token, and then the
    /// next token of an honest client looks like a copy: without this, each is ended and reported as
    /// [`Replayed`](crate::session::EndReason::Replayed). With it, such a client is refused as for a replay and has to
    /// log in again, and the event is [`WritesLost`](crate::session::SessionEvent::WritesLost).
    ///
    /// It weakens the detection of theft, which is why it is bounded. It concerns sessions that were not refreshed since the
    /// store's [epoch](crate::session::store::StoreEpoch) began; for these, an old copy of a token is refused as before, but
    /// nobody is told of a theft, and whoever else has the current token goes on. A token that the store knows
    /// to have been exchanged (the last one, and those of the grace window) still ends the session, as does any old token
    /// once the session was refreshed three seconds and more after the epoch began: by clocks alone, an earlier
    /// refresh may be one of before. So whoever uses a copy from before the loss until then goes on unnoticed, and the user
    /// is refused instead. What a restored backup has revived ends by
    /// [`end_everything_before`](crate::Sessions::end_everything_before).
    ///
    /// The store has to [know its epoch](StoreCapabilities::epoch). It is asked for that at such a token only; if it does
    /// not answer, that is an outage (503), and nothing ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use countersign::session::SessionsBuilder;
    ///
    /// fn after_a_failover(sessions: SessionsBuilder) -> SessionsBuilder {
    ///     // As long as an honest client may keep a token that was lost: here, a working day.
    ///     sessions.refuse_without_ending_after_lost_writes(Duration::from_secs(8 * 3_600))
    /// }
    /// ```
    pub fn refuse_without_ending_after_lost_writes(mut self, time: Duration) -> Self {
        self.spared_after_lost_writes = Some(time);
        self
    }

    /// Sets how many sessions a subject can have at once. Default 100. A login beyond that ends the one that
    /// was used least recently.
    pub fn per_subject(mut self, sessions: usize) -> Self {
        self.per_subject = sessions;
        self
    }

    /// Sets how many refreshes may be at the store at once. Default: half of the calls that it
    /// [carries out at once](StoreCapabilities::concurrent_calls), so 5 with a pool of ten connections; 256
    /// where it has no such number.
    ///
    /// Anybody can invent a refresh token, and only the store can tell. So that a crowd of them cannot take all
    /// of its connections, others [wait](Self::waiting_refreshes). Logouts by a refresh token have half as
    /// many turns of their own, at least one. All other calls have no bound, but the rest of the connections.
    pub fn concurrent_refreshes(mut self, refreshes: usize) -> Self {
        self.concurrent_refreshes = Some(refreshes);
        self
    }

    /// Sets how many refreshes may wait for their turn at the store. Default 256.
    ///
    /// One more is answered at once with 503 and `Retry-After` (`sessions_overloaded` in the log and in
    /// metrics). So is one that has waited for more than two seconds when its turn comes. As many logouts by a
    /// refresh token may wait, in a queue of their own.
    pub fn waiting_refreshes(mut self, refreshes: usize) -> Self {
        self.waiting_refreshes = refreshes;
        self
    }

    /// Sets the list of revocations, by which access tokens end with their session. Default
    /// [`Revocation::local`]: this process knows at once.
    ///
    /// With several processes, each needs a [`Revocation::replica`] that
    /// [follows](Revocation::follow) the store. A store that several processes can use needs one, or
    /// [`single_process`](Self::single_process).
    pub fn revocation(mut self, revocation: Revocation) -> Self {
        self.revocation = Some(revocation);
        self
    }

    /// Declares that this process is the only one that uses the store and verifies the access tokens of
    /// these sessions, although others could.
    ///
    /// Then a local list of revocations is enough. If it is not so, another process accepts the access
    /// tokens of sessions that ended here until they expire. Where the store does not answer whether a
    /// session has ended, its access tokens are refused even so, as are those of a refresh, until the older
    /// ones have expired.
    pub fn single_process(mut self) -> Self {
        self.single_process = true;
        self
    }

    /// Calls a function whenever something happens to a session, or a login fails. It is called on the path of
    /// the request: hand the event on, do not wait.
    ///
    /// It is called when the store has answered: if that answer gets lost, an event is missing, and none
    /// comes twice. One of an ending comes although the client of the
    /// [session routes](crate::SessionRoutes) has gone; any other is missing if the request is dropped.
    pub fn on_event<F>(mut self, listener: F) -> Self
    where
        F: Fn(&SessionEvent) + Send + Sync + 'static,
    {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Checks the settings and makes the sessions.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the grace window is over 60 seconds, a session could end before its first
    /// access token does, a subject may have none, no refresh may be at the store, the time after lost writes is 0 or over
    /// 24 hours, or the store [cannot do](StoreCapabilities) what the settings need: tell other processes of an ending,
    /// remember it for as long as a token lives, or know its epoch.
    pub fn build(self) -> Result<Sessions, ConfigError> {
        let setting = |text: &str| Err(ConfigError::InvalidSetting(text.to_owned()));
        let (idle, absolute) = (whole_seconds(self.idle), whole_seconds(self.absolute));
        if self.grace > Self::MAX_GRACE {
            return setting("`grace` is more than 60 seconds");
        }
        if self.per_subject == 0 {
            return setting("`per_subject` is 0: nobody could log in");
        }
        let concurrent = self.concurrent_refreshes.unwrap_or_else(|| {
            let calls = self.capabilities.most_concurrent_calls();
            calls.map_or(Self::DEFAULT_CONCURRENT_REFRESHES, |calls| {
                usize::try_from(calls / 2).unwrap_or(usize::MAX).max(1)
            })
        });
        if concurrent == 0 {
            return setting("`concurrent_refreshes` is 0: nobody could refresh");
        }
        if absolute > LONGEST {
            return setting("`absolute` is more than 10 years");
        }
        if idle < self.issuer.ttl() {
            return setting(
                "`idle` is shorter than the issuer's `ttl`, the life of an access token",
            );
        }
        if absolute < idle {
            return setting("`absolute` is shorter than `idle`");
        }
        let name = match self.realm {
            Some(name) => name,
            None => self.issuer.name().to_owned(),
        };
        let realm = Realm::new(name)?;
        let local = self.revocation.as_ref().is_none_or(Revocation::is_local);
        if self.capabilities.is_shared() && local && !self.single_process {
            return Err(ConfigError::Missing(NO_REPLICA.into()));
        }
        if !local && self.single_process {
            return Err(ConfigError::Conflict(
                "`single_process` says that nobody else ends sessions, and `revocation` follows those \
                 who do: leave one of them out"
                    .into(),
            ));
        }
        check_retention(self.capabilities, self.issuer.max_ttl())?;
        let spared = check_lost_writes(self.spared_after_lost_writes, self.capabilities)?;
        let revocation = match self.revocation {
            Some(revocation) => revocation,
            None => Revocation::local().clock(self.issuer.clock()).build()?,
        };
        let capacity = revocation.status().capacity;
        let grace = whole_seconds(self.grace);
        let entries_live = grace
            .saturating_add(self.issuer.ttl())
            .saturating_add(MAX_LEEWAY);
        let revocation = revocation.of_realm(realm.clone());
        let named_realm = Some(&realm).filter(|realm| realm.as_str() != self.issuer.name());
        let verifier = self.issuer.verifier().with_revocation(revocation.clone());
        let settings = SessionSettings {
            verifier: verifier.with_claim(Realm::CLAIM, named_realm.map(Realm::as_str))?,
            named_realm: named_realm.cloned(),
            revocation,
            tag: RealmTag::of(&realm),
            realm,
            shares: Shares::new(capacity, entries_live),
            login_limits: LoginLimitsBuilder::standard(self.issuer.clock()),
            issuer: self.issuer,
            store: self.store,
            refreshes: StoreQueue::new(concurrent, self.waiting_refreshes),
            logouts: StoreQueue::new(concurrent / 2, self.waiting_refreshes),
            idle,
            absolute,
            grace,
            spared_after_lost_writes: spared,
            per_subject: self.per_subject,
            listener: self.listener,
            event_lines: LineLimits::new(),
            error_lines: LineLimits::new(),
            layouts: Layouts::default(),
        };
        if spared > 0 {
            tracing::warn!(
                target: "countersign",
                realm = settings.realm.as_str(),
                seconds = spared,
                "for this long after the store may have lost writes, a refresh token that it has never seen ends no session",
            );
        }
        #[cfg(feature = "metrics")]
        super::event::make_counters(&settings.realm);
        Ok(Sessions {
            settings: Arc::new(settings),
            cookies: None,
            ending: None,
        })
    }
}

const NO_REPLICA: &str = "several processes can use this store, so each has to hear which sessions \
    have ended: give it `.revocation(..)` with a `Revocation::replica()` that follows the store, or say \
    `.single_process()` if there is no other";

/// Returns the time after lost writes, in seconds; 0 where none was set.
fn check_lost_writes(time: Option<Duration>, store: StoreCapabilities) -> Result<i64, ConfigError> {
    let Some(time) = time else {
        return Ok(0);
    };
    let setting = |text: &str| Err(ConfigError::InvalidSetting(text.to_owned()));
    if whole_seconds(time) == 0 {
        return setting("`refuse_without_ending_after_lost_writes` is 0: leave it out");
    }
    if time > SessionsBuilder::MAX_AFTER_LOST_WRITES {
        return setting("`refuse_without_ending_after_lost_writes` is more than 24 hours");
    }
    if !store.has_epoch() {
        return Err(ConfigError::Conflict(
            "`refuse_without_ending_after_lost_writes` needs a store that can tell when it may have lost \
             writes, and this one cannot: leave it out"
                .into(),
        ));
    }
    Ok(whole_seconds(time))
}

/// A log that forgets a revocation before the last token concerned has expired lets it in again.
fn check_retention(store: StoreCapabilities, max_ttl: i64) -> Result<(), ConfigError> {
    let Some(retention) = store.longest_retention() else {
        return Ok(());
    };
    let clocks = match store.has_own_clock() {
        true => MAX_LEEWAY,
        false => 0,
    };
    let needed = max_ttl.saturating_add(MAX_LEEWAY).saturating_add(clocks);
    let kept = whole_seconds(retention);
    if kept >= needed {
        return Ok(());
    }
    Err(ConfigError::Conflict(format!(
        "the store's log keeps a revocation for {kept} s, and tokens live up to {max_ttl} s: it has to \
         keep one for {needed} s. Raise the retention of the store, or lower the issuer's `max_ttl`"
    )))
}

impl fmt::Debug for SessionsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionsBuilder")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// Ten years, in seconds. More than that is a unit mix-up.
const LONGEST: i64 = 3_660 * 86_400;
