//! Loom's atomics, each access of which conflicts with each other one.
//!
//! To leave out orders that come to the same, loom asks which access of another thread a step conflicts
//! with. It remembers one access for each atomic, the last, and two loads do not conflict. So when a thread
//! loads before it writes, an earlier load by another thread is forgotten, and the order in which that one
//! comes after the write is never tried. Here each access takes a turn first, in one exchange
//! of a second atomic: those all conflict, and nothing is forgotten. A turn is `Relaxed`: it orders nothing.

use std::sync::atomic::Ordering;

use loom::sync::atomic;

macro_rules! atomics {
    ($($name:ident($value:ty) { $($method:ident($($input:ident: $type:ty),*) -> $output:ty;)* })*) => {
        $(
            #[derive(Debug, Default)]
            pub(crate) struct $name {
                value: atomic::$name,
                turns: Turns,
            }

            impl $name {
                pub(crate) fn new(value: $value) -> Self {
                    Self {
                        value: atomic::$name::new(value),
                        turns: Turns::default(),
                    }
                }

                $(
                    #[track_caller]
                    pub(crate) fn $method(&self, $($input: $type),*) -> $output {
                        self.turns.take();
                        self.value.$method($($input),*)
                    }
                )*
            }
        )*
    };
}

atomics! {
    AtomicBool(bool) {
        load(order: Ordering) -> bool;
        store(value: bool, order: Ordering) -> ();
    }
    AtomicI64(i64) {
        compare_exchange(current: i64, new: i64, success: Ordering, failure: Ordering) -> Result<i64, i64>;
        fetch_max(value: i64, order: Ordering) -> i64;
        load(order: Ordering) -> i64;
        store(value: i64, order: Ordering) -> ();
    }
    AtomicU8(u8) {
        fetch_or(value: u8, order: Ordering) -> u8;
        load(order: Ordering) -> u8;
    }
    AtomicU64(u64) {
        compare_exchange(current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64>;
        fetch_add(value: u64, order: Ordering) -> u64;
        fetch_or(value: u64, order: Ordering) -> u64;
        load(order: Ordering) -> u64;
        store(value: u64, order: Ordering) -> ();
    }
    AtomicUsize(usize) {
        compare_exchange(current: usize, new: usize, success: Ordering, failure: Ordering) -> Result<usize, usize>;
        fetch_add(value: usize, order: Ordering) -> usize;
        fetch_sub(value: usize, order: Ordering) -> usize;
        load(order: Ordering) -> usize;
        store(value: usize, order: Ordering) -> ();
        swap(value: usize, order: Ordering) -> usize;
    }
}

impl AtomicUsize {
    #[track_caller]
    pub(crate) fn fetch_update(
        &self,
        set: Ordering,
        fetch: Ordering,
        change: impl FnMut(usize) -> Option<usize>,
    ) -> Result<usize, usize> {
        self.turns.take();
        self.value.fetch_update(set, fetch, change)
    }
}

#[derive(Debug, Default)]
struct Turns(atomic::AtomicUsize);

impl Turns {
    #[track_caller]
    fn take(&self) {
        self.0.swap(0, Ordering::Relaxed);
    }
}
