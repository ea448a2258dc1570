//! Tests of signing keys in a folder: three nodes behind a round robin, and a resource server that reads their key set.

#![allow(clippy::disallowed_methods)] // real time is measured here

use std::{
    collections::BTreeSet,
    fs, io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::{Clock, SystemClock};
use countersign_tests::{
    Request,
    programs::Programs,
    server::{Body, Process, Server},
    services::{Postgres, Redis},
};
use serde_json::Value;

use crate::servers::{PROGRAMS, Pair, SECRET, command, get, log_in, refresh};

/// The place of the keys and of the sessions, as arguments.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) store: String,
    keys: Vec<String>,
}

impl Place {
    fn folder(path: &Path, store: &str) -> Self {
        Self {
            store: store.to_owned(),
            keys: vec!["--keys".to_owned(), path.to_str().unwrap().to_owned()],
        }
    }

    /// The store of the sessions. The file has the keys that seal the ring.
    pub(crate) fn store(store: &str, sealed_by: &Path) -> Self {
        let seal = format!("file:{}", sealed_by.display());
        Self {
            store: store.to_owned(),
            keys: ["--keys", "store", "--keys-seal", &seal]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    /// Runs the operator's tool, and returns what it prints.
    pub(crate) fn keys(&self, args: &[&str]) -> Result<Vec<String>, String> {
        let mut command = command(PROGRAMS[0]);
        command
            .arg("keys")
            .args(args)
            .args(["--store", &self.store]);
        let ended = Process::start(command.args(&self.keys)).end();
        match ended.code {
            Some(0) => Ok(ended.stdout),
            _ => Err(ended.stderr),
        }
    }

    /// Makes a ring with short times: a change is read within 3 s, and a key published for 3 s before it signs.
    pub(crate) fn init(&self) {
        let times = ["--reload", "3", "--lead", "3", "--token-lifetime", "90"];
        self.keys(&[&["init"], &times[..]].concat()).unwrap();
    }

    pub(crate) fn node(&self, program: &str) -> Command {
        let mut command = command(program);
        command
            .args(["--ttl", "60", "--keys-interval", "1"])
            .args(["--store", &self.store])
            .args(&self.keys);
        command
    }
}

/// The `kid` of a token.
pub(crate) fn kid(token: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD
        .decode(token.split('.').next().unwrap())
        .unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

pub(crate) fn published(server: &Server) -> BTreeSet<String> {
    let set = server.send(&Request::get().target("/.well-known/jwks.json"), Body::None);
    let set: Value = serde_json::from_str(&set.body).unwrap();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// Three nodes. One that is being restarted is absent.
struct Cluster {
    nodes: [RwLock<Option<Server>>; 3],
    turn: AtomicUsize,
    place: Place,
}

impl Cluster {
    fn start(place: Place) -> Self {
        let mut cluster = Self {
            nodes: [const { RwLock::new(None) }; 3],
            turn: AtomicUsize::new(0),
            place,
        };
        for index in 0..3 {
            cluster.nodes[index] = RwLock::new(Some(cluster.node(index)));
        }
        cluster
    }

    fn node(&self, index: usize) -> Server {
        Server::start(&mut self.place.node(PROGRAMS[index % 2]))
    }

    /// Restarts a node, as a deployment does: it gets no more requests, ends those that it has, and stops.
    fn restart(&self, index: usize) {
        let mut place = self.nodes[index].write().unwrap();
        let node = place.take().unwrap();
        node.terminate();
        assert_eq!(node.end().code, Some(0));
        *place = Some(self.node(index));
    }

    /// Calls with the node whose turn it is.
    fn next<T>(&self, call: impl FnOnce(&Server) -> T) -> T {
        loop {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            if let Ok(node) = self.nodes[turn % 3].try_read()
                && let Some(node) = &*node
            {
                return call(node);
            }
        }
    }

    /// Calls with each node that is there.
    fn each(&self, mut call: impl FnMut(&Server)) {
        for node in &self.nodes {
            if let Ok(node) = node.try_read()
                && let Some(node) = &*node
            {
                call(node);
            }
        }
    }

    /// Passes connections on, to one node after the other.
    fn balance(&self, listener: &TcpListener, ended: &AtomicBool) {
        thread::scope(|scope| {
            for client in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                scope.spawn(move || self.next(|node| relay(&client.unwrap(), node.address())));
            }
        });
    }
}

/// Passes bytes on in both directions until the client has ended.
fn relay(client: &TcpStream, node: SocketAddr) {
    let node = &TcpStream::connect(node).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut &*node, &mut &*client);
            let _ = client.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut &*client, &mut &*node);
        let _ = node.shutdown(Shutdown::Both);
    });
}

/// What was seen.
#[derive(Default)]
struct Seen {
    /// The tokens, each with its key and the time of its issue.
    tokens: Mutex<Vec<(String, String, Instant)>>,
    /// The key that was replaced.
    replaced: Mutex<Option<String>>,
    refused: Mutex<Vec<String>>,
    uses: AtomicUsize,
    polls: AtomicUsize,
}

impl Seen {
    /// Uses a token at every node and at the resource server. Only one of the key that was replaced may be refused.
    fn use_token(&self, token: &str, cluster: &Cluster, resources: &Server) {
        let told = |who: &str, status: u16| {
            self.uses.fetch_add(1, Ordering::Relaxed);
            let kid = kid(token);
            if status != 200 && self.replaced.lock().unwrap().as_ref() != Some(&kid) {
                let line = format!("{who}: {status} for a token of {kid}");
                self.refused.lock().unwrap().push(line);
            }
        };
        cluster.each(|node| told("login", get(node, "/api/profile", token).status));
        told("resource server", get(resources, "/v1/me", token).status);
    }

    /// Compares the key sets of the nodes that are there, within one second of the clock that they go by, too.
    fn poll(&self, cluster: &Cluster) {
        let before = SystemClock.now();
        let mut sets = Vec::new();
        cluster.each(|node| sets.push(published(node)));
        if SystemClock.now() == before {
            self.polls.fetch_add(1, Ordering::Relaxed);
            assert!(sets.windows(2).all(|pair| pair[0] == pair[1]), "{sets:#?}");
        }
    }

    /// Waits until a new token has a key that is not this one, and returns that.
    fn wait_for_another_key(&self, key: &str) -> String {
        let patience = Instant::now();
        loop {
            let last = self
                .tokens
                .lock()
                .unwrap()
                .last()
                .map(|(_, kid, _)| kid.clone());
            if let Some(last) = last.filter(|last| last != key) {
                return last;
            }
            assert!(
                patience.elapsed() < Duration::from_secs(60),
                "{key} goes on"
            );
            thread::yield_now();
        }
    }

    /// Waits until so many more tokens were issued.
    fn wait_for_tokens(&self, more: usize) {
        let enough = self.tokens.lock().unwrap().len() + more;
        let patience = Instant::now();
        while self.tokens.lock().unwrap().len() < enough {
            assert!(patience.elapsed() < Duration::from_secs(120), "no tokens");
            thread::yield_now();
        }
    }
}

#[test]
fn a_rotation_a_restart_and_an_emergency_refuse_no_good_token() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("sessions.db").display());
    refuse_no_good_token(&Place::folder(&folder.path().join("keys"), &store));
}

#[test]
fn keys_in_redis_refuse_no_good_token_either() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(server) = Redis::start() {
        refuse_no_good_token(&Place::store(&server.url(), &sealing_key(folder.path())));
    }
}

#[test]
fn keys_in_postgres_refuse_no_good_token_either() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(server) = Postgres::shared() {
        let place = Place::store(&server.database(), &sealing_key(folder.path()));
        refuse_no_good_token(&place);
    }
}

/// Makes a key that seals a ring.
pub(crate) fn sealing_key(folder: &Path) -> PathBuf {
    let path = folder.join("sealing.key");
    fs::write(&path, "14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ=\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn refuse_no_good_token(place: &Place) {
    let folder = tempfile::tempdir().unwrap();
    place.init();
    let cluster = &Cluster::start(place.clone());
    let seen = &Seen::default();
    let ended = &AtomicBool::new(false);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let balancer = listener.local_addr().unwrap();
    let config = folder.path().join("api.toml");
    let issuer = "[[issuers]]\nissuer = \"https://login.example\"\naudience = \"login\"\n";
    let url = format!("keys = {{ jwks_url = \"http://{balancer}/.well-known/jwks.json\" }}\n");
    let listen = "listen = \"127.0.0.1:0\"\n";
    let config_text = format!("{listen}{issuer}{url}[management]\n{listen}");
    fs::write(&config, config_text).unwrap();
    let programs = Programs::build(&["resource-server"]);
    let mut resources = programs.command("resource-server");
    let resources = &Server::start(resources.arg("--config").arg(&config));
    thread::scope(|scope| {
        scope.spawn(|| cluster.balance(&listener, ended));
        let ends = EndsAll(ended, balancer);
        let issuing = scope.spawn(move || {
            let mut pair = cluster.next(log_in);
            while !ended.load(Ordering::Relaxed) {
                pair = Pair::of(&cluster.next(|node| refresh(node, &pair.refresh)));
                let token = &pair.access;
                seen.use_token(token, cluster, resources);
                let issued = (token.clone(), kid(token), Instant::now());
                seen.tokens.lock().unwrap().push(issued);
            }
        });
        // Old tokens are as good as new ones.
        let using = scope.spawn(move || {
            for round in 0_usize.. {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let token = {
                    let tokens = seen.tokens.lock().unwrap();
                    let is_good = |at: &Instant| at.elapsed() < Duration::from_secs(50);
                    let good: Vec<_> = tokens.iter().filter(|(_, _, at)| is_good(at)).collect();
                    good.get(round * 7 % good.len().max(1))
                        .map(|(token, _, _)| token.clone())
                };
                if let Some(token) = token {
                    seen.use_token(&token, cluster, resources);
                }
            }
        });
        let polling = scope.spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                seen.poll(cluster);
            }
        });

        seen.wait_for_tokens(5);
        let first = seen.tokens.lock().unwrap()[0].clone();
        place.keys(&["rotate"]).unwrap();
        cluster.restart(0); // amid the lead
        let second = seen.wait_for_another_key(&first.1);
        cluster.restart(1); // after it
        seen.wait_for_tokens(5);
        assert_eq!(
            cluster.next(|node| get(node, "/api/profile", &first.0).status),
            200
        );

        *seen.replaced.lock().unwrap() = Some(second.clone());
        let leaked = seen.tokens.lock().unwrap().last().unwrap().0.clone();
        place.keys(&["replace", "--id", &second]).unwrap();
        cluster.restart(2);
        let third = seen.wait_for_another_key(&second);
        assert_ne!(third, first.1);
        seen.wait_for_tokens(5);
        cluster.each(|node| assert_eq!(get(node, "/api/profile", &leaked).status, 401));
        assert_eq!(get(resources, "/v1/me", &leaked).status, 401);
        seen.wait_for_tokens(5);
        drop(ends);
        for thread in [issuing, using, polling] {
            thread.join().unwrap();
        }
    });
    let refused = seen.refused.lock().unwrap();
    assert!(refused.is_empty(), "{refused:#?}");
    let (uses, polls) = (
        seen.uses.load(Ordering::Relaxed),
        seen.polls.load(Ordering::Relaxed),
    );
    assert!(uses > 100 && polls > 10, "{uses} uses, {polls} polls");
}

/// Ends the threads, also when the test fails.
struct EndsAll<'e>(&'e AtomicBool, SocketAddr);

impl Drop for EndsAll<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        // The balancer waits for a connection.
        let _ = TcpStream::connect(self.1);
    }
}

#[test]
fn a_secret_in_the_environment_contradicts_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::folder(&folder.path().join("keys"), "memory");
    place.init();
    for program in PROGRAMS {
        let mut command = place.node(program);
        let ended = Process::start(command.env("JWT_SECRET", SECRET)).end();
        assert_eq!(ended.code, Some(2));
        let line =
            "error: --keys and JWT_SECRET exclude each other: each names the key that signs\n";
        assert!(ended.stderr.ends_with(line), "{}", ended.stderr);
    }
    let _started = Server::start(&mut place.node(PROGRAMS[0]));
}

#[test]
fn mistakes_of_the_operator_are_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let ring = folder.path().join("keys");
    let place = Place::folder(&ring, "memory");
    assert!(place.keys(&["rotate"]).unwrap_err().contains("cannot "));
    place.init();
    let id = fs::read_to_string(ring.join("ring.json")).unwrap();
    let id: Value = serde_json::from_str(&id).unwrap();
    let id = id["keys"][0]["kid"].as_str().unwrap();
    assert!(
        place
            .keys(&["init"])
            .unwrap_err()
            .contains("there is a ring already")
    );
    assert!(
        place
            .keys(&["replace", "--id", "x"])
            .unwrap_err()
            .contains("no key with this id")
    );
    place.keys(&["rotate"]).unwrap();
    assert!(
        place
            .keys(&["rotate"])
            .unwrap_err()
            .contains("is on its way")
    );
    let listed = place.keys(&["list"]).unwrap();
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert!(
        listed[1].starts_with(id) && listed[1].contains(" active "),
        "{listed:?}"
    );
    assert!(listed[2].contains(" announced "), "{listed:?}");
    assert_eq!(
        place.keys(&["prune"]).unwrap(),
        ["keys that are dropped: 0"]
    );

    let no_folder = Process::start(command(PROGRAMS[1]).args(["keys", "list"])).end();
    assert_eq!(
        no_folder.stderr,
        "error: say where the keys are: --keys DIR, or --keys store\n"
    );
}

/// Whenever the tool is killed, the ring is the old one or the new one.
#[test]
fn a_tool_that_is_killed_amid_its_work_leaves_a_whole_ring() {
    const ROUNDS: u32 = 60;
    let folder = tempfile::tempdir().unwrap();
    let ring = folder.path().join("keys");
    let place = Place::folder(&ring, "memory");
    place.init();
    let began = Instant::now();
    place.keys(&["list"]).unwrap();
    let whole = began.elapsed();
    let mut lengths = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut command = command(PROGRAMS[0]);
        let began = Instant::now();
        let mut tool = Process::start(command.args(["keys", "rotate", "--keys"]).arg(&ring));
        while began.elapsed() < whole * 2 * round / ROUNDS {
            thread::yield_now();
        }
        tool.kill();
        drop(tool);
        let listed = place.keys(&["list"]).unwrap();
        lengths.insert(listed.len());
        if listed.len() > 2 {
            fs::remove_dir_all(&ring).unwrap();
            place.init();
        }
    }
    assert_eq!(
        lengths,
        BTreeSet::from([2, 3]),
        "some were killed before, some after"
    );
    place.keys(&["rotate"]).unwrap();
}
