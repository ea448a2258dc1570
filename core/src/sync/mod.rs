//! The shared memory of the concurrent parts: types of `std` and of four crates. In a build of the
//! models (`crate::models`), loom's types and stand-ins take their place.
//!
//! Only memory that one thread reads while another one writes it goes through here. Reference counts,
//! counters that make numbers unique, and cells that are written once stay with `std`: nothing relies
//! on an order between them and anything else.

#[cfg(countersign_loom)]
#[cfg(test)]
mod stand_in;

#[cfg(not(all(test, countersign_loom)))]
pub(crate) use self::real::*;
#[cfg(all(test, countersign_loom))]
pub(crate) use self::stand_in::*;

/// The types of every build but that of the models.
#[cfg(not(all(test, countersign_loom)))]
mod real {
    pub(crate) use std::{
        hash::RandomState,
        sync::{
            Mutex, MutexGuard,
            atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize},
        },
    };

    #[cfg(feature = "remote")]
    pub(crate) use arc_swap::ArcSwapOption;
    pub(crate) use arc_swap::{ArcSwap, Guard};
    #[cfg(feature = "cache")]
    pub(crate) use quick_cache::sync::Cache;
    #[cfg(feature = "cache")]
    pub(crate) use thread_local::ThreadLocal;
    #[cfg(feature = "remote")]
    pub(crate) use tokio::sync::Notify;
}
