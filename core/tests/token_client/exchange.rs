//! Tokens in exchange for those of users.

use std::time::Duration;

use countersign::{
    Authenticator, OpaqueIdentity, OpaqueToken, OpaqueTokenError, OpaqueTokens, VerifiedToken,
    adapter::Credentials,
    remote::{AccessToken, TokenClient, TokenError, TokenErrorKind},
    testing::TestIssuer,
};
use std::sync::Arc;
use tokio::{
    task::JoinSet,
    time::{advance, sleep},
};

use crate::endpoint::{Endpoint, Mode};

/// Verifies a token of this user that lives for so many seconds, and keeps its text.
async fn token(issuer: &TestIssuer, user: &str, seconds: i64) -> VerifiedToken {
    let ends = countersign::Clock::now(issuer.clock()) + seconds;
    let text = issuer.token().subject(user).claim("exp", ends).sign();
    let authenticator = Authenticator::new(issuer.verifier()).keep_token_text();
    let token = authenticator
        .authenticate(Some(Credentials::new(&text)))
        .await;
    token.unwrap().unwrap()
}

async fn exchange(
    client: &TokenClient,
    token: &VerifiedToken,
) -> Result<Arc<AccessToken>, TokenError> {
    client.exchange(token).await
}

#[tokio::test(start_paused = true)]
async fn each_token_is_exchanged_once_and_for_nobody_else() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let client = endpoint
        .builder()
        .audience("stock")
        .scope("stock:read")
        .build()
        .unwrap();
    let (ada, bob) = (
        token(&issuer, "ada", 600).await,
        token(&issuer, "bob", 600).await,
    );
    for _ in 0..3 {
        assert_eq!(exchange(&client, &ada).await.unwrap().as_str(), "token-1");
        assert_eq!(exchange(&client, &bob).await.unwrap().as_str(), "token-2");
    }
    assert_eq!(client.token().await.unwrap().as_str(), "token-3");
    assert_eq!(endpoint.requests(), 3);
    let form = endpoint.form(0);
    let text = |name: &str| {
        let mut values = form.iter().filter(|(own, _)| own == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name}");
        value
    };
    assert_eq!(
        text("grant_type"),
        Some("urn:ietf:params:oauth:grant-type:token-exchange")
    );
    assert_eq!(text("subject_token"), ada.encoded());
    let access_token = Some("urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(text("subject_token_type"), access_token);
    assert_eq!(text("requested_token_type"), access_token);
    assert_eq!(text("audience"), Some("stock"));
    assert_eq!(text("scope"), Some("stock:read"));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_calls_for_one_user_are_one_request() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let client = endpoint.client();
    let ada = token(&issuer, "ada", 600).await;
    let mut calls = JoinSet::new();
    for _ in 0..1_000 {
        let (client, ada) = (client.clone(), ada.clone());
        calls.spawn(async move { client.exchange(&ada).await.unwrap().as_str().to_owned() });
    }
    assert!(
        calls
            .join_all()
            .await
            .iter()
            .all(|token| token == "token-1")
    );
    assert_eq!(endpoint.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn users_wait_for_a_place_among_32_requests() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let client = endpoint.client();
    let mut calls = JoinSet::new();
    for user in 0..200 {
        let (client, token) = (
            client.clone(),
            token(&issuer, &format!("u{user}"), 600).await,
        );
        calls.spawn(async move { client.exchange(&token).await.unwrap().as_str().to_owned() });
    }
    let mut tokens = calls.join_all().await;
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 200);
    assert_eq!(endpoint.state().most_under_way, 32);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_given_out_for_no_longer_than_that_of_the_user_is_valid() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let client = endpoint.client();
    let ada = token(&issuer, "ada", 100).await;
    let exchanged = exchange(&client, &ada).await.unwrap();
    assert!(
        exchanged.usable_for() <= Duration::from_secs(100),
        "{exchanged:?}"
    );
    let bob = token(&issuer, "bob", 600).await;
    let exchanged = exchange(&client, &bob).await.unwrap();
    assert!(
        exchanged.usable_for() > Duration::from_secs(280),
        "{exchanged:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_text_was_not_kept_cannot_be_exchanged() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let verifier = issuer.verifier();
    let token = verifier.verify_now(&issuer.token().sign()).unwrap();
    let error = exchange(&endpoint.client(), &token).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::NoSubjectToken);
    assert_eq!(endpoint.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_user_keeps_nobody_else_from_their_token() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let client = endpoint.client();
    let (ada, bob) = (
        token(&issuer, "ada", 600).await,
        token(&issuer, "bob", 600).await,
    );
    endpoint.refuse("invalid_grant");
    assert_eq!(
        exchange(&client, &ada).await.unwrap_err().code(),
        Some("invalid_grant")
    );
    endpoint.set(Mode::Grant(300));
    assert_eq!(
        exchange(&client, &ada).await.unwrap_err().code(),
        Some("invalid_grant")
    );
    assert!(exchange(&client, &bob).await.is_ok());
    advance(Duration::from_secs(1)).await;
    assert!(exchange(&client, &ada).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_one_for_all_users() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let client = endpoint.client();
    endpoint.set(Mode::Away);
    for user in 0..100 {
        let user = token(&issuer, &format!("u{user}"), 600).await;
        assert!(exchange(&client, &user).await.unwrap_err().is_unavailable());
    }
    assert_eq!(endpoint.requests(), 1);
    endpoint.set(Mode::Grant(300));
    sleep(Duration::from_secs(1)).await;
    assert!(
        exchange(&client, &token(&issuer, "ada", 600).await)
            .await
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_tokens_are_kept_than_are_set() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let client = endpoint.builder().exchanged_tokens(10).build().unwrap();
    let mut users = Vec::new();
    for user in 0..100 {
        users.push(token(&issuer, &format!("u{user}"), 600).await);
        exchange(&client, users.last().unwrap()).await.unwrap();
    }
    assert_eq!(endpoint.requests(), 100);
    for user in &users {
        exchange(&client, user).await.unwrap();
    }
    assert!(endpoint.requests() >= 190, "{}", endpoint.requests());
}

#[tokio::test(start_paused = true)]
async fn an_api_key_is_sent_to_nobody() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let check = async |_: OpaqueToken| Ok::<_, OpaqueTokenError>(OpaqueIdentity::new("ada"));
    let authenticator = Authenticator::new(issuer.verifier()).keep_token_text();
    let authenticator = authenticator.opaque_tokens(OpaqueTokens::prefixed("sk_", check));
    let token = authenticator
        .unwrap()
        .authenticate(Some(Credentials::new("sk_private")));
    let token = token.await.unwrap().unwrap();
    assert!(token.is_opaque());
    assert_eq!(token.encoded(), None);
    let error = exchange(&endpoint.client(), &token).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::NoSubjectToken);
    assert_eq!(endpoint.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_only_the_leeway_keeps_valid_is_not_exchanged() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let client = endpoint.client();
    for (seconds, is_exchanged) in [(0, false), (-5, false), (1, true)] {
        let token = token(&issuer, "ada", seconds).await;
        let result = exchange(&client, &token)
            .await
            .map_err(|error| error.kind());
        assert_eq!(result.is_ok(), is_exchanged, "{seconds}: {result:?}");
    }
    assert_eq!(endpoint.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_endpoint_cannot_handle_is_no_outage_for_others() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let client = endpoint.client();
    let (ada, bob) = (
        token(&issuer, "ada", 600).await,
        token(&issuer, "bob", 600).await,
    );
    for (status, is_one) in [
        (500, true),
        (413, true),
        (404, false),
        (503, false),
        (429, false),
    ] {
        endpoint.set(Mode::Answer(countersign::remote::FetchResponse::new(
            status, "",
        )));
        assert!(exchange(&client, &ada).await.is_err(), "{status}");
        endpoint.set(Mode::Grant(1));
        assert_eq!(exchange(&client, &bob).await.is_ok(), is_one, "{status}");
        assert_eq!(client.token().await.is_ok(), is_one, "{status}");
        advance(Duration::from_secs(120)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_this_service_is_one_for_all_users() {
    use countersign::remote::FetchResponse;

    let refusal = |status, code: &str| {
        let body = serde_json::json!({"error": code}).to_string();
        Mode::Answer(FetchResponse::new(status, body))
    };
    for (mode, of_all, of_service) in [
        (refusal(400, "invalid_client"), true, true),
        (refusal(401, "other"), true, true),
        (Mode::Answer(FetchResponse::new(200, "a page")), true, true),
        (Mode::Answer(FetchResponse::new(404, "")), true, true),
        // This service may have tokens of its own, but exchange none.
        (refusal(400, "unauthorized_client"), true, false),
        (refusal(400, "unsupported_grant_type"), true, false),
        (refusal(400, "invalid_request"), false, false),
        (refusal(400, "invalid_target"), false, false),
        (
            Mode::Answer(FetchResponse::new(400, "a page")),
            false,
            false,
        ),
        (Mode::Grant(0), false, false),
    ] {
        let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
        let client = endpoint.client();
        endpoint.set(mode);
        for user in 0..20 {
            let user = token(&issuer, &format!("u{user}"), 600).await;
            assert!(exchange(&client, &user).await.is_err());
        }
        let expected = if of_all { 1 } else { 20 };
        assert_eq!(endpoint.requests(), expected);
        endpoint.set(Mode::Grant(300));
        assert_eq!(client.token().await.is_err(), of_service);
        advance(Duration::from_secs(1)).await;
        let late = token(&issuer, "late", 600).await;
        assert!(exchange(&client, &late).await.is_ok());
        assert!(client.token().await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_waits_for_its_turn_is_no_outage() {
    let (endpoint, issuer) = (Endpoint::new(), TestIssuer::new());
    let client = endpoint.client();
    endpoint.state().takes = Duration::from_secs(2);
    let mut calls = JoinSet::new();
    for user in 0..200 {
        let (client, token) = (
            client.clone(),
            token(&issuer, &format!("u{user}"), 600).await,
        );
        calls.spawn(async move { client.exchange(&token).await.map(drop) });
    }
    // Not behind them.
    let began = tokio::time::Instant::now();
    assert!(client.token().await.is_ok());
    assert_eq!(began.elapsed().as_secs(), 2);
    let results = calls.join_all().await;
    let without = results.into_iter().filter_map(Result::err);
    let without: Vec<_> = without
        .inspect(|error| assert!(error.is_unavailable()))
        .collect();
    // Three times 32 get their turn within five seconds.
    assert_eq!(without.len(), 200 - 96);
    let late = token(&issuer, "late", 600).await;
    assert!(exchange(&client, &late).await.is_ok());
}
