//! Tests of an HSM that is killed, and comes back.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
};

use countersign::{Algorithm, SessionRoutes};
use countersign_tests::{Entry, sessions::Exchange};

use crate::lab::{Lines, PIN, log_in, refresh, run};

fn token_of(answer: &Exchange) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

fn is_outage(answer: &Exchange) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
}

#[test]
fn a_killed_hsm_is_503_and_costs_nobody_the_session() {
    run(
        "outages::a_killed_hsm_is_503_and_costs_nobody_the_session",
        |mut lab| {
            let lines = Lines::listen();
            lab.start_server();
            for (entry, algorithm) in [
                (Entry::Core, Algorithm::ES256),
                (Entry::Tower, Algorithm::RS256),
                (Entry::Actix, Algorithm::ES384),
            ] {
                // A module is initialised once for each process, so the last entry's token has to go first.
                let routes = lab.routes(lab.generate(&lab.served_token(), algorithm));
                let runtime = lab.runtime.handle().clone();
                let _tokio = runtime.enter();
                let mut token = token_of(&entry.call(&routes, &log_in()));
                for _ in 0..2 {
                    lab.kill_server();
                    for _ in 0..3 {
                        is_outage(&entry.call(&routes, &refresh(&token)));
                        is_outage(&entry.call(&routes, &log_in()));
                    }
                    lab.start_server();
                    let next = token_of(&entry.call(&routes, &refresh(&token)));
                    assert_ne!(next, token);
                    token = next;
                    token_of(&entry.call(&routes, &log_in()));
                }
            }
            let text = lines.text();
            for word in [
                "signer_unavailable",
                "the signer of the key fails",
                "signs again",
            ] {
                assert!(text.contains(word), "{word}: {text}");
            }
            assert!(!text.contains(PIN), "{text}");
        },
    );
}

/// A connection that broke while nothing was signed is no outage: the next token is signed over a new one.
#[test]
fn a_restart_between_two_tokens_is_not_noticed() {
    run(
        "outages::a_restart_between_two_tokens_is_not_noticed",
        |mut lab| {
            lab.start_server();
            let routes = lab.routes(lab.generate(&lab.served_token(), Algorithm::ES256));
            let runtime = lab.runtime.handle().clone();
            let _tokio = runtime.enter();
            let mut token = token_of(&Entry::Tower.call(&routes, &log_in()));
            for _ in 0..5 {
                lab.kill_server();
                lab.start_server();
                token = token_of(&Entry::Tower.call(&routes, &refresh(&token)));
            }
        },
    );
}

/// In each outage somebody is refused, and after it somebody is signed for again.
#[test]
fn a_crowd_meets_an_outage_and_nobody_loses_the_session() {
    run(
        "outages::a_crowd_meets_an_outage_and_nobody_loses_the_session",
        |mut lab| {
            lab.start_server();
            let routes =
                lab.routes(lab.generate(&lab.served_token_of_one_session(), Algorithm::ES256));
            let runtime = lab.runtime.handle().clone();
            let crowd = Crowd::default();
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let _tokio = runtime.enter();
                        crowd.refresh_until_the_end(&routes);
                    });
                }
                for _ in 0..3 {
                    crowd.wait_for_more(&crowd.refreshed);
                    lab.kill_server();
                    crowd.wait_for_more(&crowd.refused);
                    lab.start_server();
                    crowd.wait_for_more(&crowd.refreshed);
                }
                crowd.has_ended.store(true, Ordering::SeqCst);
            });
        },
    );
}

#[derive(Default)]
struct Crowd {
    refreshed: AtomicU32,
    refused: AtomicU32,
    has_ended: AtomicBool,
    has_failed: AtomicBool,
}

impl Crowd {
    /// Refreshes one session again and again; its last refresh is a good one.
    fn refresh_until_the_end(&self, routes: &SessionRoutes) {
        let _failure = OnPanic(&self.has_failed);
        let mut token = loop {
            let answer = Entry::Core.call(routes, &log_in());
            match answer.status {
                200 => break token_of(&answer),
                _ => is_outage(&answer),
            }
        };
        loop {
            let is_last = self.has_ended.load(Ordering::SeqCst);
            let answer = Entry::Core.call(routes, &refresh(&token));
            if answer.status == 200 {
                token = token_of(&answer);
                self.refreshed.fetch_add(1, Ordering::SeqCst);
                if is_last {
                    return;
                }
            } else {
                is_outage(&answer);
                self.refused.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// Waits until a count has grown by 20, which is more than those that are under way.
    fn wait_for_more(&self, count: &AtomicU32) {
        let enough = count.load(Ordering::SeqCst) + 20;
        while count.load(Ordering::SeqCst) < enough {
            assert!(
                !self.has_failed.load(Ordering::SeqCst),
                "one of the crowd has failed"
            );
            thread::yield_now();
        }
    }
}

/// Tells those that wait that they wait in vain.
struct OnPanic<'a>(&'a AtomicBool);

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}
