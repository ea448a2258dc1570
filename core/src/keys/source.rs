//! The source of a verifier's keys.

use std::{fmt, sync::Arc};

use super::set::{KeySet, KeySetId};
use crate::{
    future::BoxFuture,
    jose::{Key, SigningKey},
};

/// A source of keys that can change while the server runs.
///
/// Implement it for keys that live elsewhere: a file that is read again, a vault, a test. A
/// verifier asks for the [`snapshot`](Self::snapshot) on every request, so that must be quick and
/// must not block. Read what you fetch with [`KeySet::from_remote_json`].
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use countersign::{KeySet, Keys, keys::{KeySource, KeysUnavailable}};
///
/// struct Fixed(Arc<KeySet>);
///
/// impl KeySource for Fixed {
///     fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
///         Ok(Arc::clone(&self.0))
///     }
/// }
/// let keys = Keys::from_source(Fixed(Arc::default()));
/// ```
pub trait KeySource: Send + Sync + 'static {
    /// Returns the keys of now.
    ///
    /// # Errors
    ///
    /// [`KeysUnavailable`] when there are none, or none that may still be used. The request is
    /// answered with 503 if [`refresh`](Self::refresh) does not help.
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable>;

    /// Returns the id of the set that [`snapshot`](Self::snapshot) would give now; `None` if it would give
    /// none. Default: it takes one and looks.
    ///
    /// A `TokenCache` asks at every request, and one of several `Issuers` also for tokens of the others:
    /// it must be quick, and must not wait. A cached token counts only while this is the set that verified
    /// it. So never name a set that may not be used any more. A source that makes a new set for every
    /// snapshot makes a cache useless. Implement it if there is a cheaper way than a snapshot, best without
    /// writing to memory that threads share, such as the count of an [`Arc`].
    fn current_id(&self) -> Option<KeySetId> {
        Some(self.snapshot().ok()?.id())
    }

    /// Returns whether [`refresh`](Self::refresh) can bring anything. Default: yes.
    ///
    /// If not, a refused token costs no second look at its header. The keys may still change in place, as
    /// those of [`SigningKeys`](crate::SigningKeys) do.
    fn can_refresh(&self) -> bool {
        true
    }

    /// Returns whether the keys may come over plain `http` through a private network. Default: no.
    fn uses_private_http(&self) -> bool {
        false
    }

    /// Gets newer keys; `None` (the default) if there is no way, or no need to look for any.
    ///
    /// The request waits for the future, then looks at the snapshot once more. A request that came when
    /// there were no keys may ask a second time, if those that came lack the key of its token. The source
    /// bounds how often it fetches, and how long requests wait.
    fn refresh(&self, why: RefreshReason<'_>) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        let _ = why;
        None
    }
}

/// Why a verifier asks a [`KeySource`] for newer keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefreshReason<'a> {
    /// There are no keys to use.
    NoKeys,
    /// The token names no key, or keys here have no names, and none of them verifies it.
    NoMatch,
    /// No key has this `kid`. It comes from an unverified token: do not log it raw.
    UnknownKey(&'a str),
}

/// There are no keys to use right now: answered with 503.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the verification keys are not available")]
pub struct KeysUnavailable {
    retry_after: Option<u32>,
}

impl KeysUnavailable {
    /// Sets the seconds after which another try makes sense (`Retry-After`). Default 5.
    #[must_use]
    pub fn retry_after(seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds),
        }
    }

    pub(crate) fn seconds(self) -> Option<u32> {
        self.retry_after
    }
}

/// The keys of a verifier: made from a [`Key`], several, a [`KeySet`] or a [`KeySource`].
#[derive(Clone)]
pub struct Keys(Held);

#[derive(Clone)]
enum Held {
    Fixed(Fixed),
    Source(Arc<dyn KeySource>),
}

impl Keys {
    /// Takes the keys from a source.
    #[must_use]
    pub fn from_source(source: impl KeySource) -> Self {
        Self(Held::Source(Arc::new(source)))
    }

    /// Checks whether the keys never change.
    pub(crate) fn are_fixed(&self) -> bool {
        matches!(self.0, Held::Fixed(_))
    }

    pub(crate) fn source(&self) -> &dyn KeySource {
        match &self.0 {
            Held::Fixed(fixed) => fixed,
            Held::Source(source) => &**source,
        }
    }

    /// Runs `f` with the keys of now. Fixed keys are borrowed: all threads would write to a reference count.
    pub(crate) fn with_current<R>(
        &self,
        f: impl FnOnce(&KeySet) -> R,
    ) -> Result<R, KeysUnavailable> {
        match &self.0 {
            Held::Fixed(Fixed(set)) => Ok(f(set)),
            Held::Source(source) => Ok(f(&*source.snapshot()?)),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys")
            .field(&self.source().snapshot())
            .finish()
    }
}

/// Keys that never change.
#[derive(Clone)]
struct Fixed(Arc<KeySet>);

impl KeySource for Fixed {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(Arc::clone(&self.0))
    }

    fn current_id(&self) -> Option<KeySetId> {
        Some(self.0.id())
    }

    fn can_refresh(&self) -> bool {
        false
    }
}

impl From<KeySet> for Keys {
    fn from(set: KeySet) -> Self {
        Self(Held::Fixed(Fixed(Arc::new(set))))
    }
}

impl From<Key> for Keys {
    fn from(key: Key) -> Self {
        KeySet::new([key]).into()
    }
}

impl From<&SigningKey> for Keys {
    fn from(key: &SigningKey) -> Self {
        key.verifying_key().into()
    }
}

impl From<Vec<Key>> for Keys {
    fn from(keys: Vec<Key>) -> Self {
        KeySet::new(keys).into()
    }
}

impl<const N: usize> From<[Key; N]> for Keys {
    fn from(keys: [Key; N]) -> Self {
        KeySet::new(keys).into()
    }
}
