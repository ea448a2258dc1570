//! Models of what requests and the task of a source share.
//!
//! Time stands still: no deadline ends a wait that nobody wakes from.

use std::{
    sync::{
        Arc,
        atomic::Ordering::{AcqRel, Acquire, Release},
    },
    time::Duration,
};

use tokio::runtime::{Builder, Handle};

use super::{
    state::{Advice, KeyNeed, State},
    task::RefreshTask,
};
use crate::remote::{
    KeysState,
    document::{Failure, Fetched},
    refresh::schedule::Jitter,
};
use crate::{
    jose::{Algorithm, SigningKey},
    keys::KeySet,
    models::{block_on, check, spawn},
    sync::{AtomicUsize, Notify},
    testing::FixedClock,
};

const LIFETIME: Duration = Duration::from_secs(600);

/// Runs a model on a runtime whose clock stands still. Nothing is spawned there.
fn check_at_rest(interruptions: usize, model: impl Fn(&Handle) + Send + Sync + 'static) {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let handle = runtime.handle().clone();
    check(interruptions, move || model(&handle));
}

fn source(runtime: &Handle) -> Arc<State> {
    Arc::new(State::new(
        "https://id.test".into(),
        LIFETIME,
        Arc::new(FixedClock::default()),
        Jitter::seeded(1),
        runtime.clone(),
    ))
}

/// A provider with so many keys: "1", "2" and so on.
fn published(keys: &[SigningKey], count: usize) -> Fetched {
    Fetched::Set {
        set: KeySet::new(keys[..count].iter().map(SigningKey::verifying_key)),
        jwks: String::new(),
        url: String::new(),
        lifetime: LIFETIME,
    }
}

fn keys() -> Vec<SigningKey> {
    let key = |n: usize| {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        key.with_id(n.to_string())
    };
    (1..=2).map(key).collect()
}

/// What [`RefreshTask::run`] does, with another fetch, until it is told to quit.
async fn drive(shared: &State, quit: &Notify, fetch: impl Fn() -> Result<Fetched, Failure>) {
    loop {
        tokio::select! {
            biased;
            () = quit.notified() => return,
            () = RefreshTask::wait(shared) => {}
        }
        shared.begin();
        shared.end(fetch(), Duration::ZERO);
    }
}

/// What a verifier's request does: whether it found the key.
fn ask(shared: &Arc<State>, id: &str) -> bool {
    let is_there = || shared.usable().is_some_and(|set| set.has_key(id));
    if is_there() {
        return true;
    }
    let need = shared.need(KeyNeed::Key(id.into()));
    match shared.tell(&need) {
        Advice::Absent | Advice::Unavailable(_) => false,
        Advice::Look => is_there(),
        Advice::Wait => block_on(Arc::clone(shared).wait(need)).is_ok() && is_there(),
    }
}

/// Claim: a key that its provider published before a token came is found for that token, whatever fetch was under
/// way; and the request that waits for it is woken.
#[test]
fn a_key_that_is_published_is_found() {
    let keys = keys();
    check_at_rest(3, move |runtime| {
        let shared = source(runtime);
        let (provider, quit) = (Arc::new(AtomicUsize::new(1)), Arc::new(Notify::new()));
        let request = spawn({
            let (shared, provider, quit) = (
                Arc::clone(&shared),
                Arc::clone(&provider),
                Arc::clone(&quit),
            );
            move || {
                provider.store(2, Release);
                let found = ask(&shared, "2");
                quit.notify_one();
                assert!(found);
            }
        });
        let fetch = || Ok(published(&keys, provider.load(Acquire)));
        block_on(drive(&shared, &quit, fetch));
        request.join().unwrap();
    });
}

/// Claim: one fetch wakes all that wait for it.
#[test]
fn one_fetch_wakes_all_that_wait() {
    let keys = keys();
    check_at_rest(2, move |runtime| {
        let shared = source(runtime);
        let (waiting, quit) = (Arc::new(AtomicUsize::new(2)), Arc::new(Notify::new()));
        let requests = [(); 2].map(|()| {
            let (shared, waiting, quit) =
                (Arc::clone(&shared), Arc::clone(&waiting), Arc::clone(&quit));
            spawn(move || {
                assert!(ask(&shared, "2"));
                if waiting.fetch_sub(1, AcqRel) == 1 {
                    quit.notify_one();
                }
            })
        });
        block_on(drive(&shared, &quit, || Ok(published(&keys, 2))));
        for request in requests {
            request.join().unwrap();
        }
    });
}

/// Claim: a request that waits is woken when the fetch that it waits for has failed, too.
#[test]
fn a_failed_fetch_wakes_those_that_wait() {
    check_at_rest(3, |runtime| {
        let shared = source(runtime);
        let (quit, done) = (Arc::new(Notify::new()), Arc::clone(&shared));
        let request = spawn({
            let quit = Arc::clone(&quit);
            move || {
                assert!(!ask(&done, "1"));
                quit.notify_one();
            }
        });
        // No second one follows soon enough to wait for it.
        let down = || Failure::new("down").with_retry_after(Some(Duration::from_secs(60)));
        block_on(drive(&shared, &quit, || Err(down())));
        request.join().unwrap();
    });
}

/// Claim: nobody waits for a task that has ended.
#[test]
fn the_end_of_the_task_wakes_those_that_wait() {
    check_at_rest(3, |runtime| {
        let shared = source(runtime);
        let request = spawn({
            let shared = Arc::clone(&shared);
            move || assert!(!ask(&shared, "1"))
        });
        let starting = spawn({
            let shared = Arc::clone(&shared);
            move || assert!(block_on(shared.ready()).is_err())
        });
        shared.begin();
        shared.stop();
        request.join().unwrap();
        starting.join().unwrap();
        assert_eq!(shared.status().state(), KeysState::Stopped);
    });
}

/// Claim: the first keys end the wait for the start, and end it well.
#[test]
fn the_start_waits_for_keys() {
    let keys = keys();
    check_at_rest(3, move |runtime| {
        let shared = source(runtime);
        let starting = spawn({
            let shared = Arc::clone(&shared);
            move || {
                assert!(block_on(shared.ready()).is_ok());
                assert!(shared.usable().is_some());
            }
        });
        shared.begin();
        shared.end(Ok(published(&keys, 1)), Duration::ZERO);
        starting.join().unwrap();
    });
}

/// Claim: a failure ends the wait for the start, too, with its reason, unless there are keys by then.
#[test]
fn the_start_ends_by_a_failure() {
    let keys = keys();
    check_at_rest(3, move |runtime| {
        let shared = source(runtime);
        let starting = spawn({
            let shared = Arc::clone(&shared);
            move || match block_on(shared.ready()) {
                Ok(()) => assert!(shared.usable().is_some()),
                Err(failure) => assert_eq!(failure.unwrap().reason(), "down"),
            }
        });
        shared.begin();
        shared.end(Err(Failure::new("down")), Duration::ZERO);
        shared.begin();
        shared.end(Ok(published(&keys, 1)), Duration::ZERO);
        starting.join().unwrap();
    });
}
