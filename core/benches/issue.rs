//! The cost of issuing a token, against `jsonwebtoken` 12 `encode`, in one process.
//!
//! `cargo bench -p countersign --bench issue`
//!
//! Both make a token of ten claims under the same header, with the current time and a new random
//! `jti`. Our issuer adds both itself; for theirs, the app first writes both into the claims, as
//! here. Two more figures are shown: `encode` alone, with the same claims each time, and a server
//! that issues one token a second: the random bits of several `jti` are drawn at once, and thrown
//! away when the second is over.

#[path = "harness/case.rs"]
mod case;
mod harness;

use std::hint::black_box;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::{Algorithm, Issuer, testing::TestIssuer};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Serialize;

use crate::{
    case::{Case, SECRET, unix_now},
    harness::{Goal, Race, Table},
};

/// The claims that an app sets for its user. The issuer adds `iss`, `aud`, `iat`, `exp` and `jti`.
#[derive(Serialize)]
struct User {
    sub: String,
    nbf: u64,
    scope: String,
    roles: Vec<String>,
    email: String,
}

fn main() {
    let mut table = Table::new();
    for (algorithm, goal) in [
        (Algorithm::HS256, Goal::AtLeast(1.7, 1.84)),
        (Algorithm::RS256, Goal::AtLeast(2.4, 2.63)),
        (Algorithm::PS256, Goal::AtLeast(2.4, 2.62)),
        (Algorithm::ES256, Goal::AtLeast(1.5, 1.63)),
        (Algorithm::EdDSA, Goal::AtLeast(1.7, 1.79)),
    ] {
        of(algorithm, goal, &mut table);
    }
    table.finish();
}

fn of(algorithm: Algorithm, goal: Goal, table: &mut Table) {
    let case = Case::new(algorithm);
    let mut claims = case.decode(&case.token);
    let user = User {
        sub: claims.sub.clone(),
        nbf: claims.nbf,
        scope: claims.scope.clone(),
        roles: claims.roles.clone(),
        email: claims.email.clone(),
    };
    let issuer = Issuer::builder(TestIssuer::ISSUER, case.key.clone())
        .audience(TestIssuer::AUDIENCE)
        .token_type("at+jwt")
        .build()
        .expect("complete settings");
    let slow = TestIssuer::new();
    slow.clock().set(unix_now());
    let rare = Issuer::builder(TestIssuer::ISSUER, case.key.clone())
        .audience(TestIssuer::AUDIENCE)
        .token_type("at+jwt")
        .clock(slow.clock().clone())
        .build()
        .expect("complete settings");
    let (header, key) = theirs(&case);
    let again = claims.clone();
    let ours = || issuer.issue(black_box(&user)).expect("good claims");
    let mut theirs = || {
        claims.iat = unix_now().unsigned_abs();
        claims.exp = claims.iat + 900;
        claims.jti = random_id();
        encode(&header, black_box(&claims), &key).expect("good claims")
    };
    let ours_rarely = || {
        slow.clock().advance(std::time::Duration::from_secs(1));
        rare.issue(black_box(&user)).expect("good claims")
    };
    let theirs_again = || encode(&header, black_box(&again), &key).expect("good claims");

    let (our_token, their_token) = (ours(), theirs());
    let [our_claims, their_claims] =
        [our_token.as_str(), &their_token].map(|token| case.decode(token));
    assert_eq!(our_claims.email, their_claims.email);
    assert_eq!(our_token.as_str().len(), their_token.len());

    let outcome = Race::new()
        // Cycles in the kernel count too: our issuer asks it for the process id.
        .in_time()
        .add("ours", ours)
        .add("ours rarely", ours_rarely)
        .add("theirs", theirs)
        .add("theirs again", theirs_again)
        .run();
    let name = algorithm.name();
    let scale = format!("{:.0} {}", outcome.cost("ours"), outcome.unit());
    let mut row = |what: &str, goal, ours, theirs, scale: &str| {
        let figure = format!("issue, {name}{what}");
        let times = outcome.times_faster(ours, theirs);
        table.row(&figure, goal, times, "x", scale);
    };
    row("", goal, "ours", "theirs", &scale);
    row(
        ", one token a second",
        Goal::Shown,
        "ours rarely",
        "theirs",
        "each draws its own random bits",
    );
    row(
        ", against `encode` alone",
        Goal::Shown,
        "ours",
        "theirs again",
        "their `jti` and times stay the same",
    );
}

fn random_id() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn theirs(case: &Case) -> (Header, EncodingKey) {
    let mut header = Header::new(case.algorithm.name().parse().expect("a known name"));
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(case.key.id().to_owned());
    let pem = || case.key.to_pkcs8_pem().expect("a private key");
    let key = match case.algorithm {
        Algorithm::HS256 => EncodingKey::from_secret(SECRET),
        Algorithm::ES256 => EncodingKey::from_ec_pem(pem().as_bytes()),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(pem().as_bytes()),
        _ => EncodingKey::from_rsa_pem(pem().as_bytes()),
    };
    (header, key.expect("a good key"))
}
