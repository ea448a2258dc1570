//! Publication by one atomic pointer, as with `arc_swap`.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, atomic::Ordering},
};

use super::atomic::AtomicUsize;

/// Keeps all values that ever were published, and the place of the current one.
///
/// A load acquires, and may find an older value, unless something else orders it after the store. A
/// store or an exchange releases and acquires. `arc_swap` has that order at least: its pointer is
/// read and written with `SeqCst`. How it counts references is not modelled: nothing is freed early
/// here.
pub(crate) struct ArcSwapAny<T> {
    current: AtomicUsize,
    /// Not loom's: it orders nothing.
    values: Mutex<Vec<T>>,
}

pub(crate) type ArcSwap<T> = ArcSwapAny<Arc<T>>;
pub(crate) type ArcSwapOption<T> = ArcSwapAny<Option<Arc<T>>>;

/// A value that was loaded.
pub(crate) struct Guard<T>(T);

impl<T: Clone> ArcSwapAny<T> {
    pub(crate) fn load(&self) -> Guard<T> {
        Guard(self.at(self.current.load(Ordering::Acquire)))
    }

    pub(crate) fn load_full(&self) -> T {
        self.load().0
    }

    pub(crate) fn store(&self, value: T) {
        let place = self.keep(value);
        self.current.swap(place, Ordering::AcqRel);
    }

    pub(crate) fn rcu(&self, mut change: impl FnMut(&T) -> T) -> T {
        let mut place = self.current.load(Ordering::Acquire);
        loop {
            let old = self.at(place);
            let new = self.keep(change(&old));
            let order = (Ordering::AcqRel, Ordering::Acquire);
            match (self.current).compare_exchange(place, new, order.0, order.1) {
                Ok(_) => return old,
                Err(newer) => place = newer,
            }
        }
    }

    fn holding(value: T) -> Self {
        Self {
            current: AtomicUsize::new(0),
            values: Mutex::new(vec![value]),
        }
    }

    fn at(&self, place: usize) -> T {
        self.values.lock().unwrap()[place].clone()
    }

    fn keep(&self, value: T) -> usize {
        let mut values = self.values.lock().unwrap();
        values.push(value);
        values.len() - 1
    }
}

impl<T> ArcSwap<T> {
    pub(crate) fn from_pointee(value: T) -> Self {
        Self::holding(Arc::new(value))
    }
}

impl<T> ArcSwapOption<T> {
    pub(crate) fn empty() -> Self {
        Self::holding(None)
    }
}

impl<T> Deref for Guard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
