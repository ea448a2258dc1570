//! Tests of two nodes, one on axum and one on actix-web, and one Redis.

#![allow(clippy::disallowed_methods)] // real time is measured here

use std::{
    io::{Write, stderr},
    time::{Duration, Instant},
};

use countersign_tests::{server::Server, services::Redis};
use serde_json::json;

use crate::servers::{PROGRAMS, Pair, SECRET, command, log_in, post, profile, refresh};

fn nodes(redis: &Redis) -> [Server; 2] {
    PROGRAMS.map(|program| {
        let mut command = command(program);
        Server::start(
            command
                .env("JWT_SECRET", SECRET)
                .args(["--store", &redis.url()]),
        )
    })
}

#[test]
fn a_session_goes_on_at_the_other_node() {
    let Some(redis) = Redis::start() else { return };
    let [one, other] = nodes(&redis);
    let first = log_in(&one);
    assert_eq!(profile(&other, &first.access).status, 200);
    let second = Pair::of(&refresh(&other, &first.refresh));
    // The answer got lost, and the client asks the other node again.
    let again = Pair::of(&refresh(&one, &first.refresh));
    assert_eq!(again.refresh, second.refresh);
    assert_eq!(profile(&one, &second.access).status, 200);
}

#[test]
fn a_logout_at_one_node_is_refused_by_the_other_within_a_second() {
    const ROUNDS: usize = 20;
    let Some(redis) = Redis::start() else { return };
    let [one, other] = nodes(&redis);
    let mut longest = Duration::ZERO;
    for round in 0..ROUNDS {
        let (here, there) = match round % 2 {
            0 => (&one, &other),
            _ => (&other, &one),
        };
        let pair = log_in(here);
        assert_eq!(profile(there, &pair.access).status, 200);
        let log_out = json!({ "refresh_token": pair.refresh });
        assert_eq!(post(here, "/token/logout", &log_out).status, 204);
        let ended = Instant::now();
        assert_eq!(profile(here, &pair.access).status, 401, "the node itself");
        while profile(there, &pair.access).status == 200 {
            assert!(ended.elapsed() < Duration::from_secs(1), "round {round}");
        }
        longest = longest.max(ended.elapsed());
    }
    let _ = writeln!(
        stderr(),
        "figure: a logout reached the other node within {} ms, the longest of {ROUNDS}",
        longest.as_millis()
    );
}

#[test]
fn logins_during_an_outage_of_redis_do_not_count_as_failed() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let nodes = nodes(&redis);
    redis.kill();
    let right = json!({ "email": "user@example.com", "password": "password123" });
    for server in &nodes {
        for _ in 0..15 {
            assert_eq!(post(server, "/token/login", &right).status, 503);
        }
    }
    redis.restart();
    for server in &nodes {
        let patience = Instant::now();
        let mut answer = post(server, "/token/login", &right);
        while answer.status == 503 {
            assert!(
                patience.elapsed() < Duration::from_secs(20),
                "it comes back"
            );
            answer = post(server, "/token/login", &right);
        }
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[test]
fn an_outage_of_redis_is_503_and_recovers_without_a_restart() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let [one, other] = nodes(&redis);
    let pair = log_in(&one);
    redis.kill();
    for server in [&one, &other] {
        let answer = refresh(server, &pair.refresh);
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.retry_after.is_some());
    }
    redis.restart();
    let patience = Instant::now();
    let mut answer = refresh(&one, &pair.refresh);
    while answer.status == 503 {
        assert!(
            patience.elapsed() < Duration::from_secs(20),
            "it comes back"
        );
        answer = refresh(&one, &pair.refresh);
    }
    let next = Pair::of(&answer);
    assert_eq!(profile(&one, &next.access).status, 200);
}
