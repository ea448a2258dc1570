//! Tokio's `Notify`, each call of which loom sees.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::Ordering,
    task::{Context, Poll},
};

use tokio::sync::{self, futures};

use super::atomic::AtomicUsize;

/// The real one, behind a step that loom can put before or after those of other threads.
///
/// The steps are in one order, and whoever comes later sees what was done before: so it is in Tokio,
/// where each call reads and writes one word with `SeqCst`.
pub(crate) struct Notify {
    real: sync::Notify,
    steps: AtomicUsize,
}

pub(crate) struct Notified<'n> {
    real: Pin<Box<futures::Notified<'n>>>,
    notify: &'n Notify,
}

impl Notify {
    pub(crate) fn new() -> Self {
        Self {
            real: sync::Notify::new(),
            steps: AtomicUsize::new(0),
        }
    }

    pub(crate) fn notified(&self) -> Notified<'_> {
        self.step();
        Notified {
            real: Box::pin(self.real.notified()),
            notify: self,
        }
    }

    pub(crate) fn notify_one(&self) {
        self.step();
        self.real.notify_one();
    }

    pub(crate) fn notify_waiters(&self) {
        self.step();
        self.real.notify_waiters();
    }

    fn step(&self) {
        self.steps.fetch_add(1, Ordering::AcqRel);
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.notify.step();
        self.real.as_mut().poll(cx)
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        // A permit that was not used goes to the next one. A model that has failed takes no more steps.
        if !std::thread::panicking() {
            self.notify.step();
        }
    }
}
