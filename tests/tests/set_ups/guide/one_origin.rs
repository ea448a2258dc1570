//! One origin: page and API on one host.

use axum::{Router, routing::get};
use countersign::{AuthCookies, ConfigError, SessionRoutes, Sessions};
use countersign_tower::{JwtAuthLayer, session_routes};

use crate::{me, sign_in}; // your own

pub(crate) fn one_origin(sessions: Sessions) -> Result<Router, ConfigError> {
    let routes = SessionRoutes::cookies(sessions, AuthCookies::new(), sign_in)?.clear_site_data();
    Ok(Router::new()
        .route("/api/me", get(me).post(me))
        .route_layer(JwtAuthLayer::new(routes.authenticator())) // covers the routes above
        .nest_service("/session", session_routes(routes)))
}
