//! The layer under tonic. The service is plain tonic: it finds the token in its request.

mod web;

pub use self::web::serve_web;

use std::{error::Error, net::SocketAddr, time::Duration};

use countersign::{Authenticator, VerifiedToken};
use countersign_tower::{GrpcStatus, JwtAuthLayer};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::proto::{
    GreetRequest, Greeting,
    greeter_client::GreeterClient,
    greeter_server::{self, GreeterServer},
};

/// The code that `build.rs` generates from `proto/greeter.proto`.
#[allow(unreachable_pub, unused_qualifications, clippy::all)] // generated code has its own style
mod proto {
    tonic::include_proto!("greeter");
}

/// The longest time of a call, its message and its answer included: 5 seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The interval in which a silent client is asked whether it is still there, and its time to answer.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// Whatever goes wrong in an example.
pub type BoxError = Box<dyn Error + Send + Sync>;

struct Greeter;

#[tonic::async_trait]
impl greeter_server::Greeter for Greeter {
    async fn greet(&self, request: Request<GreetRequest>) -> Result<Response<Greeting>, Status> {
        // Behind the layer there is always a token. Without the layer this is our mistake.
        let token = request.extensions().get::<VerifiedToken>();
        let token = token.ok_or_else(|| Status::internal("the layer is missing"))?;
        let name = token.subject().unwrap_or("you").to_owned();
        let text = format!("{}, {name}", request.into_inner().word);
        Ok(Response::new(Greeting { text }))
    }
}

/// Serves the greeter on this listener, to whom the authenticator lets in. It never ends.
///
/// # Errors
///
/// When the server fails.
pub async fn serve(
    listener: TcpListener,
    authenticator: impl Into<Authenticator>,
) -> Result<(), BoxError> {
    let auth = JwtAuthLayer::new(authenticator).with_rejection_response(GrpcStatus);
    Server::builder()
        .timeout(CALL_TIMEOUT)
        .http2_keepalive_interval(Some(PING.0))
        .http2_keepalive_timeout(Some(PING.1))
        .layer(auth)
        .add_service(GreeterServer::new(Greeter))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await?;
    Ok(())
}

/// Calls the greeter, with a token or without.
///
/// # Errors
///
/// The status that the server answers with, or why it cannot be reached.
pub async fn greet(server: SocketAddr, token: Option<&str>) -> Result<String, Status> {
    let url = format!("http://{server}");
    let mut client = GreeterClient::connect(url)
        .await
        .map_err(|error| Status::from_error(error.into()))?;
    let mut request = Request::new(GreetRequest {
        word: "Hello".to_owned(),
    });
    if let Some(token) = token {
        let value = format!("Bearer {token}")
            .parse()
            .map_err(|_| Status::invalid_argument("the token is no text for a header"))?;
        request.metadata_mut().insert("authorization", value);
    }
    Ok(client.greet(request).await?.into_inner().text)
}
