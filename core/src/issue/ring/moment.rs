//! The keys of a ring at a moment.

use std::iter;

use crate::{
    jose::{Key, SigningKey},
    keys::KeySet,
};

/// One key that signs, others that will, and the retired ones that still verify.
#[derive(Clone)]
pub(in crate::issue) struct Moment {
    pub(in crate::issue) active: SigningKey,
    /// The second from which the active key has signed; `None` in a ring without a clock.
    pub(in crate::issue) signs_from: Option<i64>,
    /// Published, to sign later. The first one takes over first.
    pub(in crate::issue) next: Vec<SigningKey>,
    /// Known, and published later. A node whose clock is ahead may use one already.
    pub(super) unpublished: Vec<Key>,
    pub(in crate::issue) retired: Vec<Retired>,
    /// The seconds for which all of this is so.
    pub(super) seconds: Seconds,
}

#[derive(Clone)]
pub(in crate::issue) struct Retired {
    pub(super) key: Key,
    /// The last second of its last token.
    pub(super) until: i64,
}

/// A time of whole seconds, both ends included.
#[derive(Clone, Copy)]
pub(super) struct Seconds {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Moment {
    pub(super) fn new(active: SigningKey) -> Self {
        Self {
            active,
            signs_from: None,
            next: Vec::new(),
            unpublished: Vec::new(),
            retired: Vec::new(),
            seconds: Seconds {
                first: i64::MIN,
                last: i64::MAX,
            },
        }
    }

    /// Returns whether all of this is so at this second.
    pub(in crate::issue) fn is_of(&self, now: i64) -> bool {
        self.seconds.first <= now && now <= self.seconds.last
    }

    /// Returns the keys of the JWK set.
    pub(in crate::issue) fn published(&self) -> impl Iterator<Item = Key> {
        iter::once(self.active.verifying_key())
            .chain(self.next.iter().map(SigningKey::verifying_key))
            .chain(self.retired.iter().map(|retired| retired.key.clone()))
    }

    /// Returns the set of keys that verify.
    pub(super) fn verifying(&self) -> KeySet {
        KeySet::new(self.published().chain(self.unpublished.iter().cloned()))
    }
}
