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

use crate::endpoint::{Endpoint, SECRET, URL};

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
