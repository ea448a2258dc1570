//! Tests of tokens for calls to other services, by clients that are not in the workspace.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod guide_reqwest;
mod guide_tonic;

use axum::{Router, http::HeaderMap, routing::get};
use countersign::remote::{
    ClientAuthentication, Fetch, FetchError, FetchRequest, FetchResponse, FormRequest, TokenClient,
};
use tokio::net::TcpListener;

/// A token endpoint with one token.
struct Endpoint;

impl Fetch for Endpoint {
    async fn get(&self, _: FetchRequest) -> Result<FetchResponse, FetchError> {
        Ok(FetchResponse::new(404, ""))
    }

    async fn post(&self, _: FormRequest) -> Result<FetchResponse, FetchError> {
        let answer = r#"{"access_token":"own","token_type":"Bearer","expires_in":300}"#;
        Ok(FetchResponse::new(200, answer))
    }
}

fn stock() -> TokenClient {
    let proof = ClientAuthentication::client_secret_basic("orders", "a secret");
    let builder = TokenClient::builder("https://id.example/token", proof);
    builder.fetch(Endpoint).build().unwrap()
}

/// Starts a service that answers with the `Authorization` that it got, and returns its URL.
async fn start() -> String {
    let echo = async |headers: HeaderMap| {
        let got = headers.get_all("authorization").iter();
        let got: Vec<_> = got
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        got.join(", ")
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/items", get(echo));
    tokio::spawn(async { axum::serve(listener, app).await });
    url
}

#[tokio::test]
async fn reqwest_sends_the_token_of_this_service() {
    let url = format!("{}/items", start().await);
    let sent = guide_reqwest::send(stock(), &url).await.unwrap();
    assert_eq!(sent, "Bearer own");
    let refused = guide_reqwest::send(stock(), "http://stock.invalid/items").await;
    assert!(refused.unwrap_err().to_string().contains("https only"));
}

#[tokio::test]
async fn tonic_sends_the_token_of_this_service() {
    let sent = guide_tonic::call(stock(), &start().await).await.unwrap();
    assert_eq!(sent, "Bearer own");
}
