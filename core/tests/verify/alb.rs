//! Tests of the tokens of AWS load balancers: the header `x-amzn-oidc-data`.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE as PADDED},
};
use countersign::{
    Algorithm, AuthErrorKind, Authenticator, ConfigError, Issuers, Provider, Verifier,
    VerifierBuilder,
    adapter::RequestHead,
    claims::Tolerance,
    testing::{TestIssuer, sign_padded, sign_raw},
};
use futures_executor::block_on;
use serde_json::{Value, json};

use super::now;

const SIGNER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
const ISSUER: &str = "https://id.example";

fn builder(issuer: &TestIssuer) -> VerifierBuilder {
    Verifier::builder(issuer.key())
        .provider(Provider::aws_alb(SIGNER, ISSUER).unwrap())
        .clock(issuer.clock().clone())
}

fn verifier(issuer: &TestIssuer) -> Verifier {
    builder(issuer).audience("client").build().unwrap()
}

/// Signs a token of the load balancer, with these changes of header and payload (RFC 7396).
fn sign(issuer: &TestIssuer, header: &Value, payload: &Value) -> String {
    padded(issuer, &changed(issuer, header, payload))
}

/// Returns header and payload, as a load balancer writes them.
fn changed(issuer: &TestIssuer, header: &Value, payload: &Value) -> [Value; 2] {
    let exp = now(issuer) + 120;
    let whole = json!({
        "typ": "JWT", "kid": issuer.key().id(), "alg": "ES256", "iss": ISSUER, "client": "client",
        "signer": SIGNER, "exp": exp,
    });
    let claims = json!({"sub": "00u2p5ur1", "email": "ada@example.com", "exp": exp, "iss": ISSUER});
    [(whole, header), (claims, payload)].map(|(mut all, change)| {
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => all.as_object_mut().unwrap().remove(name),
                value => all
                    .as_object_mut()
                    .unwrap()
                    .insert(name.clone(), value.clone()),
            };
        }
        all
    })
}

/// Signs over the padded parts, as a load balancer does.
fn padded(issuer: &TestIssuer, parts: &[Value; 2]) -> String {
    let [header, payload] = parts.each_ref().map(Value::to_string);
    sign_padded(issuer.key(), &header, payload.as_bytes())
}

#[test]
fn a_token_of_the_load_balancer_is_accepted() {
    let issuer = TestIssuer::new();
    let verifier = verifier(&issuer);
    // All lengths of padding.
    for length in 0..6 {
        let text = "x".repeat(length);
        let token = sign(&issuer, &json!({"x": text}), &json!({"name": text}));
        let token = verifier.verify_now(&token).unwrap();
        assert_eq!(token.subject(), Some("00u2p5ur1"));
        assert_eq!(token.issuer(), Some(ISSUER));
    }
    assert!(verifier.tolerances().is_empty());
}

#[test]
fn each_member_of_the_header_is_needed_and_compared() {
    let issuer = TestIssuer::new();
    let verifier = verifier(&issuer);
    let later = now(&issuer) + 121;
    let none = json!({});
    for (header, payload, kind) in [
        // Of another load balancer, also one whose name begins alike.
        (
            json!({"signer": SIGNER.replace("50dc", "60dc")}),
            none.clone(),
            AuthErrorKind::WrongIssuer,
        ),
        (
            json!({"signer": format!("{SIGNER}0")}),
            none.clone(),
            AuthErrorKind::WrongIssuer,
        ),
        (
            json!({"signer": SIGNER.replace("123456789012", "210987654321")}),
            none.clone(),
            AuthErrorKind::WrongIssuer,
        ),
        (
            json!({"signer": null}),
            none.clone(),
            AuthErrorKind::MissingClaim,
        ),
        (
            json!({"signer": [SIGNER]}),
            none.clone(),
            AuthErrorKind::MissingClaim,
        ),
        (
            json!({"signer": null}),
            json!({"signer": SIGNER}),
            AuthErrorKind::MissingClaim,
        ),
        // For another client of the same issuer.
        (
            json!({"client": "other"}),
            none.clone(),
            AuthErrorKind::WrongAudience,
        ),
        (
            json!({"client": "other"}),
            json!({"aud": "client", "client": "client"}),
            AuthErrorKind::WrongAudience,
        ),
        (
            json!({"client": null}),
            none.clone(),
            AuthErrorKind::MissingClaim,
        ),
        (
            json!({"client": ["client"]}),
            none.clone(),
            AuthErrorKind::MissingClaim,
        ),
        // Of users of another issuer.
        (
            json!({"iss": "https://evil.example"}),
            none.clone(),
            AuthErrorKind::WrongIssuer,
        ),
        (
            json!({"iss": null}),
            none.clone(),
            AuthErrorKind::MissingClaim,
        ),
        (
            none.clone(),
            json!({"iss": "https://evil.example"}),
            AuthErrorKind::WrongIssuer,
        ),
        (
            none.clone(),
            json!({"iss": null}),
            AuthErrorKind::MissingClaim,
        ),
        // A payload that outlives its header.
        (
            none.clone(),
            json!({"exp": later}),
            AuthErrorKind::InvalidClaim,
        ),
        (
            json!({"exp": null}),
            none.clone(),
            AuthErrorKind::MissingClaim,
        ),
        (
            json!({"exp": later.to_string()}),
            none.clone(),
            AuthErrorKind::MissingClaim,
        ),
        (
            none.clone(),
            json!({"exp": null}),
            AuthErrorKind::MissingClaim,
        ),
        (
            none.clone(),
            json!({"exp": now(&issuer) - 60}),
            AuthErrorKind::Expired,
        ),
        (
            none.clone(),
            json!({"sub": null}),
            AuthErrorKind::MissingClaim,
        ),
        (
            json!({"typ": "at+jwt"}),
            none.clone(),
            AuthErrorKind::WrongType,
        ),
        (
            json!({"crit": ["exp"]}),
            none.clone(),
            AuthErrorKind::UnsupportedHeader,
        ),
    ] {
        let token = sign(&issuer, &header, &payload);
        let error = verifier.verify_now(&token).unwrap_err();
        assert_eq!(error.kind(), kind, "{header} {payload}");
        assert_eq!(
            verifier.explain(&token).refusal(),
            Some(kind),
            "{header} {payload}"
        );
    }
    for (header, payload) in [
        (none.clone(), none.clone()),
        (json!({"exp": later}), none.clone()),
        (json!({"typ": null}), none.clone()),
        (
            none.clone(),
            json!({"aud": "whatever", "iat": now(&issuer)}),
        ),
    ] {
        let verdict = verifier.verify_now(&sign(&issuer, &header, &payload));
        assert!(verdict.is_ok(), "{header} {payload}: {verdict:?}");
    }
}

#[test]
fn padding_is_needed_there_and_refused_everywhere_else() {
    let issuer = TestIssuer::new();
    let verifier = verifier(&issuer);
    let parts = changed(&issuer, &json!({}), &json!({}));
    let good = padded(&issuer, &parts);
    assert!(good.ends_with("=="), "{good}");
    verifier.verify_now(&good).unwrap();
    let refused = |token: &str| {
        let error = verifier.verify_now(token).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::MalformedToken, "{token}");
        let told = verifier.explain(token);
        assert_eq!(
            told.refusal(),
            Some(AuthErrorKind::MalformedToken),
            "{token}"
        );
    };
    // Another text of the same signature.
    for other in ["", "=", "===", "====", "==\n"] {
        refused(&format!("{}{other}", good.trim_end_matches('=')));
    }
    // Signed without any padding, as everybody else does.
    let unpadded = sign_raw(
        issuer.key(),
        &parts[0].to_string(),
        parts[1].to_string().as_bytes(),
    );
    refused(&unpadded);
    // In the standard alphabet.
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let standard = STANDARD.encode(PADDED.decode(signature).unwrap());
    if standard != signature {
        refused(&format!("{signed}.{standard}"));
    }

    // An ordinary verifier of the same key, issuer and claims.
    let ordinary = Verifier::builder(issuer.key())
        .issuer(ISSUER)
        .any_audience()
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    ordinary.verify_now(&unpadded).unwrap();
    let error = ordinary.verify_now(&good).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::MalformedToken);
}

#[test]
fn an_explanation_shows_the_padding_and_the_members_of_the_header() {
    let issuer = TestIssuer::new();
    let other = sign(
        &issuer,
        &json!({"signer": "arn:evil", "client": "other"}),
        &json!({}),
    );
    let told = verifier(&issuer).explain(&other);
    let failed: Vec<_> = told.failed().map(ToString::to_string).collect();
    assert_eq!(
        failed,
        [
            format!(r#"FAIL signer: expected "{SIGNER}"; found "arn:evil""#),
            r#"FAIL client: expected "client"; found "other""#.to_owned(),
        ]
    );
    let text = told.to_string();
    assert!(text.contains("bytes of padded base64url"), "{text}");
    assert!(
        text.contains("any: the client in the header counts"),
        "{text}"
    );
    let ordinary = issuer
        .verifier()
        .explain(&issuer.token().sign())
        .to_string();
    assert!(
        !ordinary.contains("signer") && !ordinary.contains("padded"),
        "{ordinary}"
    );
}

#[test]
fn any_client_is_a_weakening_that_shows() {
    let issuer = TestIssuer::new();
    let lax = builder(&issuer).any_audience().build().unwrap();
    let token = sign(&issuer, &json!({"client": "other"}), &json!({}));
    lax.verify_now(&token).unwrap();
    assert_eq!(lax.tolerances(), [Tolerance::AnyAudience]);
    assert_eq!(
        lax.explain(&token).needed_tolerances(),
        [Tolerance::AnyAudience]
    );
    let other = sign(&issuer, &json!({"signer": "arn:evil"}), &json!({}));
    assert!(lax.verify_now(&other).is_err());
}

#[test]
fn settings_that_contradict_a_load_balancer_are_refused() {
    let issuer = TestIssuer::new();
    let refused = |text: &str, change: fn(VerifierBuilder) -> VerifierBuilder| match change(
        builder(&issuer).audience("client"),
    )
    .build()
    {
        Err(ConfigError::Conflict(why)) if why.contains(text) => {}
        other => panic!("{text}: {other:?}"),
    };
    refused("spiffe_trust_domain", |own| {
        own.spiffe_trust_domain("example.org")
    });
    refused("audience_claim", |own| own.audience_claim("client_id"));
    refused("token_type", |own| own.token_type("at+jwt"));
    refused("algorithms", |own| {
        own.algorithms([Algorithm::ES256, Algorithm::RS256])
    });
    refused("any_issuer", VerifierBuilder::any_issuer);
    assert!(matches!(
        builder(&issuer).build(),
        Err(ConfigError::Missing(_))
    ));
    let none = builder(&issuer)
        .audience("client")
        .aws_alb_signer("arn:aws:iam::1:role/x")
        .build();
    assert!(matches!(none, Err(ConfigError::InvalidSetting(_))));
    assert!(Provider::aws_alb("arn:aws:iam::1:role/x", ISSUER).is_err());
}

#[test]
fn a_load_balancer_is_one_of_several_issuers() {
    let (own, other) = (TestIssuer::new(), TestIssuer::new());
    let issuers = Issuers::new([verifier(&own), other.verifier()]).unwrap();
    let authenticator = Authenticator::new(issuers.clone())
        .source(countersign::TokenSource::header("x-amzn-oidc-data"));
    for (token, is_good) in [
        (sign(&own, &json!({}), &json!({})), true),
        (other.token().sign(), true),
        (
            sign(&own, &json!({}), &json!({"iss": TestIssuer::ISSUER})),
            false,
        ),
        (format!("{}==", other.token().sign()), false),
    ] {
        assert_eq!(
            issuers.explain(&token).refusal().is_none(),
            is_good,
            "{token}"
        );
        let verdict = block_on(authenticator.check(&Head(token.clone())));
        assert_eq!(verdict.is_ok(), is_good, "{token}");
    }
}

#[test]
fn the_token_counts_in_its_header_only() {
    let issuer = TestIssuer::new();
    let preset = Provider::aws_alb(SIGNER, ISSUER).unwrap();
    let authenticator = Authenticator::new(verifier(&issuer)).source(preset.token_source());
    let token = sign(&issuer, &json!({}), &json!({}));
    assert!(block_on(authenticator.check(&Head(token.clone()))).is_ok());
    let bearer = Authenticator::new(verifier(&issuer));
    assert!(block_on(bearer.check(&Head(token))).is_err());
}

struct Head(String);

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
        if name == "x-amzn-oidc-data" {
            visit(self.0.as_bytes());
        }
    }
}
