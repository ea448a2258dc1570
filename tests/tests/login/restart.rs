//! Tests of the data that outlives the process.

use countersign_tests::server::Server;

use crate::servers::{PROGRAMS, Pair, command, log_in, profile, refresh};

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
fn a_store_that_cannot_be_used_is_one_line_and_the_exit_code_2() {
    for program in PROGRAMS {
        for store in [
            "postgres://127.0.0.1:1/none",
            "redis://127.0.0.1:1",
            "sqlite:/dev/null/x",
        ] {
            let mut command = command(program);
            let output = command
                .args(["--store", store, "--listen", "127.0.0.1:0"])
                .output();
            let output = output.unwrap();
            let complaint = String::from_utf8(output.stderr).unwrap();
            assert_eq!(
                output.status.code(),
                Some(2),
                "{program} {store}: {complaint}"
            );
            let line = complaint.lines().last().unwrap_or_default();
            assert!(
                line.starts_with("error: the store cannot be used: "),
                "{complaint}"
            );
        }
    }
}
