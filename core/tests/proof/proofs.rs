//! The checks of a proof: each refusal, and its nearest accepted twin.

use countersign::{
    Algorithm, AuthErrorKind, SigningKey,
    adapter::Credentials,
    proof::ProofMode,
    testing::{ProofKey, TestProof},
};
use futures_executor::block_on;
use serde_json::{Value, json};

use crate::{Head, URL, World, allowed, cause, check, reason};

type Change = fn(TestProof<'_>) -> TestProof<'_>;

#[test]
fn a_good_proof_is_accepted_and_says_whose_key_it_was() {
    let world = World::new();
    let token = world.token();
    let proof = world.client.proof("GET", URL).token(&token).sign();
    let verified = check(&world.authenticator(), &Head::dpop(&token, proof)).unwrap();
    assert_eq!(verified.proven_key(), Some(world.client.thumbprint()));
    assert_eq!(verified.proven_certificate(), None);
    assert_eq!(verified.dpop_nonce(), None);
    assert!(verified.is_bound());
}

#[test]
fn every_algorithm_of_the_default_list_works_and_no_other() {
    let world = World::new();
    let with = |algorithm| {
        let client = ProofKey::with_algorithm(algorithm, world.issuer.clock());
        let token = world.issuer.token().claim("cnf", client.cnf()).sign();
        let proof = client.proof("GET", URL).token(&token).sign();
        reason(&world.authenticator(), &Head::dpop(&token, proof))
    };
    for algorithm in [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::EdDSA,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ] {
        assert_eq!(with(algorithm), "accepted", "{algorithm}");
    }
    for algorithm in [Algorithm::RS256, Algorithm::RS512] {
        assert_eq!(with(algorithm), "invalid_proof", "{algorithm}");
    }
}

/// What is wrong, the name in the log, and the nearest good proof.
const CASES: &[(&str, Change, Change)] = &[
    ("DPoP typ", |p| p.header("typ", "dpop+jwt+x"), |p| p),
    ("DPoP typ", |p| p.header("typ", "DPOP+JWT"), |p| p),
    ("DPoP typ", |p| p.without("typ"), |p| p),
    (
        "DPoP header",
        |p| p.without("alg"),
        |p| p.header("kid", "any"),
    ),
    ("DPoP header", |p| p.header("alg", "none"), |p| p),
    (
        "DPoP header",
        |p| p.header("crit", json!(["x"])),
        |p| p.header("x", 1),
    ),
    ("DPoP alg", |p| p.header("alg", "HS256"), |p| p),
    ("DPoP jwk", |p| p.without("jwk"), |p| p),
    ("DPoP jwk", |p| p.header("jwk", "text"), |p| p),
    ("DPoP jwk", |p| p.header("jwk", json!({"kty": "EC"})), |p| p),
    (
        "DPoP payload",
        |p| p.claim("jti", 1),
        |p| p.claim("jti", "1"),
    ),
    ("DPoP jti", |p| p.without("jti"), |p| p),
    ("DPoP jti", |p| p.claim("jti", ""), |p| p.claim("jti", "x")),
    (
        "DPoP jti",
        |p| p.claim("jti", "x".repeat(257)),
        |p| p.claim("jti", "x".repeat(256)),
    ),
    ("DPoP htm", |p| p.without("htm"), |p| p),
    ("DPoP htm", |p| p.claim("htm", "POST"), |p| p),
    ("DPoP htm", |p| p.claim("htm", "get"), |p| p),
    ("DPoP htm", |p| p.claim("htm", json!(["GET"])), |p| p),
    ("DPoP payload", |p| p.claim("htm", 1), |p| p),
    ("DPoP htu", |p| p.without("htu"), |p| p),
    (
        "DPoP htu",
        |p| p.claim("htu", "https://api.test/v1/you"),
        |p| p.claim("htu", "HTTPS://API.TEST:443/v1/me?page=3#top"),
    ),
    (
        "DPoP htu",
        |p| p.claim("htu", "https://evil.test/v1/me"),
        |p| p,
    ),
    ("DPoP htu", |p| p.claim("htu", "/v1/me"), |p| p),
    ("DPoP ath", |p| p.without("ath"), |p| p),
    ("DPoP ath", |p| p.token("another"), |p| p),
    ("DPoP ath", |p| p.claim("ath", json!([])), |p| p),
    ("DPoP iat", |p| p.without("iat"), |p| p),
    ("DPoP payload", |p| p.claim("iat", "now"), |p| p),
    (
        "DPoP exp",
        |p| p.claim("exp", 1),
        |p| p.claim("exp", 253_402_300_799_i64).claim("nbf", 1),
    ),
    (
        "DPoP nbf",
        |p| p.claim("nbf", 253_402_300_799_i64),
        |p| p.claim("tx_id", "7"),
    ),
];

#[test]
fn what_is_wrong_is_refused_and_named_and_its_nearest_twin_is_accepted() {
    let world = World::new();
    let (authenticator, token) = (world.authenticator(), world.token());
    for (name, bad, good) in CASES {
        let proof = || world.client.proof("GET", URL).token(&token);
        let error = check(&authenticator, &Head::dpop(&token, bad(proof()).sign())).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::InvalidProof, "{name}");
        assert!(
            cause(&error).starts_with(&format!("{name}: ")),
            "{name}: {}",
            cause(&error)
        );
        assert_eq!(error.challenge().status(), 401);
        let good = good(proof()).sign();
        assert_eq!(
            reason(&authenticator, &Head::dpop(&token, good)),
            "accepted",
            "{name}"
        );
    }
}

#[test]
fn the_header_has_one_proof() {
    let world = World::new();
    let (authenticator, token) = (world.authenticator(), world.token());
    let proof = || world.client.proof("GET", URL).token(&token).sign();
    let absent = Head::new().with("authorization", format!("DPoP {token}"));
    let two = Head::dpop(&token, proof()).with("dpop", proof());
    let comma = Head::dpop(&token, format!("{}, {}", proof(), proof()));
    let long = world.client.proof("GET", URL).token(&token);
    let long = Head::dpop(&token, long.claim("x", "y".repeat(4_000)).sign());
    let no_jws = Head::dpop(&token, "no proof");
    for head in [absent, two, comma, long, no_jws, Head::dpop(&token, "")] {
        assert_eq!(reason(&authenticator, &head), "invalid_proof");
    }
    let spaces = Head::dpop(&token, format!(" {} ", proof()));
    assert_eq!(reason(&authenticator, &spaces), "accepted");
}

#[test]
fn a_private_key_or_a_member_twice_is_refused() {
    let world = World::new();
    let (authenticator, token) = (world.authenticator(), world.token());
    let with_jwk = |jwk: Value| {
        let proof = world.client.proof("GET", URL).token(&token);
        reason(
            &authenticator,
            &Head::dpop(&token, proof.header("jwk", jwk).sign()),
        )
    };
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let mut jwk = world.client.jwk();
        jwk[name] = "AQAB".into();
        assert_eq!(with_jwk(jwk), "invalid_proof", "{name}");
    }
    let mut jwk = world.client.jwk();
    jwk["use"] = "sig".into();
    jwk["ext"] = true.into();
    jwk["key_ops"] = json!(["verify"]);
    assert_eq!(with_jwk(jwk), "accepted");
}

#[test]
fn another_key_is_refused_before_its_signature_is_looked_at() {
    let world = World::new();
    let (authenticator, token) = (world.authenticator(), world.token());
    let thief = ProofKey::new(world.issuer.clock());
    for proof in [
        thief.proof("GET", URL).token(&token).sign(),
        thief
            .proof("GET", URL)
            .signed_by(&SigningKey::generate_es256().unwrap()),
    ] {
        let error = check(&authenticator, &Head::dpop(&token, proof)).unwrap_err();
        assert!(cause(&error).starts_with("DPoP jwk: "), "{}", cause(&error));
    }
}

#[test]
fn a_signature_of_another_key_is_refused() {
    let world = World::new();
    let (authenticator, token) = (world.authenticator(), world.token());
    // Also once the key is known.
    for _ in 0..2 {
        let good = world.client.proof("GET", URL).token(&token).sign();
        assert_eq!(
            reason(&authenticator, &Head::dpop(&token, good)),
            "accepted"
        );
        let stranger = SigningKey::generate_es256().unwrap();
        let bad = world
            .client
            .proof("GET", URL)
            .token(&token)
            .signed_by(&stranger);
        let error = check(&authenticator, &Head::dpop(&token, bad)).unwrap_err();
        assert!(cause(&error).starts_with("DPoP signature: "));
    }
}

#[test]
fn the_clock_may_be_off_by_the_windows_and_no_more() {
    let world = World::new();
    let (authenticator, token) = (world.authenticator(), world.token());
    for (off, good) in [(-61, false), (-60, true), (30, true), (31, false)] {
        let iat = world.now() + off;
        let proof = world
            .client
            .proof("GET", URL)
            .token(&token)
            .claim("iat", iat)
            .sign();
        let wanted = if good { "accepted" } else { "invalid_proof" };
        assert_eq!(
            reason(&authenticator, &Head::dpop(&token, proof)),
            wanted,
            "{off}"
        );
    }
}

#[test]
fn a_bound_token_is_no_bearer_token_and_an_unbound_one_needs_no_proof() {
    let world = World::new();
    let authenticator = world.authenticator_with(allowed);
    let (bound, unbound) = (world.token(), world.issuer.token().sign());
    let proof = |token: &str| world.client.proof("GET", URL).token(token).sign();

    assert_eq!(reason(&authenticator, &Head::bearer(&bound)), "bound_token");
    let downgrade = Head::bearer(&bound).with("dpop", proof(&bound));
    assert_eq!(reason(&authenticator, &downgrade), "bound_token");
    assert_eq!(
        reason(&authenticator, &Head::dpop(&unbound, proof(&unbound))),
        "unbound_token"
    );
    // A proof beside a bearer token says nothing.
    let ignored = Head::bearer(&unbound).with("dpop", "junk");
    assert_eq!(reason(&authenticator, &ignored), "accepted");
    assert_eq!(reason(&authenticator, &Head::bearer(&unbound)), "accepted");
    // Nobody sees the request.
    let credentials = Credentials::new(&bound);
    let error = block_on(authenticator.authenticate(Some(credentials))).unwrap_err();
    assert_eq!(error.reason(), "bound_token");
}

#[test]
fn required_refuses_what_is_not_bound_and_off_what_is() {
    let world = World::new();
    let unbound = world.issuer.token().sign();
    let required = world.authenticator();
    let error = check(&required, &Head::bearer(&unbound)).unwrap_err();
    assert_eq!(error.reason(), "unbound_token");

    let issuer = "https://issuer.test";
    let off = world.authenticator_with(|dpop| dpop.mode_for(issuer, ProofMode::Off));
    assert_eq!(reason(&off, &Head::bearer(&unbound)), "accepted");
    let token = world.token();
    let proof = world.client.proof("GET", URL).token(&token).sign();
    assert_eq!(reason(&off, &Head::dpop(&token, proof)), "bound_token");
}

#[test]
fn a_cnf_that_nobody_can_check_is_refused_whatever_else_is_proven() {
    let world = World::new();
    let authenticator = world.authenticator_with(allowed);
    let jkt = world.client.thumbprint().to_string();
    for cnf in [
        json!({}),
        json!({ "jkt": jkt, "kid": "k" }),
        json!({ "jwk": world.client.jwk() }),
        json!({ "jkt": "" }),
        json!({ "jkt": null }),
        json!({ "jkt": jkt, "x5t#S256": jkt }),
    ] {
        let token = world.issuer.token().claim("cnf", cnf.clone()).sign();
        let proof = world.client.proof("GET", URL).token(&token).sign();
        assert_eq!(
            reason(&authenticator, &Head::dpop(&token, proof)),
            "bound_token",
            "{cnf}"
        );
        assert_eq!(
            reason(&authenticator, &Head::bearer(&token)),
            "bound_token",
            "{cnf}"
        );
    }
}

#[test]
fn without_the_setting_every_bound_token_is_refused() {
    let world = World::new();
    let authenticator = countersign::Authenticator::new(world.issuer.verifier());
    let token = world.token();
    let proof = world.client.proof("GET", URL).token(&token).sign();
    let bearer = Head::bearer(&token).with("dpop", proof.clone());
    assert_eq!(reason(&authenticator, &bearer), "bound_token");
    assert_eq!(
        reason(&authenticator, &Head::dpop(&token, proof)),
        "missing_token"
    );
    assert!(world.issuer.verifier().verify_now(&token).is_err());
}

#[test]
fn challenges_name_the_scheme_that_is_asked_for() {
    let world = World::new();
    let lines = |authenticator: &countersign::Authenticator, head: &Head| {
        let error = block_on(authenticator.check(head)).unwrap_err();
        let challenge = error.challenge();
        let all = challenge
            .headers()
            .filter(|(name, _)| *name == "www-authenticate");
        all.map(|(_, value)| value.into_owned()).collect::<Vec<_>>()
    };
    let algs = r#"algs="ES256 ES384 ES512 EdDSA PS256 PS384 PS512""#;
    let (allowed, required) = (world.authenticator_with(allowed), world.authenticator());
    let nothing = Head::new();
    assert_eq!(lines(&required, &nothing), [format!("DPoP {algs}")]);
    assert_eq!(
        lines(&allowed, &nothing),
        ["Bearer".to_owned(), format!("DPoP {algs}")]
    );

    let invalid = r#"error="invalid_token", error_description="the token has expired""#;
    let expired = world.issuer.token().expired().sign();
    let bearer = Head::bearer(&expired);
    assert_eq!(
        lines(&allowed, &bearer),
        [format!("Bearer {invalid}"), format!("DPoP {algs}")]
    );
    assert_eq!(
        lines(&required, &bearer),
        [format!("DPoP {invalid}, {algs}")]
    );
    let proof = world.client.proof("GET", URL).token(&expired).sign();
    assert_eq!(
        lines(&allowed, &Head::dpop(&expired, proof)),
        [format!("DPoP {invalid}, {algs}")]
    );

    let bad = Head::dpop(&world.token(), "junk");
    let text = r#"error="invalid_dpop_proof", error_description="the DPoP proof is not valid""#;
    assert_eq!(lines(&allowed, &bad), [format!("DPoP {text}, {algs}")]);
}

#[test]
fn a_policy_answers_with_the_scheme_of_the_request() {
    let world = World::new();
    let policy = countersign::Policy::scope("write");
    let authenticator = world.authenticator_with(allowed).require(policy);
    let token = world.token();
    let proof = world.client.proof("GET", URL).token(&token).sign();
    let error = check(&authenticator, &Head::dpop(&token, proof)).unwrap_err();
    let challenge = error.challenge();
    assert_eq!(challenge.status(), 403);
    let text = challenge.www_authenticate().unwrap();
    assert!(
        text.starts_with(r#"DPoP error="insufficient_scope""#),
        "{text}"
    );
    assert!(text.contains(r#"scope="write""#), "{text}");
}

#[test]
fn a_cached_token_still_needs_its_proof() {
    let world = World::new();
    let verifier = world
        .issuer
        .verifier()
        .with_cache(countersign::TokenCache::new());
    let dpop = countersign::proof::Dpop::builder()
        .external_url("https://api.test")
        .replay(countersign::proof::MemoryReplayStore::new())
        .build()
        .unwrap();
    let authenticator = countersign::Authenticator::new(verifier.clone()).dpop(dpop);
    let token = world.token();
    for _ in 0..3 {
        let proof = world.client.proof("GET", URL).token(&token).sign();
        assert_eq!(
            reason(&authenticator, &Head::dpop(&token, proof)),
            "accepted"
        );
        assert_eq!(reason(&authenticator, &Head::bearer(&token)), "bound_token");
        let thief = ProofKey::new(world.issuer.clock())
            .proof("GET", URL)
            .token(&token)
            .sign();
        assert_eq!(
            reason(&authenticator, &Head::dpop(&token, thief)),
            "invalid_proof"
        );
        // The same cache, and nobody who checks.
        assert_eq!(
            verifier.verify_now(&token).unwrap_err().reason(),
            "bound_token"
        );
    }
}

#[test]
fn a_mode_of_an_issuer_counts_for_all_of_its_names() {
    let issuer = countersign::testing::TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .issuer("https://alias.test")
        .build()
        .unwrap();
    let dpop = countersign::proof::Dpop::builder()
        .external_url("https://api.test")
        .mode(ProofMode::Allowed)
        .mode_for("https://issuer.test", ProofMode::Required)
        .replay(countersign::proof::MemoryReplayStore::new())
        .build()
        .unwrap();
    let authenticator = countersign::Authenticator::new(verifier).dpop(dpop);
    for name in ["https://issuer.test", "https://alias.test"] {
        let token = issuer.token().issuer(name).sign();
        assert_eq!(
            reason(&authenticator, &Head::bearer(&token)),
            "unbound_token",
            "{name}"
        );
    }
}
