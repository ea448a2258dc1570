//! Tokens for calls to other services.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use countersign::{
    Authenticator, VerifiedToken,
    adapter::Credentials,
    remote::{
        ClientAuthentication, Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse,
        FormRequest, TokenClient, TokenError,
    },
    testing::TestIssuer,
};
use countersign_tower::TokenClientLayer;
use http::{Request, Response, header::AUTHORIZATION};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

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

    async fn post(&self, request: FormRequest) -> Result<FetchResponse, FetchError> {
        if *self.is_away.lock().unwrap() {
            return Err(FetchErrorKind::Connect.into());
        }
        let number = self.granted.fetch_add(1, Ordering::Relaxed) + 1;
        let kind = match request.form().contains("token-exchange") {
            true => "exchanged",
            false => "own",
        };
        let answer = format!(
            r#"{{"access_token":"{kind}-{number}","token_type":"Bearer","expires_in":300}}"#
        );
        Ok(FetchResponse::new(200, answer))
    }
}

/// Sends a request through the layer to a service that answers with this status, and what `Authorization` it got.
async fn send(
    layer: TokenClientLayer,
    request: Request<()>,
    answer: Response<()>,
) -> Result<String, BoxError> {
    let got = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&got);
    let answer = Arc::new(Mutex::new(Some(answer)));
    let service = service_fn(move |request: Request<()>| {
        let headers: Vec<_> = request.headers().get_all(AUTHORIZATION).iter().collect();
        assert_eq!(headers.len(), 1);
        assert!(headers[0].is_sensitive());
        *seen.lock().unwrap() = headers[0].to_str().unwrap().to_owned();
        let answer = answer.lock().unwrap().take().unwrap();
        async { Ok::<_, std::io::Error>(answer) }
    });
    let client = ServiceBuilder::new().layer(layer).service(service);
    client.oneshot(request).await?;
    let got = got.lock().unwrap().clone();
    Ok(got)
}

fn get(url: &str) -> Request<()> {
    // What a proxy would pass on.
    let request = Request::get(url).header("authorization", "Bearer of-the-user");
    request.body(()).unwrap()
}

const STOCK: &str = "https://stock.example/items";

async fn user(issuer: &TestIssuer) -> VerifiedToken {
    let text = issuer.token().subject("ada").sign();
    let authenticator = Authenticator::new(issuer.verifier()).keep_token_text();
    let token = authenticator.authenticate(Some(Credentials::new(&text)));
    token.await.unwrap().unwrap()
}

#[tokio::test]
async fn a_request_has_a_token_of_this_service_and_no_other() {
    let layer = TokenClientLayer::new(Endpoint::default().client());
    for _ in 0..2 {
        let got = send(layer.clone(), get(STOCK), Response::new(())).await;
        assert_eq!(got.unwrap(), "Bearer own-1");
    }
}

#[tokio::test]
async fn a_request_for_a_user_has_one_in_exchange() {
    let layer = TokenClientLayer::exchange(Endpoint::default().client());
    let user = user(&TestIssuer::new()).await;
    let mut request = get(STOCK);
    request.extensions_mut().insert(user);
    let got = send(layer.clone(), request, Response::new(())).await;
    assert_eq!(got.unwrap(), "Bearer exchanged-1");

    let nobody = send(layer, get(STOCK), Response::new(())).await;
    assert!(nobody.unwrap_err().to_string().contains("VerifiedToken"));
}

#[tokio::test]
async fn a_request_without_a_token_is_not_sent() {
    let endpoint = Endpoint::default();
    *endpoint.is_away.lock().unwrap() = true;
    let layer = TokenClientLayer::new(endpoint.client());
    let error = send(layer, get(STOCK), Response::new(()))
        .await
        .unwrap_err();
    assert!(error.downcast_ref::<TokenError>().unwrap().is_unavailable());
}

#[tokio::test]
async fn a_token_goes_to_https_or_to_this_machine() {
    let layer = TokenClientLayer::new(Endpoint::default().client());
    for bad in [
        "http://stock.example/",
        "http://10.0.0.1/",
        "http://[::2]/",
        "http://localhost.example/",
    ] {
        let error = send(layer.clone(), get(bad), Response::new(()))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("https only"), "{bad}: {error}");
        let allowed = layer.clone().insecure_plain_http();
        assert!(
            send(allowed, get(bad), Response::new(())).await.is_ok(),
            "{bad}"
        );
    }
    for good in [
        STOCK,
        "http://localhost:1/",
        "http://127.0.0.1/",
        "http://[::1]:80/",
        "/items",
    ] {
        let sent = send(layer.clone(), get(good), Response::new(())).await;
        assert!(sent.is_ok(), "{good}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_401_the_next_request_has_another_token() {
    for (answer, is_another) in [
        (Response::builder().status(401), true),
        (Response::builder().header("grpc-status", "16"), true),
        (Response::builder().status(403), false),
        (Response::builder().header("grpc-status", "7"), false),
    ] {
        let layer = TokenClientLayer::new(Endpoint::default().client());
        send(layer.clone(), get(STOCK), Response::new(()))
            .await
            .unwrap();
        tokio::time::advance(std::time::Duration::from_secs(10)).await;
        let answer = answer.body(()).unwrap();
        let got = send(layer.clone(), get(STOCK), answer).await.unwrap();
        assert_eq!(got, "Bearer own-1");
        let got = send(layer, get(STOCK), Response::new(())).await.unwrap();
        assert_eq!(got == "Bearer own-2", is_another, "{got}");
    }
}
