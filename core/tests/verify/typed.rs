//! Tests of claims as a type of the user, read in the same pass.

use std::cell::Cell;

use countersign::{
    AuthErrorKind, Authenticator,
    adapter::Credentials,
    testing::{TestIssuer, TestToken, sign_raw},
};
use futures_executor::block_on;
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::typed_verdict::same_verdict_for_all_types;

#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct User {
    sub: String,
    #[serde(default)]
    roles: Vec<String>,
}

/// A type that asks for other types than the claims have.
#[derive(Debug, Deserialize)]
pub(crate) struct Misfit {
    #[allow(dead_code)] // never constructed
    sub: u64,
}

pub(crate) fn raw(issuer: &TestIssuer, payload: &str) -> String {
    let alg = issuer.key().algorithm().name();
    let header = format!(r#"{{"alg":"{alg}","kid":"{}"}}"#, issuer.key().id());
    sign_raw(issuer.key(), &header, payload.as_bytes())
}

#[test]
fn a_good_token_is_the_type() {
    let issuer = TestIssuer::new();
    let text = issuer
        .token()
        .subject("ada")
        .claim("roles", json!(["admin"]))
        .sign();
    let expected = User {
        sub: "ada".into(),
        roles: vec!["admin".into()],
    };
    let user = block_on(issuer.verifier().verify_as::<User>(&text)).unwrap();
    assert_eq!(*user, expected);
    assert_eq!(*user.into_claims(), expected);
    same_verdict_for_all_types(&issuer.verifier(), &text);
}

#[test]
fn a_type_that_does_not_fit_is_our_mistake_and_only_of_a_good_token() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let refused = |token: TestToken<'_>| {
        let error = verifier.verify_now_as::<Misfit>(&token.sign()).unwrap_err();
        error.kind()
    };
    assert_eq!(
        refused(issuer.token().subject("ada")),
        AuthErrorKind::Misconfigured
    );
    assert_eq!(
        refused(issuer.token().subject("ada").without("aud")),
        AuthErrorKind::MissingClaim
    );
    let number = issuer.token().claim("sub", 7);
    assert_eq!(refused(number), AuthErrorKind::InvalidClaim);
}

#[test]
fn what_the_type_ignores_is_checked_too() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let twins = [
        (r#""x":{"a":1,"a":1}"#, r#""x":{"a":1,"b":1}"#),
        (
            r#""x":[{"a":[{"b":1,"b":1}]}]"#,
            r#""x":[{"a":[{"b":1,"c":1}]}]"#,
        ),
        (r#""acr":{"a":1,"a":1}"#, r#""acr":{"a":1,"b":1}"#),
        (r#""jti":1"#, r#""jti":"1""#),
        (r#""scope":"a\tb""#, r#""scope":"a b""#),
    ];
    for (refused, accepted) in twins {
        let token = |member: &str| {
            let exp = super::now(&issuer) + 60;
            let (iss, aud) = (TestIssuer::ISSUER, TestIssuer::AUDIENCE);
            let payload =
                format!(r#"{{"iss":"{iss}","aud":"{aud}","exp":{exp},"sub":"ada",{member}}}"#);
            verifier.verify_now_as::<User>(&raw(&issuer, &payload))
        };
        assert!(token(refused).is_err(), "{refused}");
        assert!(token(accepted).is_ok(), "{accepted}");
    }
}

#[test]
fn the_payload_is_read_once() {
    thread_local! {
        static READ: Cell<u32> = const { Cell::new(0) };
    }
    #[derive(Deserialize)]
    #[allow(dead_code)] // only deserialized
    struct Varied {
        sub: String,
        roles: Vec<String>,
        sizes: Option<(u8, f64)>,
        levels: [Level; 4],
    }
    #[derive(Deserialize)]
    #[allow(dead_code)]
    enum Level {
        Empty,
        Number(u8),
        Pair(u8, u8),
        Record { at: i64 },
    }
    struct Counted;
    impl<'de> Deserialize<'de> for Counted {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            READ.set(READ.get() + 1);
            Varied::deserialize(deserializer).map(|_| Self)
        }
    }

    let issuer = TestIssuer::new();
    let levels = json!([
        {"Empty": null},
        {"Number": 1},
        {"Pair": [1, 2]},
        {"Record": {"at": -1}},
    ]);
    let text = issuer
        .token()
        .claim("roles", json!(["admin", "user"]))
        .claim("sizes", json!([1, 2.5]))
        .claim("levels", levels)
        .sign();
    let verifier = issuer.verifier();
    verifier.verify_now_as::<Counted>(&text).unwrap();
    assert_eq!(READ.take(), 1);

    let authenticator = Authenticator::new(verifier).parse_as::<Counted>();
    let token = block_on(authenticator.authenticate(Some(Credentials::new(&text))));
    token.unwrap().unwrap().claims::<Counted>().unwrap();
    assert_eq!(READ.take(), 1);
}

#[test]
fn an_authenticator_that_knows_the_type_has_the_same_verdict() {
    let issuer = TestIssuer::new();
    let plain = Authenticator::new(issuer.verifier());
    let typed = plain.clone().parse_as::<User>();
    let misfit = plain.clone().parse_as::<Misfit>();
    let text = issuer.token().subject("ada").sign();
    for authenticator in [&plain, &typed, &misfit] {
        let token = block_on(authenticator.authenticate(Some(Credentials::new(&text))));
        let token = token.unwrap().unwrap();
        assert_eq!(token.claims::<User>().unwrap().sub, "ada");
        assert!(token.claims::<Misfit>().is_err());
        let refused = block_on(authenticator.authenticate(Some(Credentials::new("a.b.c"))));
        assert_eq!(refused.unwrap_err().reason(), "malformed_token");
    }
}
