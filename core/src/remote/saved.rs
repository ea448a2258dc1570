//! The saved key set of an earlier run.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::remote::document::LONGEST_LIFETIME;

/// The last good key set of a provider, to [start](crate::remote::RemoteKeysBuilder::warm) with.
///
/// A server that saves it now and then can restart while the provider is away. It is plain data:
/// write it with `serde`, to a file for example. It contains public keys only, but anybody who can change it
/// can let anyone in: protect it like a key file.
///
/// # Examples
///
/// ```
/// use countersign::{RemoteKeys, remote::SavedKeys};
///
/// fn save(keys: &RemoteKeys) -> Option<String> {
///     serde_json::to_string(&keys.saved()?).ok()
/// }
///
/// fn restart(text: &str) -> Result<RemoteKeys, Box<dyn std::error::Error>> {
///     let saved: SavedKeys = serde_json::from_str(text)?;
///     Ok(RemoteKeys::discover("https://id.example").warm(saved).build()?)
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedKeys {
    /// The issuer or the URL that it was made for.
    pub(super) source: String,
    /// The URL that the keys came from.
    pub(super) url: String,
    /// The document: a JWK set, or what else the source reads.
    pub(super) jwks: String,
    /// Seconds since the Unix epoch.
    pub(super) fetched_at: i64,
    /// The time for which it is fresh after that, in seconds.
    pub(super) lifetime: u64,
}

impl SavedKeys {
    /// Returns how much longer it is fresh, and how much longer it may be used; `None` when it is too old,
    /// or from the future.
    pub(super) fn remaining(&self, now: i64, max_stale: Duration) -> Option<(Duration, Duration)> {
        let age = u64::try_from(now.checked_sub(self.fetched_at)?).ok()?;
        let lifetime = self.lifetime.min(LONGEST_LIFETIME.as_secs());
        let usable = lifetime.saturating_add(max_stale.as_secs());
        let rest = usable.checked_sub(age).filter(|rest| *rest > 0)?;
        let fresh = lifetime.saturating_sub(age);
        Some((Duration::from_secs(fresh), Duration::from_secs(rest)))
    }
}

// By hand: a secret that was published with the keys must not end up in the log as well.
impl fmt::Debug for SavedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedKeys")
            .field("source", &self.source)
            .field("url", &self.url)
            .field("fetched_at", &self.fetched_at)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_set_counts_from_when_it_was_fetched() {
        let saved = SavedKeys {
            source: String::new(),
            url: String::new(),
            jwks: String::new(),
            fetched_at: 1_000,
            lifetime: 600,
        };
        let remaining = |now| {
            let (fresh, rest) = saved.remaining(now, Duration::from_secs(3_600))?;
            Some((fresh.as_secs(), rest.as_secs()))
        };
        assert_eq!(remaining(1_000), Some((600, 4_200)));
        assert_eq!(remaining(1_700), Some((0, 3_500)));
        assert_eq!(remaining(5_199), Some((0, 1)));
        assert_eq!(remaining(5_200), None);
        assert_eq!(remaining(999), None);
    }
}
