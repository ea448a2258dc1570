//! What the guide shows for reqwest.

use countersign::remote::TokenClient;
use countersign_tower::TokenClientLayer;
use reqwest::{Body, Client, Request};
use tower::{BoxError, Service, ServiceBuilder};

fn client(
    stock: TokenClient,
) -> impl Service<http::Request<Body>, Response = http::Response<Body>, Error = BoxError> + Clone {
    ServiceBuilder::new()
        .layer(TokenClientLayer::new(stock))
        .map_response(http::Response::from)
        .map_request(|request| Request::try_from(request).expect("an absolute URL"))
        .service(Client::new())
}

/// Sends a request by the client of the guide.
pub(crate) async fn send(stock: TokenClient, url: &str) -> Result<String, BoxError> {
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    let request = http::Request::get(url).header("authorization", "Bearer of-the-user");
    let request = request.body(Body::default())?;
    let response = client(stock).oneshot(request).await?;
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec())?)
}
