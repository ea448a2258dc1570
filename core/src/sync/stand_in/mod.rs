//! The types of a build of the models: loom's own, and stand-ins where loom has none. Each stand-in
//! promises as little as the type that it stands for, so that a model does not hold by accident.

mod arc_swap;
mod atomic;
#[cfg(feature = "cache")]
mod cache;
mod hash;
#[cfg(feature = "remote")]
mod notify;
#[cfg(feature = "cache")]
mod thread_local;

pub(crate) use loom::sync::{Mutex, MutexGuard};

#[cfg(feature = "remote")]
pub(crate) use self::{arc_swap::ArcSwapOption, notify::Notify};
pub(crate) use self::{
    arc_swap::{ArcSwap, Guard},
    atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize},
    hash::RandomState,
};
#[cfg(feature = "cache")]
pub(crate) use self::{cache::Cache, thread_local::ThreadLocal};
