//! Tokens for calls to other services, by a client of `awc`.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use countersign::remote::{
    ClientAuthentication, Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse,
    FormRequest, TokenClient,
};
use countersign_actix::TokenClientMiddleware;

/// A token endpoint that numbers its tokens, and is away when it is told.
#[derive(Clone, Default)]
struct Endpoint {
    granted: Arc<AtomicU32>,
    is_away: Arc<Mutex<bool>>,
}

impl Endpoint {
    fn client(&self) -> TokenClient {
        let proof = ClientAuthentication::client_secret_basic("orders", "a secret");
        TokenClient::builder("https://id.example/token", proof)
            .fetch(self.clone())
            .build()
            .unwrap()
    }
}

impl Fetch for Endpoint {
    async fn get(&self, _: FetchRequest) -> Result<FetchResponse, FetchError> {
        Ok(FetchResponse::new(404, ""))
    }

    async fn post(&self, _: FormRequest) -> Result<FetchResponse, FetchError> {
        if *self.is_away.lock().unwrap() {
            return Err(FetchErrorKind::Connect.into());
        }
        let number = self.granted.fetch_add(1, Ordering::Relaxed) + 1;
        let answer =
            format!(r#"{{"access_token":"own-{number}","token_type":"Bearer","expires_in":300}}"#);
        Ok(FetchResponse::new(200, answer))
    }
}

/// Starts a service that answers with the `Authorization` that it got.
fn start() -> String {
    let server = HttpServer::new(|| {
        let echo = async |request: HttpRequest| {
            let headers = request.headers().get_all("authorization");
            let got: Vec<_> = headers
                .map(|value| value.to_str().unwrap().to_owned())
                .collect();
            HttpResponse::Ok().body(got.join(", "))
        };
        App::new().route("/items", web::get().to(echo))
    })
    .workers(1)
    .bind("127.0.0.1:0")
    .unwrap();
    let url = format!("http://{}/items", server.addrs()[0]);
    rt::spawn(server.run());
    url
}

#[actix_web::test]
async fn a_request_has_a_token_of_this_service_and_no_other() {
    let (url, middleware) = (
        start(),
        TokenClientMiddleware::new(Endpoint::default().client()),
    );
    let client = awc::Client::builder().wrap(middleware).finish();
    for _ in 0..2 {
        let request = client
            .get(&url)
            .insert_header(("authorization", "Bearer of-the-user"));
        let body = request.send().await.unwrap().body().await.unwrap();
        assert_eq!(body, "Bearer own-1");
    }
    // A request that is sent again has its headers in another place.
    let frozen = client
        .get(&url)
        .bearer_auth("of-the-user")
        .freeze()
        .unwrap();
    let body = frozen.send().await.unwrap().body().await.unwrap();
    assert_eq!(body, "Bearer own-1");
}

#[actix_web::test]
async fn a_request_without_a_token_is_not_sent() {
    let (url, endpoint) = (start(), Endpoint::default());
    *endpoint.is_away.lock().unwrap() = true;
    let middleware = TokenClientMiddleware::new(endpoint.client());
    let client = awc::Client::builder().wrap(middleware).finish();
    let error = client.get(&url).send().await.unwrap_err().to_string();
    assert!(
        error.contains("the token endpoint is not available"),
        "{error}"
    );
}

#[actix_web::test]
async fn a_token_goes_to_https_or_to_this_machine() {
    let middleware = TokenClientMiddleware::new(Endpoint::default().client());
    let client = awc::Client::builder().wrap(middleware).finish();
    for bad in ["http://stock.invalid/", "http://localhost.invalid/"] {
        let error = client.get(bad).send().await.unwrap_err().to_string();
        assert!(error.contains("https only"), "{bad}: {error}");
    }
}
