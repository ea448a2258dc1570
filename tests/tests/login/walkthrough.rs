//! A test of the walk-through in the README of the example, exactly as it is written.

use std::{process::Command, thread};

use countersign_tests::server::Server;

use crate::servers::{PROGRAMS, start};

const README: &str = include_str!("../../../examples/login/README.md");
const ADDRESS: &str = "http://127.0.0.1:3000";

#[test]
fn the_walk_through_of_the_readme_goes_as_it_says() {
    // Concurrently, because each waits for the end of the grace period.
    thread::scope(|scope| {
        for program in PROGRAMS {
            scope.spawn(move || walk(program, &start(program)));
        }
    });
}

/// Runs the block. A comment at the end of a line is the output of that line.
fn walk(program: &str, server: &Server) {
    let block = README
        .split("```")
        .find(|block| block.starts_with("sh\n") && block.contains("/token/"))
        .expect("a walk through with curl");
    let script = block.trim_start_matches("sh\n");
    assert!(script.contains(ADDRESS));
    let expected: Vec<&str> = script
        .lines()
        .filter_map(|line| line.split_once(" # prints ").map(|(_, told)| told.trim()))
        .collect();
    assert!(expected.len() > 5, "the walk through says what it prints");

    let script = script.replace(ADDRESS, &format!("http://{}", server.address()));
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
