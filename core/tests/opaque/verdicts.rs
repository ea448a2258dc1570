//! Tests of the answers of checks: the token that each becomes, or the answer to the client.

use std::{
    io,
    sync::{Arc, Mutex},
};

use countersign::{
    AuthErrorKind, Authenticator, OpaqueIdentity, OpaqueToken, OpaqueTokenError, OpaqueTokens,
    Policy, PrincipalError, VerifiedToken,
    testing::{FixedClock, TestIssuer},
};
use serde_json::json;

use crate::{Head, check, verdict};

const NOW: i64 = 1_800_000_000;

/// Has a check answer this identity for every key.
fn answering(identity: OpaqueIdentity) -> Authenticator {
    let check = move |_: OpaqueToken| std::future::ready(Ok(identity.clone()));
    let tokens = OpaqueTokens::prefixed("sk_", check).name("api_key");
    Authenticator::new(TestIssuer::new().verifier())
        .opaque_tokens(tokens.clock(FixedClock::at(NOW)))
        .unwrap()
}

fn token_of(identity: OpaqueIdentity) -> VerifiedToken {
    check(&answering(identity), &Head::bearer("sk_x"))
        .unwrap()
        .unwrap()
}

#[test]
fn an_identity_is_a_token_like_any_other() {
    #[derive(serde::Deserialize)]
    struct Claims {
        sub: String,
        plan: String,
    }
    let identity = OpaqueIdentity::new("ada \"lovelace\"")
        .scopes(["orders:read", "orders:write"])
        .roles(["staff"])
        .expires_at(NOW + 10)
        .claims(&json!({ "plan": "free", "jti": "key-7" }));
    let token = token_of(identity);
    assert!(token.is_opaque());
    assert_eq!(token.credential(), Some("api_key"));
    assert_eq!(token.issuer(), Some("api_key"));
    assert_eq!(token.subject(), Some("ada \"lovelace\""));
    assert_eq!(token.id(), Some("key-7"));
    assert_eq!(
        token.scopes().iter().collect::<Vec<_>>(),
        ["orders:read", "orders:write"]
    );
    assert_eq!(token.roles().unwrap(), ["staff"]);
    assert_eq!(token.remaining(), Some(10));
    assert_eq!(token.header().token_type(), Some("opaque"));
    let claims = token.claims::<Claims>().unwrap();
    assert_eq!((&*claims.sub, &*claims.plan), ("ada \"lovelace\"", "free"));
    assert!(
        Policy::scope("orders:read")
            .and(Policy::role("staff"))
            .check(&token)
            .is_ok()
    );
    let refused = Policy::scope("admin").check(&token).unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::InsufficientScope);
    // What nobody knows is refused, as is its opposite.
    assert!(Policy::acr(["high"]).check(&token).is_err());

    let bare = token_of(OpaqueIdentity::new("ada").claims(&json!({})));
    assert_eq!(bare.payload(), r#"{"iss":"api_key","sub":"ada"}"#);
    assert_eq!(bare.scopes().iter().count(), 0);
    assert_eq!(bare.expires_at(), None);
}

#[test]
fn an_identity_that_is_none_lets_nobody_in() {
    let ada = || OpaqueIdentity::new("ada");
    for (bad, good) in [
        (OpaqueIdentity::new(""), ada()),
        (ada().scopes(["a b"]), ada().scopes(["a", "b"])),
        (ada().scopes([""]), ada()),
        (ada().scopes(["a\\b"]), ada().scopes(["a/b"])),
        (ada().expires_at(-1), ada().expires_at(NOW + 1)),
        (ada().claims(&7), ada().claims(&json!({ "n": 7 }))),
        (
            ada().claims(&json!({ "sub": "bob" })),
            ada().claims(&json!({ "sub2": "bob" })),
        ),
        (
            ada().claims(&json!({ "iss": "https://id.example" })),
            ada().claims(&json!({ "issuer": "x" })),
        ),
        (
            ada().expires_at(NOW + 1).claims(&json!({ "exp": NOW + 9 })),
            ada().claims(&json!({ "exp": NOW + 9 })),
        ),
        (
            ada().claims(&json!({ "jti": 7 })),
            ada().claims(&json!({ "jti": "7" })),
        ),
    ] {
        let head = Head::bearer("sk_x");
        assert_eq!(verdict(&answering(bad), &head), Err((500, "misconfigured")));
        assert_eq!(verdict(&answering(good), &head), Ok("ada".to_owned()));
    }
}

#[test]
fn times_and_bindings_of_an_identity_count() {
    let ada = || OpaqueIdentity::new("ada");
    for (identity, said) in [
        (ada().expires_at(NOW + 1), Ok("ada".to_owned())),
        (ada().expires_at(NOW), Err((401, "expired"))),
        (ada().claims(&json!({ "nbf": NOW })), Ok("ada".to_owned())),
        (
            ada().claims(&json!({ "nbf": NOW + 1 })),
            Err((401, "not_yet_valid")),
        ),
        (
            ada().claims(&json!({ "cnf": { "jkt": "x" } })),
            Err((401, "bound_token")),
        ),
    ] {
        assert_eq!(verdict(&answering(identity), &Head::bearer("sk_x")), said);
    }
}

fn answer(token: &OpaqueToken) -> Result<OpaqueIdentity, OpaqueTokenError> {
    match token.as_str() {
        "sk_ada" => Ok(OpaqueIdentity::new("ada")),
        "sk_locked" => Err(OpaqueTokenError::forbidden("locked by the operator")),
        "sk_outage" => Err(io::Error::other("the database is away"))?,
        _ => Err(OpaqueTokenError::unauthorized("no such key")),
    }
}

async fn known(token: OpaqueToken) -> Result<OpaqueIdentity, OpaqueTokenError> {
    answer(&token)
}

#[test]
fn each_answer_of_a_check_is_an_answer_to_the_client() {
    let issuer = TestIssuer::new();
    let authenticator = Authenticator::new(issuer.verifier())
        .opaque_tokens(OpaqueTokens::prefixed("sk_", known))
        .unwrap()
        .realm("shop");
    for (text, kind, status, cause) in [
        (
            "sk_eve",
            AuthErrorKind::OpaqueTokenRefused,
            401,
            "no such key",
        ),
        (
            "sk_locked",
            AuthErrorKind::OpaqueTokenForbidden,
            403,
            "locked by the operator",
        ),
        (
            "sk_outage",
            AuthErrorKind::OpaqueTokenUnavailable,
            503,
            "the database is away",
        ),
    ] {
        let refused = check(&authenticator, &Head::bearer(text)).unwrap_err();
        assert_eq!(refused.kind(), kind);
        let challenge = refused.challenge();
        assert_eq!(challenge.status(), status);
        assert_eq!(challenge.retry_after().is_some(), status == 503);
        let header = challenge.www_authenticate().unwrap_or_default();
        assert_eq!(header.contains("invalid_token"), status == 401, "{header}");
        assert_eq!(header.contains("shop"), status == 401, "{header}");
        let source = std::error::Error::source(&refused).unwrap();
        assert_eq!(source.to_string(), cause);
        assert!(!challenge.problem_json().contains(cause));
    }
    let long = format!("sk_{}", "x".repeat(4_094));
    let said = verdict(&authenticator, &Head::bearer(&long));
    assert_eq!(said, Err((401, "token_too_large")));
    let said = verdict(&authenticator, &Head::bearer(&long[..4_096]));
    assert_eq!(said, Err((401, "opaque_token_refused")));
}

#[test]
fn principals_policies_and_text_are_those_of_any_token() {
    let issuer = TestIssuer::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let authenticator = Authenticator::new(issuer.verifier())
        .opaque_tokens(OpaqueTokens::prefixed("sk_", known).name("api_key"))
        .unwrap()
        .principal(move |token: VerifiedToken| {
            let subject = token.subject().unwrap_or_default().to_owned();
            log.lock()
                .unwrap()
                .push(token.credential().map(str::to_owned));
            async move {
                match &*subject {
                    "ada" => Ok(subject),
                    _ => Err(PrincipalError::unauthorized("no such user")),
                }
            }
        })
        .keep_token_text()
        .require(Policy::principal("ada", |name: &String| name == "ada"));
    let token = check(&authenticator, &Head::bearer("sk_ada"))
        .unwrap()
        .unwrap();
    assert_eq!(*token.principal::<String>().unwrap(), "ada");
    assert_eq!(token.encoded(), Some("sk_ada"));
    let jwt = issuer.token().subject("ada").sign();
    assert!(check(&authenticator, &Head::bearer(&jwt)).is_ok());
    assert_eq!(*seen.lock().unwrap(), [Some("api_key".to_owned()), None]);
    // Nobody is asked for the user of a token that is refused.
    assert!(check(&authenticator, &Head::bearer("sk_eve")).is_err());
    assert_eq!(seen.lock().unwrap().len(), 2);

    let strict = authenticator.require(Policy::scope("admin"));
    let said = verdict(&strict, &Head::bearer("sk_ada"));
    assert_eq!(said, Err((403, "insufficient_scope")));
}

#[test]
fn the_claims_of_an_app_are_read_in_the_same_pass() {
    #[derive(serde::Deserialize)]
    struct User {
        plan: String,
    }
    let identity = OpaqueIdentity::new("ada").claims(&json!({ "plan": "free" }));
    let authenticator = answering(identity).parse_as::<User>();
    let token = check(&authenticator, &Head::bearer("sk_x"))
        .unwrap()
        .unwrap();
    assert_eq!(token.claims::<User>().unwrap().plan, "free");
}

#[test]
fn debug_shows_no_token_and_no_subject() {
    let token = OpaqueToken::new("sk_secret");
    let identity = OpaqueIdentity::new("private-subject");
    let shown = format!("{token:?} {identity:?} {:?}", answering(identity.clone()));
    assert!(
        !shown.contains("secret") && !shown.contains("private"),
        "{shown}"
    );
}
