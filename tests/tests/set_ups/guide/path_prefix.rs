//! A path prefix that a proxy removes.

use axum::{Router, routing::get};
use countersign::{AuthCookies, ConfigError, SessionRoutes, Sessions};
use countersign_tower::{JwtAuthLayer, session_routes};

use crate::{me, sign_in}; // your own

pub(crate) fn path_prefix(sessions: Sessions) -> Result<Router, ConfigError> {
    let cookies = AuthCookies::named("shop")?.refresh_path_trusting_subdomains("/shop/session")?;
    // As browsers see it. To this server it is `/session`.
    let routes = SessionRoutes::cookies_at("/shop/session", sessions, cookies, sign_in)?;
    Ok(Router::new()
        .route("/api/me", get(me).post(me))
        .route_layer(JwtAuthLayer::new(routes.authenticator()))
        .nest_service("/session", session_routes(routes)))
}
