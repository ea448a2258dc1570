//! Tests of signing keys in the session store: the start, the operator's tool, and outages.

#![allow(clippy::disallowed_methods)] // real time is measured here

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use countersign_tests::{
    server::{Process, Server},
    services::Redis,
};

use crate::{
    rotation::{Place, kid, published, sealing_key},
    servers::{PROGRAMS, ask, command, get, log_in},
};

const OTHER: &str = "s2QNMaBdF0rOJ41rYIu+kTJoXrTqA9gUWW9fpKwAMZo=";

/// Returns a place in an SQLite file.
fn in_sqlite(folder: &Path) -> Place {
    let store = format!("sqlite:{}", folder.join("sessions.db").display());
    Place::store(&store, &sealing_key(folder))
}

#[test]
fn the_first_node_makes_the_keys_and_all_use_them_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let place = in_sqlite(folder.path());
    let start = |program| Server::start(&mut place.node(program));
    // At once: one of them makes the first key.
    let nodes: Vec<Server> = std::thread::scope(|scope| {
        let starting: Vec<_> = PROGRAMS
            .map(|program| scope.spawn(move || start(program)))
            .into();
        starting
            .into_iter()
            .map(|node| node.join().unwrap())
            .collect()
    });
    let [one, other] = nodes.try_into().ok().unwrap();
    assert_eq!(
        (published(&one).len(), published(&one)),
        (1, published(&other))
    );
    let token = log_in(&one).access;
    assert_eq!(get(&other, "/api/profile", &token).status, 200);
    assert!(place.keys(&["list"]).unwrap()[1].starts_with(&kid(&token)));
    drop((one, other));
    let again = start(PROGRAMS[1]);
    assert_eq!(get(&again, "/api/profile", &token).status, 200);
    assert!(
        place
            .keys(&["init"])
            .unwrap_err()
            .contains("there is a ring already")
    );
    place.keys(&["rotate"]).unwrap();
    assert!(
        place
            .keys(&["rotate"])
            .unwrap_err()
            .contains("is on its way")
    );
    assert_eq!(place.keys(&["list"]).unwrap().len(), 3);
    assert_eq!(
        place.keys(&["prune"]).unwrap(),
        ["keys that are dropped: 0"]
    );
    // Rings of several issuers are in one store.
    let other = ["list", "--issuer", "https://other.example"];
    let none = place.keys(&other).unwrap_err();
    assert!(
        none.contains("ring \"https://other.example\": there is no such ring"),
        "{none}"
    );
}

#[test]
fn the_sealing_key_is_replaced_while_a_node_runs() {
    let folder = tempfile::tempdir().unwrap();
    let place = in_sqlite(folder.path());
    let file = folder.path().join("sealing.key");
    let node = Server::start(&mut place.node(PROGRAMS[0]));
    let token = log_in(&node).access;
    let old = fs::read_to_string(&file).unwrap();
    fs::write(&file, OTHER).unwrap();
    let refused = place.keys(&["list"]).unwrap_err();
    assert!(
        refused.contains("is not among the sealing keys"),
        "{refused}"
    );

    fs::write(&file, format!("{OTHER}\n{old}")).unwrap();
    let said = "the ring is sealed under the first key now";
    assert_eq!(place.keys(&["reseal"]).unwrap(), [said]);
    let said = "the ring is sealed under the first key already";
    assert_eq!(place.keys(&["reseal"]).unwrap(), [said]);
    fs::write(&file, OTHER).unwrap();
    assert!(place.keys(&["list"]).unwrap()[1].starts_with(&kid(&token)));
    // A node with the old key goes on until it is restarted.
    assert_eq!(get(&node, "/api/profile", &token).status, 200);
    let node = Server::start(&mut place.node(PROGRAMS[1]));
    assert_eq!(get(&node, "/api/profile", &token).status, 200);
}

#[test]
fn mistakes_are_one_line_without_the_key() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let place = in_sqlite(folder.path());
    let file = folder.path().join("sealing.key");
    let seal = format!("file:{}", file.display());
    place.init();
    let refused = |args: &[&str]| {
        let mut command = command(PROGRAMS[0]);
        let ended = Process::start(command.args(args).args(["--listen", "127.0.0.1:0"])).end();
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(!ended.stderr.contains(OTHER), "{}", ended.stderr);
        ended.stderr
    };
    let store: &[&str] = &["--store", &place.store];
    let with = |args: &[&str]| refused(&[store, args].concat());
    let told = with(&["--keys", "store"]);
    assert!(told.contains("--keys store needs --keys-seal"), "{told}");
    for args in [
        &["--keys-seal", &*seal][..],
        &["--keys", "keys", "--keys-seal", &seal],
    ] {
        let told = with(args);
        assert!(told.contains("--keys-seal is for --keys store"), "{told}");
    }
    let told = with(&["--keys", "store", "--keys-seal", OTHER]);
    assert!(told.contains("say env:NAME or file:PATH"), "{told}");
    let told = with(&["--keys", "store", "--keys-seal", "env:NO_SUCH_VARIABLE"]);
    assert!(told.contains("NO_SUCH_VARIABLE is not set"), "{told}");
    let told = refused(&["--store", "memory", "--keys", "store", "--keys-seal", &seal]);
    assert!(told.contains("--store memory exclude each other"), "{told}");

    let sealed = ["--keys", "store", "--keys-seal", &seal];
    fs::write(&file, OTHER).unwrap();
    let told = with(&sealed);
    assert!(told.contains("is not among the sealing keys"), "{told}");
    fs::write(&file, &OTHER[..40]).unwrap();
    let told = with(&sealed);
    assert!(told.contains("a sealing key has 32 bytes"), "{told}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let told = with(&sealed);
    assert!(told.contains("others can read or change"), "{told}");
}

#[test]
fn a_store_that_is_away_leaves_the_keys_as_they_are_and_a_start_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let place = Place::store(&redis.url(), &sealing_key(folder.path()));
    let node = Server::start(place.node(PROGRAMS[0]).args(["--admin", "127.0.0.1:0"]));
    let keys = published(&node);
    let until = |line: &str| {
        let began = Instant::now();
        while !ask(&node, "/metrics").body.contains(line) {
            assert!(began.elapsed() < Duration::from_secs(60), "{line}");
        }
    };
    let failing = |state| {
        format!("countersign_signing_keys_failing{{issuer=\"https://login.example\"}} {state}\n")
    };
    until(&failing(0));
    redis.kill();
    until(&failing(1));
    assert_eq!(published(&node), keys);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| Server::start(&mut place.node(PROGRAMS[1])));
        // It is waiting, or has not come so far yet.
        assert_eq!(published(&node), keys);
        redis.restart();
        let other = other.join().unwrap();
        assert_eq!(published(&other), keys);
    });
    until(&failing(0));
}
