//! The login example and the resource server under half of their maximum load, for minutes, while
//! keys rotate, Redis dies, and the provider goes away and comes back.
//!
//! `tests/soak [MINUTES]` builds the programs and starts this one: `soak FOLDER MINUTES`, with the
//! folder of the programs. Clients keep a model of every session and every key, and judge each
//! answer by it. The exit code is 1 after an answer that the model does not allow, and when a
//! server takes more memory at the end than after the first fifth of the time.

#![allow(clippy::disallowed_methods)] // real servers need real time

mod account;
mod api;
mod client;
mod login;
mod memory;
mod program;
mod provider;
mod record;
mod requests;

use std::{
    env, fs,
    path::Path,
    process::{Command, ExitCode},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use countersign_tests::services::Redis;
use tempfile::TempDir;

use crate::{
    account::Account,
    api::{Api, Caller},
    login::{Node, User},
    memory::Memory,
    program::Program,
    provider::Provider,
    record::Record,
};

/// The time in which clients go as fast as they can, to find out what half of it is.
const MEASURING: Duration = Duration::from_secs(6);
/// The seed of the clients' choices.
const SEED: u64 = 20_260_101;
/// The number of clients of each resource server.
const CALLERS: u64 = 2;

/// The interval between crashes of Redis, the time it stays away, and the time for which this is
/// felt afterwards.
const REDIS_EVERY: Duration = Duration::from_secs(20);
const REDIS_AWAY: Duration = Duration::from_secs(2);
const REDIS_RECOVERY: Duration = Duration::from_secs(5);
/// The time after which a slow answer counts as an outage: a server waits two seconds for an answer
/// of Redis, and one for a connection, from the first request that wants it.
const STORE_PATIENCE: Duration = Duration::from_secs(1);

/// The time in which the servers notice new keys: a fetch for a request begins within ten seconds,
/// even after a failed one.
const KEYS_NOTICED: Duration = Duration::from_secs(14);
const PROVIDER_AWAY: Duration = Duration::from_secs(4);

/// The phase of the run, for all threads.
pub(crate) struct Phase {
    measuring: AtomicBool,
    over: AtomicBool,
}

impl Phase {
    pub(crate) fn is_measuring(&self) -> bool {
        self.measuring.load(Ordering::Relaxed)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Waits. Returns true if the run is not over by then.
    fn wait(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while !self.is_over() && Instant::now() < end {
            thread::sleep(Duration::from_millis(100));
        }
        !self.is_over()
    }
}

/// Ends the run when dropped, even by a panic: the other threads would otherwise go on.
struct Over<'p>(&'p Phase);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    let [_, folder, minutes] = &args[..] else {
        eprintln!("soak FOLDER MINUTES: start it with tests/soak");
        return ExitCode::from(2);
    };
    let minutes = minutes.parse::<u32>().ok();
    let Some(minutes) = minutes.filter(|minutes| (1..=1_440).contains(minutes)) else {
        eprintln!("MINUTES is a number between 1 and 1440");
        return ExitCode::from(2);
    };
    match soak(Path::new(folder), Duration::from_secs(60) * minutes) {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => ExitCode::from(2),
    }
}

/// Runs everything. Returns true if all went well; `None` without Redis.
fn soak(folder: &Path, time: Duration) -> Option<bool> {
    let mut redis = Redis::start()?;
    let provider = Provider::start();
    let configs = TempDir::new().expect("a folder");
    let mut programs = start(folder, &redis, &provider, configs.path());
    let count = AtomicU64::default;
    let nodes = [0, 1].map(|n: usize| Node {
        record: Record::new(programs[n].name, Some(STORE_PATIENCE)),
        address: programs[n].address,
        count: count(),
    });
    let apis = [2, 3].map(|n: usize| Api {
        record: Record::new(programs[n].name, None),
        address: programs[n].address,
        count: count(),
    });
    let accounts = [("user@example.com", false), ("admin@example.com", true)];
    let accounts = accounts.map(|(email, is_admin)| Account::new(email, is_admin));
    let phase = Phase {
        measuring: AtomicBool::new(true),
        over: AtomicBool::new(false),
    };
    for api in &apis {
        Caller::new(api, &provider, SEED).wait_until_ready();
    }

    println!("seed {SEED}");
    let mut full = [0.0; 4];
    let counts = || {
        let logins = nodes.iter().map(|node| &node.count);
        logins.chain(apis.iter().map(|api| &api.count))
    };
    let mut memory = Memory::new(programs.len());
    thread::scope(|scope| {
        let _over = Over(&phase);
        let phase = &phase;
        let mut seeds = SEED..;
        let mut seed = || seeds.next().expect("many numbers");
        // A login takes as long as many other requests. All users log in at once, because a server
        // keeps the memory for the most hashes that it has ever made at the same time: 19 MiB for
        // each.
        let mut preparing = Vec::new();
        for here in 0..nodes.len() {
            for account in &accounts {
                let user = User::new(&nodes, here, account, seed());
                preparing.push(scope.spawn(|| user.prepare()));
            }
        }
        let users: Vec<User<'_>> = (preparing.into_iter())
            .map(|user| user.join().expect("all have logged in"))
            .collect();
        println!("as fast as they can for {} s", MEASURING.as_secs());
        for user in users {
            scope.spawn(|| guarded(phase, || user.run(phase)));
        }
        for api in &apis {
            for _ in 0..CALLERS {
                let caller = Caller::new(api, &provider, seed());
                scope.spawn(|| guarded(phase, || caller.run(phase)));
            }
            let caller = Caller::new(api, &provider, seed());
            scope.spawn(|| guarded(phase, || caller.run_with_unknown_keys(phase)));
        }

        let began = Instant::now();
        phase.wait(MEASURING);
        for (full, count) in full.iter_mut().zip(counts()) {
            *full = count.swap(0, Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
        }
        phase.measuring.store(false, Ordering::Relaxed);
        println!("at half of that for {} s", time.as_secs());

        let (nodes, apis, provider, redis) = (&nodes, &apis, &provider, &mut redis);
        scope.spawn(|| guarded(phase, || restart_redis(phase, redis, nodes)));
        scope.spawn(|| guarded(phase, || trouble_provider(phase, provider, apis)));
        memory.watch(&programs, time, phase);
    });

    let records: Vec<&Record> = (nodes.iter().map(|node| &node.record))
        .chain(apis.iter().map(|api| &api.record))
        .collect();
    let driven = counts().map(|count| count.load(Ordering::Relaxed) as f64 / time.as_secs_f64());
    println!(
        "| server | full load | driven | requests in all | memory after warm-up | at the end | growth |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (n, driven) in driven.enumerate() {
        println!(
            "| {} | {:.0}/s | {driven:.0}/s | {} | {} |",
            programs[n].name,
            full[n],
            records[n].requests(),
            memory.row(n)
        );
    }
    for (program, record) in programs.iter().zip(&records) {
        println!("{}: {}", program.name, record.statuses());
    }
    let slow: u64 = records.iter().map(|record| record.slow()).sum();
    println!("{slow} times 503 because Redis was slow, and not away");
    let mut wrong: Vec<String> = records
        .iter()
        .flat_map(|record| record.violations())
        .collect();
    wrong.extend(programs.iter_mut().filter_map(Program::trouble));
    println!("{} violations", wrong.len());
    for text in wrong.iter().take(20) {
        println!("- {text}");
    }
    let has_grown = memory.complain(&programs);
    Some(wrong.is_empty() && !has_grown)
}

/// Starts the two nodes of the login example, and the resource server on two frameworks.
fn start(folder: &Path, redis: &Redis, provider: &Provider, configs: &Path) -> [Program; 4] {
    let command = |program: &str| {
        let mut command = Command::new(folder.join(program));
        command.env_remove("COUNTERSIGN_LOGIN_STORE");
        command
    };
    let login = |program| {
        let mut command = command(program);
        command.env("JWT_SECRET", "an example secret of 32 bytes or more");
        command.args(["--store", &redis.url()]);
        command.args(["--ttl", &account::LIFETIME.as_secs().to_string()]);
        Program::start(program, &mut command)
    };
    let api = |framework, name| {
        let (issuer, audience, leeway) = (api::ISSUER, api::AUDIENCE, api::LEEWAY);
        let text = format!(
            "framework = {framework:?}\nleeway = {leeway}\n[[issuers]]\nissuer = {issuer:?}\n\
             audience = {audience:?}\nkeys = {{ jwks_url = {:?} }}\n",
            provider.url()
        );
        let config = configs.join(format!("{name}.toml"));
        fs::write(&config, text).expect("a file");
        let mut command = command("resource-server");
        command.arg("--config").arg(config);
        command.args(["--admin", "127.0.0.1:0"]);
        Program::start(name, &mut command)
    };
    [
        login("login-axum"),
        login("login-actix"),
        api("axum", "resource-server, axum"),
        api("actix", "resource-server, actix"),
    ]
}

/// Runs a client, and ends the run if it panics.
fn guarded(phase: &Phase, run: impl FnOnce()) {
    let _over = Over(phase);
    run();
}

/// Kills Redis repeatedly, and starts it with the data from its disk.
fn restart_redis(phase: &Phase, redis: &mut Redis, nodes: &[Node]) {
    let outages = || nodes.iter().map(|node| node.record.outages());
    let mut times = 0;
    while phase.wait(REDIS_EVERY - REDIS_AWAY) {
        outages().for_each(record::Outages::begin);
        redis.kill();
        thread::sleep(REDIS_AWAY);
        redis.restart();
        outages().for_each(|outages| outages.end(REDIS_RECOVERY));
        times += 1;
    }
    println!("Redis was killed {times} times");
}

/// Publishes a key, lets it sign, withdraws the one before, goes away, and comes back, repeatedly.
fn trouble_provider(phase: &Phase, provider: &Provider, apis: &[Api]) {
    let outages = || apis.iter().map(|api| api.record.outages());
    let tokens_live = Duration::from_secs((api::LIFETIME + api::LEEWAY + 1).unsigned_abs());
    let (mut rotations, mut times) = (0, 0);
    loop {
        let next = provider.publish();
        if !phase.wait(KEYS_NOTICED) {
            break;
        }
        let before = provider.sign_with(next);
        if !phase.wait(tokens_live) {
            break;
        }
        // The servers cannot ask while the provider is away.
        provider.withdraw(before, PROVIDER_AWAY + 2 * KEYS_NOTICED);
        rotations += 1;
        if !phase.wait(Duration::from_secs(1)) {
            break;
        }
        outages().for_each(record::Outages::begin);
        provider.stop();
        thread::sleep(PROVIDER_AWAY);
        provider.restart();
        outages().for_each(|outages| outages.end(KEYS_NOTICED));
        times += 1;
        if !phase.wait(KEYS_NOTICED) {
            break;
        }
    }
    println!("the provider's keys were rotated {rotations} times, and it was away {times} times");
}
