//! Properties that are true for any input.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::error::Error;

use countersign::{
    AuthError, AuthErrorKind, Authenticator, Key, KeySet, Policy, TokenSource,
    adapter::RequestHead,
    explain::{Explanation, Mismatch, Verdict},
    testing::{TestIssuer, sign_raw},
};
use proptest::prelude::*;

struct Head {
    target: String,
    headers: Vec<(&'static str, Vec<u8>)>,
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        Some(&self.target)
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        for (own, value) in &self.headers {
            if *own == name {
                visit(value);
            }
        }
    }
}

fn every_source() -> TokenSource {
    TokenSource::bearer()
        .or(TokenSource::cookie("access"))
        .or(TokenSource::header("x-token"))
        .or(TokenSource::query("access_token"))
        .or(TokenSource::websocket_protocol())
}

/// Generates JSON that is usually well-formed, with the names that matter.
fn json() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "alg", "kid", "typ", "crit", "iss", "aud", "exp", "nbf", "iat", "sub", "jti", "scope",
        "sid", "cnf", "x",
    ]);
    let leaf = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:e}")),
        ".{0,8}".prop_map(|text| serde_json::Value::from(text).to_string()),
        Just("null".to_owned()),
        Just("\"https://issuer.test\"".to_owned()),
        Just("\"https://api.test\"".to_owned()),
        Just("\"ES256\"".to_owned()),
        Just("1800000100".to_owned()),
    ];
    let value = leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec(("[a-c]", inner), 0..4).prop_map(|all| {
                let members: Vec<_> = all
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    prop::collection::vec((name, value), 0..8).prop_map(|all| {
        let members: Vec<_> = all
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

/// Checks that the explanation ends like the verification, and that each refusal gives a reason of
/// bounded length.
fn agree(explanation: &Explanation, error: Option<&AuthError>) -> Result<(), TestCaseError> {
    prop_assert_eq!(explanation.refusal(), error.map(AuthError::kind));
    prop_assert_eq!(explanation.failed().count() > 0, error.is_some());
    for check in explanation.failed() {
        prop_assert!(check.found().len() < 800, "{}", check);
    }
    let Some(error) = error else { return Ok(()) };
    let wrong = error.source().unwrap().downcast_ref::<Mismatch>().unwrap();
    let text = wrong.to_string();
    prop_assert!(
        text.len() < 1_600 && !text.chars().any(char::is_control),
        "{}",
        text
    );
    // The first mistake of the verification is among those that are explained.
    let kind = Verdict::Failed(error.kind());
    prop_assert!(
        explanation.failed().any(|check| check.verdict() == kind
            && check.expected() == wrong.expected()
            && check.found() == wrong.found()),
        "{}: {}",
        explanation,
        text
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_token_panics_and_explain_agrees_with_verify(token in any::<String>()) {
        let verifier = TestIssuer::new().verifier();
        let error = verifier.verify_now(&token).unwrap_err();
        agree(&verifier.explain(&token), Some(&error))?;
    }

    #[test]
    fn no_signed_json_panics_and_explain_agrees_with_verify(header in json(), payload in json()) {
        let issuer = TestIssuer::new();
        let verifier = issuer.verifier();
        // Half of the payloads have the required claims, and some of those are accepted.
        let members = payload.trim_start_matches('{');
        let comma = if members.starts_with('}') { "" } else { "," };
        let good = format!(
            r#"{{"iss":"https://issuer.test","aud":"https://api.test","exp":1800000100{comma}{members}"#
        );
        for (header, payload) in [
            (&*header, &payload),
            (r#"{"alg":"ES256"}"#, &payload),
            (r#"{"alg":"ES256"}"#, &good),
        ] {
            let token = sign_raw(issuer.key(), header, payload.as_bytes());
            agree(&verifier.explain(&token), verifier.verify_now(&token).err().as_ref())?;
        }
    }

    #[test]
    fn no_header_bytes_panic(bytes in any::<Vec<u8>>(), name in 0..5_usize, more in any::<bool>()) {
        let issuer = TestIssuer::new();
        let names = ["authorization", "cookie", "x-token", "sec-websocket-protocol", "other"];
        let mut headers = vec![(names[name], bytes.clone())];
        let prefixed = [&b"Bearer "[..], b"access=", b"", b"bearer.", b""][name];
        headers.push((names[name], [prefixed, &bytes].concat()));
        if more {
            headers.remove(0);
        }
        let head = Head { target: String::from_utf8_lossy(&bytes).into_owned(), headers };
        let authenticator = Authenticator::new(issuer.verifier()).source(every_source());
        if let Ok(found) = authenticator.credentials(&head) {
            let verdict = futures_executor::block_on(authenticator.authenticate(found));
            prop_assert!(verdict.is_err());
        }
    }

    #[test]
    fn a_changed_token_is_never_accepted(at in any::<prop::sample::Index>(), with in "[A-Za-z0-9._~=-]") {
        let issuer = TestIssuer::new();
        let token = issuer.token().scope("read").sign();
        let at = at.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..=at, &with);
        prop_assume!(changed != token);
        prop_assert!(issuer.verifier().verify_now(&changed).is_err());
        let mut shorter = token.clone();
        shorter.remove(at);
        prop_assert!(issuer.verifier().verify_now(&shorter).is_err());
        let mut longer = token;
        longer.insert_str(at, &with);
        prop_assert!(issuer.verifier().verify_now(&longer).is_err());
    }

    #[test]
    fn a_token_of_another_key_is_never_accepted(payload in json()) {
        let (issuer, other) = (TestIssuer::new(), TestIssuer::new());
        let header = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, issuer.key().id());
        let token = sign_raw(other.key(), &header, payload.as_bytes());
        let error = issuer.verifier().verify_now(&token).unwrap_err();
        prop_assert_eq!(error.kind(), AuthErrorKind::BadSignature);
    }

    #[test]
    fn no_key_text_panics(text in any::<String>(), json in json()) {
        for text in [&text, &json, &format!(r#"{{"keys":[{json}]}}"#)] {
            let _ = Key::from_jwk(text);
            let _ = KeySet::from_json(text);
            let _ = Key::rs256_pem(text);
            let _ = Key::es256_pem(format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"));
        }
    }

    #[test]
    fn a_policy_and_its_opposite_never_agree(scope in "[a-z]{0,3}( [a-z]{1,3}){0,2}", asked in "[a-z]{1,3}") {
        let issuer = TestIssuer::new();
        let token = issuer.verifier().verify_now(&issuer.token().scope(&scope).sign()).unwrap();
        let policy = Policy::scope(&asked);
        prop_assert_eq!(policy.check(&token).is_ok(), scope.split(' ').any(|own| own == asked));
        prop_assert_ne!(policy.check(&token).is_ok(), policy.clone().not().check(&token).is_ok());
    }
}
