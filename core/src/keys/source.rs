//! Where a verifier takes its keys from.

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
    /// The keys as they are now.
    ///
    /// # Errors
    ///
    /// [`KeysUnavailable`] when there are none, or none that may still be used. The request is
    /// answered with 503 if [`refresh`](Self::refresh) does not help.
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable>;

    /// Which set [`snapshot`](Self::snapshot) would give now; `None` where it would give none. Default:
    /// it takes one and looks.
    ///
    /// A `TokenCache` asks at every request, and one of several `Issuers` also for tokens of the others:
    /// it must be quick, and must not wait. A token counts again only while it is the set that verified
    /// it. So a set that may not be used any more must not be named, and a source that makes a new set
    /// for every snapshot makes a cache useless. Say how it is cheaper if there is a way, best without
    /// writing to memory that threads share, such as the count of an [`Arc`].
    fn current(&self) -> Option<KeySetId> {
        Some(self.snapshot().ok()?.id())
    }

    /// Whether [`refresh`](Self::refresh) can bring anything. Default: yes.
    ///
    /// Where it cannot, a refused token costs no second look at its header. The keys may still change
    /// in place, as those of [`SigningKeys`](crate::SigningKeys) do.
    fn can_refresh(&self) -> bool {
        true
    }

    /// Gets newer keys, if there is a way and newer ones are worth a look; `None` (the default) if not.
    ///
    /// The request waits for the future, then looks at the snapshot once more. Only one that came
    /// when there were no keys asks a second time, if those that came lack the key of its token. It is
    /// on the source to bound how often and how long.
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

/// The keys cannot be had right now. Answered with 503.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the verification keys are not available")]
pub struct KeysUnavailable {
    retry_after: Option<u32>,
}

impl KeysUnavailable {
    /// Says after how many seconds another try makes sense. The default answer is 5.
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
    /// Keys that come from a source.
    #[must_use]
    pub fn from_source(source: impl KeySource) -> Self {
        Self(Held::Source(Arc::new(source)))
    }

    /// Whether they never change.
    pub(crate) fn are_fixed(&self) -> bool {
        matches!(self.0, Held::Fixed(_))
    }

    pub(crate) fn source(&self) -> &dyn KeySource {
        match &self.0 {
            Held::Fixed(fixed) => fixed,
            Held::Source(source) => &**source,
        }
    }

    /// Looks at the keys of now. Where they are fixed, that counts no reference, which all threads
    /// would write to.
    pub(crate) fn look<R>(&self, f: impl FnOnce(&KeySet) -> R) -> Result<R, KeysUnavailable> {
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

    fn current(&self) -> Option<KeySetId> {
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
