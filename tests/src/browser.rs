//! Scripts that drive a real browser: `tests/browser`.

use std::{
    env,
    io::{Write, stderr},
    path::PathBuf,
    process::Command,
};

/// Returns the folder that an environment variable names; `None`, with a line on standard error, if it is not
/// set. `tests/run` sets `COUNTERSIGN_BROWSER`, the folder of the scripts.
#[must_use]
pub fn folder(variable: &str, what: &str) -> Option<PathBuf> {
    let folder = env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        let _ = writeln!(stderr(), "left out: {what}: {variable} is not set");
    }
    folder
}

/// Returns Node.js: `COUNTERSIGN_NODE`, or what is on the path.
#[must_use]
pub fn node() -> Command {
    Command::new(env::var_os("COUNTERSIGN_NODE").unwrap_or_else(|| "node".into()))
}

/// Runs a script that prints `ok NAME` or `not ok NAME: WHY` for each check. The folder for its screenshots comes
/// last.
pub fn drive(script: &mut Command, screenshots: &str) {
    if let Some(folder) = env::var_os("COUNTERSIGN_SCREENSHOTS") {
        script.arg(PathBuf::from(folder).join(screenshots));
    }
    let output = script.output().expect("Node.js runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{screenshots}:\n{told}\n{complained}"
    );
    let passed = told.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(passed > 5, "{screenshots}: hardly a check ran:\n{told}");
}
