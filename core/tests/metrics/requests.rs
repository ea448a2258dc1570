//! Tests of the metrics of requests and keys.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use countersign::{
    AuthErrorKind, Authenticator, Clock, RemoteKeys, SigningKey, Verifier,
    adapter::Credentials,
    metrics::describe,
    remote::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse},
    session::LoginLimits,
    testing::TestIssuer,
};
use metrics_util::debugging::DebuggingRecorder;

use crate::measured;

#[test]
fn accepted_tokens_with_an_actor_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let issuer = TestIssuer::new();
    let any = Authenticator::new(issuer.verifier());
    let direct = any.clone().require(countersign::Policy::direct());
    let acting = || {
        issuer
            .token()
            .claim("act", serde_json::json!({"sub": "svc"}))
    };
    for (authenticator, token) in [
        (&any, issuer.token().sign()),
        (&any, acting().sign()),
        (&any, acting().expired().sign()),
        (&direct, acting().sign()),
        (&direct, issuer.token().sign()),
    ] {
        let credentials = Credentials::new(&token);
        let _ = futures_executor::block_on(authenticator.authenticate(Some(credentials)));
    }
    let measured = measured(&snapshotter);
    let counted = measured.get("countersign_delegated_tokens_total{}");
    assert_eq!(counted, Some(&1.0), "{measured:#?}");
}

#[test]
fn requests_are_counted_by_verdict_and_timed_by_stage() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let issuer = TestIssuer::new();
    let authenticator = Authenticator::new(issuer.verifier());
    let check = |token: &str| {
        let credentials = Credentials::new(token);
        let _ = futures_executor::block_on(authenticator.authenticate(Some(credentials)));
    };
    check(&issuer.token().sign());
    check(&issuer.token().sign());
    check(&issuer.token().expired().sign());
    check(&issuer.token().by_a_stranger());
    check("nonsense");
    let _ = futures_executor::block_on(authenticator.authenticate(None));
    let optional = authenticator.clone().optional();
    let _ = futures_executor::block_on(optional.authenticate(None));

    let measured = measured(&snapshotter);
    for (name, expected) in [
        ("countersign_requests_total{outcome=accepted}", 2.0),
        ("countersign_requests_total{outcome=anonymous}", 1.0),
        ("countersign_requests_total{outcome=bad_signature}", 1.0),
        ("countersign_requests_total{outcome=expired}", 1.0),
        ("countersign_requests_total{outcome=malformed_token}", 1.0),
        ("countersign_requests_total{outcome=missing_token}", 1.0),
        ("countersign_stage_seconds{stage=header}", 5.0),
        ("countersign_stage_seconds{stage=signature}", 4.0),
        ("countersign_stage_seconds{stage=payload}", 3.0),
        ("countersign_stage_seconds{stage=claims}", 3.0),
    ] {
        assert_eq!(measured.get(name), Some(&expected), "{name}: {measured:#?}");
    }
    assert_eq!(measured.len(), 10, "{measured:#?}");
}

/// A provider that can be switched off.
#[derive(Clone)]
struct Provider {
    jwks: Arc<str>,
    away: Arc<AtomicBool>,
}

impl Fetch for Provider {
    async fn get(&self, _: FetchRequest) -> Result<FetchResponse, FetchError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(FetchErrorKind::Connect.into());
        }
        Ok(FetchResponse::new(200, self.jwks.as_bytes()))
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_measured_by_source() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    describe();
    let key = SigningKey::generate_ed25519().unwrap().with_id("a");
    let provider = Provider {
        jwks: format!(r#"{{"keys":[{}]}}"#, key.verifying_key().to_jwk().unwrap()).into(),
        away: Arc::default(),
    };
    let source = "https://id.example/jwks";
    let clock = TestIssuer::new().clock().clone();
    let keys = RemoteKeys::jwks(source)
        .fetch(provider.clone())
        .clock(clock.clone())
        .jitter_seed(1)
        .build()
        .unwrap();
    keys.ready().await.unwrap();
    let expect = |expected: &[(&str, f64)]| {
        let measured = measured(&snapshotter);
        for (name, value) in expected {
            let name = name.replace("SOURCE", &format!("source={source}"));
            assert_eq!(measured.get(&name), Some(value), "{name}: {measured:#?}");
        }
    };
    expect(&[
        ("countersign_key_fetches_total{SOURCE,result=changed}", 1.0),
        ("countersign_key_fetch_seconds{SOURCE}", 1.0),
        ("countersign_keys{SOURCE}", 1.0),
        ("countersign_keys_state{SOURCE,state=fresh}", 1.0),
        ("countersign_keys_state{SOURCE,state=stale}", 0.0),
    ]);
    tokio::time::sleep(Duration::from_secs(520)).await;
    expect(&[(
        "countersign_key_fetches_total{SOURCE,result=unchanged}",
        1.0,
    )]);

    // Changes that only time causes are measured too.
    provider.away.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(700)).await;
    expect(&[("countersign_keys_state{SOURCE,state=stale}", 1.0)]);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    expect(&[
        ("countersign_keys{SOURCE}", 0.0),
        ("countersign_keys_state{SOURCE,state=stale}", 0.0),
        ("countersign_keys_state{SOURCE,state=unavailable}", 1.0),
    ]);

    let verifier = Verifier::builder(keys)
        .issuer("https://id.example")
        .audience("orders")
        .clock(clock)
        .build()
        .unwrap();
    let issuer = TestIssuer::new();
    let token = issuer
        .token()
        .issuer("https://id.example")
        .audience("orders");
    let token = token.header("alg", "EdDSA").signed_by(&key);
    let refused = verifier.verify(&token).await.unwrap_err();
    assert_eq!(refused.reason(), "keys_unavailable");
    provider.away.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(30)).await;
    verifier.verify(&token).await.unwrap();
    // This one waits for a fetch.
    let unknown = issuer
        .token()
        .issuer("https://id.example")
        .audience("orders");
    let unknown = unknown.header("kid", "b").by_a_stranger();
    assert!(verifier.verify(&unknown).await.is_err());
    #[allow(clippy::cast_precision_loss)] // small numbers
    expect(&[
        ("countersign_keys_state{SOURCE,state=fresh}", 1.0),
        (
            "countersign_keys_fetched_timestamp_seconds{SOURCE}",
            issuer.clock().now() as f64,
        ),
        ("countersign_key_wait_seconds{}", 1.0),
    ]);

    countersign::adapter::log(&AuthErrorKind::Forbidden.into());
    expect(&[("countersign_handler_refusals_total{reason=forbidden}", 1.0)]);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_is_counted_and_the_first_set_is_none() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let [first, second] = ["a", "b"].map(|id| {
        let key = SigningKey::generate_ed25519().unwrap().with_id(id);
        format!(r#"{{"keys":[{}]}}"#, key.verifying_key().to_jwk().unwrap())
    });
    let rotates = Rotates(first, second, AtomicBool::default());
    let keys = RemoteKeys::jwks("https://id.example/jwks")
        .fetch(rotates)
        .jitter_seed(1)
        .build()
        .unwrap();
    keys.ready().await.unwrap();
    let name = "countersign_key_rotations_total{source=https://id.example/jwks}";
    assert_eq!(measured(&snapshotter).get(name), Some(&0.0));
    tokio::time::sleep(Duration::from_secs(520)).await;
    assert_eq!(measured(&snapshotter).get(name), Some(&1.0));
}

/// A provider with the first set once, then the second one.
struct Rotates(String, String, AtomicBool);

impl Fetch for Rotates {
    async fn get(&self, _: FetchRequest) -> Result<FetchResponse, FetchError> {
        let is_later = self.2.swap(true, Ordering::Relaxed);
        Ok(FetchResponse::new(
            200,
            if is_later { self.1.as_str() } else { &self.0 },
        ))
    }
}

#[cfg(feature = "cache")]
#[test]
fn looks_into_a_cache_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier().with_cache(countersign::TokenCache::new());
    let token = issuer.token().sign();
    for _ in 0..6 {
        verifier.verify_now(&token).unwrap();
    }
    verifier
        .verify_now(&issuer.token().expired().sign())
        .unwrap_err();
    let _ = verifier.explain(&token);

    let measured = measured(&snapshotter);
    for (name, expected) in [
        ("countersign_cache_lookups_total{result=hit}", 5.0),
        ("countersign_cache_lookups_total{result=miss}", 2.0),
        ("countersign_stage_seconds{stage=signature}", 2.0),
    ] {
        assert_eq!(measured.get(name), Some(&expected), "{name}: {measured:#?}");
    }
}

#[cfg(feature = "cache")]
#[test]
fn a_token_for_one_of_several_verifiers_is_one_look() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let issuer = TestIssuer::new();
    let cache = countersign::TokenCache::new();
    let names = [
        "https://a.example",
        "https://b.example",
        "https://c.example",
    ];
    let verifiers = names.map(|name| {
        let builder = Verifier::builder(issuer.key()).issuer(name);
        let builder = builder.audience(TestIssuer::AUDIENCE).cache(cache.clone());
        builder.clock(issuer.clock().clone()).build().unwrap()
    });
    let authenticator = Authenticator::new(countersign::Issuers::new(verifiers).unwrap());
    let check = |token: &str| {
        let credentials = Credentials::new(token);
        futures_executor::block_on(authenticator.authenticate(Some(credentials))).is_ok()
    };
    for name in names {
        let token = issuer.token().issuer(name).sign();
        assert!((0..6).all(|_| check(&token)));
    }
    assert!(!check(&issuer.token().issuer(names[2]).expired().sign()));
    assert!(!check(&issuer.token().issuer("https://d.example").sign()));

    let measured = measured(&snapshotter);
    for (name, expected) in [
        ("countersign_cache_lookups_total{result=hit}", 15.0),
        ("countersign_cache_lookups_total{result=miss}", 4.0),
        ("countersign_stage_seconds{stage=signature}", 4.0),
    ] {
        assert_eq!(measured.get(name), Some(&expected), "{name}: {measured:#?}");
    }
}

#[test]
fn refused_logins_are_counted_by_limit() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let limits = LoginLimits::builder().per_account(1).per_address(1);
    let limits = limits.build().unwrap();
    let address = Some([192, 0, 2, 1].into());
    limits.attempt("ada", address).unwrap().failed();
    assert!(limits.attempt("ada", address).is_err());
    assert!(limits.attempt("ada", None).is_err());
    assert!(limits.attempt("bob", address).is_err());
    let measured = measured(&snapshotter);
    for (limit, count) in [("account", 2.0), ("address", 1.0)] {
        let name = format!("countersign_login_refusals_total{{limit={limit}}}");
        assert_eq!(measured.get(&name), Some(&count), "{measured:?}");
    }
}

#[test]
fn a_token_that_needs_a_tolerance_is_counted_each_time_that_it_comes() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let issuer = TestIssuer::new();
    let builder = || {
        let builder = issuer.verifier_builder().accept_numeric_subject();
        builder.accept_null_claims()
    };
    let verifier = builder().build().unwrap();
    #[cfg(feature = "cache")]
    let cached = verifier.clone().with_cache(countersign::TokenCache::new());
    #[cfg(not(feature = "cache"))]
    let cached = verifier.clone();
    let any = Verifier::builder(issuer.key()).any_issuer().any_audience();
    let any = any.clock(issuer.clock().clone()).build().unwrap();

    let number = issuer.token().claim("sub", 42).sign();
    let null = issuer.token().claim("nbf", ()).sign();
    verifier.verify_now(&number).unwrap();
    verifier
        .verify_now_as::<serde_json::Value>(&number)
        .unwrap();
    verifier.verify_now(&null).unwrap();
    for _ in 0..5 {
        cached.verify_now(&number).unwrap();
    }
    any.verify_now(&issuer.token().sign()).unwrap();
    // None of these was accepted because of one.
    verifier.verify_now(&issuer.token().sign()).unwrap();
    verifier
        .verify_now(&issuer.token().claim("acr", ()).sign())
        .unwrap();
    verifier
        .verify_now(&issuer.token().claim("sub", 42).expired().sign())
        .unwrap_err();
    any.verify_now(&issuer.token().expired().sign())
        .unwrap_err();
    issuer
        .verifier()
        .verify_now(&issuer.token().sign())
        .unwrap();
    let _ = verifier.explain(&number);

    let name = |labels: &str| format!("countersign_tolerated_tokens_total{{{labels}}}");
    let own = TestIssuer::ISSUER;
    let expected = BTreeMap::from([
        (name(&format!("issuer={own},tolerance=null-claims")), 1.0),
        (name(&format!("issuer={own},tolerance=numeric-sub")), 7.0),
        (name("issuer=any,tolerance=any-audience"), 1.0),
        (name("issuer=any,tolerance=any-issuer"), 1.0),
    ]);
    let mut measured = measured(&snapshotter);
    measured.retain(|name, _| name.starts_with("countersign_tolerated"));
    assert_eq!(measured, expected);
}

/// The criterion of the guide `migrating` for its third deployment.
#[test]
fn the_counter_of_a_fallback_stands_still_when_the_old_tokens_are_gone() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let issuer = TestIssuer::new();
    let old = Verifier::builder(issuer.key()).any_issuer().any_audience();
    let old = old.clock(issuer.clock().clone()).build().unwrap();
    let issuers = countersign::Issuers::new([issuer.verifier()]).unwrap();
    let authenticator = Authenticator::new(issuers.with_fallback(old).unwrap());
    let check = |token: &str| {
        let credentials = Credentials::new(token);
        futures_executor::block_on(authenticator.authenticate(Some(credentials))).unwrap();
    };
    let counted = || {
        let name = "countersign_tolerated_tokens_total{issuer=any,tolerance=any-issuer}";
        measured(&snapshotter)
            .get(name)
            .copied()
            .unwrap_or_default()
    };
    let of_before = issuer.token().without("iss").without("aud").sign();
    let of_now = issuer.token().sign();
    for _ in 0..3 {
        check(&of_before);
        check(&of_now);
    }
    assert_eq!(counted(), 3.0);
    check(&of_now);
    assert_eq!(counted(), 0.0, "since the last look");
}
