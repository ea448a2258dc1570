//! nginx in front of servers under test.

use std::{
    env, fs,
    io::{Write, stderr},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use tempfile::TempDir;

use crate::server::Process;

/// A running nginx. It ends when this is dropped.
pub struct Nginx {
    process: Option<Process>,
    _folder: TempDir,
}

impl Nginx {
    /// Starts it with a configuration that listens on `address`; `None`, with a line on standard error, if it is
    /// not installed. `what` is then left out.
    #[must_use]
    pub fn start(configuration: &str, address: SocketAddr, what: &str) -> Option<Self> {
        let Some(program) = program() else {
            let _ = writeln!(stderr(), "left out: {what}: there is no nginx");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration).expect("a file");
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).arg("-c").arg(&file);
        // As root, the workers are somebody else, who may not read the folder.
        command.args(["-e", "stderr", "-g", "daemon off;"]);
        let mut process = Process::start(&mut command);
        while TcpStream::connect(address).is_err() {
            assert!(process.is_running(), "nginx has ended");
            thread::yield_now();
        }
        Some(Self {
            process: Some(process),
            _folder: folder,
        })
    }
}

impl Drop for Nginx {
    /// Its workers would outlive a master that is killed.
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.terminate();
            let _ = process.end();
        }
    }
}

/// Returns nginx: `COUNTERSIGN_NGINX`, or what is installed.
fn program() -> Option<PathBuf> {
    if let Some(program) = env::var_os("COUNTERSIGN_NGINX") {
        return Some(program.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([Path::new("/usr/sbin").to_owned()]);
    folders
        .map(|folder| folder.join("nginx"))
        .find(|file| file.is_file())
}
