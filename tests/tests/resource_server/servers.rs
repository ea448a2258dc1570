//! Servers with a configuration of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::Duration,
};

use countersign_tests::{
    programs::Programs,
    server::{Ended, Process, Server},
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, time::timeout};

pub(crate) const FRAMEWORKS: [&str; 2] = ["axum", "actix"];

/// The program with this configuration.
pub(crate) fn command(config: &Path) -> Command {
    static BUILT: LazyLock<Programs> = LazyLock::new(|| Programs::build(&["resource-server"]));
    let mut command = BUILT.command("resource-server");
    command.arg("--config").arg(config);
    command
}

/// A folder with configuration files, and what they name.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.path().join(name);
        fs::write(&file, text).unwrap();
        file
    }
}

/// How a program ends that does not start.
#[track_caller]
pub(crate) fn refused(command: &mut Command) -> Ended {
    let process = Process::start(command);
    assert_eq!(process.line(), None, "it starts");
    process.end()
}

pub(crate) fn start(config: &Path) -> Server {
    Server::start(&mut command(config))
}

/// What the future gives, in time.
#[track_caller]
pub(crate) fn within<T>(future: impl Future<Output = T>) -> T {
    const PATIENCE: Duration = Duration::from_secs(30);
    let patience = async { timeout(PATIENCE, future).await };
    let given = Runtime::new().unwrap().block_on(patience);
    given.expect("it happens in time")
}
