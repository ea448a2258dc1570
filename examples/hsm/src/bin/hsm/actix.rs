//! The server on actix-web.

use std::{error::Error, net::SocketAddr};

use actix_web::{
    App, HttpServer, Responder,
    http::header::CONTENT_TYPE,
    web::{Data, get, resource},
};
use countersign::Issuer;
use countersign_actix::{JwtAuth, Token, session_routes};

use crate::Server;

pub(crate) async fn serve(server: Server, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let issuer = Data::new(server.issuer);
    let auth = JwtAuth::new(&server.verifier);
    let app = move || {
        App::new()
            .app_data(issuer.clone())
            .service(session_routes("/token", server.routes.clone()))
            .service(resource("/protected").wrap(auth.clone()).get(protected))
            .route("/.well-known/jwks.json", get().to(key_set))
    };
    let server = HttpServer::new(app).bind(address)?;
    println!("listening on http://{}", server.addrs()[0]);
    Ok(server.run().await?)
}

async fn protected(token: Token) -> String {
    let subject = token.subject().unwrap_or_default();
    format!("{subject}, you may see this")
}

async fn key_set(issuer: Data<Issuer>) -> impl Responder {
    let media_type = (CONTENT_TYPE, "application/jwk-set+json");
    issuer.jwks().customize().insert_header(media_type)
}
