//! Example programs: building and starting them.

use std::{
    collections::HashMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// Programs that cargo has built.
pub struct Programs(HashMap<String, PathBuf>);

impl Programs {
    /// Builds the programs of these packages, in the target folder of the running test.
    #[must_use]
    pub fn build(packages: &[&str]) -> Self {
        let test = env::current_exe().expect("a test runs from a file");
        // target/debug/deps/test
        let target = test.ancestors().nth(3).unwrap_or(Path::new("target"));
        let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
            .args(["build", "--locked", "--quiet", "--target-dir"])
            .arg(target)
            .args(["--message-format", "json-render-diagnostics"])
            .args(
                packages
                    .iter()
                    .map(|package| format!("--package={package}")),
            )
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "cargo build: {}", output.status);
        let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
        let artifacts = messages.lines().map(|line| {
            let artifact: Value = serde_json::from_str(line).expect("cargo writes JSON");
            let name = artifact["target"]["name"].as_str()?.to_owned();
            Some((name, artifact["executable"].as_str()?.into()))
        });
        Self(artifacts.flatten().collect())
    }

    /// Returns a command that starts a program, without settings from the environment.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(&self.0[program]);
        for setting in ["JWT_SECRET", "COUNTERSIGN_LOGIN_STORE", "RUST_LOG"] {
            command.env_remove(setting);
        }
        command
    }
}
