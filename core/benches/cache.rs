//! Typed claims from a cache of tokens, against `jsonwebtoken` 12 `decode`, in one process.
//!
//! `cargo bench -p countersign --features cache --bench cache`

#[path = "harness/case.rs"]
mod case;
mod harness;

use std::{
    hint::black_box,
    sync::{Arc, Barrier},
    thread::{self, ScopedJoinHandle},
    time::Instant,
};

use countersign::{Algorithm, TokenCache, Verifier};

use crate::{
    case::{Case, Claims, token},
    harness::{Goal, ROUNDS, Race, Table, cpu_time, median},
};

/// The number of tokens that are sent in turn.
const MANY: u32 = 10_000;
/// The number of hits of one thread in a round of two threads. It is small, so that a round is over
/// before another process gets the core.
const HITS: u32 = 20_000;
/// The number of rounds of two threads.
const PARALLEL_ROUNDS: usize = 2_000;

fn main() {
    let mut table = Table::new();
    for (algorithm, goal) in [
        (Algorithm::HS256, Goal::AtLeast(30.0, 50.0)),
        (Algorithm::RS256, Goal::AtLeast(180.0, 300.0)),
        (Algorithm::ES256, Goal::AtLeast(400.0, 685.0)),
        (Algorithm::EdDSA, Goal::AtLeast(300.0, 490.0)),
    ] {
        hit(&mut table, algorithm, goal);
    }
    two_threads(&mut table);
    for (algorithm, goal) in [
        (Algorithm::HS256, Goal::AtLeast(4.0, 5.5)),
        (Algorithm::RS256, Goal::AtLeast(20.0, 34.0)),
        (Algorithm::ES256, Goal::AtLeast(55.0, 77.0)),
    ] {
        many_tokens(&mut table, algorithm, goal);
    }
    miss(&mut table);
    table.finish();
}

/// Measures one token that is sent repeatedly.
fn hit(table: &mut Table, algorithm: Algorithm, goal: Goal) {
    let case = Case::new(algorithm);
    let verifier = case.verifier().cache(TokenCache::new()).build();
    let verifier = verifier.expect("complete settings");
    assert_eq!(
        verify(&verifier, &case.token).email,
        case.decode(&case.token).email
    );
    let outcome = Race::new()
        .add("ours", || verify(&verifier, black_box(&case.token)))
        .add("theirs", || case.decode(black_box(&case.token)))
        .run();
    table.row(
        &format!("cache hit + typed claims, {}", algorithm.name()),
        goal,
        outcome.times_faster("ours", "theirs"),
        "x",
        &format!("{:.0} {}", outcome.cost("ours"), outcome.unit()),
    );
}

/// Measures many tokens in turn: more than the thread's own cache has room for, so each is found in
/// the shared table.
fn many_tokens(table: &mut Table, algorithm: Algorithm, goal: Goal) {
    let case = Case::new(algorithm);
    // A fifth more than there are tokens: the table has parts, which never fill evenly.
    let cache = TokenCache::builder().entries(12_000).bytes(64 << 20);
    let cache = cache.build().expect("good bounds");
    let verifier = case.verifier().cache(cache.clone()).build();
    let verifier = verifier.expect("complete settings");
    let tokens: Vec<String> = (0..MANY).map(|n| token(&case.key, n)).collect();
    for token in &tokens {
        verify(&verifier, token);
    }
    assert_eq!(cache.len(), tokens.len());
    let (mut ours, mut theirs) = (tokens.iter().cycle(), tokens.iter().cycle());
    let outcome = Race::new()
        .add("ours", || verify(&verifier, ours.next().expect("a cycle")))
        .add("theirs", || case.decode(theirs.next().expect("a cycle")))
        .run();
    table.row(
        &format!("cache hit, 10,000 tokens in turn, {}", algorithm.name()),
        goal,
        outcome.times_faster("ours", "theirs"),
        "x",
        &format!("{:.0} {}", outcome.cost("ours"), outcome.unit()),
    );
}

/// Measures how many more hits two threads make than one, in the same time.
///
/// Rounds in which another process used a core do not count: they say nothing about the cache.
fn two_threads(table: &mut Table) {
    let case = Case::new(Algorithm::HS256);
    let verifier = case.verifier().cache(TokenCache::new()).build();
    let verifier = verifier.expect("complete settings");
    let ratios: Vec<f64> = (0..PARALLEL_ROUNDS)
        .filter_map(|_| {
            let one = undisturbed(1, &verifier, &case.token)?;
            let two = undisturbed(2, &verifier, &case.token)?;
            Some(2.0 * one / two)
        })
        .collect();
    let figure = "cache hits on one token, two threads against one";
    let scale = format!("{} of {PARALLEL_ROUNDS} rounds undisturbed", ratios.len());
    match ratios.len() {
        0..ROUNDS => table.row(
            figure,
            Goal::Shown,
            0.0,
            "x",
            &format!("no figure: {scale}"),
        ),
        _ => table.row(
            figure,
            Goal::AtLeast(1.85, 1.99),
            median(ratios),
            "x",
            &scale,
        ),
    }
}

/// Returns the seconds that the threads need to make their hits at the same time; `None` if any of
/// them did not have a core of its own throughout.
fn undisturbed(threads: usize, verifier: &Verifier, token: &str) -> Option<f64> {
    let barrier = Barrier::new(threads);
    let work = || {
        // Now the token is in this thread's own cache.
        for _ in 0..10 {
            verify(verifier, token);
        }
        barrier.wait();
        Stretch::of(|| {
            for _ in 0..HITS {
                black_box(verify(verifier, black_box(token)));
            }
        })
    };
    let all: Vec<Stretch> = thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let all = all.into_iter().map(ScopedJoinHandle::join);
        all.map(|stretch| stretch.expect("no panic")).collect()
    });
    let (from, to) = (
        all.iter().map(|stretch| stretch.start).max()?,
        all.iter().map(|stretch| stretch.end).min()?,
    );
    let together = to.saturating_duration_since(from).as_secs_f64();
    let longest = all.iter().map(Stretch::seconds).fold(0.0, f64::max);
    let had_their_cores = all.iter().all(|stretch| stretch.busy);
    (had_their_cores && together > 0.9 * longest).then_some(longest)
}

/// The time in which a thread was at work.
struct Stretch {
    start: Instant,
    end: Instant,
    /// True if it had a core throughout.
    busy: bool,
}

impl Stretch {
    #[allow(clippy::disallowed_methods)] // a benchmark looks at the real clock
    fn of(work: impl FnOnce()) -> Self {
        let (start, cpu) = (Instant::now(), cpu_time());
        work();
        let (end, spent) = (Instant::now(), cpu_time() - cpu);
        let busy = spent.as_secs_f64() > 0.97 * (end - start).as_secs_f64();
        Self { start, end, busy }
    }

    fn seconds(&self) -> f64 {
        (self.end - self.start).as_secs_f64()
    }
}

/// Measures the cost of a cache that never hits: tokens that are looked up and stored, and never
/// sent again.
fn miss(table: &mut Table) {
    let case = Case::new(Algorithm::HS256);
    let plain = case.verifier().build().expect("complete settings");
    let cache = TokenCache::builder().entries(1_000).build();
    let cached = case.verifier().cache(cache.expect("good bounds")).build();
    let cached = cached.expect("complete settings");
    let tokens: Vec<String> = (0..MANY).map(|n| token(&case.key, n)).collect();
    let (mut with, mut without) = (tokens.iter().cycle(), tokens.iter().cycle());
    let outcome = Race::new()
        .add("with", || verify(&cached, with.next().expect("a cycle")))
        .add("without", || {
            verify(&plain, without.next().expect("a cycle"))
        })
        .run();
    table.row(
        "what a cache adds to a token that it does not have, HS256",
        Goal::Shown,
        outcome.added("with", "without"),
        &format!(" {}", outcome.unit()),
        "kept, and another one dropped",
    );
}

fn verify(verifier: &Verifier, token: &str) -> Arc<Claims> {
    verifier
        .verify_now(token)
        .and_then(|token| token.claims())
        .expect("a good token")
}
