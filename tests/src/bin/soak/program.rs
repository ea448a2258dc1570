//! A server in a process of its own, with its memory and its complaints.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use crate::record::locked;

/// A server. It is killed when this is dropped.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    child: Child,
    complaints: Arc<Mutex<Complaints>>,
}

/// The notable lines of its log, which reports every refused request.
#[derive(Default)]
struct Complaints {
    last: String,
    panic: Option<String>,
}

impl Program {
    /// Starts a program that takes `--listen` and prints `listening on http://ADDRESS`.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Self {
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        let complaints = Arc::<Mutex<Complaints>>::default();
        let heard = Arc::clone(&complaints);
        // Both are read to their end: a program stops when a pipe is full.
        let log = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut heard = locked(&heard);
                if line.contains("panicked at") && heard.panic.is_none() {
                    heard.panic = Some(line.clone());
                }
                heard.last = line;
            }
        });
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let address = line.strip_prefix("listening on http://")?;
            address.parse().ok()
        });
        let Some(address) = address else {
            let _ = (child.kill(), log.join());
            let last = &locked(&complaints).last;
            panic!("{name} does not say where it listens: {last}");
        };
        thread::spawn(move || lines.for_each(drop));
        Self {
            name,
            address,
            child,
            complaints,
        }
    }

    /// Returns its resident memory in KiB; `None` once it has ended.
    pub(crate) fn resident(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// Returns a problem: the server has ended, or one of its threads has panicked.
    pub(crate) fn trouble(&mut self) -> Option<String> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Some(format!("{} has ended: {status}", self.name));
        }
        let panic = locked(&self.complaints).panic.clone()?;
        Some(format!("{}: {panic}", self.name))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
