//! Tests of JWT-SVIDs: bundles, trust domains, and trust domains among other issuers.

use countersign::{
    Algorithm, AuthErrorKind, Authenticator, ConfigError, Issuers, KeySet, Provider, SigningKey,
    TokenSource, Verifier, VerifierBuilder,
    adapter::RequestHead,
    keys::SkippedKey,
    testing::{TestIssuer, TestToken},
};
use futures_executor::block_on;
use serde_json::{Value, json};

const WEB: &str = "spiffe://example.org/web";

/// Returns the key as a bundle has it, with this change (RFC 7396).
fn jwk(key: &SigningKey, change: Value) -> Value {
    let text = key.verifying_key().to_jwk().unwrap();
    let mut jwk: Value = serde_json::from_str(&text).unwrap();
    let members = jwk.as_object_mut().unwrap();
    members.remove("alg");
    members.insert("use".into(), "jwt-svid".into());
    let Value::Object(change) = change else {
        panic!("a change is an object");
    };
    for (name, value) in change {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    jwk
}

fn bundle(keys: &[Value]) -> String {
    json!({"spiffe_sequence": 7, "spiffe_refresh_hint": 300, "keys": keys}).to_string()
}

fn svids(issuer: &TestIssuer) -> VerifierBuilder {
    let set = KeySet::from_spiffe_bundle(&bundle(&[jwk(issuer.key(), json!({}))])).unwrap();
    Verifier::builder(set)
        .spiffe_trust_domain("example.org")
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
}

fn svid(issuer: &TestIssuer) -> TestToken<'_> {
    issuer.token().without("iss").subject(WEB)
}

#[test]
fn of_a_bundle_only_the_keys_for_tokens_count() {
    let [token, other] = [(); 2].map(|()| SigningKey::generate_es256().unwrap().with_id("a"));
    let certificate = json!({
        "use": "x509-svid", "kid": null, "x5c": ["MIIB"],
    });
    let text = bundle(&[
        jwk(&other, certificate),
        jwk(&token, json!({})),
        jwk(&other, json!({"use": "sig", "kid": "b"})),
        jwk(&other, json!({"use": null, "kid": "c"})),
        jwk(&other, json!({"use": "JWT-SVID", "kid": "d"})),
        jwk(&other, json!({"use": 1, "kid": "e"})),
        jwk(&other, json!({"kid": null})),
        json!({"use": "jwt-svid", "kid": "f", "kty": "new"}),
        json!({"use": "jwt-svid", "kid": "g", "kty": "oct", "k": "QW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMgb3IgbW9yZQ"}),
        jwk(
            &SigningKey::generate_ed25519().unwrap(),
            json!({"kid": "h"}),
        ),
    ]);
    let set = KeySet::from_spiffe_bundle(&text).unwrap();
    let [key] = set.keys() else {
        panic!("{set:?}");
    };
    assert_eq!((key.id(), key.algorithm()), (Some("a"), Algorithm::ES256));
    assert_eq!(key.thumbprint(), token.verifying_key().thumbprint());
    // That there are keys for certificates is nothing to report.
    let skipped: Vec<_> = set.skipped().iter().map(SkippedKey::index).collect();
    assert_eq!(skipped, [2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_bundle_is_no_ordinary_key_set_and_no_ordinary_key_set_is_a_bundle() {
    let key = SigningKey::generate_es256().unwrap().with_id("a");
    let [of_tokens, ordinary] =
        [json!({}), json!({"use": "sig"})].map(|change| bundle(&[jwk(&key, change)]));
    assert!(KeySet::from_spiffe_bundle(&of_tokens).is_ok());
    assert!(KeySet::from_json(&ordinary).is_ok());
    assert!(KeySet::from_remote_json(&ordinary).is_ok());
    assert!(KeySet::from_spiffe_bundle(&ordinary).is_err());
    assert!(KeySet::from_json(&of_tokens).is_err());
    assert!(KeySet::from_remote_json(&of_tokens).is_err());
    let only_certificates = bundle(&[jwk(&key, json!({"use": "x509-svid"}))]);
    let error = KeySet::from_spiffe_bundle(&only_certificates).unwrap_err();
    assert!(
        error.to_string().contains("none is for JWT-SVIDs"),
        "{error}"
    );
}

#[test]
fn two_keys_of_one_name_are_both_left_out_unless_one_is_for_certificates() {
    let [one, two, three] = [(); 3].map(|()| SigningKey::generate_es256().unwrap().with_id("a"));
    let good = jwk(&three, json!({"kid": "b"}));
    for (purpose, keys) in [("jwt-svid", 1), ("x509-svid", 2), ("sig", 2)] {
        let text = bundle(&[
            jwk(&one, json!({})),
            jwk(&two, json!({"use": purpose})),
            good.clone(),
        ]);
        let set = KeySet::from_spiffe_bundle(&text).unwrap();
        assert_eq!(set.keys().len(), keys, "{purpose}");
    }
}

#[test]
fn an_rsa_key_of_a_bundle_verifies_the_one_algorithm_that_is_set() {
    let key = SigningKey::generate_rsa(Algorithm::PS256, 2_048);
    let Ok(key) = key else { return };
    let text = bundle(&[jwk(&key.with_id("a"), json!({}))]);
    let set = KeySet::from_spiffe_bundle(&text).unwrap();
    assert_eq!(set.keys()[0].algorithm(), Algorithm::RS256);
    let set = KeySet::from_spiffe_bundle_for(&text, &[Algorithm::PS256]).unwrap();
    assert_eq!(set.keys()[0].algorithm(), Algorithm::PS256);
}

#[test]
fn the_type_is_jwt_jose_or_absent() {
    let issuer = TestIssuer::new();
    let verifier = svids(&issuer).build().unwrap();
    for typ in ["JWT", "JOSE", "jose", "application/jose"] {
        let token = svid(&issuer).header("typ", typ).sign();
        verifier.verify_now(&token).unwrap();
        let narrower = svids(&issuer).token_type("JOSE").build().unwrap();
        assert_eq!(narrower.verify_now(&token).is_ok(), typ != "JWT", "{typ}");
    }
    for typ in ["at+jwt", "jose+json", "logout+jwt", "secevent+jwt", ""] {
        let token = svid(&issuer).header("typ", typ).sign();
        let error = verifier.verify_now(&token).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::WrongType, "{typ}");
    }
    // Elsewhere, `JOSE` is a type like any other.
    let error = issuer
        .verifier()
        .verify_now(&issuer.token().header("typ", "JOSE").sign());
    assert_eq!(error.unwrap_err().kind(), AuthErrorKind::WrongType);
}

#[test]
fn an_issuer_that_is_set_counts_beside_the_trust_domain() {
    let issuer = TestIssuer::new();
    let verifier = svids(&issuer).issuer(TestIssuer::ISSUER).build().unwrap();
    verifier
        .verify_now(&issuer.token().subject(WEB).sign())
        .unwrap();
    for (token, kind) in [
        (svid(&issuer), AuthErrorKind::MissingClaim),
        (
            issuer.token().subject(WEB).issuer("https://evil.test"),
            AuthErrorKind::WrongIssuer,
        ),
        (
            issuer.token().subject("spiffe://evil.test/web"),
            AuthErrorKind::WrongIssuer,
        ),
        (issuer.token().subject("ada"), AuthErrorKind::InvalidClaim),
    ] {
        assert_eq!(verifier.verify_now(&token.sign()).unwrap_err().kind(), kind);
    }
}

#[test]
fn settings_that_contradict_a_trust_domain_are_refused() {
    let issuer = TestIssuer::new();
    let refused =
        |text: &str, change: fn(VerifierBuilder) -> VerifierBuilder| match change(svids(&issuer))
            .build()
        {
            Err(ConfigError::Conflict(why)) if why.contains(text) => {}
            other => panic!("{text}: {other:?}"),
        };
    refused("any_issuer", VerifierBuilder::any_issuer);
    refused("audience_claim", |own| own.audience_claim("azp"));
    refused("numeric_subject", VerifierBuilder::accept_numeric_subject);
    refused("token_type", |own| own.token_type("at+jwt"));
    refused("token_type", VerifierBuilder::access_token_profile);
    refused("algorithms", |own| {
        own.algorithms([Algorithm::ES256, Algorithm::EdDSA])
    });
    refused("algorithms", |own| own.algorithms([Algorithm::HS256]));

    let without_audience = Verifier::builder(issuer.key()).spiffe_trust_domain("example.org");
    assert!(matches!(
        without_audience.build(),
        Err(ConfigError::Missing(_))
    ));
    let any_audience = Verifier::builder(issuer.key()).spiffe_trust_domain("example.org");
    assert!(matches!(
        any_audience.any_audience().build(),
        Err(ConfigError::Conflict(_))
    ));
    let none = svids(&issuer).spiffe_trust_domain("Example.org").build();
    assert!(matches!(none, Err(ConfigError::InvalidSetting(_))));
    // A key that signs no JWT-SVID.
    let key = SigningKey::generate_ed25519().unwrap();
    let unfit = Verifier::builder(&key)
        .spiffe_trust_domain("example.org")
        .audience("orders");
    assert!(matches!(unfit.build(), Err(ConfigError::Conflict(_))));
}

#[test]
fn an_explanation_names_the_trust_domain_and_no_workload() {
    let issuer = TestIssuer::new();
    let verifier = svids(&issuer).build().unwrap();
    let told = verifier.explain(&svid(&issuer).subject("spiffe://evil.example/secret").sign());
    let failed: Vec<_> = told.failed().map(ToString::to_string).collect();
    let line = r#"FAIL trust domain: expected "spiffe://example.org/.."; found "spiffe://evil.example/..""#;
    assert_eq!(failed, [line]);
    assert!(!told.to_string().contains("secret"));
    let good = verifier.explain(&svid(&issuer).sign()).to_string();
    assert!(
        good.contains("any, or absent: the trust domain counts"),
        "{good}"
    );
    // Nobody else has that check.
    let other = issuer
        .verifier()
        .explain(&issuer.token().sign())
        .to_string();
    assert!(!other.contains("trust domain"), "{other}");
}

/// A trust domain beside an ordinary issuer, with a key each.
struct Two {
    workloads: TestIssuer,
    users: TestIssuer,
    issuers: Issuers,
}

impl Two {
    fn new() -> Self {
        let (workloads, users) = (TestIssuer::new(), TestIssuer::new());
        let issuers = Issuers::new([svids(&workloads).build().unwrap(), users.verifier()]).unwrap();
        Self {
            workloads,
            users,
            issuers,
        }
    }

    fn kind(&self, issuers: &Issuers, token: &str) -> Option<AuthErrorKind> {
        let explained = issuers.explain(token).refusal();
        let authenticator = Authenticator::new(issuers.clone());
        let verdict =
            block_on(authenticator.check(&Head("authorization", format!("Bearer {token}"))));
        let verdict = verdict.err().map(|error| error.kind());
        assert_eq!(verdict, explained);
        verdict
    }
}

#[test]
fn among_several_issuers_the_trust_domain_of_the_subject_decides() {
    let two = Two::new();
    let (workload, user) = (svid(&two.workloads), two.users.token());
    assert_eq!(two.kind(&two.issuers, &workload.sign()), None);
    assert_eq!(two.kind(&two.issuers, &user.sign()), None);
    // An `iss` changes nothing, also one that is known.
    for issuer in ["https://oidc.example.org", TestIssuer::ISSUER] {
        let token = two.workloads.token().subject(WEB).issuer(issuer).sign();
        assert_eq!(two.kind(&two.issuers, &token), None, "{issuer}");
    }
    // Another issuer cannot name a workload of the trust domain.
    let posing = two.users.token().subject(WEB).sign();
    assert!(two.kind(&two.issuers, &posing).is_some());
    // One of another trust domain is an ordinary user to it.
    let other = two
        .users
        .token()
        .subject("spiffe://evil.example/web")
        .sign();
    assert_eq!(two.kind(&two.issuers, &other), None);
    // Nobody is for those.
    let unknown = svid(&two.workloads)
        .subject("spiffe://evil.example/web")
        .sign();
    assert_eq!(
        two.kind(&two.issuers, &unknown),
        Some(AuthErrorKind::MissingClaim)
    );
    let user = two.workloads.token().sign();
    assert!(two.kind(&two.issuers, &user).is_some());
}

#[test]
fn a_fallback_does_not_decide_about_a_trust_domain_that_has_a_verifier() {
    let two = Two::new();
    let lax = Verifier::builder(two.users.key())
        .any_issuer()
        .any_audience()
        .clock(two.users.clock().clone());
    let issuers = two
        .issuers
        .clone()
        .with_fallback(lax.build().unwrap())
        .unwrap();
    let of = |id: &str| two.users.token().without("iss").subject(id).sign();
    assert_eq!(two.kind(&issuers, &of("ada")), None);
    assert_eq!(two.kind(&issuers, &of("spiffe://evil.example/web")), None);
    assert!(two.kind(&issuers, &of(WEB)).is_some());

    let another = svids(&two.workloads).build().unwrap();
    assert!(matches!(
        two.issuers.clone().with_fallback(another),
        Err(ConfigError::Conflict(_))
    ));
}

#[test]
fn a_trust_domain_has_one_verifier() {
    let issuer = TestIssuer::new();
    let verifier = || svids(&issuer).build().unwrap();
    let twice = Issuers::new([verifier(), verifier()]);
    assert!(matches!(twice, Err(ConfigError::Conflict(_))));
    let other = svids(&issuer)
        .spiffe_trust_domain("other.example")
        .build()
        .unwrap();
    assert!(Issuers::new([verifier(), other]).is_ok());
    assert!(Issuers::new([verifier()]).is_ok());
}

struct Head(&'static str, String);

impl RequestHead for Head {
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
        if name == self.0 {
            visit(self.1.as_bytes());
        }
    }
}

#[test]
fn a_source_is_set_for_a_trust_domain_by_its_name() {
    let two = Two::new();
    for issuers in [
        two.issuers.clone(),
        svids(&two.workloads).build().unwrap().into(),
    ] {
        let [header, bearer] = [TokenSource::header("x-svid"), TokenSource::bearer()];
        let preset = Provider::spiffe("example.org", "https://spire.example.org/bundle").unwrap();
        assert_eq!(preset.issuer(), "spiffe://example.org");
        let authenticator = Authenticator::new(issuers)
            .source(bearer.or(header.clone()))
            .source_for(preset.issuer(), header)
            .unwrap();
        // The name in `iss` is not the one that counts.
        for token in [svid(&two.workloads), two.workloads.token().subject(WEB)] {
            let token = token.sign();
            let check = |head| block_on(authenticator.check(&head)).is_ok();
            assert!(check(Head("x-svid", token.clone())));
            assert!(!check(Head("authorization", format!("Bearer {token}"))));
        }
        let unknown = authenticator.source_for("spiffe://evil.example", TokenSource::bearer());
        assert!(matches!(unknown, Err(ConfigError::Conflict(_))));
    }
}
