//! A test of SIGTERM under load, behind nginx with the configuration of `examples/deploy`.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use countersign_tests::{
    Request,
    nginx::Nginx,
    server::{Body, Connection, Server, free_address},
};
use serde_json::{Value, json};

use crate::servers::{ask, metric, programs};

const CONFIGURATION: &str = include_str!("../../../examples/deploy/nginx.conf");
const RESTARTS: usize = 20;
/// Clients that call a protected route, and clients that refresh.
const CLIENTS: [usize; 2] = [4, 1];

#[test]
fn restarts_behind_nginx_lose_no_request_with_axum() {
    restarts("login-axum");
}

#[test]
fn restarts_behind_nginx_lose_no_request_with_actix() {
    restarts("login-actix");
}

fn restarts(program: &str) {
    let folder = tempfile::tempdir().unwrap();
    let addresses = [free_address(), free_address()];
    let Some((_nginx, address)) = start_nginx(addresses) else {
        return;
    };
    let node = |address| {
        let mut command = programs().command(program);
        command.env("JWT_SECRET", "an example secret of 32 bytes or more");
        let store = format!("sqlite:{}", folder.path().join("sessions.db").display());
        command.args(["--store", &store, "--ttl", "3600"]);
        command.args(["--drain", "1", "--admin", "127.0.0.1:0"]);
        Server::start_at(&mut command, address)
    };
    let mut restarted = node(addresses[0]);
    let _stays = node(addresses[1]);

    let load = Load::default();
    thread::scope(|scope| {
        let _over = Over(&load.over); // even if an assertion fails: the threads are waited for
        for _ in 0..CLIENTS[0] {
            scope.spawn(|| load.call(address));
        }
        for _ in 0..CLIENTS[1] {
            scope.spawn(|| load.refresh(address));
        }
        for _ in 0..RESTARTS {
            assert!(
                !load.over.load(Ordering::Relaxed),
                "{program}: a client met a failure"
            );
            // It gets requests, as the other one does.
            let patience = Instant::now();
            while metric(&restarted, ACCEPTED) < 20 && !load.over.load(Ordering::Relaxed) {
                assert!(patience.elapsed() < Duration::from_secs(20), "{program}");
                thread::sleep(Duration::from_millis(10));
            }
            restarted.terminate();
            assert_eq!(restarted.end().code, Some(0), "{program}");
            restarted = node(addresses[0]);
            assert_eq!(ask(&restarted, "/readyz").status, 200, "{program}");
        }
    });
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (answered, refreshed) = (count(&load.answered), count(&load.refreshed));
    let _ = writeln!(
        io::stderr(),
        "figure: {program}, {RESTARTS} restarts behind nginx: {answered} requests and {refreshed} refreshes, none failed"
    );
    assert!(answered > 1_000 && refreshed > 50, "{program}");
}

const ACCEPTED: &str = r#"countersign_requests_total{outcome="accepted"}"#;

/// Clients of a service that must not notice what is done to its nodes.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    answered: AtomicU64,
    refreshed: AtomicU64,
}

impl Load {
    /// Calls a protected route over and over.
    fn call(&self, address: SocketAddr) {
        let _over = Over(&self.over); // a failure ends the test
        let mut client = Client::new(address);
        let (token, _) = client.log_in();
        let request = Request::bearer(&token).target("/api/profile");
        while !self.over.load(Ordering::Relaxed) {
            let (status, body) = client.send(&request, Body::None);
            assert_eq!(status, 200, "{body}");
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Exchanges a refresh token for the next one over and over.
    fn refresh(&self, address: SocketAddr) {
        let _over = Over(&self.over); // a failure ends the test
        let mut client = Client::new(address);
        let (_, mut refresh) = client.log_in();
        while !self.over.load(Ordering::Relaxed) {
            let body = json!({ "refresh_token": refresh });
            let (status, body) = client.post("/token/refresh", &body);
            assert_eq!(status, 200, "{body}");
            refresh = pair(&body).1;
            self.refreshed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A client with one connection, which it opens again when the server has closed it properly.
struct Client {
    address: SocketAddr,
    connection: Connection,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        let connection = Connection::open(address);
        Self {
            address,
            connection,
        }
    }

    fn send(&mut self, request: &Request, body: Body<'_>) -> (u16, String) {
        let answer = self.connection.send(request, body);
        if self.connection.header("connection") == Some("close") {
            self.connection = Connection::open(self.address);
        }
        (answer.status, answer.body)
    }

    fn post(&mut self, path: &str, body: &Value) -> (u16, String) {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(&request, Body::Sized(body.to_string().as_bytes()))
    }

    fn log_in(&mut self) -> (String, String) {
        let login = json!({ "email": "user@example.com", "password": "password123" });
        let (status, body) = self.post("/token/login", &login);
        assert_eq!(status, 200, "{body}");
        pair(&body)
    }
}

fn pair(body: &str) -> (String, String) {
    let body: Value = serde_json::from_str(body).unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

/// Starts nginx on a free port, with the configuration of the example.
fn start_nginx(nodes: [SocketAddr; 2]) -> Option<(Nginx, SocketAddr)> {
    let address = free_address();
    let mut text = CONFIGURATION.to_owned();
    let own = [address, nodes[0], nodes[1]];
    for (port, own) in ["8000", "3000", "3001"].into_iter().zip(own) {
        let example = format!("127.0.0.1:{port}");
        assert_eq!(text.matches(&example).count(), 1, "{example}");
        text = text.replace(&example, &own.to_string());
    }
    Some((
        Nginx::start(&text, address, "restarts behind nginx")?,
        address,
    ))
}

/// Sets the flag when dropped.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
