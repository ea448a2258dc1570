//! A test of the walk-through in the README of the example, exactly as it is written.

use std::process::Command;

use countersign_tests::{programs::Programs, server::Server};

use crate::servers::{FRAMEWORKS, Folder, management, start};

const README: &str = include_str!("../../../examples/resource-server/README.md");
const SAMPLE: &str = include_str!("../../../examples/resource-server/resource-server.toml");
const LOGIN: &str = "http://127.0.0.1:3000";
const API: &str = "http://127.0.0.1:8080";
const MANAGEMENT: &str = "http://127.0.0.1:8081";

#[test]
fn the_walk_through_goes_as_it_says() {
    let programs = Programs::build(&["login"]);
    let login = Server::start(programs.command("login-axum").args(["--store", "memory"]));
    for framework in FRAMEWORKS {
        let folder = Folder::new();
        let axum = "framework = \"axum\"";
        assert!(SAMPLE.contains(axum) && SAMPLE.contains(LOGIN));
        let text = SAMPLE
            .replace(axum, &format!("framework = {framework:?}"))
            .replace(LOGIN, &format!("http://{}", login.address()));
        let api = start(&folder.write("resource-server.toml", &text));
        walk(framework, &login, &api);
    }
}

/// Runs the block. A comment at the end of a line is the output of that line.
fn walk(framework: &str, login: &Server, api: &Server) {
    let block = README.split("```").find(|block| block.starts_with("sh\n"));
    let script = block.unwrap().trim_start_matches("sh\n");
    let expected: Vec<&str> = script
        .lines()
        .filter_map(|line| line.split_once(" # prints ").map(|(_, told)| told.trim()))
        .collect();
    assert_eq!(expected.len(), 6);
    assert!(
        [LOGIN, API, MANAGEMENT]
            .iter()
            .all(|address| script.contains(address))
    );

    let script = script
        .replace(LOGIN, &format!("http://{}", login.address()))
        .replace(API, &format!("http://{}", api.address()))
        .replace(MANAGEMENT, &format!("http://{}", management(api)));
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .output()
        .expect("bash");
    let printed = String::from_utf8(output.stdout).unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{framework}: {complaints}");
    let printed: Vec<&str> = printed.lines().map(str::trim).collect();
    assert_eq!(printed, expected, "{framework}: {complaints}");
}
