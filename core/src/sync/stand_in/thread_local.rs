//! One value for each thread, as with `thread_local`.

use std::cell::OnceCell;

use loom::thread::{ThreadId, current};

/// All of loom's threads take turns on one thread of the system: this one has a cell for each.
pub(crate) struct ThreadLocal<T: Send>(thread_local::ThreadLocal<Cells<T>>);

type Cells<T> = [OnceCell<(ThreadId, T)>; loom::MAX_THREADS];

impl<T: Send> ThreadLocal<T> {
    pub(crate) fn new() -> Self {
        Self(thread_local::ThreadLocal::new())
    }

    pub(crate) fn get_or(&self, create: impl FnOnce() -> T) -> &T {
        let thread = current().id();
        let cells = self.0.get_or(|| std::array::from_fn(|_| OnceCell::new()));
        let is_own = |cell: &&OnceCell<(ThreadId, T)>| match cell.get() {
            Some((owner, _)) => *owner == thread,
            None => true,
        };
        let cell = cells
            .iter()
            .find(is_own)
            .expect("no more threads than loom has");
        &cell.get_or_init(|| (thread, create())).1
    }
}
