//! What the guide shows for tonic.

use countersign::remote::TokenClient;
use countersign_tower::{TokenClientLayer, TokenClientService};
use tonic::transport::Channel;
use tower::ServiceBuilder;

fn channel(stock: TokenClient, channel: Channel) -> TokenClientService<Channel> {
    ServiceBuilder::new()
        .layer(TokenClientLayer::new(stock))
        .service(channel) // for `GreeterClient::new`
}

/// Calls a method by the channel of the guide, as generated clients do.
pub(crate) async fn call(stock: TokenClient, url: &str) -> Result<String, tower::BoxError> {
    use http_body_util::BodyExt;
    use tonic::{body::Body, client::GrpcService};
    use tower::ServiceExt;

    fn of_generated_clients<S: GrpcService<Body>>(service: S) -> S {
        service
    }

    let connected = Channel::from_shared(url.to_owned())?.connect().await?;
    let service = of_generated_clients(channel(stock, connected));
    let request = http::Request::get("/items").body(Body::empty())?;
    let response = service.oneshot(request).await?;
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec())?)
}
