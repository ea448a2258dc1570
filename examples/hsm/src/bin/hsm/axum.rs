//! The server on axum.

use std::{error::Error, net::SocketAddr};

use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use countersign_tower::{JwtAuthLayer, Token, session_routes};
use tokio::net::TcpListener;

use crate::Server;

pub(crate) async fn serve(server: Server, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let issuer = server.issuer;
    let key_set = async move || {
        let media_type = [(CONTENT_TYPE, "application/jwk-set+json")];
        (media_type, issuer.jwks())
    };
    let app = Router::new()
        .route("/protected", get(protected))
        .route_layer(JwtAuthLayer::new(&server.verifier)) // covers the route above
        .nest_service("/token", session_routes(server.routes))
        .route("/.well-known/jwks.json", get(key_set))
        .into_make_service_with_connect_info::<SocketAddr>(); // logins are limited by address
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn protected(token: Token) -> String {
    let subject = token.subject().unwrap_or_default();
    format!("{subject}, you may see this")
}
