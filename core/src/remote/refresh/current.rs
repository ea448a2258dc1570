//! The key set in use, and for how long it may be used.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::remote::{KeysState, SavedKeys, document::Fetched};
use crate::{
    clock::Clock,
    jose::{Algorithm, Key, KeyDocument, KeyNote},
    keys::KeySet,
};

/// A published key set. Immutable: a newer one replaces it as a whole.
pub(super) struct Current {
    pub(super) set: Arc<KeySet>,
    /// Those of the last fetch: equal keys can be written in another way, and stay the same set.
    pub(super) notes: Vec<KeyNote>,
    /// For a warm start: by the wall clock. Everything else is by the monotonic one.
    pub(super) saved: SavedKeys,
    /// The number of sets up to this one.
    pub(super) generation: u64,
    /// `None`: in an earlier run.
    fetched: Option<Instant>,
    fresh_until: Instant,
    pub(super) stale_until: Instant,
}

impl Current {
    /// Makes what was fetched just now the successor of the last one.
    ///
    /// Equal keys stay one and the same set: others, such as a token cache, go by its id.
    pub(super) fn fetched(
        last: Option<&Self>,
        source: &str,
        fetched: Fetched,
        clock: &dyn Clock,
        max_stale: Duration,
    ) -> Self {
        let notes = fetched.set.notes().to_vec();
        let (set, generation) = match last {
            Some(last) if has_same_keys(&fetched.set, &last.set) => {
                (Arc::clone(&last.set), last.generation)
            }
            last => (fetched.set, last.map_or(0, |last| last.generation) + 1),
        };
        let now = Instant::now();
        Self {
            set,
            notes,
            saved: SavedKeys {
                source: source.to_owned(),
                url: fetched.url.to_string(),
                jwks: fetched.jwks.to_string(),
                fetched_at: clock.now(),
                lifetime: fetched.lifetime.as_secs(),
            },
            generation,
            fetched: Some(now),
            fresh_until: now + fetched.lifetime,
            stale_until: now + fetched.lifetime + max_stale,
        }
    }

    /// Reads what was saved in an earlier run.
    ///
    /// # Errors
    ///
    /// Why it is of no use.
    pub(super) fn saved(
        saved: SavedKeys,
        source: &str,
        algorithms: &[Algorithm],
        document: KeyDocument,
        clock: &dyn Clock,
        max_stale: Duration,
    ) -> Result<Self, &'static str> {
        if saved.source != source {
            return Err("they are those of another source");
        }
        let (fresh, rest) = saved
            .remaining(clock.now(), max_stale)
            .ok_or("they are too old, or from the future")?;
        let set =
            KeySet::parse(&saved.jwks, algorithms, document).map_err(|_| "they cannot be read")?;
        let now = Instant::now();
        Ok(Self {
            notes: set.notes().to_vec(),
            set: Arc::new(set),
            saved,
            generation: 1,
            fetched: None,
            fresh_until: now + fresh,
            stale_until: now + rest,
        })
    }

    /// Returns the keys, if they may be used.
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

    /// Returns when time alone changes the state; `None` when it does not.
    pub(super) fn next_change(&self, now: Instant) -> Option<Instant> {
        [self.fresh_until, self.stale_until]
            .into_iter()
            .find(|change| now < *change)
    }

    /// Returns how long ago the keys were fetched or confirmed.
    pub(super) fn age(&self, now: Instant, clock: &dyn Clock) -> Duration {
        match self.fetched {
            Some(fetched) => now.saturating_duration_since(fetched),
            // Only the wall clock knows.
            None => {
                let seconds = clock.now().saturating_sub(self.saved.fetched_at);
                Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
            }
        }
    }
}

/// Checks whether both sets verify the same tokens. The order counts: of several keys, the first is
/// tried first.
fn has_same_keys(one: &KeySet, other: &KeySet) -> bool {
    let same = |one: &Key, other: &Key| {
        one.id() == other.id()
            && one.algorithm() == other.algorithm()
            && one.thumbprint() == other.thumbprint()
    };
    one.keys().len() == other.keys().len()
        && (one.keys().iter().zip(other.keys())).all(|(one, other)| same(one, other))
}
