//! Tests of the way from the crate `jsonwebtoken`: its keys, JWK sets, settings and tokens.

#![cfg(all(feature = "jsonwebtoken", feature = "test-util"))]
#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
};

use countersign::{
    Algorithm, AuthErrorKind, ConfigError, Key, KeySet, Keys, SigningKey, Verifier, VerifierBuilder,
};
use jsonwebtoken::{
    AlgorithmFamily, DecodingKey, EncodingKey, Header, TokenData, Validation, decode, encode,
    get_current_timestamp as now, jwk::JwkSet,
};
use serde_json::{Value, json};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::Interest,
};

const SECRET: &[u8] =
    b"a secret of at least 64 bytes, which is long enough for each of HS256 to HS512";

fn claims() -> Value {
    json!({ "iss": "https://id.test", "aud": "orders", "sub": "ada", "iat": now(), "exp": now() + 600 })
}

/// Returns the algorithm of the other library; `None` if it does not have it.
fn counterpart(algorithm: Algorithm) -> Option<jsonwebtoken::Algorithm> {
    algorithm.name().parse().ok()
}

/// Returns the two halves of a new key in the types of the other library.
fn old_keys(algorithm: Algorithm) -> (EncodingKey, DecodingKey) {
    if algorithm.is_symmetric() {
        let halves = (
            EncodingKey::from_secret(SECRET),
            DecodingKey::from_secret(SECRET),
        );
        return (halves.0.unwrap(), halves.1.unwrap());
    }
    let key = SigningKey::generate(algorithm).unwrap();
    let pem = key.to_pkcs8_pem().unwrap();
    let set: JwkSet = serde_json::from_str(&published(&key)).unwrap();
    let public = DecodingKey::from_jwk(&set.keys[0]).unwrap();
    let private = match counterpart(algorithm).unwrap().family() {
        AlgorithmFamily::Rsa => EncodingKey::from_rsa_pem(pem.as_bytes()),
        AlgorithmFamily::Ec => EncodingKey::from_ec_pem(pem.as_bytes()),
        AlgorithmFamily::Ed => EncodingKey::from_ed_pem(pem.as_bytes()),
        AlgorithmFamily::Hmac => unreachable!(),
    };
    (private.unwrap(), public)
}

fn published(key: &SigningKey) -> String {
    format!(r#"{{"keys":[{}]}}"#, key.verifying_key().to_jwk().unwrap())
}

fn strict(key: Key) -> Verifier {
    Verifier::builder(key)
        .issuer("https://id.test")
        .audience("orders")
        .build()
        .unwrap()
}

#[test]
fn keys_of_every_algorithm_go_on_in_both_directions() {
    for algorithm in Algorithm::ALL {
        let Some(old) = counterpart(*algorithm) else {
            continue;
        };
        let (private, public) = old_keys(*algorithm);
        let key = Key::from_decoding_key(*algorithm, &public).unwrap();
        let signing = SigningKey::from_encoding_key(*algorithm, &private).unwrap();
        assert_eq!(signing.verifying_key().thumbprint(), key.thumbprint());

        let text = encode(&Header::new(old), &claims(), &private).unwrap();
        assert!(strict(key).verify_now(&text).is_ok(), "{algorithm}");

        let issuer = countersign::Issuer::builder("https://id.test", signing);
        let issued = issuer
            .audience("orders")
            .build()
            .unwrap()
            .issue(&json!({ "sub": "ada" }));
        let mut validation = Validation::new(old);
        validation.set_audience(&["orders"]);
        let issued = issued.unwrap();
        assert!(decode::<Value>(issued.as_str(), &public, &validation).is_ok());
    }
}

#[test]
fn a_key_is_for_algorithms_of_its_own_type_and_curve_only() {
    for algorithm in Algorithm::ALL {
        if counterpart(*algorithm).is_none() {
            continue;
        }
        let (private, public) = old_keys(*algorithm);
        for other in Algorithm::ALL {
            let is_alike = |name: Algorithm| match name.name() {
                "Ed25519" | "EdDSA" => "Ed".to_owned(),
                name if name.starts_with("ES") => name.to_owned(),
                name if name.starts_with("HS") => "HS".to_owned(),
                _ => "RSA".to_owned(),
            };
            let expected = is_alike(*algorithm) == is_alike(*other);
            assert_eq!(
                Key::from_decoding_key(*other, &public).is_ok(),
                expected,
                "{algorithm} as {other}"
            );
            let signing = SigningKey::from_encoding_key(*other, &private);
            assert_eq!(signing.is_ok(), expected, "{algorithm} as {other}");
        }
    }
}

#[test]
fn what_is_too_weak_or_broken_stays_so() {
    let weak = DecodingKey::from_secret(b"secret").unwrap();
    let weak = Key::from_decoding_key(Algorithm::HS256, &weak).unwrap_err();
    assert!(matches!(weak, ConfigError::WeakKey(_)), "{weak}");
    let small = DecodingKey::from_rsa_raw_components(&[0xC5; 128], &[1, 0, 1]);
    let small = Key::from_decoding_key(Algorithm::RS256, &small).unwrap_err();
    assert!(matches!(small, ConfigError::WeakKey(_)), "{small}");
    for junk in [&b""[..], b"junk", &[4; 65], &[0; 32]] {
        let keys = [
            (Algorithm::RS256, DecodingKey::from_rsa_der(junk)),
            (Algorithm::ES256, DecodingKey::from_ec_der(junk)),
            (Algorithm::EdDSA, DecodingKey::from_ed_der(junk)),
        ];
        for (algorithm, key) in keys {
            assert!(
                Key::from_decoding_key(algorithm, &key).is_err(),
                "{algorithm}"
            );
        }
    }
}

#[test]
fn a_modulus_with_a_zero_octet_in_front_is_the_same_number() {
    let key = SigningKey::generate_rs256().unwrap().verifying_key();
    let jwk: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
    let n = jwk["n"].as_str().unwrap();
    let set: JwkSet = serde_json::from_str(&format!(r#"{{"keys":[{jwk}]}}"#)).unwrap();
    let old = DecodingKey::from_jwk(&set.keys[0]).unwrap();
    let jsonwebtoken::DecodingKeyKind::RsaModulusExponent { n: bytes, e } = old.kind() else {
        panic!("{n}");
    };
    let padded = [&[0], bytes.as_slice()].concat();
    let padded = DecodingKey::from_rsa_raw_components(&padded, e);
    let read = Key::from_decoding_key(Algorithm::RS256, &padded).unwrap();
    assert_eq!(read.thumbprint(), key.thumbprint());
}

#[test]
fn a_jwk_set_goes_on_with_its_ids() {
    let keys = [
        SigningKey::generate_es256().unwrap().with_id("one"),
        SigningKey::generate_ed25519().unwrap().with_id("two"),
    ];
    let jwks = keys.iter().map(|key| key.verifying_key().to_jwk().unwrap());
    let json = format!(r#"{{"keys":[{}]}}"#, jwks.collect::<Vec<_>>().join(","));
    let old: JwkSet = serde_json::from_str(&json).unwrap();
    let set = KeySet::from_jwk_set(&old).unwrap();
    let ids: Vec<_> = set.keys().iter().map(|key| key.id().unwrap()).collect();
    assert_eq!(ids, ["one", "two"]);
    assert!(KeySet::from_jwk_set(&JwkSet { keys: Vec::new() }).is_err());
}

#[test]
fn a_token_is_what_the_old_code_decoded() {
    let header = Header {
        kid: Some("one".into()),
        ..Header::new(jsonwebtoken::Algorithm::HS256)
    };
    let (private, public) = old_keys(Algorithm::HS256);
    let text = encode(&header, &claims(), &private).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_audience(&["orders"]);
    let old: TokenData<Value> = decode(&text, &public, &validation).unwrap();

    let key = Key::from_decoding_key(Algorithm::HS256, &public).unwrap();
    let token = strict(key.with_id("one")).verify_now(&text).unwrap();
    let new = token.to_token_data::<Value>().unwrap();
    assert_eq!((new.header, new.claims), (old.header, old.claims));

    #[derive(Debug, serde::Deserialize)]
    struct Robot {
        #[allow(dead_code)] // it is never read, because it never fits
        serial_number: u64,
    }
    let misfit = token.to_token_data::<Robot>().unwrap_err();
    assert_eq!(misfit.kind(), AuthErrorKind::Misconfigured);
}

/// Returns claims like the usual ones, with one replaced or, for null, removed.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let object = claims.as_object_mut().unwrap();
    object.remove(name);
    if !value.is_null() {
        object.insert(name.to_owned(), value);
    }
    claims
}

#[test]
fn a_verifier_from_a_validation_is_at_least_as_strict() {
    let plain = Validation::new(jsonwebtoken::Algorithm::HS256);
    let mut named = plain.clone();
    named.set_audience(&["orders", "bills"]);
    named.set_issuer(&["https://id.test"]);
    let mut all = named.clone();
    all.sub = Some("ada".into());
    all.validate_nbf = true;
    all.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    let mut any = plain.clone();
    any.validate_aud = false;
    any.leeway = 0;
    let (private, public) = old_keys(Algorithm::HS256);
    let tokens = [
        claims(),
        with("iss", Value::Null),
        with("iss", json!("https://other.test")),
        with("aud", Value::Null),
        with("aud", json!(["bills", "x"])),
        with("aud", json!("x")),
        with("sub", Value::Null),
        with("sub", json!("bob")),
        with("exp", Value::Null),
        with("exp", json!(now() - 45)),
        with("exp", json!(now() - 90)),
        with("nbf", json!(now() - 1)),
        with("nbf", json!(now() + 600)),
        with("iat", json!(now() + 600)),
    ];
    let (mut both, mut old_only) = (0, 0);
    for validation in [&plain, &named, &all, &any] {
        let key = Key::from_decoding_key(Algorithm::HS256, &public).unwrap();
        let verifier = VerifierBuilder::from_validation(key, validation).unwrap();
        let verifier = verifier.build().unwrap();
        for claims in &tokens {
            let text = encode(&Header::default(), claims, &private).unwrap();
            let old = decode::<Value>(&text, &public, validation).is_ok();
            let new = verifier.verify_now(&text).is_ok();
            assert!(old || !new, "{claims} is accepted by the new code only");
            both += usize::from(old && new);
            old_only += usize::from(old && !new);
        }
    }
    assert_eq!((both, old_only), (17, 6));
}

#[test]
fn what_the_old_code_did_not_check_is_in_the_log() {
    let plain = Validation::new(jsonwebtoken::Algorithm::HS256);
    let mut named = plain.clone();
    named.set_audience(&["orders"]);
    named.set_issuer(&["https://id.test"]);
    let mut all = named.clone();
    all.validate_nbf = true;
    all.set_required_spec_claims(&["exp", "iss", "aud"]);
    let always = ["iat", "lifetime", "typ", "cnf"];
    for (validation, expected) in [
        (plain, &["iss", "aud", "sub", "nbf"][..]),
        (named, &["iss", "aud", "sub", "nbf"]),
        (all, &["sub"]),
    ] {
        // One is enough for all tests.
        let _ = tracing::subscriber::set_global_default(Quiet);
        let lines = Lines::default();
        tracing::subscriber::with_default(lines.clone(), || {
            let key = Key::hs256(SECRET).unwrap();
            let _ = VerifierBuilder::from_validation(key, &validation).unwrap();
        });
        let lines = lines.0.lock().unwrap();
        let expected = expected.iter().chain(&always).copied();
        assert!(lines.iter().map(String::as_str).eq(expected), "{lines:?}");
    }
}

#[test]
fn settings_without_a_counterpart_are_errors() {
    let build = |change: fn(&mut Validation)| {
        let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
        change(&mut validation);
        let builder = VerifierBuilder::from_validation(Key::hs256(SECRET).unwrap(), &validation);
        builder.and_then(VerifierBuilder::<Keys>::build).map(|_| ())
    };
    assert_eq!(build(|_| {}), Ok(()));
    for (change, text) in [
        (
            (|own| own.validate_exp = false) as fn(&mut Validation),
            "validate_exp",
        ),
        (
            |own| own.reject_tokens_expiring_in_less_than = 1,
            "reject_tokens_expiring_in_less_than",
        ),
        (|own| own.leeway = 301, "leeway"),
        (|own| own.algorithms.clear(), "algorithms"),
        (
            |own| own.algorithms = vec![jsonwebtoken::Algorithm::RS256],
            "algorithms",
        ),
    ] {
        let error = build(change).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}

/// Keeps the setting of each line of the log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "countersign" && *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut setting = Setting(String::new());
        event.record(&mut setting);
        self.0.lock().unwrap().push(setting.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Listens to nothing, but might: other threads must not make events be skipped while a test listens to its own.
struct Quiet;

impl Subscriber for Quiet {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Setting(String);

impl Visit for Setting {
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "setting" {
            write!(self.0, "{value}").unwrap();
        }
    }
}
