//! What is counted. Everything here is fixed: keys, tokens, the clock.

use std::{future::Future, hint::black_box, pin::pin, task};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::{
    Algorithm, Authenticator, Issuer, Key, KeySet, Revocation, SigningKey, TokenCache, Verifier,
    adapter::RequestHead,
    revocation::{RevocationEntry, Revoked},
    testing::{FixedClock, TestIssuer, sign_raw},
};
use serde::{Deserialize, Serialize};

use Algorithm::{ES256, EdDSA, HS256, RS256};

/// One case.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) calls: u64,
    /// The case that makes or checks only the signature of the same token.
    pub(crate) signature: Option<&'static str>,
    /// It is such a case, and counted for the others only.
    pub(crate) is_signature: bool,
    algorithm: Algorithm,
    run: fn(Algorithm, u64),
}

const fn case(
    name: &'static str,
    calls: u64,
    algorithm: Algorithm,
    run: fn(Algorithm, u64),
) -> Case {
    Case {
        name,
        calls,
        signature: None,
        is_signature: false,
        algorithm,
        run,
    }
}

impl Case {
    const fn beyond(self, signature: &'static str) -> Self {
        Self {
            signature: Some(signature),
            ..self
        }
    }

    const fn as_signature(self) -> Self {
        Self {
            is_signature: true,
            ..self
        }
    }
}

pub(crate) const CASES: &[Case] = &[
    case("checked-hs256", 300, HS256, check_signature).as_signature(),
    case("checked-rs256", 40, RS256, check_signature).as_signature(),
    case("checked-es256", 40, ES256, check_signature).as_signature(),
    case("checked-eddsa", 40, EdDSA, check_signature).as_signature(),
    case("signed-hs256", 300, HS256, make_signature).as_signature(),
    case("signed-es256", 100, ES256, make_signature).as_signature(),
    case("signed-eddsa", 100, EdDSA, make_signature).as_signature(),
    case("verify-hs256", 300, HS256, verify).beyond("checked-hs256"),
    case("verify-as-hs256", 300, HS256, verify_as).beyond("checked-hs256"),
    case("verify-rs256", 40, RS256, verify).beyond("checked-rs256"),
    case("verify-es256", 40, ES256, verify).beyond("checked-es256"),
    case("verify-eddsa", 40, EdDSA, verify).beyond("checked-eddsa"),
    case("authenticate-hs256", 300, HS256, authenticate).beyond("checked-hs256"),
    case("cached-hs256", 1_000, HS256, cached),
    case("reject-junk", 1_000, HS256, junk),
    case("reject-wrong-alg", 1_000, HS256, wrong_alg),
    case("reject-unknown-kid", 1_000, HS256, unknown_kid),
    case("reject-bad-signature", 300, HS256, bad_signature).beyond("checked-hs256"),
    case("reject-expired", 300, HS256, expired).beyond("checked-hs256"),
    case("reject-invalid-claim", 300, HS256, invalid_claim).beyond("checked-hs256"),
    case("issue-hs256", 300, HS256, issue).beyond("signed-hs256"),
    case("issue-es256", 100, ES256, issue).beyond("signed-es256"),
    case("issue-eddsa", 100, EdDSA, issue).beyond("signed-eddsa"),
    case("revocation-check", 1_000, HS256, revocation),
];

/// Makes so many calls of a case.
pub(crate) fn run(name: &str, calls: u64) {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.expect("the name of a case");
    (case.run)(case.algorithm, calls);
}

/// What a first call sets up does not count.
fn repeat<T>(calls: u64, mut call: impl FnMut() -> T) {
    black_box(call());
    for _ in 0..calls {
        counted(&mut || {
            black_box(call());
        });
    }
}

/// Callgrind counts from here to the return: see [`callgrind`](crate::callgrind).
#[inline(never)]
fn counted(call: &mut dyn FnMut()) {
    call();
}

/// The claims of all tokens.
#[derive(Deserialize, Serialize)]
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

const CLAIMS: &str = r#"{"iss":"https://issuer.test","sub":"7c9e6679-7425-40de-944b-e07fc1f90ae7","aud":"https://api.test","exp":1800003600,"iat":1800000000,"nbf":1800000000,"jti":"0f8fad5b-d9cb-469f-a165-70867728950e","scope":"openid profile email orders:read orders:write","roles":["user","editor","admin"],"email":"somebody.important@mail.example.com"}"#;
const SECRET: &[u8] = b"a benchmark's secret of 32 bytes or more";
const ID: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
const OTHER_ID: &str = "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s";
const RSA: &str = include_str!("../../tests/data/keys/rsa2048.pkcs8.pem");
const P256: &str = include_str!("../../tests/data/keys/p256.pkcs8.pem");
const ED25519_PEM: &str = include_str!("../../tests/data/keys/ed25519.pkcs8.pem");
/// ECDSA signs with a random number, and how long a check takes depends on it.
const ES256_TOKEN: &str = include_str!("es256.jwt");

fn signing_key(algorithm: Algorithm) -> SigningKey {
    match algorithm {
        RS256 => SigningKey::rs256_pem(RSA),
        ES256 => SigningKey::es256_pem(P256),
        EdDSA => SigningKey::ed25519_pem(ED25519_PEM),
        _ => SigningKey::hs256(SECRET),
    }
    .expect("a good key")
    .with_id(ID)
}

fn token(algorithm: Algorithm) -> String {
    if algorithm == ES256 {
        return ES256_TOKEN.trim().to_owned();
    }
    let header = format!(r#"{{"alg":"{algorithm}","typ":"at+jwt","kid":"{ID}"}}"#);
    sign_raw(&signing_key(algorithm), &header, CLAIMS.as_bytes())
}

/// The HS256 token under another header.
fn headed(algorithm: &str, id: &str) -> String {
    let header = format!(r#"{{"alg":"{algorithm}","typ":"at+jwt","kid":"{id}"}}"#);
    sign_raw(&signing_key(HS256), &header, CLAIMS.as_bytes())
}

/// The key in the middle of a full set.
fn verifier(algorithm: Algorithm) -> Verifier {
    let key = signing_key(algorithm).verifying_key();
    let other = |n| {
        key.clone()
            .with_id(format!("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC{n:03}"))
    };
    let keys: Vec<Key> = (0..50)
        .map(other)
        .chain([key.clone()])
        .chain((51..100).map(other))
        .collect();
    Verifier::builder(KeySet::new(keys))
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(FixedClock::default())
        .build()
        .expect("complete settings")
}

fn verify(algorithm: Algorithm, calls: u64) {
    let (verifier, token) = (verifier(algorithm), token(algorithm));
    repeat(calls, || {
        let token = verifier
            .verify_now(black_box(&token))
            .expect("a good token");
        token.claims::<Claims>().expect("all ten claims")
    });
}

fn verify_as(algorithm: Algorithm, calls: u64) {
    let (verifier, token) = (verifier(algorithm), token(algorithm));
    repeat(calls, || {
        verifier
            .verify_now_as::<Claims>(black_box(&token))
            .expect("a good token with all ten claims")
    });
}

/// A token that this thread has at hand, and its claims as well. It is the only one, so that it stands
/// at the front of its row, whatever the hash that chose the row.
fn cached(algorithm: Algorithm, calls: u64) {
    let verifier = verifier(algorithm).with_cache(TokenCache::new());
    let token = token(algorithm);
    let call = || {
        let token = verifier
            .verify_now(black_box(&token))
            .expect("a good token");
        token.claims::<Claims>().expect("all ten claims")
    };
    // Verified and kept; then found by this thread for the first time.
    for _ in 0..2 {
        call();
    }
    repeat(calls, call);
}

fn junk(algorithm: Algorithm, calls: u64) {
    reject(algorithm, &"A".repeat(541), calls);
}

fn wrong_alg(algorithm: Algorithm, calls: u64) {
    reject(algorithm, &headed("HS512", ID), calls);
}

fn unknown_kid(algorithm: Algorithm, calls: u64) {
    reject(algorithm, &headed(algorithm.name(), OTHER_ID), calls);
}

fn bad_signature(algorithm: Algorithm, calls: u64) {
    let token = token(algorithm);
    let (signed, _) = token.rsplit_once('.').expect("three parts");
    reject(algorithm, &format!("{signed}.{}", "A".repeat(43)), calls);
}

/// As long as the good token.
fn expired(algorithm: Algorithm, calls: u64) {
    signed(
        algorithm,
        &CLAIMS.replace("1800003600", "1700003600"),
        calls,
    );
}

/// The last of the registered claims has another type.
fn invalid_claim(algorithm: Algorithm, calls: u64) {
    let scope = r#""scope":"openid profile email orders:read orders:write""#;
    let wrong = r#""scope":{"openid profile email orders:read orders:write":0}"#;
    signed(algorithm, &CLAIMS.replace(scope, wrong), calls);
}

fn signed(algorithm: Algorithm, claims: &str, calls: u64) {
    let header = format!(r#"{{"alg":"{algorithm}","typ":"at+jwt","kid":"{ID}"}}"#);
    let token = sign_raw(&signing_key(algorithm), &header, claims.as_bytes());
    reject(algorithm, &token, calls);
}

fn reject(algorithm: Algorithm, token: &str, calls: u64) {
    let verifier = verifier(algorithm);
    repeat(calls, || {
        verifier
            .verify_now(black_box(token))
            .expect_err("a bad token")
    });
}

fn authenticate(algorithm: Algorithm, calls: u64) {
    let authenticator = Authenticator::new(verifier(algorithm));
    let head = Head(format!("Bearer {}", token(algorithm)));
    repeat(calls, || {
        let mut context = task::Context::from_waker(task::Waker::noop());
        let checked = pin!(authenticator.check(black_box(&head))).poll(&mut context);
        let task::Poll::Ready(Ok(Some(token))) = checked else {
            panic!("a good token, and no key to wait for");
        };
        token.claims::<Claims>().expect("all ten claims")
    });
}

/// A request with a token.
struct Head(String);

impl RequestHead for Head {
    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        "/orders"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if name == "authorization" {
            visit(self.0.as_bytes());
        }
    }
}

fn issue(algorithm: Algorithm, calls: u64) {
    #[derive(Serialize)]
    struct Own<'a> {
        sub: &'a str,
        nbf: u64,
        scope: &'a str,
        roles: &'a [&'a str],
        email: &'a str,
    }
    let issuer = Issuer::builder(TestIssuer::ISSUER, signing_key(algorithm))
        .audience(TestIssuer::AUDIENCE)
        .clock(FixedClock::default())
        .build()
        .expect("complete settings");
    let claims = Own {
        sub: "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        nbf: 1_800_000_000,
        scope: "openid profile email orders:read orders:write",
        roles: &["user", "editor", "admin"],
        email: "somebody.important@mail.example.com",
    };
    repeat(calls, || {
        issuer.issue(black_box(&claims)).expect("good claims")
    });
}

fn revocation(algorithm: Algorithm, calls: u64) {
    let revocation = Revocation::local()
        .clock(FixedClock::default())
        .build()
        .expect("good settings");
    for n in 0..1_000 {
        let entry = RevocationEntry {
            revoked: Revoked::Token(format!("0f8fad5b-d9cb-469f-a165-{n:012}")),
            until: 1_800_000_600,
        };
        revocation.revoke(&entry).expect("room");
    }
    let token = verifier(algorithm)
        .verify_now(&token(algorithm))
        .expect("a good token");
    repeat(calls, || {
        revocation.check(black_box(&token)).expect("none of these");
    });
}

fn check_signature(algorithm: Algorithm, calls: u64) {
    let token = token(algorithm);
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    if algorithm == HS256 {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
        return repeat(calls, || {
            hmac::verify(&key, black_box(signed.as_bytes()), &signature).expect("a good one");
        });
    }
    let key = match algorithm {
        RS256 => {
            let pair = RsaKeyPair::from_pkcs8(&der(RSA)).expect("a good key");
            ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key())
        }
        ES256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, p256().public_key()),
        _ => ParsedPublicKey::new(&ED25519, ed25519().public_key()),
    }
    .expect("a good key");
    repeat(calls, || {
        key.verify_sig(black_box(signed.as_bytes()), &signature)
            .expect("a good one");
    });
}

fn make_signature(algorithm: Algorithm, calls: u64) {
    let token = token(algorithm);
    let (signed, _) = token.rsplit_once('.').expect("three parts");
    let signed = signed.as_bytes();
    match algorithm {
        HS256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
            repeat(calls, || hmac::sign(&key, black_box(signed)));
        }
        ES256 => {
            let key = p256();
            repeat(calls, || {
                key.sign(&SystemRandom::new(), black_box(signed))
                    .expect("randomness")
            });
        }
        _ => {
            let key = ed25519();
            repeat(calls, || key.sign(black_box(signed)));
        }
    }
}

fn p256() -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der(P256)).expect("a good key")
}

fn ed25519() -> Ed25519KeyPair {
    Ed25519KeyPair::from_pkcs8(&der(ED25519_PEM)).expect("a good key")
}

fn der(pem: &str) -> Vec<u8> {
    pem::parse(pem).expect("a PEM").into_contents()
}
