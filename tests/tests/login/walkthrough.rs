//! A test of the walk-through in the README of the example, exactly as it is written.

use std::{process::Command, thread};

use countersign_tests::server::Server;

use crate::servers::{PROGRAMS, command, start};

const README: &str = include_str!("../../../examples/login/README.md");
const ADDRESS: &str = "http://127.0.0.1:3000";
const PROGRAM: &str = "target/debug/login-axum";

#[test]
fn the_walk_through_of_the_readme_goes_as_it_says() {
    // Concurrently, because each waits for the end of the grace period.
    thread::scope(|scope| {
        for program in PROGRAMS {
            scope.spawn(move || walk(program, &start(program)));
        }
    });
}

/// Runs the blocks that ask the server, one after the other. A comment at the end of a line is the output of that line.
fn walk(program: &str, server: &Server) {
    let blocks = README
        .split("```")
        .filter_map(|block| block.strip_prefix("sh\n"));
    let script: String = blocks.filter(|block| block.contains("$S/")).collect();
    assert!(script.contains(ADDRESS) && script.contains(PROGRAM));
    let expected: Vec<&str> = script
        .lines()
        .filter_map(|line| line.split_once(" # prints ").map(|(_, told)| told.trim()))
        .collect();
    assert!(expected.len() > 5, "the walk through says what it prints");

    let built = command(program).get_program().display().to_string();
    let script = script
        .replace(ADDRESS, &format!("http://{}", server.address()))
        .replace(PROGRAM, &built);
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .output()
        .expect("bash");
    let printed = String::from_utf8(output.stdout).unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {complaints}");
    let printed: Vec<&str> = printed.lines().map(str::trim).collect();
    assert_eq!(printed, expected, "{program}: {complaints}");
}
