//! Redis servers, alone and in a cluster.

use std::{
    env, fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::server::Process;

/// A Redis server that writes everything to its disk before it answers. When this is dropped, it is
/// killed and its data is removed.
pub struct Redis {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    /// The port for the other nodes of a cluster.
    bus: Option<u16>,
    process: Option<Process>,
    /// Whether it starts on a snapshot instead of a log of all writes.
    has_snapshot: bool,
}

impl Redis {
    /// Starts a server; `None`, with a line on standard error, if there is no `redis-server`.
    ///
    /// It is looked for in `COUNTERSIGN_REDIS_SERVER`, then in `PATH`.
    #[must_use]
    pub fn start() -> Option<Self> {
        Some(Self::start_program(program()?, false))
    }

    /// Starts another server on the data of a snapshot of this one.
    #[must_use]
    pub fn start_on(&self, snapshot: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::copy(snapshot, folder.path().join("dump.rdb")).expect("a snapshot");
        Self::launch_in(self.program.clone(), folder, false, true)
    }

    /// Takes a snapshot, and returns its file: a copy, which stays until the server is dropped.
    #[must_use]
    pub fn snapshot(&self) -> PathBuf {
        assert_eq!(self.send("SAVE"), "+OK\r\n");
        let copy = self.folder().join("backup.rdb");
        fs::copy(self.folder().join("dump.rdb"), &copy).expect("a snapshot");
        copy
    }

    /// Makes this server a replica of another one, and returns when it has all that was written.
    pub fn follow(&self, primary: &Self) {
        let follow = format!("REPLICAOF 127.0.0.1 {}", primary.port);
        assert_eq!(self.send(&follow), "+OK\r\n");
        assert!(self.says("MASTER <-> REPLICA sync: Finished"));
        while !primary.send("WAIT 1 1000").starts_with(":1") {}
    }

    /// Promotes this replica: what its primary writes from here on does not reach it.
    pub fn promote(&self) {
        assert_eq!(self.send("REPLICAOF NO ONE"), "+OK\r\n");
    }

    fn start_program(program: PathBuf, in_cluster: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::launch_in(program, folder, in_cluster, false)
    }

    fn launch_in(program: PathBuf, folder: TempDir, in_cluster: bool, has_snapshot: bool) -> Self {
        let mut server = Self {
            program,
            folder,
            port: 0,
            bus: None,
            process: None,
            has_snapshot,
        };
        // Another program can take a port before the server does.
        for _ in 0..10 {
            let ports = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
            let ports = ports.map(|port| port.local_addr().expect("an address").port());
            server.port = ports[0];
            server.bus = in_cluster.then_some(ports[1]);
            if server.launch() {
                return server;
            }
        }
        panic!("{:?} does not start", server.program);
    }

    /// Returns the URL that it listens on.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Returns the folder with its data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills it, as a power failure would.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again after [`kill`](Self::kill): on the same port, with the same data.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.launch(), "{:?} does not start again", self.program);
    }

    /// Sends a command, with its parts separated by spaces, and returns the answer as it is on the
    /// wire.
    #[must_use]
    pub fn send(&self, command: &str) -> String {
        let talk = || -> io::Result<String> {
            let mut stream = TcpStream::connect(self.address())?;
            write!(stream, "{command}\r\nQUIT\r\n")?;
            let mut answers = String::new();
            stream.read_to_string(&mut answers)?;
            Ok(answers)
        };
        let answers = talk().expect("a server that answers");
        let answer = answers.strip_suffix("+OK\r\n").expect("two answers");
        answer.to_owned()
    }

    /// Starts the program. Returns true if it listens, false if its port was taken.
    fn launch(&mut self) -> bool {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path());
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        let appends = if self.has_snapshot { "no" } else { "yes" };
        command.args(["--save", "", "--appendonly", appends]);
        command.args(["--appendfsync", "always"]);
        if let Some(bus) = self.bus {
            command.args([
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &bus.to_string(),
            ]);
        }
        let process = Process::start(&mut command);
        let ready = says(&process, "Ready to accept connections");
        self.process = ready.then_some(process);
        ready
    }

    /// Waits for a line of its log. Returns false if it ends before that.
    fn says(&self, words: &str) -> bool {
        self.process
            .as_ref()
            .is_some_and(|process| says(process, words))
    }
}

/// Three masters that divide the keys among them.
pub struct RedisCluster {
    /// The nodes. They can be killed and restarted one by one.
    pub nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts a cluster; `None`, with a line on standard error, if there is no `redis-server`.
    #[must_use]
    pub fn start() -> Option<Self> {
        let program = program()?;
        let nodes = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];
        let nodes = nodes.map(|(first_slot, last_slot)| {
            let node = Redis::start_program(program.clone(), true);
            let slots = format!("CLUSTER ADDSLOTSRANGE {first_slot} {last_slot}");
            assert_eq!(node.send(&slots), "+OK\r\n");
            node
        });
        for (epoch, node) in nodes.iter().enumerate() {
            let epoch = format!("CLUSTER SET-CONFIG-EPOCH {}", epoch + 1);
            assert_eq!(node.send(&epoch), "+OK\r\n");
        }
        for other in &nodes[1..] {
            let bus = other.bus.expect("a port for other nodes");
            let meet = format!("CLUSTER MEET 127.0.0.1 {} {bus}", other.port);
            assert_eq!(nodes[0].send(&meet), "+OK\r\n");
        }
        for node in &nodes {
            assert!(node.says("Cluster state changed: ok"));
        }
        Some(Self {
            nodes: nodes.into(),
        })
    }

    /// Returns the URLs of the nodes.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }
}

/// Waits for a line of the log with these words. Returns false if the program ends before that.
fn says(process: &Process, words: &str) -> bool {
    loop {
        match process.line() {
            Some(line) if line.contains(words) => return true,
            Some(_) => {}
            None => return false,
        }
    }
}

fn program() -> Option<PathBuf> {
    if let Some(program) = env::var_os("COUNTERSIGN_REDIS_SERVER") {
        return Some(program.into());
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    let program = env::split_paths(&folders)
        .map(|folder| folder.join("redis-server"))
        .find(|program| program.is_file());
    if program.is_none() {
        let _ = writeln!(
            io::stderr(),
            "left out: stores on Redis: there is no redis-server in PATH, \
             and COUNTERSIGN_REDIS_SERVER is not set"
        );
    }
    program
}
