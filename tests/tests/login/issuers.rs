//! Tests of two servers with issuers of their own, over one store and with one secret.

use countersign_tests::{
    server::Server,
    services::{Postgres, Redis},
};

use crate::servers::{PROGRAMS, Pair, SECRET, command, log_in, profile, refresh};

const ISSUERS: [&str; 2] = ["https://shop.example", "https://office.example"];

#[track_caller]
fn each_takes_its_own_tokens(store: &str) {
    let [axum, actix] = PROGRAMS;
    for programs in [[axum, actix], [actix, axum]] {
        let mut pairs = programs.into_iter().zip(ISSUERS);
        let servers = [(); 2].map(|()| {
            let (program, issuer) = pairs.next().unwrap();
            let mut command = command(program);
            command.env("JWT_SECRET", SECRET);
            Server::start(command.args(["--store", store, "--issuer", issuer]))
        });
        for (own, other) in [(0, 1), (1, 0)] {
            let pair = log_in(&servers[own]);
            assert_eq!(profile(&servers[own], &pair.access).status, 200);
            assert_eq!(profile(&servers[other], &pair.access).status, 401);
            let next = Pair::of(&refresh(&servers[own], &pair.refresh));
            assert_eq!(profile(&servers[own], &next.access).status, 200);
            assert_eq!(profile(&servers[other], &next.access).status, 401);
        }
    }
}

#[test]
fn two_issuers_on_one_redis_take_their_own_access_tokens_only() {
    let Some(redis) = Redis::start() else { return };
    each_takes_its_own_tokens(&redis.url());
}

#[test]
fn two_issuers_in_one_database_take_their_own_access_tokens_only() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    each_takes_its_own_tokens(&postgres.url());
}

#[test]
fn two_servers_of_one_issuer_take_the_tokens_of_each_other() {
    let Some(redis) = Redis::start() else { return };
    let servers = PROGRAMS.map(|program| {
        let mut command = command(program);
        command.env("JWT_SECRET", SECRET);
        Server::start(command.args(["--store", &redis.url(), "--issuer", ISSUERS[0]]))
    });
    let pair = log_in(&servers[0]);
    assert_eq!(profile(&servers[1], &pair.access).status, 200);
}
