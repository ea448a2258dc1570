//! Servers with a configuration of their own.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::Duration,
};

use countersign_tests::{
    Answer, Request,
    programs::Programs,
    server::{Body, Connection, Ended, Process, Server},
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, time::timeout};

pub(crate) const FRAMEWORKS: [&str; 2] = ["axum", "actix"];

/// Returns the command of the program with this configuration, and a free port for the operator.
pub(crate) fn command(config: &Path) -> Command {
    let mut command = bare_command(config);
    command.args(["--admin", "127.0.0.1:0", "--drain", "0"]);
    command
}

/// Returns the command of the program with this configuration alone.
pub(crate) fn bare_command(config: &Path) -> Command {
    static BUILT: LazyLock<Programs> = LazyLock::new(|| Programs::build(&["resource-server"]));
    let mut command = BUILT.command("resource-server");
    command.arg("--config").arg(config);
    command
}

/// A folder with configuration files, and the files that they name.
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

/// Sends a request to the port that only the operator should reach.
pub(crate) fn ask(server: &Server, path: &str) -> Answer {
    Connection::open(management(server)).send(&Request::get().target(path), Body::None)
}

/// Returns the address of the routes for the operator.
pub(crate) fn management(server: &Server) -> SocketAddr {
    let address = server.announced("admin on http://");
    address.unwrap().parse().unwrap()
}

/// Runs a program that does not start, and returns how it ends.
#[track_caller]
pub(crate) fn refused(command: &mut Command) -> Ended {
    let process = Process::start(command);
    assert_eq!(process.line(), None, "it starts");
    process.end()
}

pub(crate) fn start(config: &Path) -> Server {
    Server::start(&mut command(config))
}

/// Returns the output of a future, which must be ready in time.
#[track_caller]
pub(crate) fn within<T>(future: impl Future<Output = T>) -> T {
    const PATIENCE: Duration = Duration::from_secs(30);
    let patience = async { timeout(PATIENCE, future).await };
    let given = Runtime::new().unwrap().block_on(patience);
    given.expect("it happens in time")
}
