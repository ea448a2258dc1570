//! The types of every build but that of the models.

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
