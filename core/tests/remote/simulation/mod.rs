//! Random rotations, outages, latencies and floods, by a virtual clock, for many seeds.
//!
//! These rules are checked:
//!
//! 1. A token whose key is known is answered without waiting, and accepted.
//! 2. A token whose key is published is never refused: not with 401, and not with 503 unless the
//!    provider was away or slow. The one exception is a key that was published less than twelve
//!    seconds ago, after two tokens with invented ids in twenty seconds: these have used up the fetches
//!    that requests can cause. A single token with the key itself that came too early does so too.
//! 3. After the stale bound, every answer is 503.
//! 4. An accepted token has a key from the last good answer, within the stale bound.
//! 5. At most three fetches in ten seconds while the provider works, one at a time.
//! 6. No request waits longer than two seconds.
//!
//! With `COUNTERSIGN_SEEDS=FROM..TO`, `seeds_1` plays others.

mod judge;
mod random;
mod world;

use std::{ops::Range, rc::Rc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::{RemoteKeys, testing::FixedClock};
use tokio::{
    task::{JoinSet, LocalSet},
    time::{Instant, sleep, sleep_until},
};

use self::{judge::Judge, random::Random, world::World};
use crate::provider::{JWKS, NOW, unknown, verifier};

/// The length of a simulated run: enough for several rotations and for outages beyond the bound.
const LENGTH: Duration = Duration::from_secs(3 * 3_600);

#[test]
fn seeds_1() {
    let named = std::env::var("COUNTERSIGN_SEEDS");
    run(named.map_or(0..16, |seeds| {
        let (from, to) = seeds.split_once("..").expect("FROM..TO");
        from.parse().unwrap()..to.parse().unwrap()
    }));
}

#[test]
fn seeds_2() {
    run(16..32);
}

#[test]
fn seeds_3() {
    run(32..48);
}

#[test]
fn seeds_4() {
    run(48..64);
}

#[test]
fn a_seed_repeats_itself() {
    assert_eq!(run_one(7), run_one(7));
}

fn run(seeds: Range<u64>) {
    let mut totals = judge::Totals::default();
    for seed in seeds.clone() {
        println!("seed {seed}");
        totals += run_one(seed);
    }
    println!("{seeds:?}: {totals}");
    assert!(totals.are_telling(), "{totals}");
}

fn run_one(seed: u64) -> judge::Totals {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, simulate(seed))
}

async fn simulate(seed: u64) -> judge::Totals {
    let start = Instant::now();
    let mut random = Random::new(seed);
    let world = Rc::new(World::new(&mut random, start, LENGTH));
    let keys = RemoteKeys::jwks(JWKS)
        .fetch(world.provider(random.next()))
        .max_stale(world.max_stale)
        .clock(FixedClock::at(NOW))
        .jitter_seed(seed)
        .build()
        .unwrap();
    let verifier = verifier(&keys);
    let judge = Rc::new(Judge::new(seed, Rc::clone(&world)));
    let mut requests = JoinSet::new();
    let flood = unknown("invented");
    while start.elapsed() < LENGTH {
        let now = Instant::now();
        let gap = if world.is_flooded(now) {
            random.between(50, 400)
        } else {
            random.between(200, 12_000)
        };
        sleep(Duration::from_millis(gap)).await;
        let now = Instant::now();
        let key = if world.is_flooded(now) && random.one_in(2) {
            None
        } else {
            world.some_key(&mut random, now)
        };
        let token = match key {
            Some(key) => key.token.clone(),
            None => invented(&flood, random.next()),
        };
        let kid = key.map(|key| key.id.clone());
        // Several at once, now and then.
        for _ in 0..if random.one_in(20) { 20 } else { 1 } {
            let (verifier, judge) = (verifier.clone(), Rc::clone(&judge));
            let (token, kid) = (token.clone(), kid.clone());
            requests.spawn_local(async move {
                let asked = judge.ask(kid.as_deref());
                let verdict = verifier.verify(&token).await;
                judge.judge(&asked, &verdict);
            });
        }
        while let Some(ended) = requests.try_join_next() {
            ended.unwrap();
        }
    }
    sleep_until(Instant::now() + Duration::from_secs(5)).await;
    while let Some(ended) = requests.join_next().await {
        ended.unwrap();
    }
    judge.conclude()
}

/// Returns the token with another key id in its header. Its signature is wrong, but never checked.
fn invented(token: &str, number: u64) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    let header = format!(r#"{{"alg":"EdDSA","kid":"{number}"}}"#);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}
