//! Tests of a fallback among several verifiers: it decides about tokens of unknown issuers, and about no other.

use countersign::{
    AuthErrorKind, Authenticator, ConfigError, Issuers, SigningKey, Verifier, VerifierBuilder,
    adapter::Credentials,
    testing::{FixedClock, TestIssuer, TestToken, sign_raw},
};
use serde_json::json;

use super::now;

/// A strict issuer, an old one whose tokens name nobody, and the time of both.
struct Stage {
    strict: TestIssuer,
    old: TestIssuer,
    old_key: SigningKey,
    clock: FixedClock,
}

impl Stage {
    fn new() -> Self {
        let strict = TestIssuer::new();
        let clock = strict.clock().clone();
        Self {
            strict,
            old: TestIssuer::new(),
            old_key: SigningKey::generate_es256().unwrap(),
            clock,
        }
    }

    fn old_builder(&self) -> VerifierBuilder {
        let builder = Verifier::builder(self.old_key.verifying_key()).clock(self.clock.clone());
        builder.any_issuer().any_audience()
    }

    fn issuers(&self, fallback: Verifier) -> Issuers {
        let issuers = Issuers::new([self.strict.verifier()]).unwrap();
        issuers.with_fallback(fallback).unwrap()
    }

    fn sign(&self, token: TestToken<'_>) -> String {
        token.signed_by(&self.old_key)
    }

    fn old_token(&self) -> TestToken<'_> {
        self.old.token().without("iss").without("aud")
    }
}

/// Returns why a token is refused, which an explanation says as well.
fn refusal(issuers: &Issuers, token: &str) -> Option<AuthErrorKind> {
    let authenticator = Authenticator::new(issuers.clone());
    let verdict = authenticator.authenticate(Some(Credentials::new(token)));
    let refused = futures_executor::block_on(verdict)
        .err()
        .map(|error| error.kind());
    assert_eq!(issuers.explain(token).refusal(), refused, "{token}");
    refused
}

#[test]
fn it_decides_where_the_issuer_is_absent_or_unknown() {
    let stage = Stage::new();
    let issuers = stage.issuers(stage.old_builder().build().unwrap());
    assert_eq!(refusal(&issuers, &stage.strict.token().sign()), None);
    assert_eq!(refusal(&issuers, &stage.sign(stage.old_token())), None);
    let unknown = stage.old_token().issuer("https://nobody.example");
    assert_eq!(refusal(&issuers, &stage.sign(unknown)), None);
    // By its own rules.
    let forged = stage.strict.token().without("iss").sign();
    assert_eq!(refusal(&issuers, &forged), Some(AuthErrorKind::UnknownKey));
    let expired = stage.sign(stage.old_token().expired());
    assert_eq!(refusal(&issuers, &expired), Some(AuthErrorKind::Expired));

    let without = Issuers::new([stage.strict.verifier()]).unwrap();
    let kind = refusal(&without, &stage.sign(stage.old_token()));
    assert_eq!(kind, Some(AuthErrorKind::MissingClaim));
    let unknown = stage.old_token().issuer("https://nobody.example");
    assert_eq!(
        refusal(&without, &stage.sign(unknown)),
        Some(AuthErrorKind::UnknownIssuer)
    );
}

#[test]
fn it_never_decides_about_a_token_that_names_a_known_issuer() {
    let stage = Stage::new();
    let issuers = stage.issuers(stage.old_builder().build().unwrap());
    let claims = |iss: &str| format!(r#"{{{iss}"exp":{}}}"#, now(&stage.strict) + 60);
    let sign = |iss: &str| sign_raw(&stage.old_key, r#"{"alg":"ES256"}"#, claims(iss).as_bytes());
    assert_eq!(refusal(&issuers, &sign("")), None);
    let known = TestIssuer::ISSUER;
    let escaped = known.replacen('h', "\\u0068", 1);
    for iss in [
        format!(r#""iss":"{known}","#),
        format!(r#""iss":"{escaped}","#),
        format!(r#""\u0069ss":"{known}","#),
        format!(r#""iss":"x","iss":"{known}","#),
        format!(r#""iss":"{known}","iss":"x","#),
        format!(r#""iss":"{known}","iss":null,"#),
        format!(r#""iss":["{known}"],"#),
        r#""iss":7,"#.to_owned(),
        r#""iss":null,"#.to_owned(),
    ] {
        assert!(refusal(&issuers, &sign(&iss)).is_some(), "{iss}");
    }
    let nulls = stage.issuers(stage.old_builder().accept_null_claims().build().unwrap());
    assert_eq!(refusal(&nulls, &sign(r#""iss":null,"#)), None);
    for iss in [
        format!(r#""iss":"{known}","iss":null,"#),
        format!(r#""iss":null,"iss":"{known}","#),
    ] {
        assert!(refusal(&nulls, &sign(&iss)).is_some(), "{iss}");
    }
}

#[cfg(feature = "cache")]
#[test]
fn what_its_cache_has_from_elsewhere_does_not_count_for_a_known_issuer() {
    let stage = Stage::new();
    let cache = countersign::TokenCache::new();
    let fallback = stage.old_builder().cache(cache.clone()).build().unwrap();
    let strict = stage.strict.verifier().with_cache(cache);
    let issuers = Issuers::new([strict])
        .unwrap()
        .with_fallback(fallback.clone());
    let issuers = issuers.unwrap();
    // By the old key, in the name of the strict issuer.
    let posing = stage.sign(stage.old.token());
    for _ in 0..4 {
        fallback.verify_now(&posing).unwrap();
    }
    assert_eq!(refusal(&issuers, &posing), Some(AuthErrorKind::UnknownKey));
    let old = stage.sign(stage.old_token());
    assert!((0..4).all(|_| refusal(&issuers, &old).is_none()));
}

#[test]
fn it_is_for_any_issuer_and_there_is_one() {
    let stage = Stage::new();
    let issuers = || Issuers::new([stage.strict.verifier()]).unwrap();
    let fallback = || stage.old_builder().build().unwrap();
    let conflict = |result: Result<Issuers, ConfigError>| {
        assert!(
            matches!(result, Err(ConfigError::Conflict(_))),
            "{result:?}"
        );
    };
    conflict(issuers().with_fallback(stage.old.verifier()));
    conflict(
        issuers()
            .with_fallback(fallback())
            .unwrap()
            .with_fallback(fallback()),
    );
    conflict(Issuers::from(fallback()).with_fallback(fallback()));
    conflict(Issuers::new([fallback()]));
    let one = Issuers::from(stage.strict.verifier()).with_fallback(fallback());
    assert_eq!(refusal(&one.unwrap(), &stage.sign(stage.old_token())), None);
}

#[test]
fn its_tokens_may_be_longer_than_those_of_the_others() {
    let stage = Stage::new();
    let long = stage.sign(stage.old_token().claim("x", "a".repeat(10_000)));
    let builder = stage.old_builder();
    let issuers = stage.issuers(builder.max_token_bytes(20_000).build().unwrap());
    assert_eq!(refusal(&issuers, &long), None);
    let issuers = stage.issuers(stage.old_builder().build().unwrap());
    assert_eq!(refusal(&issuers, &long), Some(AuthErrorKind::TokenTooLarge));
}

#[test]
fn old_tokens_with_a_weak_form_pass_by_tolerances_of_the_fallback_alone() {
    let stage = Stage::new();
    let tolerant = stage
        .old_builder()
        .accept_numeric_subject()
        .accept_null_claims();
    let issuers = stage.issuers(tolerant.build().unwrap());
    fn lax(token: TestToken<'_>) -> TestToken<'_> {
        token.claim("sub", json!(7)).claim("nbf", json!(null))
    }
    let old = stage.old_token();
    let old = lax(old).signed_by(&stage.old_key);
    assert_eq!(refusal(&issuers, &old), None);
    let strict = refusal(&issuers, &lax(stage.strict.token()).sign());
    assert_eq!(strict, Some(AuthErrorKind::InvalidClaim));
}
