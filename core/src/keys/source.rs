//! Where a verifier takes its keys from.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::{
    jose::{Key, SigningKey},
    keys::KeySet,
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
/// use countersign::{KeySet, KeySource, Keys, KeysUnavailable};
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

    /// Whether [`refresh`](Self::refresh) can bring anything. Default: yes.
    ///
    /// Where it cannot, a refused token costs no second look at its header.
    fn is_renewed(&self) -> bool {
        true
    }

    /// Gets newer keys, if there is a way and newer ones are worth a look; `None` (the default) if not.
    ///
    /// The request waits for the future, then looks at the snapshot once more. It is on the source
    /// to bound how often and how long.
    fn refresh(&self, why: Refresh<'_>) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        let _ = why;
        None
    }
}

/// A boxed future, as [`KeySource::refresh`] returns it.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Why a verifier asks a [`KeySource`] for newer keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refresh<'a> {
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
pub struct Keys(Arc<dyn KeySource>);

impl Keys {
    /// Keys that come from a source.
    #[must_use]
    pub fn from_source(source: impl KeySource) -> Self {
        Self(Arc::new(source))
    }

    pub(crate) fn source(&self) -> &dyn KeySource {
        &*self.0
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.0.snapshot()).finish()
    }
}

/// Keys that never change.
struct Fixed(Arc<KeySet>);

impl KeySource for Fixed {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(Arc::clone(&self.0))
    }

    fn is_renewed(&self) -> bool {
        false
    }
}

impl From<KeySet> for Keys {
    fn from(set: KeySet) -> Self {
        Self::from_source(Fixed(Arc::new(set)))
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
