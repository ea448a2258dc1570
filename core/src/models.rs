//! Models of the concurrent parts: what each claims, and what makes it fail.
//!
//! They lie beside the code, in the files `models.rs` of `revocation`, `verify/cache`, `remote/refresh`, `session`
//! and `issue`, and run the code itself, with [loom]'s types instead of those of `std`:
//!
//! ```sh
//! RUSTFLAGS="--cfg countersign_loom" CARGO_TARGET_DIR=target/models \
//!   cargo test --profile models -p countersign --features cache,remote --lib models -- --nocapture
//! ```
//!
//! Loom tries the orders in which the steps of threads can follow each other, up to a number of interruptions, and
//! each value that a load may find under the memory model of C11. Every part is small enough for it. A tool
//! that samples orders, such as `shuttle`, has no weak memory, and would find none of the orderings below.
//!
//! Stand-ins replace what is not loom's: see `sync/stand_in`. They are as weak as what they stand for
//! promises to be. What a model does not cover: how `arc_swap` frees values, the eviction of
//! `quick_cache`, Tokio's timers (time stands still, so no deadline hides a wake that was lost), and
//! `SeqCst`, which loom takes for less than it is.
//!
//! Loom has two limits that were met here. It leaves out orders when a thread loads an atomic before it writes to
//! it (tokio-rs/loom#166), so the atomics of `sync/stand_in` take a turn at each access. And it does not know that
//! no other write comes between the two halves of an exchange, so it reports a fault in
//! `Revocation::forget_reading` that there is not: that has a plain test of the one order that matters.
//!
//! Each mutation below was made by hand, and made that model fail.
//!
//! # `revocation`
//!
//! | model | mutation |
//! |---|---|
//! | `a_name_that_is_found_is_found_whole` | the key is stored `Relaxed`; it is loaded `Relaxed`; it is stored before its entry |
//! | `an_entry_that_is_raised_never_goes_back` | the times are stored together instead of raised one by one |
//! | `nobody_misses_a_revocation_that_was_made` | a new table is loaded or stored `Relaxed`; the entry goes into the table from before it was replaced |
//! | `two_revocations_at_once_are_both_made` | the lock of the writer is released before the entry is put |
//! | `a_revoked_token_stays_refused_while_the_table_makes_room` | a new table is published before it is filled; before the gap is noted in it |
//! | `a_token_whose_entry_is_missing_is_never_an_unlisted_one` | a lookup takes the entries from one load of the table, and the gap from another |
//! | `a_gap_that_comes_up_meanwhile_is_not_forgotten` | `miss` loads the table before it takes the lock |
//! | `a_fresh_copy_has_all_that_the_log_said` | `synced_at` is stored `Relaxed`; it is loaded `Relaxed`; `decide` looks for the token first; the log counts as read before its entries are in |
//!
//! The order of a key and its entry only makes `AtomicMap` understandable by itself. The claims of the index would hold
//! without it: an entry that is half there is one that is being added. Filter, kinds and gaps are `Relaxed`, for the same reason: a
//! reader that must see them knows so by the return of a call or by `synced_at`.
//!
//! # `verify/cache`
//!
//! | model | mutation |
//! |---|---|
//! | `nothing_from_before_a_clearing_is_served_after_it` | the epoch is raised before the table is emptied; raised or loaded `Relaxed`; loaded after the look into the shared table; not compared |
//! | `no_verdict_by_a_key_that_has_left_is_served` | the key set is noted when the token is kept, not when its signature was checked; the key set is not compared |
//!
//! The orderings of the epoch do not lean on the locks of `quick_cache`: the stand-in has none.
//!
//! # `remote/refresh`
//!
//! | model | mutation |
//! |---|---|
//! | `a_key_that_is_published_is_found` | the task is not woken, or only if it waits already, or does not listen; requests are woken before the plan has changed; `wait` listens after its look; `advise` does not look at the keys again; keys are published after their fetch counts as ended; a request counts the fetches that have ended, not begun; a fetch counts from its end |
//! | `one_fetch_wakes_all_that_wait` | `advise` does not look at the keys again; `wait` listens after its look |
//! | `a_failed_fetch_wakes_those_that_wait` | a failure wakes nobody |
//! | `the_end_of_the_task_wakes_those_that_wait` | the end wakes nobody; it wakes before the plan has changed; `ready` listens after its look |
//! | `the_start_waits_for_keys`, `the_start_ends_by_a_failure` | `ready` looks at the keys before it takes the lock |
//!
//! Keys are published before their fetch counts as ended, without the lock.
//!
//! # `session`, the store in memory
//!
//! | model | mutation |
//! |---|---|
//! | `of_two_racers_one_rotates` | the hash is compared under one lock, and replaced under another |
//! | `an_ended_session_stays_ended` | a rotation puts the row in again |
//! | `all_sessions_of_a_subject_end_in_one_step` | the shards are locked one after the other |
//! | `the_limit_holds_when_two_come_at_once` | the count is loaded, then stored |
//! | `a_place_is_given_back_after_its_session_is_gone` | it is given back before |
//!
//! # `issue`, the key ring
//!
//! | model | mutation |
//! |---|---|
//! | `two_changes_at_once_are_both_made` | the ring is loaded, then stored, by `change` or by `update`; a header is made from the ring of before |
//! | `a_published_key_takes_over_once` | the ring is loaded, then stored |
//! | `two_prunings_at_once_make_one_set` | `update` does not look again whether there is something to change |
//! | `what_signs_is_in_the_set` | a rotation is two changes: the next key signs, then the last one is retired |
//!
//! [loom]: https://docs.rs/loom

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

/// Runs a model in every order of its steps in which threads are interrupted so many times at most, not
/// counting where they wait, and with every value that a load may find. `LOOM_MAX_PREEMPTIONS` sets another
/// bound.
pub(crate) fn check(interruptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(interruptions);
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
