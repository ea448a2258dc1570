//! End to end: requests per second over loopback, as a share of the bare route's.
//!
//! `cargo bench -p countersign-tests --bench loopback`. It needs `wrk` (Debian package `wrk`). The
//! server is this program again, in a process of its own, with one worker; `wrk` has one thread.
//! All routes, even the bare one, get the same bytes and give the same answer. They take turns, in
//! an order that rotates each round; a share is the median over the rounds.
//!
//! On a machine with other work, the server's CPU time per request is steadier than requests per
//! second, so it is shown beside them.

#[path = "../../core/benches/harness/case.rs"]
mod case;
#[path = "../../core/benches/harness/mod.rs"]
mod harness;
mod routes;

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use actix_web::{App, HttpServer};
use countersign::Algorithm;

use crate::{
    harness::{Goal, Table, median},
    routes::{BARE, BY_HAND, CACHED, OURS, Setup, actix, axum},
};

const FRAMEWORKS: [&str; 2] = ["axum", "actix-web"];
const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::RS256,
    Algorithm::HS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];
const PATHS: [&str; 4] = [BARE, BY_HAND, OURS, CACHED];
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = env::args().collect();
    if let [_, serve, framework, algorithm] = &args[..]
        && serve == SERVE
    {
        serve_until_killed(framework, algorithm.parse().expect("a known name"));
        return;
    }
    if let Err(why) = Command::new("wrk").stdout(Stdio::null()).status() {
        // Not by `eprintln!`: see `tests/run`.
        let _ = writeln!(io::stderr(), "left out: loopback: no wrk: {why}");
        return;
    }
    let mut table = Table::new();
    for framework in FRAMEWORKS {
        for algorithm in ALGORITHMS {
            compare(framework, algorithm, &mut table);
        }
    }
    table.finish();
}

/// Lets `wrk` load each route in turn.
fn compare(framework: &str, algorithm: Algorithm, table: &mut Table) {
    let server = Server::start(framework, algorithm);
    let mut rounds = PATHS.map(|_| Vec::with_capacity(ROUNDS));
    // The first round warms up.
    for round in 0..=ROUNDS {
        for turn in 0..PATHS.len() {
            let which = (round + turn) % PATHS.len();
            let load = server.load(PATHS[which]);
            if round > 0 {
                rounds[which].push(load);
            }
        }
    }
    let middle = |loads: &[Load], part: fn(&Load) -> f64| median(loads.iter().map(part).collect());
    let bare = &rounds[0];
    for (path, loads) in PATHS.iter().zip(&rounds).skip(1) {
        let shares = loads.iter().zip(bare);
        let shares = shares.map(|(load, bare)| 100.0 * load.per_second / bare.per_second);
        table.row(
            &format!(
                "{framework} over loopback, {}, {}",
                algorithm.name(),
                name(path)
            ),
            goal(path, algorithm),
            median(shares.collect()),
            "%",
            &format!(
                "{:.0} of {:.0} requests/s; CPU {:.1} and {:.1} us a request",
                middle(loads, |load| load.per_second),
                middle(bare, |load| load.per_second),
                middle(loads, |load| load.cpu_micros),
                middle(bare, |load| load.cpu_micros),
            ),
        );
    }
}

fn name(path: &str) -> &'static str {
    match path {
        BY_HAND => "jsonwebtoken by hand",
        CACHED => "ours with a cache",
        _ => "ours",
    }
}

fn goal(path: &str, algorithm: Algorithm) -> Goal {
    match (path, algorithm) {
        (CACHED, Algorithm::RS256) => Goal::AtLeast(85.0, 92.0),
        _ => Goal::Shown,
    }
}

/// The results of a route in one round.
struct Load {
    per_second: f64,
    /// The server's CPU time per request.
    cpu_micros: f64,
}

/// This program, as a server in a process of its own.
struct Server {
    process: Child,
    address: String,
    authorization: String,
}

impl Server {
    fn start(framework: &str, algorithm: Algorithm) -> Self {
        let program = env::current_exe().expect("a program");
        let mut process = Command::new(program)
            .args([SERVE, framework, algorithm.name()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server");
        let output = process.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(output).lines();
        let mut line = || lines.next().expect("a line").expect("text");
        Self {
            address: line(),
            authorization: line(),
            process,
        }
    }

    /// Runs one round of `wrk`.
    fn load(&self, path: &str) -> Load {
        let before = self.cpu_nanos();
        let output = Command::new("wrk")
            .args(["--threads", "1", "--connections", "16", "--duration", "1s"])
            .args([
                "--header",
                &format!("Authorization: {}", self.authorization),
            ])
            .arg(format!("http://{}{path}", self.address))
            .output()
            .expect("wrk runs");
        let cpu = self.cpu_nanos() - before;
        let report = String::from_utf8_lossy(&output.stdout);
        let refused = report.contains("Non-2xx") || report.contains("Socket errors");
        assert!(output.status.success() && !refused, "{report}");
        let (_, per_second) = report.split_once("Requests/sec:").expect("a figure");
        let requests = report.lines().find_map(|line| {
            let (requests, _) = line.split_once(" requests in ")?;
            requests.trim().parse::<f64>().ok()
        });
        let per_second = per_second.split_whitespace().next();
        Load {
            per_second: per_second
                .and_then(|text| text.parse().ok())
                .expect("a number"),
            cpu_micros: cpu / 1000.0 / requests.expect("a number of requests"),
        }
    }

    /// Returns the CPU time of all threads of the server, by Linux's scheduler.
    fn cpu_nanos(&self) -> f64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id()));
        let threads = threads.expect("Linux: its threads").flatten();
        let run = threads.filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        });
        run.sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The argument that makes this program a server.
const SERVE: &str = "serve";

/// Prints its address and the header to send, and serves all routes.
fn serve_until_killed(framework: &str, algorithm: Algorithm) {
    let setup = Setup::new(algorithm);
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    match framework {
        "axum" => on_axum(&setup, local),
        _ => on_actix(&setup, local),
    }
    .expect("a free port");
}

fn on_axum(setup: &Arc<Setup>, local: SocketAddr) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(local).await?;
        announce(listener.local_addr()?, setup);
        let app = axum::bare()
            .merge(axum::by_hand(setup))
            .merge(axum::ours_with_claims(OURS, &setup.verifier))
            .merge(axum::ours_with_claims(CACHED, &setup.cached));
        ::axum::serve(listener, app).await
    })
}

fn on_actix(setup: &Arc<Setup>, local: SocketAddr) -> io::Result<()> {
    let shared = Arc::clone(setup);
    let app = move || {
        App::new()
            .service(actix::bare())
            .service(actix::by_hand(&shared))
            .service(actix::ours_with_claims(OURS, &shared.verifier))
            .service(actix::ours_with_claims(CACHED, &shared.cached))
    };
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(app).workers(1).bind(local)?;
        announce(server.addrs()[0], setup);
        server.run().await
    })
}

fn announce(address: SocketAddr, setup: &Setup) {
    println!("{address}\n{}", setup.authorization());
}
