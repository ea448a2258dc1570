//! The cost of a flood of invented issuers for the tenants that are known.
//!
//! `cargo bench -p countersign --bench tenants --features remote`
//!
//! One thread verifies tokens of a known tenant, [`PER_SECOND`] of them, each when it is due. In every
//! other round, a second thread brings tokens of invented issuers, each of another one, at the rate of
//! 10,000 in ten seconds. Nothing goes over a network, and no verdict is cached.
//!
//! The floor is for the time that a verification takes. Shown beside it is the time since the token was
//! due, which also counts the wait for a verification before it, and for the processor: on a machine
//! that does other work, that is most of it. A figure is the median over the rounds of the 99th
//! percentile within one round, and a ratio is the median over pairs of neighbouring rounds.
//!
//! Every round has tenants of its own: the budget of questions is full when a flood begins, and the
//! flood spends it. Questions are answered on the thread that asks.
//!
//! A ratio far below one says that the machine was busy, and not that a flood helps: measure again.

mod harness;

use std::{
    convert::Infallible,
    hint::{black_box, spin_loop},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use countersign::{
    Algorithm, AuthErrorKind, Authenticator, DynamicIssuers, Issuers, Verifier,
    adapter::Credentials, testing::TestIssuer,
};
use tokio::runtime::{Builder, Runtime};

use crate::harness::{Goal, Table, median};

/// Pairs of rounds, one of them with a flood. One more comes first, to warm up.
const PAIRS: usize = 10;
const ROUND: Duration = Duration::from_secs(2);
/// Tokens of the known tenant.
const PER_SECOND: u32 = 2_000;
/// Tokens of invented issuers.
const FLOOD_PER_SECOND: u32 = 1_000;
/// Questions in any minute: the default of 60, for a fifth of the ten seconds.
const BUDGET: usize = 12;
const KNOWN: &str = "https://id.example/known";

fn main() {
    let mut table = Table::new();
    for algorithm in [Algorithm::HS256, Algorithm::ES256] {
        let app = App::new(algorithm);
        let (mut quiet, mut flooded) = (Vec::new(), Vec::new());
        for pair in 0..=PAIRS {
            // Neither always comes first.
            for flood in [pair % 2 == 0, pair % 2 != 0] {
                let percentiles = app.round(flood);
                if pair > 0 {
                    let rounds = if flood { &mut flooded } else { &mut quiet };
                    rounds.push(percentiles);
                }
            }
        }
        for (which, since, goal) in [
            (0, "its verification", Goal::AtMost(1.5, 1.1)),
            (1, "since it was due", Goal::Shown),
        ] {
            let percentile =
                |rounds: &[[f64; 2]]| median(rounds.iter().map(|p| p[which]).collect());
            let ratios = flooded.iter().zip(&quiet).map(|(f, q)| f[which] / q[which]);
            table.row(
                &format!(
                    "a known tenant's token, 99th percentile, in a flood of invented issuers against without: {}, {since}",
                    algorithm.name(),
                ),
                goal,
                median(ratios.collect()),
                "x",
                &format!("{:.1} µs against {:.1} µs", percentile(&flooded), percentile(&quiet)),
            );
        }
    }
    table.finish();
}

/// An app with one tenant, and the tokens that come to it.
struct App {
    keys: TestIssuer,
    good: String,
    invented: Vec<String>,
}

impl App {
    fn new(algorithm: Algorithm) -> Self {
        let keys = TestIssuer::with_algorithm(algorithm);
        let token = |issuer: &str| keys.token().issuer(issuer).sign();
        let tokens = FLOOD_PER_SECOND * u32::try_from(ROUND.as_secs()).expect("few seconds");
        Self {
            good: token(KNOWN),
            invented: (0..tokens)
                .map(|n| token(&format!("https://id.example/invented-{n}")))
                .collect(),
            keys,
        }
    }

    /// Returns an authenticator without any tenant yet, and how often its resolver was asked.
    fn authenticator(&self) -> (Authenticator, Arc<AtomicUsize>) {
        let verifier = Verifier::builder(self.keys.key())
            .issuer(KNOWN)
            .audience(TestIssuer::AUDIENCE)
            .clock(self.keys.clock().clone())
            .build()
            .expect("good settings");
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let resolver = move |issuer: Box<str>| {
            counter.fetch_add(1, Ordering::Relaxed);
            let verifier = (&*issuer == KNOWN).then(|| verifier.clone());
            async move { Ok::<_, Infallible>(verifier) }
        };
        let tenants = DynamicIssuers::builder(resolver).new_per_minute(BUDGET);
        let tenants = tenants.build().expect("good settings");
        (Authenticator::new(Issuers::dynamic(tenants)), asked)
    }

    /// Returns the 99th percentiles of the tenant's tokens, in microseconds: of their verification, and since they were due.
    fn round(&self, flood: bool) -> [f64; 2] {
        let runtime = runtime();
        let (authenticator, asked) = self.authenticator();
        assert_eq!(verdict(&runtime, &authenticator, &self.good), None);
        let over = AtomicBool::new(false);
        let percentiles = thread::scope(|scope| {
            if flood {
                scope.spawn(|| self.flood(&authenticator, &over));
            }
            let percentiles = self.serve(&runtime, &authenticator);
            over.store(true, Ordering::Relaxed);
            percentiles
        });
        let most = if flood { BUDGET } else { 1 };
        assert_eq!(asked.load(Ordering::Relaxed), most);
        percentiles
    }

    #[allow(clippy::disallowed_methods, clippy::cast_precision_loss)] // a benchmark looks at the real clock
    fn serve(&self, runtime: &Runtime, authenticator: &Authenticator) -> [f64; 2] {
        let start = Instant::now();
        let (mut verification, mut since_due) = (Vec::new(), Vec::new());
        for due in due(PER_SECOND) {
            while start.elapsed() < due {
                spin_loop();
            }
            let begin = start.elapsed();
            assert_eq!(verdict(runtime, authenticator, &self.good), None);
            let end = start.elapsed();
            verification.push((end - begin).as_nanos() as f64 / 1_000.0);
            since_due.push((end - due).as_nanos() as f64 / 1_000.0);
        }
        [verification, since_due].map(|mut times| {
            times.sort_unstable_by(f64::total_cmp);
            times[times.len() * 99 / 100]
        })
    }

    /// Brings a token of every invented issuer, as a client does: with waits between them.
    #[allow(clippy::disallowed_methods)] // a benchmark looks at the real clock
    fn flood(&self, authenticator: &Authenticator, over: &AtomicBool) {
        let runtime = runtime();
        let start = Instant::now();
        let mut brought = 0;
        for (token, due) in self.invented.iter().zip(due(FLOOD_PER_SECOND)) {
            thread::sleep(due.saturating_sub(start.elapsed()));
            if over.load(Ordering::Relaxed) {
                break;
            }
            let refusal = verdict(&runtime, authenticator, token);
            assert!(matches!(
                refusal,
                Some(AuthErrorKind::UnknownIssuer | AuthErrorKind::IssuerUnavailable)
            ));
            brought += 1;
        }
        // A flood that lags is none.
        assert!(brought * 10 >= self.invented.len() * 9, "{brought}");
    }
}

/// Returns when the tokens of a round are due.
fn due(per_second: u32) -> impl Iterator<Item = Duration> {
    let every = Duration::from_secs(1) / per_second;
    (0..).map(move |n| every * n).take_while(|due| *due < ROUND)
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime")
}

fn verdict(runtime: &Runtime, authenticator: &Authenticator, token: &str) -> Option<AuthErrorKind> {
    let verdict = runtime.block_on(async {
        let credentials = Credentials::new(black_box(token));
        authenticator.authenticate(Some(credentials)).await
    });
    verdict.err().map(|error| error.kind())
}
