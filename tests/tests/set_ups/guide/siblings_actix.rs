//! Sibling subdomains, with actix-web.

use std::net::TcpListener;

use actix_cors::Cors;
use actix_web::{App, HttpServer, dev::Server, http::header, web};
use countersign::{AuthCookies, Authenticator, Csrf, SessionRoutes, Sessions};
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
    let csrf = Csrf::new().allow_origin(&*page)?;
    let cookies = AuthCookies::new();
    let api = Authenticator::new(sessions.verifier())
        .source(cookies.access_source())
        .csrf(csrf.clone()); // 1
    let routes = SessionRoutes::cookies(sessions, cookies, sign_in)?.csrf(csrf); // 2
    let server = HttpServer::new(move || {
        let cors = Cors::default()
            .allowed_origin(&page) // 3
            .supports_credentials() // 4
            .allowed_methods(["GET", "POST", "DELETE"]) // 5
            .allowed_headers([header::CONTENT_TYPE.as_str(), Csrf::HEADER]) // 6
            .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER]); // 7
        let api = web::resource("/api/me").wrap(JwtAuth::new(api.clone()));
        App::new()
            .service(api.to(me))
            .service(session_routes("/session", routes.clone()))
            .wrap(cors) // 8
    });
    Ok(server.listen(listener)?.run())
}
