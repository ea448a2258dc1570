//! Tests of the data that outlives the process.

#![allow(clippy::disallowed_methods)] // real time is measured here

use std::{
    thread,
    time::{Duration, Instant},
};

use countersign_tests::{
    Request,
    server::{Body, Server},
    services::Redis,
};
use serde_json::json;

use crate::servers::{PROGRAMS, Pair, ask, command, log_in, post, profile, readiness, refresh};

#[test]
fn sessions_in_a_file_survive_a_restart_and_a_change_of_framework() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("new/sessions.db").display());
    let start = |program| Server::start(command(program).args(["--store", &store]));
    let [axum, actix] = PROGRAMS;

    let server = start(axum);
    let first = log_in(&server);
    let second = Pair::of(&refresh(&server, &first.refresh));
    drop(server);

    let server = start(actix);
    // Each start has a new key, so the client refreshes.
    assert_eq!(profile(&server, &second.access).status, 401);
    let third = Pair::of(&refresh(&server, &second.refresh));
    assert_eq!(profile(&server, &third.access).status, 200);
}

#[test]
fn a_store_that_is_away_at_the_start_is_503_until_it_comes() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    for program in PROGRAMS {
        redis.kill();
        let mut command = command(program);
        command.args(["--store", &redis.url(), "--admin", "127.0.0.1:0"]);
        let server = Server::start(&mut command);
        let ready = readiness(&server);
        assert_eq!((ready.status, ask(&server, "/healthz").status), (503, 200));
        let login = json!({ "email": "user@example.com", "password": "password123" });
        let answer = post(&server, "/token/login", &login);
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.retry_after.is_some(), "{answer:?}");
        let keys = Request::get().target("/.well-known/jwks.json");
        assert_eq!(server.send(&keys, Body::None).status, 200);

        redis.restart();
        let patience = Instant::now();
        while readiness(&server).status == 503 {
            assert!(patience.elapsed() < Duration::from_secs(20), "{program}");
            thread::sleep(Duration::from_millis(20)); // nothing signals that a process is ready
        }
        let pair = log_in(&server);
        assert_eq!(profile(&server, &pair.access).status, 200, "{program}");
        server.terminate();
        let told = server.end().stderr;
        let away = "the store is not available: sessions are answered with 503";
        assert_eq!(told.matches(away).count(), 1, "{told}");
        assert_eq!(told.matches("the store is available").count(), 1, "{told}");
    }
}
