//! Sibling subdomains, with axum.

use axum::{
    Router,
    http::{HeaderValue, Method, header},
    routing::get,
};
use countersign::{AuthCookies, Csrf, SessionRoutes, Sessions};
use countersign_tower::{JwtAuthLayer, session_routes};
use tower_http::cors::CorsLayer;

use crate::{Error, me, sign_in}; // your own

/// `page` is `https://app.shop.example`.
pub(crate) fn siblings(sessions: Sessions, page: &str) -> Result<Router, Error> {
    let csrf = Csrf::new().allow_origin(page)?; // 1
    let routes = SessionRoutes::cookies(sessions, AuthCookies::new(), sign_in)?.csrf(csrf);
    let api = JwtAuthLayer::new(routes.authenticator());
    let cors = CorsLayer::new()
        .allow_origin(page.parse::<HeaderValue>()?) // 2
        .allow_credentials(true) // 3
        .allow_methods([Method::GET, Method::POST, Method::DELETE]) // 4
        .allow_headers([header::CONTENT_TYPE]) // 5
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER]); // 6
    Ok(Router::new()
        .route("/api/me", get(me).post(me))
        .route_layer(api)
        .nest_service("/session", session_routes(routes))
        .layer(cors)) // 7
}
