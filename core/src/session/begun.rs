//! A mark that an ending has begun.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Set when the store is asked to end a session. From then on, nothing takes that back: what is left to do
/// must be done, whoever waits for it. Clones share the mark.
#[derive(Clone, Debug, Default)]
pub(crate) struct Begun(Arc<AtomicBool>);

impl Begun {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
