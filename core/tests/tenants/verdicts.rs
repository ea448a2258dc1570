//! Tests of what a token's issuer leads to.

use std::{error::Error, time::Duration};

use countersign::{AuthErrorKind, Authenticator, Issuers, explain::Mismatch, testing::sign_raw};
use serde_json::json;
use tokio::time::advance;

use crate::app::{Answer, App, ask, issuer, refusal};

#[tokio::test(start_paused = true)]
async fn a_known_tenant_is_asked_about_once_and_an_unknown_one_is_refused() {
    let app = App::new(&["a", "b"]);
    let (tenants, authenticator) = app.start(|own| own);
    for _ in 0..3 {
        let token = ask(&authenticator, &app.token("a")).await.unwrap();
        assert_eq!(token.issuer(), Some(&*issuer("a")));
    }
    assert_eq!((app.asked(), tenants.len()), (1, 1));
    let refused = ask(&authenticator, &app.token("x")).await.unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::UnknownIssuer);
    let wrong = refused
        .source()
        .unwrap()
        .downcast_ref::<Mismatch>()
        .unwrap();
    assert_eq!(wrong.found(), r#""https://id.example/x""#);
    assert_eq!(refusal(&authenticator, &app.token("b")).await, None);
    assert_eq!((app.asked(), tenants.len()), (3, 2));
    // The tenant's own verifier decides about the rest.
    for (token, kind) in [
        (
            app.keys.token().issuer(&issuer("a")).expired().sign(),
            AuthErrorKind::Expired,
        ),
        (
            app.keys.token().issuer(&issuer("a")).by_a_stranger(),
            AuthErrorKind::BadSignature,
        ),
        (
            app.keys
                .token()
                .issuer(&issuer("a"))
                .audience("shop")
                .sign(),
            AuthErrorKind::WrongAudience,
        ),
    ] {
        assert_eq!(refusal(&authenticator, &token).await, Some(kind));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_remembered_for_a_while() {
    let app = App::new(&[]);
    let (_, authenticator) = app.start(|own| own.unknown_for(Duration::from_secs(20)));
    let token = app.token("a");
    for _ in 0..3 {
        assert_eq!(
            refusal(&authenticator, &token).await,
            Some(AuthErrorKind::UnknownIssuer)
        );
        advance(Duration::from_secs(6)).await;
    }
    assert_eq!(app.asked(), 1);
    app.create("a");
    advance(Duration::from_secs(2)).await;
    assert_eq!(refusal(&authenticator, &token).await, None);
    assert_eq!(app.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_resolver_cannot_tell_is_an_outage() {
    let app = App::new(&["a"]);
    let (_, authenticator) = app.start(|own| own);
    let token = app.token("a");
    for (answer, cause) in [
        (Answer::Outage, "no database"),
        (Answer::Panic, "panicked"),
        (Answer::Silence, "ten seconds"),
    ] {
        app.answer(answer);
        let asked = app.asked();
        for _ in 0..2 {
            let refused = ask(&authenticator, &token).await.unwrap_err();
            assert_eq!(refused.kind(), AuthErrorKind::IssuerUnavailable);
            assert_eq!(refused.challenge().status(), 503);
            assert!(
                refused
                    .challenge()
                    .retry_after()
                    .is_some_and(|after| (1..=30).contains(&after))
            );
            assert!(
                refused.source().unwrap().to_string().contains(cause),
                "{refused:?}"
            );
        }
        assert_eq!(app.asked(), asked + 1, "{cause}");
        advance(Duration::from_secs(5)).await;
    }
    app.answer(Answer::Good);
    assert_eq!(refusal(&authenticator, &token).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_verifier_for_other_issuers_is_a_mistake_of_the_app() {
    let app = App::new(&["a"]);
    let (tenants, authenticator) = app.start(|own| own);
    for answer in [Answer::Other, Answer::Anybody, Answer::More] {
        app.answer(answer);
        let refused = ask(&authenticator, &app.token("a")).await.unwrap_err();
        assert_eq!(refused.challenge().status(), 500);
        assert_eq!(tenants.len(), 0);
        tenants.forget(&issuer("a"));
    }
    app.answer(Answer::Good);
    assert_eq!(refusal(&authenticator, &app.token("a")).await, None);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_about_what_is_no_issuer_or_no_token() {
    let app = App::new(&["a"]);
    let (_, authenticator) = app.start(|own| own);
    for (name, kind) in [
        ("http://id.example/a", AuthErrorKind::UnknownIssuer),
        ("https://ID.example/a", AuthErrorKind::UnknownIssuer),
        ("https://id.example:443/a", AuthErrorKind::UnknownIssuer),
        ("https://user@id.example/a", AuthErrorKind::UnknownIssuer),
        ("https://id.example/a?b", AuthErrorKind::UnknownIssuer),
        ("https://id.example/a#b", AuthErrorKind::UnknownIssuer),
        ("https://id.example/../a", AuthErrorKind::UnknownIssuer),
        ("https://id.example/%61", AuthErrorKind::UnknownIssuer),
        ("https://127.0.0.1/a", AuthErrorKind::UnknownIssuer),
        ("", AuthErrorKind::UnknownIssuer),
    ] {
        assert_eq!(
            refusal(&authenticator, &app.token_of(name)).await,
            Some(kind),
            "{name}"
        );
    }
    let token = || app.keys.token().issuer(&issuer("a"));
    let twice = format!(r#"{{"iss":"{0}","iss":"{0}"}}"#, issuer("a"));
    let good = token().sign();
    let (rest, _) = good.rsplit_once('.').unwrap();
    for (token, kind) in [
        (token().without("iss").sign(), AuthErrorKind::MissingClaim),
        (
            token().claim("iss", json!(null)).sign(),
            AuthErrorKind::InvalidClaim,
        ),
        (
            token().claim("iss", json!([issuer("a")])).sign(),
            AuthErrorKind::InvalidClaim,
        ),
        (
            token().claim("exp", "soon").sign(),
            AuthErrorKind::InvalidClaim,
        ),
        (
            token().header("crit", json!(["b64"])).sign(),
            AuthErrorKind::UnsupportedHeader,
        ),
        (format!("{rest}.!"), AuthErrorKind::MalformedToken),
        (
            sign_raw(app.keys.key(), r#"{"alg":"ES256"}"#, twice.as_bytes()),
            AuthErrorKind::InvalidClaim,
        ),
    ] {
        assert_eq!(refusal(&authenticator, &token).await, Some(kind), "{token}");
    }
    assert_eq!(app.asked(), 0);
    assert_eq!(refusal(&authenticator, &good).await, None);
    assert_eq!(app.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_issuer_is_never_asked_about() {
    let app = App::new(&["a", "b"]);
    let fixed = app
        .verifier(&issuer("a"))
        .audience("orders")
        .build()
        .unwrap();
    let tenants = app.builder().build().unwrap();
    let issuers = Issuers::new([fixed])
        .unwrap()
        .with_dynamic(tenants)
        .unwrap();
    let authenticator = Authenticator::new(issuers);
    assert_eq!(refusal(&authenticator, &app.token("a")).await, None);
    let stranger = app.keys.token().issuer(&issuer("a")).by_a_stranger();
    assert_eq!(
        refusal(&authenticator, &stranger).await,
        Some(AuthErrorKind::BadSignature)
    );
    assert_eq!(app.asked(), 0);
    assert_eq!(refusal(&authenticator, &app.token("b")).await, None);
    assert_eq!(app.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_the_apps_own_comes_first() {
    let app = App::new(&["a", "b"]);
    let (_, authenticator) = app.start(|own| {
        own.only(|issuer| issuer.ends_with("/a") || issuer.ends_with("/b"))
            .only(|issuer| !issuer.ends_with("/b"))
    });
    for tenant in ["b", "x"] {
        let kind = refusal(&authenticator, &app.token(tenant)).await;
        assert_eq!(kind, Some(AuthErrorKind::UnknownIssuer));
    }
    assert_eq!(app.asked(), 0);
    assert_eq!(refusal(&authenticator, &app.token("a")).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_explained_without_a_question() {
    let app = App::new(&["a"]);
    let tenants = app.builder().build().unwrap();
    let issuers = Issuers::dynamic(tenants);
    let authenticator = Authenticator::new(issuers.clone());
    let failed = |token: &str| {
        let explanation = issuers.explain(token);
        let failed: Vec<_> = explanation.failed().map(ToString::to_string).collect();
        (explanation.refusal(), failed.join("; "))
    };
    let (kind, text) = failed(&app.token("a"));
    assert_eq!(kind, Some(AuthErrorKind::IssuerUnavailable));
    assert!(text.contains("the resolver is asked"), "{text}");
    let (kind, text) = failed(&app.token_of("http://id.example"));
    assert_eq!(kind, Some(AuthErrorKind::UnknownIssuer));
    assert!(text.contains("an https URL"), "{text}");
    assert_eq!(app.asked(), 0);
    assert_eq!(refusal(&authenticator, &app.token("a")).await, None);
    assert_eq!(failed(&app.token("a")), (None, String::new()));
    let shop = app
        .keys
        .token()
        .issuer(&issuer("a"))
        .audience("shop")
        .sign();
    assert_eq!(failed(&shop).0, Some(AuthErrorKind::WrongAudience));
}

#[tokio::test(start_paused = true)]
async fn a_long_token_is_refused_unless_the_setting_allows_it() {
    let app = App::new(&["a"]);
    let long = app
        .keys
        .token()
        .issuer(&issuer("a"))
        .claim("x", "a".repeat(10_000))
        .sign();
    let (_, authenticator) = app.start(|own| own);
    assert_eq!(
        refusal(&authenticator, &long).await,
        Some(AuthErrorKind::TokenTooLarge)
    );
    assert_eq!(app.asked(), 0);
    // Then the limit of the tenant's verifier counts.
    let (tenants, authenticator) = app.start(|own| own.max_token_bytes(20_000));
    assert_eq!(
        refusal(&authenticator, &long).await,
        Some(AuthErrorKind::TokenTooLarge)
    );
    assert_eq!(app.asked(), 1);
    tenants
        .add(
            &app.verifier(&issuer("a"))
                .max_token_bytes(20_000)
                .build()
                .unwrap(),
        )
        .unwrap();
    assert_eq!(refusal(&authenticator, &long).await, None);
}

#[test]
fn the_first_request_may_bring_the_runtime() {
    let app = App::new(&["a"]);
    let (_, authenticator) = app.start(|own| own);
    let kind = futures_executor::block_on(refusal(&authenticator, &app.token("a")));
    assert_eq!(kind, Some(AuthErrorKind::IssuerUnavailable));
    let (_, authenticator) = app.start(|own| own);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(
        runtime.block_on(refusal(&authenticator, &app.token("a"))),
        None
    );
}
