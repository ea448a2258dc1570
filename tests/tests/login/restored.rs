//! Tests of the operator's tool for the store: after a restore.

#![allow(clippy::disallowed_methods)] // real time is measured here

use std::time::{Duration, Instant};

use countersign::{Clock, SystemClock};
use countersign_tests::{
    server::{Process, Server},
    services::Redis,
};

use crate::servers::{PROGRAMS, command, log_in, profile, refresh};

/// Runs the tool, and returns what it prints.
fn tool(program: &str, args: &[&str]) -> Result<Vec<String>, String> {
    let mut command = command(program);
    let ended = Process::start(command.arg("store").args(args)).end();
    match ended.code {
        Some(0) => Ok(ended.stdout),
        _ => Err(ended.stderr),
    }
}

#[test]
fn the_steps_after_a_restore_end_what_it_has_revived_on_a_running_server() {
    let redis = Redis::start();
    for (number, program) in PROGRAMS.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let file = format!("sqlite:{}", folder.path().join("sessions.db").display());
        let stores = [Some(file), redis.as_ref().map(Redis::url)];
        for store in stores.into_iter().flatten() {
            let server = Server::start(command(program).args([
                "--store",
                &store,
                "--issuer",
                &issuer(number),
            ]));
            let pair = log_in(&server);
            let marked = tool(program, &["restored", "--store", &store]).unwrap();
            assert_eq!(marked, ["the data is marked as restored"]);
            assert_eq!(profile(&server, &pair.access).status, 200);

            let until = SystemClock.now() + 1;
            while SystemClock.now() < until {
                std::thread::yield_now();
            }
            let time = SystemClock.now().to_string();
            let end = |issuer: &str| {
                tool(
                    program,
                    &["end-before", &time, "--store", &store, "--issuer", issuer],
                )
                .unwrap()
            };
            let said =
                |issuer: &str, count| vec![format!("sessions of {issuer} that are ended: {count}")];
            assert_eq!(
                end("https://other.example"),
                said("https://other.example", 0)
            );
            assert_eq!(end(&issuer(number)), said(&issuer(number), 1));
            assert_eq!(refresh(&server, &pair.refresh).status, 400);
            let patience = Instant::now();
            while profile(&server, &pair.access).status == 200 {
                assert!(patience.elapsed() < Duration::from_secs(20), "{program}");
            }
            assert_eq!(profile(&server, &pair.access).status, 401);
            assert_eq!(profile(&server, &log_in(&server).access).status, 200);
        }
    }
}

/// Each program has a realm of its own in the one Redis.
fn issuer(number: usize) -> String {
    format!("https://login-{number}.example")
}

#[test]
fn what_the_tool_cannot_do_is_one_line() {
    let program = PROGRAMS[0];
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let later = (SystemClock.now() + 3_600).to_string();
    for (args, line) in [
        (&["restored"][..], "say which store with --store"),
        (
            &["restored", "--store", "memory"],
            "sessions in memory end with their process",
        ),
        (
            &["end-before", &later, "--store", &store],
            "TIME is in the future",
        ),
    ] {
        let told = tool(program, args).unwrap_err();
        assert!(told.contains(line) && told.lines().count() == 1, "{told}");
    }
}
