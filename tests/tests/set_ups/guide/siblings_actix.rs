//! Sibling subdomains, with actix-web.

use std::net::TcpListener;

use actix_cors::Cors;
use actix_web::{App, HttpServer, dev::Server, http::header, web};
use countersign::{AuthCookies, Csrf, SessionRoutes, Sessions};
use countersign_actix::{JwtAuth, Token, session_routes};

use crate::{Error, sign_in}; // your own

async fn me(Token(token): Token) -> String {
    token.subject().unwrap_or_default().to_owned()
}

/// `page` is `https://app.shop.example`.
pub(crate) fn siblings(
    listener: TcpListener,
    sessions: Sessions,
    page: String,
) -> Result<Server, Error> {
    let csrf = Csrf::new().allow_origin(&*page)?; // 1
    let routes = SessionRoutes::cookies(sessions, AuthCookies::new(), sign_in)?.csrf(csrf);
    let server = HttpServer::new(move || {
        let cors = Cors::default()
            .allowed_origin(&page) // 2
            .supports_credentials() // 3
            .allowed_methods(["GET", "POST", "DELETE"]) // 4
            .allowed_header(header::CONTENT_TYPE) // 5
            .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER]); // 6
        let api = web::resource("/api/me").wrap(JwtAuth::new(routes.authenticator()));
        App::new()
            .service(api.to(me))
            .service(session_routes("/session", routes.clone()))
            .wrap(cors) // 7
    });
    Ok(server.listen(listener)?.run())
}
