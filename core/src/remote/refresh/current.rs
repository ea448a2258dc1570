//! The key set that is published, and for how long it may be used.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::observe::Published;
use crate::remote::{KeysState, SavedKeys, document::Fetched};
use crate::{
    clock::Clock,
    jose::{Algorithm, JwkSource, Key},
    keys::KeySet,
};

/// A published key set. Immutable: a newer one takes its place as a whole.
pub(super) struct Current {
    set: Arc<KeySet>,
    jwks: Arc<str>,
    url: Arc<str>,
    generation: u64,
    /// Seconds since the Unix epoch, for a warm start. Everything else is by the monotonic clock.
    fetched_at: i64,
    lifetime: Duration,
    /// `None`: in an earlier run.
    fetched: Option<Instant>,
    fresh_until: Instant,
    stale_until: Instant,
}

impl Current {
    /// What was fetched just now, in the place of the last one; `None` when there is nothing.
    ///
    /// The same keys stay the same set, so that whoever keeps something by the set can see it.
    pub(super) fn fetched(
        last: Option<&Self>,
        fetched: Fetched,
        clock: &dyn Clock,
        max_stale: Duration,
    ) -> Option<(Self, Published)> {
        let (set, jwks, url, lifetime, generation, published) = match fetched {
            Fetched::Unchanged { lifetime } => {
                let last = last?;
                let Self {
                    set,
                    jwks,
                    url,
                    generation,
                    ..
                } = last;
                let (set, jwks, url) = (Arc::clone(set), Arc::clone(jwks), Arc::clone(url));
                let lifetime = lifetime.unwrap_or(last.lifetime);
                (set, jwks, url, lifetime, *generation, Published::Unchanged)
            }
            Fetched::Set {
                set,
                jwks,
                url,
                lifetime,
            } => {
                let (set, generation, published) = match last {
                    Some(last) if has_same_keys(&set, &last.set) => {
                        (Arc::clone(&last.set), last.generation, Published::Unchanged)
                    }
                    last => {
                        let published = Published::Changed {
                            keys: set.keys().len(),
                            had_keys: last.is_some(),
                        };
                        let generation = last.map_or(0, |last| last.generation) + 1;
                        (Arc::new(set), generation, published)
                    }
                };
                (
                    set,
                    jwks.into(),
                    url.into(),
                    lifetime,
                    generation,
                    published,
                )
            }
        };
        let now = Instant::now();
        let current = Self {
            set,
            jwks,
            url,
            generation,
            fetched_at: clock.now(),
            lifetime,
            fetched: Some(now),
            fresh_until: now + lifetime,
            stale_until: now + lifetime + max_stale,
        };
        Some((current, published))
    }

    /// What was saved in an earlier run.
    ///
    /// # Errors
    ///
    /// Why it is of no use.
    pub(super) fn saved(
        saved: &SavedKeys,
        source: &str,
        algorithms: &[Algorithm],
        clock: &dyn Clock,
        max_stale: Duration,
    ) -> Result<Self, &'static str> {
        if saved.source != source {
            return Err("they are those of another source");
        }
        let (fresh, rest) = saved
            .remaining(clock.now(), max_stale)
            .ok_or("they are too old, or from the future")?;
        let set = KeySet::parse(&saved.jwks, algorithms, JwkSource::Remote)
            .map_err(|_| "they cannot be read")?;
        let now = Instant::now();
        Ok(Self {
            set: Arc::new(set),
            jwks: saved.jwks.as_str().into(),
            url: saved.url.as_str().into(),
            generation: 1,
            fetched_at: saved.fetched_at,
            lifetime: Duration::from_secs(saved.lifetime),
            fetched: None,
            fresh_until: now + fresh,
            stale_until: now + rest,
        })
    }

    /// For a later run.
    pub(super) fn to_saved(&self, source: &str) -> SavedKeys {
        SavedKeys {
            source: source.to_owned(),
            url: self.url.to_string(),
            jwks: self.jwks.to_string(),
            fetched_at: self.fetched_at,
            lifetime: self.lifetime.as_secs(),
        }
    }

    /// The keys, if they may be used.
    pub(super) fn usable(&self) -> Option<&Arc<KeySet>> {
        (Instant::now() < self.stale_until).then_some(&self.set)
    }

    pub(super) fn state(&self, now: Instant) -> KeysState {
        if now < self.fresh_until {
            KeysState::Fresh
        } else if now < self.stale_until {
            KeysState::Stale
        } else {
            KeysState::Unavailable
        }
    }

    /// When time alone changes the state; `None` when it does not.
    pub(super) fn next_change(&self, now: Instant) -> Option<Instant> {
        [self.fresh_until, self.stale_until]
            .into_iter()
            .find(|change| now < *change)
    }

    /// How long the keys are fresh from when they were fetched.
    pub(super) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Until when the keys may be used.
    pub(super) fn stale_until(&self) -> Instant {
        self.stale_until
    }

    /// How long ago the keys were fetched or confirmed.
    pub(super) fn age(&self, now: Instant, clock: &dyn Clock) -> Duration {
        match self.fetched {
            Some(fetched) => now.saturating_duration_since(fetched),
            // Only the wall clock knows.
            None => {
                let seconds = clock.now().saturating_sub(self.fetched_at);
                Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
            }
        }
    }

    /// The same in seconds since the Unix epoch.
    pub(super) fn fetched_at(&self) -> i64 {
        self.fetched_at
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn keys(&self) -> usize {
        self.set.keys().len()
    }
}

/// Whether both sets verify the same tokens. The order decides which of several keys is tried first,
/// so it counts.
fn has_same_keys(one: &KeySet, other: &KeySet) -> bool {
    let same = |one: &Key, other: &Key| {
        one.id() == other.id()
            && one.algorithm() == other.algorithm()
            && one.thumbprint() == other.thumbprint()
    };
    one.keys().len() == other.keys().len()
        && (one.keys().iter().zip(other.keys())).all(|(one, other)| same(one, other))
}
