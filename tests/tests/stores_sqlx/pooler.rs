//! Tests behind a connection pooler: PgBouncer.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use countersign::session::store::SessionStore;
use countersign_sqlx::{PostgresStore, SetupError};
use countersign_tests::services::Postgres;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::lab::{Folder, START, session};

/// PgBouncer in front of a database. It ends when this is dropped.
struct PgBouncer {
    process: Child,
    url: String,
    _folder: Folder,
}

impl PgBouncer {
    /// Starts it; `None`, with a line on standard error, if it or PostgreSQL is not installed.
    fn start(pool_mode: &str) -> Option<Self> {
        let server = Postgres::shared()?;
        let Some(program) = program() else {
            let why =
                "left out: stores behind PgBouncer: it is not installed; `tests/run` installs it";
            let _ = writeln!(std::io::stderr(), "{why}");
            return None;
        };
        let database = server.database();
        let database = database.rsplit('/').next().unwrap();
        let folder = Folder::new();
        let port = free_port();
        let settings = folder.file().with_extension("ini");
        let text = format!(
            "[databases]\n{database} = host=127.0.0.1 port={} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = {pool_mode}\nignore_startup_parameters = options,extra_float_digits\n",
            server.port()
        );
        fs::write(&settings, text).unwrap();
        let mut command = Command::new(program);
        // It refuses to run as root, and reads its settings afterwards.
        if fs::metadata("/proc/self")
            .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
        {
            command.args(["-u", "nobody"]);
            open_to_all(settings.parent().unwrap());
        }
        let mut process = command
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let mut lines = log.lines().map_while(Result::ok);
        let is_up = lines.any(|line| line.contains("process up"));
        assert!(is_up, "PgBouncer ended");
        // It stops when its pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            process,
            url: format!("postgres://postgres@127.0.0.1:{port}/{database}"),
            _folder: folder,
        })
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.find_map(|folder| Some(folder.join("pgbouncer")).filter(|file| file.is_file()))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// W19
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_is_refused_with_what_to_do() {
    let Some(pooler) = PgBouncer::start("transaction") else {
        return;
    };
    // Once what a first program has prepared is there, too.
    for _ in 0..2 {
        let refused = PostgresStore::connect(&pooler.url).await.unwrap_err();
        assert!(matches!(refused, SetupError::Pooler(_)), "{refused}");
        let text = refused.to_string();
        assert!(text.contains("pool_mode = session"), "{text}");
    }
    let pool = PgPool::connect(&pooler.url).await.unwrap();
    let refused = PostgresStore::builder().migrate(&pool).await.unwrap_err();
    assert!(matches!(refused, SetupError::Pooler(_)), "{refused}");
}

/// The twin: each client has a connection to PostgreSQL of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_session_mode_is_none() {
    let Some(pooler) = PgBouncer::start("session") else {
        return;
    };
    let store = PostgresStore::connect(&pooler.url).await.unwrap();
    let session = session(1);
    assert!(store.insert(&session, START).await.unwrap());
    assert_eq!(store.find(&session.id).await.unwrap(), Some(session));
    let pool = PgPoolOptions::new().max_connections(2);
    let pool = pool.connect(&pooler.url).await.unwrap();
    PostgresStore::builder().migrate(&pool).await.unwrap();
}
