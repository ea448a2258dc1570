//! The settings of sessions, checked once.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    config_error::ConfigError,
    cookie::Layouts,
    issue::Issuer,
    revocation::Revocation,
    session::{
        SessionEvent, SessionStore, Sessions,
        everywhere::Everywhere,
        sessions::{Listener, Settings},
        store::AnyStore,
    },
};

/// Builds [`Sessions`]. Made by [`Sessions::builder`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct SessionsBuilder {
    issuer: Issuer,
    store: Arc<dyn AnyStore>,
    idle: Duration,
    absolute: Duration,
    grace: Duration,
    per_subject: usize,
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
    /// The longest [`grace`](Self::grace): 60 seconds.
    pub const MAX_GRACE: Duration = Duration::from_secs(60);

    pub(super) fn new(issuer: Issuer, store: impl SessionStore) -> Self {
        Self {
            issuer,
            store: Arc::new(store),
            idle: Self::DEFAULT_IDLE,
            absolute: Self::DEFAULT_ABSOLUTE,
            grace: Self::DEFAULT_GRACE,
            per_subject: Self::DEFAULT_PER_SUBJECT,
            revocation: None,
            listener: None,
        }
    }

    /// How long a session lives without being refreshed, in whole seconds. Default 14 days.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// How long a session lives at most, from the login on, in whole seconds: no refresh extends it.
    /// Default 90 days.
    pub fn absolute(mut self, absolute: Duration) -> Self {
        self.absolute = absolute;
        self
    }

    /// How long the token before the current one still gets an answer, in whole seconds: the same
    /// answer that it got. Default 10 seconds, at most 60.
    ///
    /// Two tabs that refresh at once, and an answer that was lost on the way, are no theft. With zero,
    /// whoever comes after the exchange ends the session.
    ///
    /// The window begins with the exchange, by the clock of the node that did it. Clocks count whole
    /// seconds, so it may be up to a second shorter; and those of several nodes must not differ by
    /// as much as the window.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How many sessions a subject can have at once. Default 100. A login beyond that ends the one that
    /// was used least recently.
    pub fn per_subject(mut self, sessions: usize) -> Self {
        self.per_subject = sessions;
        self
    }

    /// Where ended sessions are put, so that their access tokens end with them. Default
    /// [`Revocation::local`]: this process knows at once.
    ///
    /// With several processes, each needs a [`Revocation::replica`] that
    /// [follows](Revocation::follow) the store.
    pub fn revocation(mut self, revocation: Revocation) -> Self {
        self.revocation = Some(revocation);
        self
    }

    /// Calls a function whenever something happens to a session. It is called on the path of the
    /// request: hand the event on, do not wait.
    ///
    /// It is called when the store has answered: an event is missing, never told twice, if that
    /// answer gets lost or the request is dropped before it.
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
    /// access token does, or a subject may have none.
    pub fn build(self) -> Result<Sessions, ConfigError> {
        let setting = |text: &str| Err(ConfigError::InvalidSetting(text.to_owned()));
        let (idle, absolute) = (whole_seconds(self.idle), whole_seconds(self.absolute));
        if self.grace > Self::MAX_GRACE {
            return setting("the grace window is more than 60 seconds");
        }
        if self.per_subject == 0 {
            return setting("a subject may have no session at all");
        }
        if absolute > LONGEST {
            return setting("a session may live for more than 10 years");
        }
        if idle < self.issuer.ttl() {
            return setting("`idle` is shorter than the life of an access token");
        }
        if absolute < idle {
            return setting("`absolute` is shorter than `idle`");
        }
        let revocation = match self.revocation {
            Some(revocation) => revocation,
            None => Revocation::local().clock(self.issuer.clock()).build()?,
        };
        Ok(Sessions::new(Settings {
            revocation,
            everywhere: Everywhere::default(),
            issuer: self.issuer,
            store: self.store,
            idle,
            absolute,
            grace: whole_seconds(self.grace),
            per_subject: self.per_subject,
            listener: self.listener,
            layouts: Layouts::default(),
        }))
    }
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

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
