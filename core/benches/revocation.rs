//! The cost of checking whether a token is revoked, and of recording a revocation.
//!
//! `cargo bench -p countersign --bench revocation`
//!
//! Token ids, sessions and subjects make up a third of the entries each, and every token has a name
//! of each kind, so each check looks up three names. The tokens to check are in the processor's
//! cache, as in a server that has just parsed them. `hot`: a thousand tokens, repeatedly. `cold`:
//! enough tokens that a check of a large list usually reads from memory; such a figure says more
//! about the machine than about the code. With two threads, both check at once.
//!
//! The lists take turns, in an order that rotates each round. A figure is the median over the
//! rounds of the median over blocks of checks, so that other processes have little influence.

mod harness;

use std::{hint::black_box, thread, time::Duration};

use countersign::{
    Algorithm, Revocation, VerifiedToken,
    revocation::{RevocationEntry, Revoked},
    session::{Realm, SessionId},
    testing::TestIssuer,
};

use crate::harness::{Goal, Table, median};

const ROUNDS: usize = 21;
const HOT: usize = 1 << 10;
const COLD: usize = 1 << 16;
/// The number of tokens that are brought into the cache, and then checked while the clock runs.
const BLOCK: usize = 64;

fn main() {
    let issuer = TestIssuer::with_algorithm(Algorithm::HS256);
    let tokens = tokens(&issuer);
    let lists = [
        ("no entries", 0),
        ("1,000 entries", 1_000),
        ("1,000,000 entries", 1_000_000),
    ]
    .map(|(name, entries)| List::new(&issuer, name, entries));
    let ways = [(HOT, 1), (HOT, 2), (COLD, 1)];
    let mut costs = vec![Vec::new(); ways.len() * lists.len()];
    for round in 0..=ROUNDS {
        for turn in 0..costs.len() {
            let which = (round + turn) % costs.len();
            let list = &lists[which / ways.len()];
            let (few_or_all, threads) = ways[which % ways.len()];
            let cost = cost(&list.revocation, &tokens[..few_or_all], threads);
            // The first round warms up.
            if round > 0 {
                costs[which].push(cost);
            }
        }
    }
    let costs: Vec<f64> = costs.into_iter().map(median).collect();

    let mut table = Table::new();
    for (list, costs) in lists.iter().zip(costs.chunks(ways.len())) {
        let goal = match list.entries {
            1_000_000 => Goal::AtMost(100.0, 50.0),
            _ => Goal::Shown,
        };
        let mut row = |figure: &str, goal, value, unit, scale| {
            table.row(
                &format!("{figure}, {}", list.name),
                goal,
                value,
                unit,
                scale,
            );
        };
        row("revocation check", goal, costs[0], " ns", "three names");
        let figure = "revocation check by each of two threads";
        row(figure, goal, costs[1], " ns", "no shared write");
        let figure = "revocation check, cold";
        row(figure, Goal::Shown, costs[2], " ns", "the list in no cache");
        if let Some(nanoseconds) = list.add_nanoseconds {
            row(
                "revoking",
                Goal::Shown,
                nanoseconds,
                " ns",
                "growth included",
            );
        }
        if let Some(bytes) = list.bytes {
            row("memory of a revocation", Goal::Shown, bytes, " bytes", "");
        }
    }
    table.finish();
}

/// Returns verified tokens with a name of each kind. None is revoked.
fn tokens(issuer: &TestIssuer) -> Vec<VerifiedToken> {
    let verifier = issuer.verifier();
    (0..COLD)
        .map(|n| {
            let token = issuer
                .token()
                .claim("jti", session_id(n, 1).as_str())
                .claim("sid", session_id(n, 2).as_str())
                .claim("sub", format!("7c9e6679-7425-40de-944b-{n:012x}"));
            verifier.verify_now(&token.sign()).expect("a good token")
        })
        .collect()
}

/// A list with this many entries, a third of each kind.
struct List {
    name: &'static str,
    entries: usize,
    revocation: Revocation,
    add_nanoseconds: Option<f64>,
    bytes: Option<f64>,
}

impl List {
    #[allow(clippy::disallowed_methods, clippy::cast_precision_loss)]
    fn new(issuer: &TestIssuer, name: &'static str, entries: usize) -> Self {
        let revocation = Revocation::local()
            .clock(issuer.clock().clone())
            .build()
            .expect("good settings");
        let before = resident_bytes();
        let mut time = Duration::ZERO;
        for n in 0..entries {
            let entry = entry(n);
            let start = std::time::Instant::now();
            revocation.revoke(&entry).expect("room");
            time += start.elapsed();
        }
        let grown = resident_bytes()
            .zip(before)
            .map(|(after, before)| after - before);
        // For a small table, the pages of the allocator tell nothing.
        let large = entries >= 100_000;
        Self {
            name,
            entries,
            revocation,
            add_nanoseconds: large.then(|| time.as_nanos() as f64 / entries as f64),
            bytes: grown.filter(|_| large).map(|bytes| bytes / entries as f64),
        }
    }
}

fn entry(n: usize) -> RevocationEntry {
    let revoked = match n % 3 {
        0 => Revoked::Token(session_id(n, 3).as_str().to_owned()),
        1 => Revoked::Session(session_id(n, 4)),
        _ => Revoked::Subject {
            realm: Realm::new(TestIssuer::ISSUER).expect("a realm"),
            subject: format!("another-one-{n}"),
            issued_before: 1_800_000_000,
        },
    };
    RevocationEntry {
        revoked,
        until: 1_800_000_600,
    }
}

/// Returns an id of 22 characters, as issuers make them.
fn session_id(n: usize, kind: usize) -> SessionId {
    SessionId::parse(&format!("{kind}_{n:019x}A")).expect("22 characters of base64url")
}

/// Returns the cost of one check in nanoseconds: the mean of the threads.
#[allow(clippy::cast_precision_loss)]
fn cost(revocation: &Revocation, tokens: &[VerifiedToken], threads: usize) -> f64 {
    let part = tokens.len() / threads;
    let total: f64 = thread::scope(|scope| {
        tokens
            .chunks(part)
            .map(|tokens| scope.spawn(|| cost_of_one(revocation, tokens)))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .sum()
    });
    total / threads as f64
}

fn cost_of_one(revocation: &Revocation, tokens: &[VerifiedToken]) -> f64 {
    // The first pass over a small number of tokens is as cold as the other case; it must not be the
    // median.
    let passes = if tokens.len() > HOT { 1 } else { 8 };
    let blocks = (0..passes).flat_map(|_| tokens.chunks(BLOCK));
    median(
        blocks
            .map(|block| cost_of_block(revocation, block))
            .collect(),
    )
}

#[allow(clippy::disallowed_methods, clippy::cast_precision_loss)]
fn cost_of_block(revocation: &Revocation, block: &[VerifiedToken]) -> f64 {
    for token in block {
        let texts = [token.id(), token.session_id(), token.subject()];
        let bytes = texts.into_iter().flatten().flat_map(str::bytes);
        black_box((bytes.map(u64::from).sum::<u64>(), token.issued_at()));
    }
    let start = std::time::Instant::now();
    for token in block {
        assert!(black_box(revocation.check(black_box(token))).is_ok());
    }
    start.elapsed().as_nanos() as f64 / block.len() as f64
}

/// Returns the resident memory of the process, if the system reports it.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024.0)
}
