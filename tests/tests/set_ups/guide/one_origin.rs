//! One origin: page and API on one host.

use axum::{Router, routing::get};
use countersign::{AuthCookies, Authenticator, ConfigError, SessionRoutes, Sessions};
use countersign_tower::{JwtAuthLayer, session_routes};

use crate::{me, sign_in}; // your own

pub(crate) fn one_origin(sessions: Sessions) -> Result<Router, ConfigError> {
    let cookies = AuthCookies::new();
    let api = Authenticator::new(sessions.verifier()).source(cookies.access_source());
    let routes = SessionRoutes::cookies(sessions, cookies, sign_in)?.clear_site_data();
    Ok(Router::new()
        .route("/api/me", get(me).post(me))
        .route_layer(JwtAuthLayer::new(api)) // covers the routes above
        .nest_service("/session", session_routes(routes)))
}
