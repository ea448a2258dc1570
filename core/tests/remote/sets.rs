//! Tests of the keys that are used from a set, and of the keys of several issuers.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use countersign::{
    Algorithm, Authenticator, Issuers, RemoteKeys, SigningKey, Verifier,
    keys::KeyNote,
    remote::FetchErrorKind,
    testing::{FixedClock, sign_raw},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::provider::{ISSUER, JWKS, NOW, Provider, check, jwk, key, pass, token, verifier};

#[tokio::test(start_paused = true)]
async fn a_bad_key_does_not_take_the_good_ones_with_it() {
    let good = key("good");
    let private: Value = serde_json::from_str(
        r#"{"kty":"OKP","crv":"Ed25519","kid":"p","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    )
    .unwrap();
    let mut encryption = jwk(&key("e"));
    encryption["use"] = "enc".into();
    for bad in [
        json!({"kty": "oct", "k": "QW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMgb3IgbW9yZQ"}),
        json!({"kty": "new"}),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
        json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
        json!("text"),
        json!(null),
        json!({"kty": "OKP", "crv": "Ed25519", "x": 1}),
        jwk(&key(&"long".repeat(16 << 10))),
        private,
        encryption,
    ] {
        let provider = Provider::default();
        provider.state().jwks = vec![bad.clone(), jwk(&good)];
        let (keys, verifier) = provider.start().await;
        assert_eq!(keys.status().keys(), 1, "{bad}");
        assert_eq!(check(&verifier, &token(&good)).await, "accepted", "{bad}");
        // Its twin: the bad key alone is not a set.
        provider.state().jwks = vec![bad];
        let keys = provider.keys().build().unwrap();
        assert!(keys.ready().await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_published_secret_signs_nothing() {
    let good = key("good");
    let secret = SigningKey::hs256("An example secret of 32 bytes or more")
        .unwrap()
        .with_id("s");
    let provider = Provider::new(&[&good]);
    provider.state().jwks.push(
        json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": "QW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMgb3IgbW9yZQ"}),
    );
    let (_keys, verifier) = provider.start().await;
    let claims = json!({"iss": ISSUER, "aud": "orders", "exp": NOW + 60}).to_string();
    let forged = sign_raw(&secret, r#"{"alg":"HS256","kid":"s"}"#, claims.as_bytes());
    assert_eq!(check(&verifier, &forged).await, "unknown_key");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_in_its_canonical_form_is_used_and_noted() {
    let rsa = SigningKey::generate_rsa(Algorithm::RS256, 2048).unwrap();
    let rsa = rsa.with_id("r");
    let canonical = jwk(&rsa);
    // As UAA writes it: a modulus whose first bit is set, as a signed number.
    let mut signed = canonical.clone();
    let mut n = BASE64.decode(canonical["n"].as_str().unwrap()).unwrap();
    n.insert(0, 0);
    signed["n"] = BASE64.encode(&n).into();
    let provider = Provider::default();
    provider.state().jwks = vec![signed.clone()];
    let (keys, verifier) = provider.start().await;
    assert_eq!(check(&verifier, &token(&rsa)).await, "accepted");
    let status = keys.status();
    let notes: Vec<_> = status.notes().iter().map(KeyNote::text).collect();
    assert_eq!(notes, ["n has a leading zero octet"]);
    assert_eq!(status.notes()[0].id(), Some("r"));

    // The provider mends it: that is the same set, and there is nothing left to note.
    provider.state().jwks = vec![canonical];
    pass(1_200).await;
    assert_eq!(check(&verifier, &token(&rsa)).await, "accepted");
    assert_eq!(keys.status().generation(), 1);
    assert!(keys.status().notes().is_empty());

    // One wrong bit makes another key, or none.
    *n.last_mut().unwrap() ^= 0b10;
    signed["n"] = BASE64.encode(&n).into();
    let provider = Provider::default();
    provider.state().jwks = vec![signed, jwk(&key("good"))];
    let (_keys, verifier) = provider.start().await;
    let verdict = check(&verifier, &token(&rsa)).await;
    assert!(
        ["bad_signature", "unknown_key"].contains(&verdict),
        "{verdict}"
    );
}

/// Each in the spellings that have one reading: without the zeros in front, and with one more.
#[tokio::test(start_paused = true)]
async fn coordinates_of_another_length_are_used_and_with_a_wrong_bit_they_are_not() {
    for algorithm in [Algorithm::ES256, Algorithm::ES512] {
        let octets = |jwk: &Value| BASE64.decode(jwk["x"].as_str().unwrap()).unwrap();
        // One in 256 keys begins with a zero octet; of P-521, every other one.
        let (signing, canonical) = loop {
            let signing = SigningKey::generate(algorithm).unwrap().with_id("e");
            let canonical = jwk(&signing);
            if octets(&canonical)[0] == 0 {
                break (signing, canonical);
            }
        };
        let x = octets(&canonical);
        let significant = x.iter().position(|octet| *octet != 0).unwrap();
        for spelled in [x[significant..].to_vec(), [&[0], &x[..]].concat()] {
            let verdict_with = async |x: &[u8]| {
                let mut published = canonical.clone();
                published["x"] = BASE64.encode(x).into();
                let provider = Provider::default();
                provider.state().jwks = vec![published, jwk(&key("good"))];
                let (keys, verifier) = provider.start().await;
                let verdict = check(&verifier, &token(&signing)).await;
                (verdict, keys.status().notes().len())
            };
            assert_eq!(verdict_with(&spelled).await, ("accepted", 1), "{algorithm}");
            let mut wrong = spelled;
            *wrong.last_mut().unwrap() ^= 1;
            assert_eq!(
                verdict_with(&wrong).await,
                ("unknown_key", 0),
                "{algorithm}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_map_of_certificates_is_a_source_of_keys() {
    const PEM: &str = include_str!("../data/keys/p256.certificate.pem");
    const PRIVATE: &str = include_str!("../data/keys/p256.pkcs8.pem");

    let key = SigningKey::es256_pem(PRIVATE).unwrap().with_id("c");
    let provider = Provider::default();
    provider.state().body = Some(json!({"c": PEM}).to_string());
    let certificates = || {
        RemoteKeys::certificates(JWKS)
            .fetch(provider.clone())
            .clock(FixedClock::at(NOW))
    };
    let keys = certificates().build().unwrap();
    keys.ready().await.unwrap();
    assert_eq!(check(&verifier(&keys), &token(&key)).await, "accepted");
    let stranger = SigningKey::generate_es256().unwrap().with_id("c");
    assert_eq!(
        check(&verifier(&keys), &token(&stranger)).await,
        "bad_signature"
    );

    // What is saved is read in the same way.
    let saved = keys.saved().unwrap();
    provider.state().fault = Some(FetchErrorKind::Connect);
    let warm = certificates().warm(saved).build().unwrap();
    assert_eq!(check(&verifier(&warm), &token(&key)).await, "accepted");

    // A JWK set is no map of certificates, nor the other way around.
    provider.state().fault = None;
    assert!(provider.keys().build().unwrap().ready().await.is_err());
    provider.state().body = None;
    provider.publish(&[&key]);
    assert!(certificates().build().unwrap().ready().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_spiffe_bundle_is_a_source_of_keys_and_says_when_to_ask_again() {
    let good = SigningKey::generate_es256().unwrap().with_id("a");
    let other = SigningKey::generate_es256().unwrap().with_id("b");
    let bundle = |keys: &[(&SigningKey, &str)], hint: Value| {
        let keys = keys.iter().map(|(key, purpose)| {
            let mut jwk = jwk(key);
            jwk["use"] = (*purpose).into();
            jwk
        });
        let keys: Vec<_> = keys.collect();
        json!({"keys": keys, "spiffe_sequence": 1, "spiffe_refresh_hint": hint}).to_string()
    };
    let provider = Provider::default();
    let source = || {
        RemoteKeys::spiffe_bundle(JWKS)
            .fetch(provider.clone())
            .clock(FixedClock::at(NOW))
            .jitter_seed(1)
    };
    let start = async |max_age: Option<u32>, hint: Value| {
        let all = [(&other, "x509-svid"), (&good, "jwt-svid")];
        let headers = max_age.map(|age| ("cache-control", format!("max-age={age}")));
        provider.state().body = Some(bundle(&all, hint));
        provider.state().headers = headers.into_iter().collect();
        let keys = source().build().unwrap();
        keys.ready().await.unwrap();
        keys
    };
    // 75 to 85 % of the shorter one.
    for (max_age, hint, lifetime) in [
        (None, json!(300), 300),
        (Some(3_600), json!(300), 300),
        (Some(300), json!(3_600), 300),
        (Some(3_600), json!(1), 60),
        (Some(3_600), json!(null), 3_600),
        (Some(3_600), json!("300"), 3_600),
        (Some(3_600), json!(-1), 3_600),
        (None, json!(u64::MAX), 600),
    ] {
        let keys = start(max_age, hint.clone()).await;
        let next = keys.status().next_fetch().as_secs();
        let expected = lifetime * 3 / 4 - 1..=lifetime * 17 / 20 + 1;
        assert!(expected.contains(&next), "{max_age:?} {hint}: {next}");
    }

    let keys = start(None, json!(300)).await;
    assert_eq!(check(&verifier(&keys), &token(&good)).await, "accepted");
    assert_ne!(check(&verifier(&keys), &token(&other)).await, "accepted");

    // What is saved is read in the same way.
    let saved = keys.saved().unwrap();
    provider.state().fault = Some(FetchErrorKind::Connect);
    let warm = source().warm(saved).build().unwrap();
    assert_eq!(check(&verifier(&warm), &token(&good)).await, "accepted");
    provider.state().fault = None;

    // An ordinary key set is no bundle, nor the other way around.
    assert!(provider.keys().build().unwrap().ready().await.is_err());
    provider.state().body = Some(bundle(&[(&good, "sig")], json!(300)));
    assert!(source().build().unwrap().ready().await.is_err());
    assert!(provider.keys().build().unwrap().ready().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn two_keys_of_one_name_are_none() {
    let (one, two, good) = (key("same"), key("same"), key("good"));
    let provider = Provider::new(&[&one, &two, &good]);
    let (_keys, verifier) = provider.start().await;
    assert_eq!(check(&verifier, &token(&one)).await, "unknown_key");
    assert_eq!(check(&verifier, &token(&good)).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn a_key_without_alg_is_for_what_the_app_says() {
    let key = SigningKey::generate_rsa(Algorithm::PS256, 2048)
        .unwrap()
        .with_id("r");
    let mut without = jwk(&key);
    without.as_object_mut().unwrap().remove("alg");
    let provider = Provider::default();
    provider.state().jwks = vec![without];
    let claims = json!({"iss": ISSUER, "aud": "orders", "exp": NOW + 60}).to_string();
    let token = sign_raw(&key, r#"{"alg":"PS256","kid":"r"}"#, claims.as_bytes());
    for (algorithm, expected) in [
        (Algorithm::PS256, "accepted"),
        (Algorithm::RS256, "wrong_algorithm"),
    ] {
        let keys = provider.keys().algorithms([algorithm]).build().unwrap();
        assert_eq!(check(&verifier(&keys), &token).await, expected);
    }
}

/// A second issuer, whose provider hangs, next to one that works.
#[tokio::test(start_paused = true)]
async fn one_dead_issuer_does_not_touch_another() {
    const OTHER: &str = "https://other.example";
    let (key_a, key_b) = (key("same"), key("same"));
    let (well, dead) = (Provider::new(&[&key_a]), Provider::new(&[&key_b]));
    dead.state().latency = Duration::from_secs(1_000_000);
    let other_keys = RemoteKeys::jwks("https://other.example/jwks")
        .fetch(dead.clone())
        .build()
        .unwrap();
    let (_keys, first) = well.start().await;
    let second = Verifier::builder(other_keys)
        .issuer(OTHER)
        .audience("orders")
        .clock(FixedClock::at(NOW))
        .build()
        .unwrap();
    let authenticator = Authenticator::new(Issuers::new([first, second]).unwrap());
    let of = |issuer: &str, key: &SigningKey| {
        let claims = json!({"iss": issuer, "aud": "orders", "exp": NOW + 60}).to_string();
        sign_raw(key, r#"{"alg":"EdDSA","kid":"same"}"#, claims.as_bytes())
    };
    let verdict = async |token: String| {
        let head = Bearer(format!("Bearer {token}"));
        match authenticator.check(&head).await {
            Ok(_) => "accepted",
            Err(error) => error.reason(),
        }
    };
    let start = Instant::now();
    assert_eq!(verdict(of(ISSUER, &key_a)).await, "accepted");
    // One key id, two issuers: each has its own.
    assert_eq!(verdict(of(ISSUER, &key_b)).await, "bad_signature");
    // No provider is asked about an issuer that is not configured.
    let before = well.fetches() + dead.fetches();
    assert_eq!(
        verdict(of("https://evil.example", &key_a)).await,
        "unknown_issuer"
    );
    assert_eq!(well.fetches() + dead.fetches(), before);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(verdict(of(OTHER, &key_b)).await, "keys_unavailable");
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    dead.state().latency = Duration::ZERO;
    pass(20).await;
    assert_eq!(verdict(of(OTHER, &key_b)).await, "accepted");
    assert_eq!(verdict(of(OTHER, &key_a)).await, "bad_signature");
}

/// A request with this header.
struct Bearer(String);

impl countersign::adapter::RequestHead for Bearer {
    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        "/"
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
