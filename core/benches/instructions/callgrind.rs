//! Runs this program under callgrind.

use std::process::Command;

/// Returns the instructions of one call of a case.
pub(crate) fn count(case: &str, calls: u64) -> u64 {
    let program = std::env::current_exe().expect("the path of this program");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(["--toggle-collect=instructions::cases::counted", "--"])
        .arg(program)
        .args(["--run", case, &calls.to_string()])
        // The environment must not move the stack.
        .env_clear()
        .output()
        .expect("valgrind runs: is it installed?");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case} failed:\n{log}");
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    let (_, total) = collected.unwrap_or_else(|| panic!("{case}: no count in\n{log}"));
    let total: u64 = total.trim().parse().expect("a number");
    assert!(total > 0, "{case}: nothing was counted");
    total / calls
}

/// Returns the version of the compiler.
pub(crate) fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let version = text.unwrap_or_default();
    version.split_whitespace().nth(1).unwrap_or("?").to_owned()
}
