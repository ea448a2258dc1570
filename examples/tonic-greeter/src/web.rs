//! The greeter for browsers: gRPC-Web, over HTTP/1.1 and HTTP/2.

use countersign::Authenticator;
use countersign_tower::{GrpcStatus, JwtAuthLayer};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    codegen::http::{HeaderName, HeaderValue, header},
    transport::Server,
};
use tonic_web::GrpcWebLayer;
use tower_http::cors::CorsLayer;

use crate::{BoxError, CALL_TIMEOUT, Greeter, proto::greeter_server::GreeterServer};

/// Serves the greeter to the pages of this origin, and to clients of plain gRPC. It never ends.
///
/// # Errors
///
/// When the origin is no text for a header, or the server fails.
pub async fn serve_web(
    listener: TcpListener,
    authenticator: Authenticator,
    origin: &str,
) -> Result<(), BoxError> {
    let auth = JwtAuthLayer::new(authenticator).with_rejection_response(GrpcStatus);
    Server::builder()
        .accept_http1(true)
        .timeout(CALL_TIMEOUT)
        .layer(cors(origin.parse()?)) // answers preflights, which have no token
        .layer(GrpcWebLayer::new()) // speaks gRPC-Web to the page, also when it is refused
        .layer(auth)
        .add_service(GreeterServer::new(Greeter))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await?;
    Ok(())
}

fn cors(origin: HeaderValue) -> CorsLayer {
    let [status, message] = ["grpc-status", "grpc-message"].map(HeaderName::from_static);
    let [web, agent] = ["x-grpc-web", "x-user-agent"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(origin)
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, web, agent])
        .expose_headers([status, message, header::WWW_AUTHENTICATE])
}
