//! Verification with typed claims, against `jsonwebtoken` 11 `decode`, in one process.
//!
//! `cargo bench -p countersign --bench verify`
//!
//! The contenders take turns, in an order that rotates each round. A figure is the median over the
//! rounds of ours divided by theirs, in user-mode CPU cycles where the kernel lets us count them,
//! else in wall time. Absolute times on a shared machine mean little; they are printed to show the
//! scale.

use std::{hint::black_box, time::Duration};

use countersign::{Algorithm, SigningKey, Verifier, testing::TestIssuer};
use jsonwebtoken::{DecodingKey, Validation, crypto::aws_lc, decode};
use serde::Deserialize;
use serde_json::{Value, json};

const ROUNDS: usize = 41;
/// How long one contender runs in one round.
const SLICE: Duration = Duration::from_millis(10);

/// Ten claims, all owned: the ten allocations are the user's own.
#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    iat: u64,
    nbf: u64,
    jti: String,
    scope: String,
    roles: Vec<String>,
    email: String,
}

fn main() {
    // Only the first call wins; that there is one is what counts.
    let _ = aws_lc::DEFAULT_PROVIDER.install_default();
    let meter = Meter::new();
    println!(
        "verify + typed claims / jsonwebtoken decode, median of {ROUNDS} rounds, {}",
        meter.unit()
    );
    println!(
        "{:<8} {:>6} {:>6}  {:>10} {:>10}",
        "", "ratio", "limit", "ours", "theirs"
    );
    let mut over = false;
    for (algorithm, limit) in [
        (Algorithm::HS256, Some(0.60)),
        (Algorithm::RS256, Some(0.85)),
        (Algorithm::PS256, None),
        (Algorithm::ES256, None),
        (Algorithm::EdDSA, None),
    ] {
        let case = Case::new(algorithm);
        let result = measure(&meter, || case.ours(), || case.theirs());
        let limit_text = limit.map_or(String::new(), |limit| format!("{limit:.2}"));
        println!(
            "{:<8} {:>6.3} {:>6}  {:>10.0} {:>10.0}",
            algorithm.name(),
            result.ratio,
            limit_text,
            result.ours,
            result.theirs
        );
        over |= limit.is_some_and(|limit| result.ratio > limit);
    }
    if over {
        eprintln!("a ratio is over its limit");
        std::process::exit(1);
    }
}

struct Case {
    token: String,
    verifier: Verifier,
    key: DecodingKey,
    validation: Validation,
}

impl Case {
    fn new(algorithm: Algorithm) -> Self {
        let secret = b"a benchmark's secret of 32 bytes or more";
        let key = match algorithm {
            Algorithm::HS256 => SigningKey::hs256(secret),
            other => SigningKey::generate(other),
        }
        .expect("a good key");
        let issuer = TestIssuer::new();
        let now = unix_now();
        issuer.clock().set(now);
        let token = issuer
            .token()
            .header("typ", "at+jwt")
            .claim("nbf", now)
            .claim("jti", "0f8fad5b-d9cb-469f-a165-70867728950e")
            .claim("sub", "7c9e6679-7425-40de-944b-e07fc1f90ae7")
            .claim("scope", "openid profile email orders:read orders:write")
            .claim("roles", json!(["user", "editor", "admin"]))
            .claim("email", "somebody.important@mail.example.com")
            .signed_by(&key);
        let verifier = Verifier::builder(&key)
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
            .build()
            .expect("complete settings");
        let jwk: Option<Value> = key
            .verifying_key()
            .to_jwk()
            .map(|jwk| serde_json::from_str(&jwk).expect("JSON"));
        let decoding = match jwk {
            None => DecodingKey::from_secret(secret),
            Some(jwk) => {
                let jwk = serde_json::from_value(jwk).expect("a JWK");
                DecodingKey::from_jwk(&jwk).expect("a good key")
            }
        };
        let mut validation = Validation::new(algorithm.name().parse().expect("a known name"));
        validation.set_audience(&[TestIssuer::AUDIENCE]);
        validation.set_issuer(&[TestIssuer::ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        let case = Self {
            token,
            verifier,
            key: decoding,
            validation,
        };
        assert_eq!(case.ours().email, case.theirs().email);
        case
    }

    fn ours(&self) -> std::sync::Arc<Claims> {
        let token = self
            .verifier
            .verify_now(black_box(&self.token))
            .expect("a good token");
        token.claims::<Claims>().expect("fitting claims")
    }

    fn theirs(&self) -> Claims {
        decode::<Claims>(black_box(&self.token), &self.key, &self.validation)
            .expect("a good token")
            .claims
    }
}

struct Result {
    ratio: f64,
    ours: f64,
    theirs: f64,
}

fn measure<A, B>(meter: &Meter, ours: impl Fn() -> A, theirs: impl Fn() -> B) -> Result {
    let calls = calls_in_a_slice(&ours)
        .min(calls_in_a_slice(&theirs))
        .max(1);
    let mut ratios = Vec::new();
    let (mut all_ours, mut all_theirs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (a, b) = if round % 2 == 0 {
            let a = meter.cost(calls, &ours);
            (a, meter.cost(calls, &theirs))
        } else {
            let b = meter.cost(calls, &theirs);
            (meter.cost(calls, &ours), b)
        };
        // The first round warms up.
        if round > 0 {
            ratios.push(a / b);
            all_ours.push(a);
            all_theirs.push(b);
        }
    }
    Result {
        ratio: median(ratios),
        ours: median(all_ours),
        theirs: median(all_theirs),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

#[allow(clippy::disallowed_methods)] // a benchmark looks at the real clock
fn calls_in_a_slice<T>(call: &impl Fn() -> T) -> u32 {
    let start = std::time::Instant::now();
    let mut calls = 0;
    while start.elapsed() < SLICE {
        black_box(call());
        calls += 1;
    }
    calls
}

/// Counts user-mode cycles of this thread where it may, else measures wall time.
struct Meter {
    #[cfg(target_os = "linux")]
    cycles: Option<std::cell::RefCell<perf_event::Counter>>,
}

impl Meter {
    fn new() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            cycles: perf_event::Builder::new(perf_event::events::Hardware::CPU_CYCLES)
                .exclude_kernel(true)
                .exclude_hv(true)
                .build()
                .and_then(|mut counter| counter.enable().map(|()| counter))
                .ok()
                .map(std::cell::RefCell::new),
        }
    }

    fn unit(&self) -> &'static str {
        if self.count().is_some() {
            "in user-mode cycles"
        } else {
            "in nanoseconds"
        }
    }

    /// The cost of one call.
    #[allow(clippy::disallowed_methods, clippy::cast_precision_loss)]
    fn cost<T>(&self, calls: u32, call: &impl Fn() -> T) -> f64 {
        let start = std::time::Instant::now();
        let before = self.count();
        for _ in 0..calls {
            black_box(call());
        }
        let total = match (before, self.count()) {
            (Some(before), Some(after)) => (after - before) as f64,
            _ => start.elapsed().as_nanos() as f64,
        };
        total / f64::from(calls)
    }

    #[cfg(target_os = "linux")]
    fn count(&self) -> Option<u64> {
        self.cycles.as_ref()?.borrow_mut().read().ok()
    }

    #[cfg(not(target_os = "linux"))]
    fn count(&self) -> Option<u64> {
        None
    }
}

#[allow(clippy::disallowed_methods)] // `jsonwebtoken` looks at the real clock
fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.expect("a clock after 1970").as_secs()).expect("a clock before 2262")
}
