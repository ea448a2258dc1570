//! Models of the state that requests and the task of a source share.
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

use super::{state::State, task::RefreshTask};
use crate::remote::{
    KeysState,
    document::{Failure, Fetched},
    refresh::schedule::{Advice, Jitter, KeyNeed},
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
        false,
        runtime.clone(),
    ))
}

/// The answer of a provider with so many keys: "1", "2" and so on.
fn published(keys: &[SigningKey], count: usize) -> Fetched {
    let keys = keys[..count].iter().map(SigningKey::verifying_key);
    Fetched {
        set: Arc::new(KeySet::new(keys)),
        jwks: "".into(),
        url: "".into(),
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

/// Does what [`RefreshTask::run`] does, with another fetch, until it is told to quit.
async fn drive(state: &State, quit: &Notify, fetch: impl Fn() -> Result<Fetched, Failure>) {
    loop {
        tokio::select! {
            biased;
            () = quit.notified() => return,
            () = RefreshTask::wait(state) => {}
        }
        state.begin();
        state.end(fetch(), Duration::ZERO);
    }
}

/// Asks for a key as a verifier does, and says whether it was found.
fn ask(state: &Arc<State>, id: &str) -> bool {
    let is_there = || state.usable().is_some_and(|set| set.has_key(id));
    if is_there() {
        return true;
    }
    let request = state.request(KeyNeed::Key(id.into()));
    match state.advise(&request) {
        Advice::NotThere | Advice::Unavailable(_) => false,
        Advice::LookAgain => is_there(),
        Advice::Wait => block_on(Arc::clone(state).wait(request)).is_ok() && is_there(),
    }
}

/// Claim: a key that its provider published before a token came is found for that token, whatever fetch
/// was under way; and the request that waits for it is woken.
#[test]
fn a_key_that_is_published_is_found() {
    let keys = keys();
    check_at_rest(3, move |runtime| {
        let state = source(runtime);
        let (provider, quit) = (Arc::new(AtomicUsize::new(1)), Arc::new(Notify::new()));
        let request = spawn({
            let (state, provider, quit) =
                (Arc::clone(&state), Arc::clone(&provider), Arc::clone(&quit));
            move || {
                provider.store(2, Release);
                let found = ask(&state, "2");
                quit.notify_one();
                assert!(found);
            }
        });
        let fetch = || Ok(published(&keys, provider.load(Acquire)));
        block_on(drive(&state, &quit, fetch));
        request.join().unwrap();
    });
}

/// Claim: one fetch wakes all that wait for it.
#[test]
fn one_fetch_wakes_all_that_wait() {
    let keys = keys();
    check_at_rest(2, move |runtime| {
        let state = source(runtime);
        let (waiting, quit) = (Arc::new(AtomicUsize::new(2)), Arc::new(Notify::new()));
        let requests = [(); 2].map(|()| {
            let (state, waiting, quit) =
                (Arc::clone(&state), Arc::clone(&waiting), Arc::clone(&quit));
            spawn(move || {
                assert!(ask(&state, "2"));
                if waiting.fetch_sub(1, AcqRel) == 1 {
                    quit.notify_one();
                }
            })
        });
        block_on(drive(&state, &quit, || Ok(published(&keys, 2))));
        for request in requests {
            request.join().unwrap();
        }
    });
}

/// Claim: a request that waits is woken when the fetch that it waits for has failed, too.
#[test]
fn a_failed_fetch_wakes_those_that_wait() {
    check_at_rest(3, |runtime| {
        let state = source(runtime);
        let (quit, done) = (Arc::new(Notify::new()), Arc::clone(&state));
        let request = spawn({
            let quit = Arc::clone(&quit);
            move || {
                assert!(!ask(&done, "1"));
                quit.notify_one();
            }
        });
        // No second one follows soon enough to wait for it.
        let down = || Failure::new("down").with_retry_after(Some(Duration::from_secs(60)));
        block_on(drive(&state, &quit, || Err(down())));
        request.join().unwrap();
    });
}

/// Claim: nobody waits for a task that has ended.
#[test]
fn the_end_of_the_task_wakes_those_that_wait() {
    check_at_rest(3, |runtime| {
        let state = source(runtime);
        let request = spawn({
            let state = Arc::clone(&state);
            move || assert!(!ask(&state, "1"))
        });
        let starting = spawn({
            let state = Arc::clone(&state);
            move || assert!(block_on(state.ready()).is_err())
        });
        state.begin();
        state.stop();
        request.join().unwrap();
        starting.join().unwrap();
        assert_eq!(state.status().state(), KeysState::Stopped);
    });
}

/// Claim: the first keys end the wait for the start, and end it well.
#[test]
fn the_start_waits_for_keys() {
    let keys = keys();
    check_at_rest(3, move |runtime| {
        let state = source(runtime);
        let starting = spawn({
            let state = Arc::clone(&state);
            move || {
                assert!(block_on(state.ready()).is_ok());
                assert!(state.usable().is_some());
            }
        });
        state.begin();
        state.end(Ok(published(&keys, 1)), Duration::ZERO);
        starting.join().unwrap();
    });
}

/// Claim: a failure ends the wait for the start, too, with its reason, unless there are keys by then.
#[test]
fn the_start_ends_by_a_failure() {
    let keys = keys();
    check_at_rest(3, move |runtime| {
        let state = source(runtime);
        let starting = spawn({
            let state = Arc::clone(&state);
            move || match block_on(state.ready()) {
                Ok(()) => assert!(state.usable().is_some()),
                Err(failure) => assert_eq!(failure.unwrap().reason(), "down"),
            }
        });
        state.begin();
        state.end(Err(Failure::new("down")), Duration::ZERO);
        state.begin();
        state.end(Ok(published(&keys, 1)), Duration::ZERO);
        starting.join().unwrap();
    });
}
