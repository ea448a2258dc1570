//! Other sites: the app in a frame on their pages.

use axum::{
    Router,
    http::{HeaderValue, header::CONTENT_SECURITY_POLICY},
    routing::get,
};
use countersign::{AuthCookies, SessionRoutes, Sessions};
use countersign_tower::{JwtAuthLayer, session_routes};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::{Error, me, page, sign_in}; // your own

/// `partner` is `https://partner.example`.
pub(crate) fn framed(sessions: Sessions, partner: &str) -> Result<Router, Error> {
    let cookies = AuthCookies::new().same_site_none_partitioned();
    let routes = SessionRoutes::cookies(sessions, cookies, sign_in)?;
    let policy = HeaderValue::try_from(format!("frame-ancestors {partner}"))?;
    let policy = SetResponseHeaderLayer::overriding(CONTENT_SECURITY_POLICY, policy);
    Ok(Router::new()
        .route("/api/me", get(me).post(me))
        .route_layer(JwtAuthLayer::new(routes.authenticator()))
        .nest_service("/session", session_routes(routes))
        .route("/", get(page).layer(policy)))
}
