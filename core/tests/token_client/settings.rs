//! Settings, the address of the endpoint, and what is shown.

use countersign::{
    ConfigError,
    remote::{
        ClientAuthentication, Fetch, FetchError, FetchRequest, FetchResponse, TokenClient,
        TokenClientBuilder, TokenErrorKind,
    },
};
use serde_json::json;
use tokio::time::{Duration, advance};

use crate::endpoint::{Endpoint, Mode, SECRET, URL};

const ISSUER: &str = "https://id.example/tenant";

fn proof() -> ClientAuthentication {
    ClientAuthentication::client_secret_basic("orders", SECRET)
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let build = |set: fn(TokenClientBuilder) -> TokenClientBuilder| {
        set(TokenClient::builder(URL, proof())).build().map(drop)
    };
    assert!(build(|own| own).is_ok());
    assert!(build(|own| own.parameter("actor_token_type", "x")).is_ok());
    for (set, name) in [
        (
            (|own| own.private_http()) as fn(TokenClientBuilder) -> _,
            "private_http",
        ),
        (|own| own.parameter("grant_type", "password"), "grant_type"),
        (|own| own.parameter("client_secret", "x"), "client_secret"),
        (|own| own.parameter("scope", "x"), "scope"),
        (|own| own.exchanged_tokens(0), "exchanged_tokens"),
    ] {
        let error = build(set).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
    for url in [
        "http://id.example/token",
        "https://user@id.example/",
        "id.example",
        "",
        "https://169.254.169.254/",
    ] {
        let error = TokenClient::builder(url, proof()).build().unwrap_err();
        assert!(
            matches!(error, ConfigError::InvalidSetting(_)),
            "{url}: {error}"
        );
    }
    for url in [
        "https://id.example/token",
        "http://127.0.0.1:8080/token",
        "http://localhost/token",
    ] {
        assert!(TokenClient::builder(url, proof()).build().is_ok(), "{url}");
    }
    let private = TokenClient::builder("http://keycloak:8080/token", proof());
    assert!(private.private_http().build().is_ok());
    let nobody = ClientAuthentication::client_secret_basic("", SECRET);
    assert!(TokenClient::builder(URL, nobody).build().is_err());
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_is_looked_for_in_the_metadata_once() {
    for place in [
        "https://id.example/tenant/.well-known/openid-configuration",
        "https://id.example/.well-known/oauth-authorization-server/tenant",
    ] {
        let endpoint = Endpoint::new();
        let client = TokenClient::discover(ISSUER, proof())
            .fetch(endpoint.clone())
            .build()
            .unwrap();
        assert!(client.token().await.unwrap_err().is_unavailable());
        let metadata = json!({"issuer": ISSUER, "token_endpoint": URL, "jwks_uri": "unused"});
        endpoint.state().metadata.insert(place.to_owned(), metadata);
        advance(Duration::from_secs(1)).await;
        assert!(client.token().await.is_ok(), "{place}");
        endpoint.state().metadata.clear();
        advance(Duration::from_secs(300)).await;
        assert!(client.token().await.is_ok(), "{place}");
        assert_eq!(endpoint.state().requests[1].url(), URL);
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_has_moved_is_looked_for_again() {
    let endpoint = Endpoint::new();
    let place = "https://id.example/tenant/.well-known/openid-configuration";
    let metadata = |url: &str| json!({"issuer": ISSUER, "token_endpoint": url});
    endpoint
        .state()
        .metadata
        .insert(place.to_owned(), metadata(URL));
    let client = TokenClient::discover(ISSUER, proof())
        .fetch(endpoint.clone())
        .build()
        .unwrap();
    client.token().await.unwrap();
    let moved = "https://id.example/oauth2/token";
    endpoint
        .state()
        .metadata
        .insert(place.to_owned(), metadata(moved));
    advance(Duration::from_secs(300)).await;
    endpoint.set(Mode::Answer(FetchResponse::new(404, "")));
    assert!(client.token().await.is_err());
    endpoint.set(Mode::Grant(300));
    advance(Duration::from_secs(1)).await;
    assert!(client.token().await.is_ok());
    let urls: Vec<_> = endpoint
        .state()
        .requests
        .iter()
        .map(|own| own.url().to_owned())
        .collect();
    assert_eq!(urls, [URL, URL, moved]);
}

#[tokio::test(start_paused = true)]
async fn only_an_endpoint_that_is_not_there_is_looked_for_again() {
    let place = "https://id.example/tenant/.well-known/openid-configuration";
    let answer = |status| Mode::Answer(FetchResponse::new(status, ""));
    for (mode, is_doubted) in [
        (answer(404), true),
        (answer(405), true),
        (answer(410), true),
        (Mode::Away, true),
        (answer(413), false),
        (answer(500), false),
        (answer(503), false),
        (answer(200), false),
        (answer(401), false),
        (Mode::Grant(0), false),
    ] {
        let endpoint = Endpoint::new();
        let metadata = json!({"issuer": ISSUER, "token_endpoint": URL});
        endpoint.state().metadata.insert(place.to_owned(), metadata);
        let client = TokenClient::discover(ISSUER, proof()).fetch(endpoint.clone());
        let client = client.build().unwrap();
        client.token().await.unwrap();
        advance(Duration::from_secs(300)).await;
        endpoint.set(mode);
        assert!(client.token().await.is_err());
        let before = endpoint.state().lookups;
        // Nor is it gone because nobody tells where it is.
        endpoint.state().metadata.clear();
        endpoint.set(Mode::Grant(300));
        advance(Duration::from_secs(1)).await;
        assert!(client.token().await.is_ok());
        assert_eq!(endpoint.state().requests[2].url(), URL);
        assert_eq!(endpoint.state().lookups > before, is_doubted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_in_the_first_place_does_not_hide_the_second_one() {
    let endpoint = Endpoint::new();
    let first = "https://id.example/tenant/.well-known/openid-configuration";
    let second = "https://id.example/.well-known/oauth-authorization-server/tenant";
    let metadata = json!({"issuer": ISSUER, "token_endpoint": URL});
    endpoint
        .state()
        .metadata
        .insert(first.to_owned(), json!("a page"));
    endpoint
        .state()
        .metadata
        .insert(second.to_owned(), metadata);
    let client = TokenClient::discover(ISSUER, proof()).fetch(endpoint.clone());
    assert!(client.build().unwrap().token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn no_secret_goes_where_the_metadata_of_another_issuer_leads() {
    for metadata in [
        json!({"issuer": "https://evil.example", "token_endpoint": URL}),
        json!({"issuer": ISSUER, "token_endpoint": "http://id.example/token"}),
        json!({"issuer": ISSUER, "token_endpoint": "http://127.0.0.1/token"}),
        json!({"issuer": ISSUER}),
    ] {
        let endpoint = Endpoint::new();
        let place = "https://id.example/tenant/.well-known/openid-configuration";
        endpoint
            .state()
            .metadata
            .insert(place.to_owned(), metadata.clone());
        let client = TokenClient::discover(ISSUER, proof())
            .fetch(endpoint.clone())
            .build()
            .unwrap();
        let kind = client.token().await.unwrap_err().kind();
        let known = [TokenErrorKind::Unavailable, TokenErrorKind::UnusableAnswer];
        assert!(known.contains(&kind), "{metadata}");
        assert_eq!(endpoint.requests(), 0, "{metadata}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_http_client_that_only_gets_says_so() {
    struct Getter;
    impl Fetch for Getter {
        async fn get(&self, _: FetchRequest) -> Result<FetchResponse, FetchError> {
            Ok(FetchResponse::new(200, ""))
        }
    }
    let client = TokenClient::builder(URL, proof())
        .fetch(Getter)
        .build()
        .unwrap();
    let error = client.token().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap();
    let root = cause.source().unwrap().to_string();
    assert!(root.contains("Fetch::post"), "{root}");
}

#[tokio::test(start_paused = true)]
async fn neither_secrets_nor_tokens_are_shown() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    let token = client.token().await.unwrap();
    let request = endpoint.state().requests[0].clone();
    let post = ClientAuthentication::client_secret_post("orders", SECRET);
    let shown = format!(
        "{client:?} {token:?} {request:?} {post:?} {:?}",
        endpoint.builder()
    );
    assert!(shown.contains("orders"), "{shown}");
    for secret in ["token-1", "private", request.authorization().unwrap()] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
