//! Sibling subdomains, with axum.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, Method, header},
    routing::get,
};
use countersign::{AuthCookies, Authenticator, Csrf, SessionRoutes, Sessions};
use countersign_tower::{JwtAuthLayer, session_routes};
use tower_http::cors::CorsLayer;

use crate::{Error, me, sign_in}; // your own

/// `page` is `https://app.shop.example`.
pub(crate) fn siblings(sessions: Sessions, page: &str) -> Result<Router, Error> {
    let csrf = Csrf::new().allow_origin(page)?;
    let cookies = AuthCookies::new();
    let api = Authenticator::new(sessions.verifier())
        .source(cookies.access_source())
        .csrf(csrf.clone()); // 1
    let routes = SessionRoutes::cookies(sessions, cookies, sign_in)?.csrf(csrf); // 2
    let csrf_header = HeaderName::from_static(Csrf::HEADER);
    let cors = CorsLayer::new()
        .allow_origin(page.parse::<HeaderValue>()?) // 3
        .allow_credentials(true) // 4
        .allow_methods([Method::GET, Method::POST, Method::DELETE]) // 5
        .allow_headers([header::CONTENT_TYPE, csrf_header]) // 6
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER]); // 7
    Ok(Router::new()
        .route("/api/me", get(me).post(me))
        .route_layer(JwtAuthLayer::new(api))
        .nest_service("/session", session_routes(routes))
        .layer(cors)) // 8
}
