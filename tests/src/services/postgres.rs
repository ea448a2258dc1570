//! A private PostgreSQL server for a test.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

/// The time that the server has to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A PostgreSQL server that only this machine can reach. It ends, and its data is removed, when
/// this is dropped or the test program ends, however that happens.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    owner: Option<Owner>,
    port: u16,
    /// The shell that watches over the server; `None` while the server is down.
    watch: Option<Child>,
}

/// The user that the server runs as when we are root: it refuses to run as root.
#[derive(Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl Postgres {
    /// Starts a server; `None`, with a line on standard error, if PostgreSQL is not installed.
    ///
    /// Its programs are looked for in the folder that `COUNTERSIGN_POSTGRES_BIN` names, then on the
    /// `PATH`, then where distributions put them.
    #[must_use]
    pub fn start() -> Option<Self> {
        let started = programs().and_then(Self::start_with);
        started.map_err(leave_out).ok()
    }

    /// Returns a server that all tests of this program share. Each takes a
    /// [`database`](Self::database) of its own.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| programs().and_then(Self::start_with));
        shared.as_ref().map_err(|why| leave_out(why.clone())).ok()
    }

    /// Returns the URL of a database. There is a single user, who may do anything.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Creates a new database, and returns its URL.
    #[must_use]
    pub fn database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let status = Command::new(self.programs.join("createdb"))
            .args(["--host=127.0.0.1", "--username=postgres"])
            .args([
                &format!("--port={}", self.port),
                "--maintenance-db=postgres",
            ])
            .arg(&name)
            .status();
        assert!(status.is_ok_and(|status| status.success()), "createdb");
        self.url_of(&name)
    }

    /// Returns the port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once, as a crash would. Committed data is there after a
    /// [`restart`](Self::restart).
    pub fn kill(&mut self) {
        self.stop(b"keep the data\n");
    }

    /// Starts it again, on the same port.
    pub fn restart(&mut self) {
        self.kill();
        self.run().expect("a server that starts again");
    }

    /// Starts a standby of this server, and returns when it has all that was written.
    #[must_use]
    pub fn standby(&self) -> Self {
        let (folder, owner) = make_folder().expect("a folder");
        let data = folder.join("data");
        let mut backup = Command::new(self.programs.join("pg_basebackup"));
        if let Some(owner) = owner {
            backup.uid(owner.user).gid(owner.group);
        }
        let backup = backup
            .args(["--host=127.0.0.1", "--username=postgres", "--no-sync"])
            .arg(format!("--port={}", self.port))
            .args(["--checkpoint=fast", "--write-recovery-conf", "--pgdata"])
            .arg(&data)
            .current_dir(&folder)
            .status();
        assert!(backup.is_ok_and(|status| status.success()), "pg_basebackup");
        let mut standby = Self {
            programs: self.programs.clone(),
            folder,
            owner,
            port: free_port(),
            watch: None,
        };
        standby.run().expect("a standby that starts");
        let written = self.query("postgres", "SELECT pg_current_wal_lsn()");
        let has_it = format!("SELECT pg_last_wal_replay_lsn() >= '{}'", written.trim());
        while standby.query("postgres", &has_it).trim() != "t" {}
        standby
    }

    /// Promotes this standby: what its primary writes from here on does not reach it.
    pub fn promote(&self) {
        assert_eq!(self.query("postgres", "SELECT pg_promote()").trim(), "t");
    }

    /// Runs statements with `psql`, and returns what it prints.
    #[must_use]
    pub fn query(&self, database: &str, sql: &str) -> String {
        let mut psql = self.client("psql", database);
        Self::output(
            psql.args(["--no-psqlrc", "--tuples-only", "--no-align"])
                .args(["--command", sql]),
        )
    }

    /// Returns a dump of a database.
    #[must_use]
    pub fn dump(&self, database: &str) -> String {
        Self::output(&mut self.client("pg_dump", database))
    }

    /// Runs a dump in a new database, and returns its name.
    #[must_use]
    pub fn restore(&self, dump: &str) -> String {
        let url = self.database();
        let database = url.rsplit('/').next().expect("a name").to_owned();
        let file = self.folder.join("restored.sql");
        fs::write(&file, dump).expect("a file");
        let mut psql = self.client("psql", &database);
        let _ = Self::output(
            psql.args(["--set=ON_ERROR_STOP=1", "--quiet", "--file"])
                .arg(&file),
        );
        database
    }

    /// Returns the URL of one of its databases.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn client(&self, program: &str, database: &str) -> Command {
        let mut client = Command::new(self.programs.join(program));
        client
            .args(["--host=127.0.0.1", "--username=postgres", "--no-password"])
            .arg(format!("--port={}", self.port))
            .arg(format!("--dbname={database}"));
        client
    }

    fn output(client: &mut Command) -> String {
        let output = client.output().expect("a client of PostgreSQL");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{client:?}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn start_with(programs: PathBuf) -> Result<Self, String> {
        let (folder, owner) = make_folder()?;
        let mut server = Self {
            programs,
            folder,
            owner,
            port: 0,
            watch: None,
        };
        let mut started = Err(String::new());
        // Another program can take a port that was free.
        for _ in 0..3 {
            if started.is_err() {
                server.port = free_port();
                started = server.run();
            }
        }
        started.expect("a server that starts");
        Ok(server)
    }

    /// Runs the server until it reports that it is ready. Fails with its output if it ends before
    /// that.
    fn run(&mut self) -> Result<(), String> {
        let mut command = Command::new("sh");
        if let Some(owner) = self.owner {
            command.uid(owner.user).gid(owner.group);
        }
        let mut watch = command
            .args(["-c", WATCH, "sh"])
            .args([&self.folder, &self.programs])
            .args(["-c", &format!("port={}", self.port)])
            .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
            // The owner may have no access to the folder of the caller.
            .current_dir(&self.folder)
            .env("LC_ALL", "C")
            // Ctrl-C ends the tests, and lets the shell clean up after them.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let log = BufReader::new(watch.stderr.take().expect("it is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            // Reads to the end, even without a receiver: a server stops when its pipe is full.
            for line in log.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        self.watch = Some(watch);
        let mut said = String::new();
        while let Ok(line) = lines.recv_timeout(PATIENCE) {
            // A standby accepts read-only ones.
            if line.contains("ready to accept ") {
                return Ok(());
            }
            said = said + &line + "\n";
        }
        self.kill();
        Err(said)
    }

    /// Tells the shell to end the server, and waits until it has. The word decides what happens to
    /// the data: see [`WATCH`].
    fn stop(&mut self, word: &[u8]) {
        if let Some(mut watch) = self.watch.take() {
            if let Some(mut stdin) = watch.stdin.take() {
                let _ = stdin.write_all(word);
            }
            let _ = watch.wait();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop(b"");
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The script that runs a server until a line arrives, or the program that would send it ends.
/// Without a line, the folder is removed too. (A server that has only just started does not hear
/// the signal.)
const WATCH: &str = r#"
    folder=$1
    programs=$2
    shift 2
    [ -d "$folder/data" ] || "$programs/initdb" --pgdata="$folder/data" --username=postgres \
        --auth=trust --encoding=UTF8 --locale=C --no-sync </dev/null >"$folder/initdb" 2>&1 ||
        { cat "$folder/initdb" >&2; exit; }
    "$programs/postgres" -D "$folder/data" "$@" </dev/null &
    exec 2>/dev/null
    read -r line
    while kill -QUIT $!; do sleep 0.1; done
    [ -n "$line" ] || rm -rf "$folder"
"#;

/// The settings. A crash of the machine would lose data, but one of the server does not.
const SETTINGS: [&str; 5] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "fsync=off",
    "logging_collector=off",
];

/// Returns the folder with the programs, or why there is none.
fn programs() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os("COUNTERSIGN_POSTGRES_BIN").map(PathBuf::from) {
        // A typing error must not skip a suite.
        assert!(has_programs(&named), "no PostgreSQL in {}", named.display());
        return Ok(named);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut installed: Vec<_> = installed
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    installed.sort();
    let config = Command::new("pg_config").arg("--bindir").output().ok();
    let config = config.and_then(|output| String::from_utf8(output.stdout).ok());
    env::split_paths(&path)
        .chain(installed.into_iter().rev())
        .chain(config.map(|folder| PathBuf::from(folder.trim())))
        .find(|folder| has_programs(folder))
        .ok_or_else(|| "PostgreSQL is not installed; `tests/run` installs it".into())
}

fn has_programs(folder: &Path) -> bool {
    let needed = ["initdb", "postgres", "createdb"];
    needed.iter().all(|program| folder.join(program).is_file())
}

/// Creates a folder. Returns it and its owner, if we are root.
fn make_folder() -> Result<(PathBuf, Option<Owner>), String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("countersign-postgres-{}-{count}", process::id());
    let folder = env::temp_dir().join(name);
    let made = fs::DirBuilder::new().mode(0o700).create(&folder);
    made.expect("a new folder");
    if fs::metadata(&folder).map_or(0, |folder| folder.uid()) != 0 {
        return Ok((folder, None));
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let owner = ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| owner(&users, name))
        .ok_or("PostgreSQL refuses root, and there is neither a user postgres nor nobody")?;
    chown(&folder, Some(owner.user), Some(owner.group)).expect("root may do that");
    Ok((folder, Some(owner)))
}

fn owner(users: &str, name: &str) -> Option<Owner> {
    let mut fields = users
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.next()? == name).then_some(fields))?
        .skip(1);
    Some(Owner {
        user: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
    })
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it is bound").port()
}

#[allow(clippy::needless_pass_by_value)] // it ends `map_err`
fn leave_out(why: String) {
    // Bypasses the capture of the test harness, which would hide it from a test that passes.
    let _ = writeln!(std::io::stderr(), "left out: stores on PostgreSQL: {why}");
}
