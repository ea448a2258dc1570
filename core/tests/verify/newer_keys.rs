//! Tests of the tokens for which a source is asked for newer keys.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use countersign::{
    Algorithm, AuthErrorKind, KeySet, Keys, SigningKey, Verifier,
    keys::{BoxFuture, KeySource, KeysUnavailable, RefreshReason},
    testing::{TestIssuer, sign_raw},
};
use serde_json::{Value, json};

use super::now;

/// A source that counts how often newer keys are asked for.
struct Asked {
    set: Option<Arc<KeySet>>,
    count: Arc<AtomicUsize>,
}

impl KeySource for Asked {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        self.set.clone().ok_or_else(KeysUnavailable::default)
    }

    fn refresh(&self, _: RefreshReason<'_>) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        self.count.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// Returns the verdict of a verifier with these keys, and how often newer ones were asked for.
fn asked(issuer: &TestIssuer, set: Option<KeySet>, text: &str) -> (AuthErrorKind, usize) {
    let count = Arc::new(AtomicUsize::new(0));
    let source = Asked {
        set: set.map(Arc::new),
        count: Arc::clone(&count),
    };
    let verifier = Verifier::builder(Keys::from_source(source))
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .max_token_bytes(64 << 10)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let refused = futures_executor::block_on(verifier.verify(text)).unwrap_err();
    (refused.kind(), count.load(Ordering::Relaxed))
}

#[test]
fn junk_is_junk_also_while_there_are_no_keys() {
    let issuer = TestIssuer::new();
    let good = issuer.token().sign();
    let (header, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    for junk in ["!!!", "a.b", "="] {
        let text = format!("{header}.{junk}.{signature}");
        let verdict = asked(&issuer, None, &text);
        assert_eq!(verdict, (AuthErrorKind::MalformedToken, 0), "{junk}");
    }
    let verdict = asked(&issuer, None, &good);
    assert_eq!(verdict, (AuthErrorKind::KeysUnavailable, 1));
}

#[test]
fn a_source_without_secrets_is_not_asked_for_one() {
    let issuer = TestIssuer::with_algorithm(Algorithm::ES256);
    let of = |key: SigningKey| issuer.token().header("kid", "newer").signed_by(&key);
    let ours = || Some(KeySet::new([issuer.key().verifying_key()]));
    let by_secret = of(SigningKey::generate_hs256().unwrap());
    let verdict = asked(&issuer, ours(), &by_secret);
    assert_eq!(verdict, (AuthErrorKind::UnknownKey, 0));
    let by_key = of(SigningKey::generate_es256().unwrap());
    let verdict = asked(&issuer, ours(), &by_key);
    assert_eq!(verdict, (AuthErrorKind::UnknownKey, 1));
    let secret = SigningKey::generate_hs256().unwrap().verifying_key();
    let verdict = asked(&issuer, Some(KeySet::new([secret])), &by_secret);
    assert_eq!(verdict, (AuthErrorKind::UnknownKey, 1));
}

#[test]
fn a_long_token_that_has_expired_asks_for_no_key() {
    let issuer = TestIssuer::with_algorithm(Algorithm::ES256);
    let forger = SigningKey::generate_es256().unwrap();
    let ours = || Some(KeySet::new([issuer.key().verifying_key()]));
    let of = |expires_in: i64| {
        issuer
            .token()
            .claim("exp", now(&issuer) + expires_in)
            .claim("groups", vec!["a-group-with-a-long-name"; 100])
            .signed_by(&forger)
    };
    assert_eq!(asked(&issuer, ours(), &of(-3_600)).1, 0);
    assert_eq!(asked(&issuer, ours(), &of(3_600)).1, 1);
}

#[test]
fn of_a_very_long_token_no_claims_are_looked_at() {
    let issuer = TestIssuer::with_algorithm(Algorithm::ES256);
    let forger = SigningKey::generate_es256().unwrap();
    let expired = |length: usize| {
        let claims = json!({
            "iss": TestIssuer::ISSUER, "aud": TestIssuer::AUDIENCE, "exp": now(&issuer) - 3_600,
            "text": "",
        });
        let rest = "a".repeat(length - claims.to_string().len());
        let payload = claims.to_string().replace(r#""""#, &format!(r#""{rest}""#));
        assert_eq!(payload.len(), length);
        sign_raw(&forger, r#"{"alg":"ES256"}"#, payload.as_bytes())
    };
    let ours = || Some(KeySet::new([issuer.key().verifying_key()]));
    // 16 KiB of base64url, and then more.
    assert_eq!(asked(&issuer, ours(), &expired(12_288)).1, 0);
    assert_eq!(asked(&issuer, ours(), &expired(12_289)).1, 1);
}

/// Returns how often newer keys are asked for by a stranger's token with these claims, after its
/// expiry and before it.
fn asked_by(claims: &Value) -> [usize; 2] {
    let issuer = TestIssuer::with_algorithm(Algorithm::ES256);
    let stranger = SigningKey::generate_es256().unwrap();
    [-3_600, 3_600].map(|expires_in| {
        let mut claims = claims.clone();
        claims["iss"] = TestIssuer::ISSUER.into();
        claims["aud"] = TestIssuer::AUDIENCE.into();
        claims["exp"] = (now(&issuer) + expires_in).into();
        let header = format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{}"}}"#, stranger.id());
        let token = sign_raw(&stranger, &header, claims.to_string().as_bytes());
        let set = KeySet::new([issuer.key().verifying_key()]);
        asked(&issuer, Some(set), &token).1
    })
}

/// Returns different ids, of digits and letters.
fn guid(n: usize) -> String {
    format!("{:08x}-4d56-4bd1-a7e4-7e4f7d38{n:04x}", n * 0x0012_3457)
}

#[test]
fn the_claims_of_a_usual_token_are_looked_at() {
    let claims = json!({
        "iat": 1_800_000_000, "nbf": 1_800_000_000, "acct": 0, "acr": "1", "aio": "AVQAq8TAAAA".repeat(8),
        "amr": ["pwd", "mfa"], "azp": guid(100), "email": "ada@example.com",
        "family_name": "Lovelace", "given_name": "Ada", "groups": [guid(1), guid(2)],
        "name": "Ada Lovelace", "oid": guid(101), "preferred_username": "ada@example.com",
        "rh": "1.AXQAa8Bc", "roles": ["auditor"], "scp": "orders.read orders.write", "sid": guid(102),
        "sub": "HKZpfaHyWadeOouYlitjrIqQ", "tid": guid(103), "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0",
    });
    assert_eq!(asked_by(&claims), [0, 1]);
}

#[test]
fn a_payload_of_many_pieces_is_not_looked_at() {
    let objects = |count: usize| vec![json!({ "a": 1, "b": 2 }); count];
    let nested = |depth: usize| (0..depth).fold(json!(0), |inner, _| json!([inner]));
    let in_objects = |depth: usize| (0..depth).fold(json!(0), |inner, _| json!({ "a": inner }));
    for (few, many) in [
        (json!({ "x": objects(80) }), json!({ "x": objects(90) })),
        (
            json!({ "x": nested(60), "y": nested(60), "z": nested(60), "u": nested(60) }),
            json!({ "x": nested(65), "y": nested(65), "z": nested(65), "u": nested(65) }),
        ),
        (
            json!({ "x": in_objects(120), "y": in_objects(120) }),
            json!({ "x": in_objects(120), "y": in_objects(120), "z": in_objects(20) }),
        ),
        (json!({ "x": vec![0; 240] }), json!({ "x": vec![0; 270] })),
        (
            json!({ "x": "\n".repeat(240) }),
            json!({ "x": "\n".repeat(270) }),
        ),
    ] {
        assert_eq!(asked_by(&few), [0, 1], "{few}");
        assert_eq!(asked_by(&many), [1, 1], "{many}");
    }
}
