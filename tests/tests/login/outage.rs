//! A test of Redis dying under load: a node may accept revoked tokens only for a limited time.

#![allow(clippy::disallowed_methods)] // real time is measured here

use std::{
    io::{Write, stderr},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use countersign::{
    AuthErrorKind, Issuer, Revocation, Sessions, SigningKey, Verifier,
    session::{ClientInfo, Identity},
};
use countersign_redis::RedisStore;
use countersign_tests::services::Redis;
use tokio::{runtime::Runtime, time::sleep};

/// The longest time for which a node may rely on old data.
const BOUND: Duration = Duration::from_secs(2);
/// The tolerance for a clock of whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);
/// The time for which Redis is away.
const OUTAGE: Duration = Duration::from_secs(5);

/// The verdicts on one token, over and over.
#[derive(Default)]
struct Seen {
    accepted: AtomicU64,
    revoked: AtomicU64,
    unavailable: AtomicU64,
    /// The milliseconds from the confirmed revocation to the last acceptance.
    last_accepted: AtomicU64,
}

impl Seen {
    fn look(&self, verifier: &Verifier, token: &str, since: Instant) {
        // Taken before the verdict: a delay of this thread afterwards does not count.
        let asked = u64::try_from(since.elapsed().as_millis()).unwrap();
        let counter = match verifier.verify_now(token).map_err(|error| error.kind()) {
            Ok(_) => {
                self.last_accepted.fetch_max(asked, Ordering::SeqCst);
                &self.accepted
            }
            Err(AuthErrorKind::Revoked) => &self.revoked,
            Err(AuthErrorKind::RevocationUnavailable) => &self.unavailable,
            Err(kind) => panic!("{kind:?}"),
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }

    fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::SeqCst)
    }
}

#[test]
fn nothing_revoked_is_accepted_beyond_the_staleness_bound() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    let (sessions, verifier) = runtime.block_on(two_nodes(&redis));
    let start = |subject: &str| {
        let identity = Identity::new(subject, serde_json::json!({}));
        runtime
            .block_on(sessions.start(&identity, ClientInfo::new()))
            .unwrap()
    };
    let [good, ended, last] = ["good", "ended", "last"].map(start);
    let text = |pair: &countersign::session::TokenPair| pair.access_token().as_str().to_owned();
    let tokens = [text(&good), text(&ended), text(&last)];
    let verdict = |token: &str| verifier.verify_now(token).map_err(|error| error.kind());

    runtime
        .block_on(sessions.end(ended.session().id()))
        .unwrap();
    runtime.block_on(until(|| verdict(&tokens[1]).is_err()));

    runtime.block_on(sessions.end(last.session().id())).unwrap();
    let confirmed = Instant::now();
    redis.kill();
    let (seen, done) = (<[Seen; 3]>::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        let _ended = Done(&done); // even if an assertion fails: the threads are waited for
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    for (seen, token) in seen.iter().zip(&tokens) {
                        seen.look(&verifier, token, confirmed);
                    }
                    // Leaves some of the processor to the other tests.
                    thread::sleep(Duration::from_millis(2));
                }
            });
        }
        runtime.block_on(async { sleep(OUTAGE).await });
        let failed = runtime.block_on(sessions.end(good.session().id()));
        assert!(
            failed.is_err(),
            "nobody can be logged out now, and the caller is told"
        );
        redis.restart();
        runtime.block_on(until(|| verdict(&tokens[0]).is_ok()));
        runtime.block_on(async { sleep(Duration::from_millis(500)).await });
    });

    let [good, ended, last] = &seen;
    let millis = |seen: &Seen| Seen::get(&seen.last_accepted);
    let _ = writeln!(
        stderr(),
        "figure: Redis away for {} s, staleness bound {} s: {} checks; a session ended just before was \
         accepted for at most {} ms, one ended earlier {} times; a good one {} times, and 503 {} times",
        OUTAGE.as_secs(),
        BOUND.as_secs(),
        seen.iter()
            .map(|seen| [&seen.accepted, &seen.revoked, &seen.unavailable].map(Seen::get))
            .map(|all| all.iter().sum::<u64>())
            .sum::<u64>(),
        millis(last),
        Seen::get(&ended.accepted),
        Seen::get(&good.accepted),
        Seen::get(&good.unavailable),
    );
    assert_eq!(Seen::get(&ended.accepted), 0);
    assert!(Duration::from_millis(millis(last)) <= BOUND + ROUNDING);
    assert_eq!(
        Seen::get(&good.revoked),
        0,
        "nobody is logged out by an outage"
    );
    assert!(Seen::get(&good.unavailable) > 0, "the bound was reached");
    assert_eq!(verdict(&tokens[2]).unwrap_err(), AuthErrorKind::Revoked);
    assert!(verdict(&tokens[0]).is_ok());
}

/// Sets the flag when dropped.
struct Done<'d>(&'d AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Returns sessions at one node, and the verifier of another.
async fn two_nodes(redis: &Redis) -> (Sessions, Verifier) {
    let key = SigningKey::generate_ed25519().unwrap();
    let issuer = Issuer::builder("https://id.example", key)
        .audience("app")
        .build()
        .unwrap();
    let store = async || RedisStore::connect(&redis.url()).await.unwrap();
    let follow = |store: RedisStore| {
        let revocation = Revocation::replica().staleness(BOUND).build().unwrap();
        tokio::spawn(revocation.follow(store));
        revocation
    };
    let (here, there) = (store().await, store().await);
    let revocation = follow(there);
    let verifier = issuer.verifier().with_revocation(revocation.clone());
    let sessions = Sessions::builder(issuer, here.clone())
        .revocation(follow(here))
        .build()
        .unwrap();
    until(|| revocation.status().is_available()).await;
    (sessions, verifier)
}

async fn until(holds: impl Fn() -> bool) {
    let patience = Instant::now();
    while !holds() {
        assert!(
            patience.elapsed() < Duration::from_secs(20),
            "it does not come to hold"
        );
        sleep(Duration::from_millis(5)).await;
    }
}
