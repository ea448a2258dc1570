//! Tools of the models.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use loom::{model::Builder, sync::Notify, thread};

/// Runs a model in every order of its steps, and with every value that a load may find.
pub(crate) fn check(model: impl Fn() + Send + Sync + 'static) {
    run(Builder::new(), model);
}

/// Runs a model that has too many orders: those in which a thread is interrupted so many times at most, not
/// counting where it waits.
#[cfg(feature = "remote")]
pub(crate) fn check_bounded(interruptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(interruptions);
    run(builder, model);
}

fn run(mut builder: Builder, model: impl Fn() + Send + Sync + 'static) {
    builder.max_branches = 20_000;
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!("{} runs", runs.load(Ordering::Relaxed));
}

/// Starts a thread of the model, with a stack on which a token can be verified.
pub(crate) fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    const WORDS: usize = 32 << 10;
    let builder = thread::Builder::new().stack_size(WORDS);
    builder.spawn(work).expect("loom has a thread left")
}

/// Runs a future on this thread of the model. Only a wake ends its sleep, so one that is lost is a deadlock,
/// which loom reports.
///
/// Loom has such a function, too, but takes steps where its waker is cloned: in the middle of what is under
/// a lock of Tokio's.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Alarm(Notify);

    impl Wake for Alarm {
        fn wake(self: Arc<Self>) {
            self.0.notify();
        }
    }

    let alarm = Arc::new(Alarm(Notify::new()));
    let waker = Waker::from(Arc::clone(&alarm));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => alarm.0.wait(),
        }
    }
}
