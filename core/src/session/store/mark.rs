//! The mark of a store: a position in the order of its events.

/// A position in the order in which a [`SessionStore`](crate::session::store::SessionStore) carries out
/// [`end_all`](crate::session::store::SessionStore::end_all).
///
/// Clocks differ from node to node and count whole seconds; this order is the store's own. Each
/// `end_all` has a number, higher than those before it, and a mark is the highest number so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreMark(u128);

impl StoreMark {
    /// Makes the mark with this number.
    #[must_use]
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }
}
