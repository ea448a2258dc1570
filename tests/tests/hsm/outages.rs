//! Tests of an HSM that is killed, and comes back.

use std::thread;

use countersign::Algorithm;
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

#[test]
fn a_crowd_meets_an_outage_and_nobody_loses_the_session() {
    run(
        "outages::a_crowd_meets_an_outage_and_nobody_loses_the_session",
        |mut lab| {
            lab.start_server();
            let routes = lab.routes(lab.generate(&lab.served_token(), Algorithm::ES256));
            let runtime = lab.runtime.handle().clone();
            let _tokio = runtime.enter();
            thread::scope(|scope| {
                let crowd: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            let _tokio = runtime.enter();
                            let mut token = token_of(&Entry::Core.call(&routes, &log_in()));
                            let (mut refreshed, mut refused) = (0, 0);
                            while refreshed < 60 {
                                let answer = Entry::Core.call(&routes, &refresh(&token));
                                if answer.status == 200 {
                                    token = token_of(&answer);
                                    refreshed += 1;
                                } else {
                                    is_outage(&answer);
                                    refused += 1;
                                }
                            }
                            refused
                        })
                    })
                    .collect();
                for _ in 0..3 {
                    lab.kill_server();
                    lab.start_server();
                }
                let refused = crowd.into_iter().map(|one| one.join().unwrap());
                println!("503 in {} of them", refused.sum::<u32>());
            });
        },
    );
}
