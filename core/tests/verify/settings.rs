//! Tests of the settings of a verifier, and of several verifiers.

use countersign::{
    AuthErrorKind, ConfigError, Issuers, Key, KeySet, Verifier, testing::TestIssuer,
};

#[test]
fn a_token_has_a_largest_size() {
    let issuer = TestIssuer::new();
    let with = |length: usize| issuer.token().claim("x", "x".repeat(length)).sign();
    let small = issuer
        .verifier_builder()
        .max_token_bytes(1_000)
        .build()
        .unwrap();
    let good = with(100);
    let limit = issuer
        .verifier_builder()
        .max_token_bytes(good.len())
        .build()
        .unwrap();
    limit.verify_now(&good).unwrap();
    assert_eq!(
        small.verify_now(&with(1_000)).unwrap_err().kind(),
        AuthErrorKind::TokenTooLarge
    );
    issuer.verifier().verify_now(&with(5_000)).unwrap();
    assert_eq!(
        issuer
            .verifier()
            .verify_now(&with(6_500))
            .unwrap_err()
            .kind(),
        AuthErrorKind::TokenTooLarge
    );
    for bad in [0, (64 << 10) + 1] {
        let refused = issuer.verifier_builder().max_token_bytes(bad).build();
        assert!(matches!(refused, Err(ConfigError::InvalidSetting(_))));
    }
}

#[test]
fn a_verifier_needs_issuer_audience_and_a_key() {
    let key = || Key::hs256(b"an example secret of 32 bytes or more").unwrap();
    let missing = |built: Result<Verifier, ConfigError>| match built {
        Err(ConfigError::Missing(text)) => text,
        other => panic!("{other:?}"),
    };
    assert!(missing(Verifier::builder(key()).audience("a").build()).contains("issuer"));
    assert!(missing(Verifier::builder(key()).issuer("i").build()).contains("audience"));
    assert!(
        missing(
            Verifier::builder(KeySet::default())
                .issuer("i")
                .audience("a")
                .build()
        )
        .contains("key")
    );
    for both in [
        Verifier::builder(key())
            .issuer("i")
            .any_issuer()
            .audience("a")
            .build(),
        Verifier::builder(key())
            .issuer("i")
            .any_audience()
            .audience("a")
            .build(),
    ] {
        assert!(matches!(both, Err(ConfigError::Conflict(_))));
    }
    for empty in [
        Verifier::builder(key()).issuer("").audience("a").build(),
        Verifier::builder(key()).issuer("i").audience("").build(),
    ] {
        assert!(matches!(empty, Err(ConfigError::InvalidSetting(_))));
    }
}

#[test]
fn a_claim_may_be_required_twice_and_64_may_be() {
    let issuer = TestIssuer::new();
    let profile = issuer
        .verifier_builder()
        .access_token_profile()
        .access_token_profile();
    let twice = profile.require_claim("sub").build().unwrap();
    let token = issuer
        .token()
        .header("typ", "at+jwt")
        .claim("client_id", "c");
    twice.verify_now(&token.sign()).unwrap();

    let names = |count: usize| (0..count).map(|n| format!("c{n}"));
    let build = |count| {
        names(count)
            .fold(
                issuer.verifier_builder(),
                countersign::VerifierBuilder::require_claim,
            )
            .build()
    };
    let all = names(64).fold(issuer.token(), |token, name| token.claim(&name, 1));
    build(64).unwrap().verify_now(&all.clone().sign()).unwrap();
    let error = build(64)
        .unwrap()
        .verify_now(&all.without("c63").sign())
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::MissingClaim);
    assert!(matches!(build(65), Err(ConfigError::InvalidSetting(_))));
}

#[test]
fn issuers_are_named_once_each() {
    let issuer = TestIssuer::new();
    let one = || issuer.verifier();
    let any = Verifier::builder(issuer.key())
        .any_issuer()
        .any_audience()
        .build()
        .unwrap();
    assert!(Issuers::new([one()]).is_ok());
    assert!(matches!(Issuers::new([]), Err(ConfigError::Missing(_))));
    assert!(matches!(
        Issuers::new([one(), one()]),
        Err(ConfigError::Conflict(_))
    ));
    assert!(matches!(
        Issuers::new([one(), any]),
        Err(ConfigError::Conflict(_))
    ));
}
